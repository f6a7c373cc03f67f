"""Any value for any keyword is taken, or refused in plain words of our own.

A program is one call of `programs.CALLS` with one value of `programs.VALUES`. What a
function of the user's own raises may come through.
"""

import contextlib
import os
import random
import traceback

import numpy as np
import pytest
import scipy.sparse

import theanets
from theanets import recurrent
from theanets.errors import ConfigurationError, DataError, TheanetsError

from ..helpers import compilations
from .programs import CALLS, SEQUENCES, VALUES, asserts

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
EXAMPLES = 20_000 if NIGHTLY else 600
CALLABLE = ("a type", "a loss")
"""Functions that raise what they like where they are called."""
PROGRAMS = sorted(
    (call, value)
    for call in CALLS
    for value in VALUES
    if value not in CALLABLE or not ("callback" in call or "experiment" in call)
)
CHOSEN = random.Random(0).sample(PROGRAMS, EXAMPLES)


def is_the_users(error):
    """Return whether an error was raised by a function that a program gave."""
    noted = any("theanets called it" in x for x in getattr(error, "__notes__", ()))
    return noted or traceback.extract_tb(error.__traceback__)[-1].name == "asserts"


def run(call, value):
    """Return what was said of a value, None if it was taken."""
    try:
        CALLS[call](VALUES[value]())
    except TheanetsError as error:
        return str(error)
    except OSError as error:
        # Its text holds the name of the file, however long.
        return error.strerror or str(error)
    except Exception as error:
        if not is_the_users(error):
            error.add_note(f"{call} was given {value}")
            raise
    return None


def test_values_are_taken_or_refused(tmp_path, monkeypatch, restored_precision):
    monkeypatch.chdir(tmp_path)
    said = []
    for call, value in CHOSEN:
        said.append(run(call, value))
        theanets.config.floatX = "float32"
    refused = [words for words in said if words is not None]
    print(f"{len(said)} programs, {len(refused)} refused")
    assert len(refused) > 0.8 * len(said)
    assert max(map(len, refused)) < 5000


NAMED = {
    "sizes": ("layer feedforward: size", "a Series", ["size"]),
    "rates": ("layer rrnn: rate", "an array of text", ["rate"]),
    "modes": ("layer pool2: mode", "a Series of text", ["mode", "max, mean"]),
    "filters": ("layer conv2: filter_size", "a sparse matrix", ["filter_size"]),
    "activations": ("layer feedforward: activation", "NaT", ["activation"]),
    "many lines": ("layer feedforward: activation", "many digits", ["maxout:2"]),
    "names of layers": ("layer feedforward: name", "a Series", ["is named"]),
    "forms": ("layer feedforward: form", "an array", ["form"]),
    "what is found": ("find", "a masked array", ["no layer"]),
    "what is found within": ("find: param", "a frame", ["no parameter"]),
    "losses": ("set_loss", "a sparse matrix", ["the loss is"]),
    "forms of losses": ("add_loss: form besides", "a date", ["form="]),
    "batches": ("train: train_batches", "2 ** 40", ["train_batches", "below"]),
    "sizes of batches": ("train: batch_size", "datetime64's NaT", ["batch_size"]),
    "algorithms": ("train: algo", "a Series of text", ["algo is"]),
    "schedules": (
        "train: learning_rate of sgd",
        "a function of nothing",
        ["returned None"],
    ),
    "what is frozen": ("train: freeze", "an array of text", ["freeze is"]),
    "precision": ("floatX", "text without axes", ["floatX is"]),
    "axes": ("Dataset: axis", "what cannot be compared", ["axis is"]),
    "what cannot be shown": ("train: mode", "what cannot be shown", ["mode is"]),
    "long texts": ("layer pool2: mode", "a long text", ["mode is", "..."]),
    "what is nested": ("layer feedforward: std", "a list that holds itself", ["list"]),
}


@pytest.mark.parametrize(("call", "value", "words"), NAMED.values(), ids=NAMED)
def test_what_is_wrong_is_named(call, value, words):
    with compilations() as compiled:
        said = run(call, value)
    assert said is not None
    for word in words:
        assert word in said
    assert len(said) < 1000
    assert not compiled


def test_an_activation_that_asserts():
    with pytest.raises(ConfigurationError, match=r'"hid1".*asserted something'):
        theanets.Network([4, (3, asserts), 2])

    def silent(x):
        raise AssertionError

    with pytest.raises(ConfigurationError, match=r'"hid1".*AssertionError'):
        theanets.Network([4, (3, silent), 2])


def test_an_error_of_a_users_function_tells_where_it_was_called():
    net = theanets.Classifier([4, 3, 3])
    data = np.zeros((4, 4)), np.zeros(4, int)
    with pytest.raises(AssertionError, match="asserted") as caught:
        net.train(data, monitors={"hid1:out": asserts}, progress=False)
    assert 'Raised by monitor "hid1:out", while theanets called it.' in (
        caught.value.__notes__
    )


def test_a_sparse_matrix_is_no_sequence():
    sparse = scipy.sparse.eye(3, format="csr")
    for call in (
        lambda: SEQUENCES.predict(sparse),
        lambda: SEQUENCES.train((sparse, [0, 1, 2]), max_epochs=1, progress=False),
        lambda: SEQUENCES.predict_sequence(sparse, 2),
        lambda: recurrent.batches(sparse, steps=9),
    ):
        with pytest.raises(DataError):
            call()


def test_a_number_beyond_float32_is_not_finite():
    net = theanets.Regressor([4, 2])
    with pytest.raises(ConfigurationError, match=r"weight is 1e\+300"):
        net.add_loss("mse", weight=1e300)
    with contextlib.suppress(KeyError):
        net.find("x" * 10**6)
