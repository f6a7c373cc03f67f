"""Misuse is named in plain words, before anything is compiled.

One table, in a file for each area. A row is what a person does wrong and words that the
message has to hold: the name of the thing, what was expected, what came, and the way
out; between them the type of the error, if it is not the usual one of its section.
"""

import io
import traceback
from itertools import groupby

import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets import Classifier
from theanets.layers import FORMS
from theanets.utils.registry import is_ours

from ..helpers import compilations
from . import (
    checkpoints,
    data,
    files,
    functions,
    layers,
    losses,
    numbers,
    prediction,
    recurrence,
    training,
    windows,
)
from .rows import LABELS, X

AREAS = [
    layers,
    windows,
    recurrence,
    losses,
    training,
    numbers,
    data,
    prediction,
    files,
    checkpoints,
    functions,
]
TABLE = [
    (f"{section}: {name}", row if len(row) == 3 else (row[0], usual, row[1]))
    for area in AREAS
    for section, usual, rows in area.SECTIONS
    for name, row in rows.items()
]


def through_jax(error):
    """Return the frames of JAX that a person sees in an error's traceback."""
    frames = []
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "/jax/" in frame.f_code.co_filename.replace("\\", "/"):
                frames.append(frame.f_code.co_qualname)
        hidden = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ or hidden
    return frames


def test_every_row_has_a_name_of_its_own():
    names = sorted(name for name, _ in TABLE)
    assert [name for name, same in groupby(names) if len(list(same)) > 1] == []


@pytest.fixture(scope="module", autouse=True)
def _checkpoints():
    checkpoints.prepare()


@pytest.mark.parametrize(
    ("name", "action", "error", "words"),
    [(name, *row) for name, row in TABLE],
    ids=[name for name, _ in TABLE],
)
def test_message(name, action, error, words):
    with compilations() as compiled, pytest.raises(error) as caught:
        action()
    message = str(caught.value)
    for word in words:
        assert word in message
    assert not compiled
    # JAX calls the functions of a user, so what is wrong in one goes through it.
    assert name.startswith("functions: ") or not through_jax(caught.value)
    # A list of forms also names those that other tests have defined.
    others = [form for form in FORMS if not is_ours(FORMS[form])]
    assert len(message) - len(", ".join(others)) < 1000


@pytest.mark.parametrize(
    "number", [np.float32, np.float64, np.array, jnp.float32, jnp.bfloat16]
)
def test_numbers_of_numpy_and_jax_are_numbers(number):
    whole = jnp.int32 if number in (jnp.float32, jnp.bfloat16) else np.int16
    norm = {"form": "batchnorm", "eps": number(0.5), "momentum": number(0.25)}
    net = Classifier(
        [
            {"form": "input", "size": whole(4), "ndim": whole(2)},
            norm,
            {"form": "dropout", "level": number(0.5)},
            {"size": whole(5), "std": number(0.5)},
            3,
        ]
    )
    assert (net.layers[1].eps, net.layers[1].momentum) == (0.5, 0.25)
    assert net.layers[3].size == 5
    net.set_loss("xe", weight=number(2.0))
    net.train(
        (X, LABELS),
        algo="sgd",
        learning_rate=number(0.5),
        weight_l2=number(0.5),
        batch_size=whole(4),
        max_epochs=whole(1),
        min_improvement=number(0.5),
        monitors={"hid1:out": number(0.5)},
        progress=False,
    )
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    again = theanets.load(file)
    assert again.layers[1].eps == 0.5
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
