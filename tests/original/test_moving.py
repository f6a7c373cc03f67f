"""Each row of the table in docs/moving.md keeps what it says."""

import logging
import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import theanets

PAGE = (Path(__file__).parents[2] / "docs" / "moving.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(.+)` \| (yes|no) \| (.*?) ?\|$", PAGE, re.MULTILINE)
X = np.random.default_rng(0).normal(size=(8, 4)).astype("f4")
Y = (X[:, 0] > 0).astype("i4")


def train(**keywords):
    layers = [4, 3, 2]
    net = theanets.Classifier(layers)
    return net.train([X, Y], **{"max_epochs": 1, "progress": False} | keywords)


def session():
    net, auto = theanets.Classifier([4, 3, 2]), theanets.Autoencoder([4, 3, 4])
    names = {"net": net, "auto": auto, "layer": net.layers[1], "x": X, "y": Y}
    # A class needs to know the module it is defined in.
    names["__name__"] = "__main__"
    return names | {"theanets": theanets, "train": train, "jnp": jnp}


def test_every_row_is_read():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert len(rows) == len(ROWS) > 80


@pytest.mark.parametrize(("code", "works", "now"), ROWS, ids=[row[0] for row in ROWS])
def test_row(code, works, now):
    if works == "yes":
        found = eval(code, session())
        assert found is not None or "(" in code
        assert found is not False
        return
    with pytest.raises((AttributeError, ValueError)) as caught:
        eval(code, session())
    said = str(caught.value)
    for part in re.findall(r"`([^`]+)`", now) or [now]:
        # The message may have another example.
        assert part in said or part.replace('"', "'") in said, said


def test_default_logging_says_once(capsys):
    log = logging.getLogger("theanets")
    before = list(log.handlers), log.level
    try:
        theanets.enable_default_logging()
        theanets.enable_default_logging()
        assert len(log.handlers) - len(before[0]) <= 1
        assert theanets.log is log
    finally:
        log.handlers[:], level = before
        log.setLevel(level)


def test_names_that_never_were():
    for owner in (theanets, theanets.losses, theanets.layers.base):
        with pytest.raises(AttributeError, match="has no 'nonsense'"):
            owner.nonsense  # noqa: B018
        assert not hasattr(owner, "nonsense")
