"""What is known of the numbers in an array, found without a copy of all of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theanets.datasets.sparse import SparseRows

_BLOCK_BYTES = 16 << 20


@dataclass(frozen=True)
class Facts:
    """What is known of an array's content.

    Attributes
    ----------
    low, high : float
        The least and the largest value.
    whole : bool
        Whether all are whole numbers, if that was asked for.
    """

    low: float
    high: float
    whole: bool


def facts_of(array: Any, whole: bool) -> Facts:
    """Return what is known of an array's content; ``whole`` if that is asked for."""
    # Of a sparse array what is stored, and one of its zeros.
    sparse = isinstance(array, SparseRows)
    values = np.append(array.stored, 0) if sparse else np.asarray(array)
    if values.dtype.kind in "iu":
        if not whole:
            return Facts(
                0.0 if values.dtype.kind == "u" else float(values.min()), 0.0, True
            )
        return Facts(float(values.min()), float(values.max()), True)
    # The least and the largest value are NaN where any is, without a copy.
    low, high = float(values.min()), float(values.max())
    fractions = whole and math.isfinite(low + high) and bool((values % 1 != 0).any())
    return Facts(low, high, not fractions)


def not_finite(array: Any) -> tuple[int, tuple[int, ...]]:
    """Return how many examples hold NaN or infinity, and the place of the first value.

    >>> not_finite(np.array([[1, 2], [3, np.nan], [np.inf, 4]]))
    (2, (1, 1))
    """
    rows = _finite(array)
    first = int(np.argmin(rows))
    example = np.asarray(array[first : first + 1], "f8")[0]
    place = np.argwhere(~np.isfinite(example))[0]
    return int((~rows).sum()), (first, *map(int, place))


def located(index: Sequence[int]) -> str:
    """Return where an entry of an array stands, for messages.

    >>> located((3,)), located((3, 7)), located((3, 7, 1))
    ('in row 3', 'in row 3, column 7', 'in row 3, at (7, 1) in it')
    """
    first, *rest = index
    within = f", column {rest[0]}" if len(rest) == 1 else f", at {tuple(rest)} in it"
    return f"in row {first}{within if rest else ''}"


def _finite(array: Any) -> np.ndarray:
    """Return for each example whether all its values are finite."""
    if isinstance(array, SparseRows):
        return array.finite()
    size = max(1, _BLOCK_BYTES // (8 * max(1, math.prod(array.shape[1:]))))
    blocks = [
        np.isfinite(np.asarray(array[begin : begin + size], "f8"))
        for begin in range(0, len(array), size)
    ]
    return np.concatenate(
        [block.reshape(len(block), -1).all(axis=1) for block in blocks]
    )
