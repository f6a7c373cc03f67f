"""Numbers computed with the original system, the judge of "same behaviour".

``data/index.json`` describes every case; ``data/GROUP/NAME.npz`` holds its arrays.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent / "data"

Meta = dict[str, Any]


@cache
def _index() -> dict[str, Meta]:
    described = json.loads((DATA / "index.json").read_text())["cases"]
    return {meta["id"]: meta for meta in described}


def case(name: str) -> tuple[Meta, dict[str, np.ndarray]]:
    """Return the description and the arrays of a case, such as "losses/mse"."""
    meta = _index()[name]
    with np.load(DATA / meta["file"]) as arrays:
        return meta, dict(arrays)


def cases(group: str) -> list[str]:
    """Return the names of the group's cases in which the original did not fail."""
    return [
        name
        for name, meta in _index().items()
        if meta["group"] == group and meta["status"] == "ok"
    ]
