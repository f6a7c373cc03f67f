"""Data that do not fit."""

from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse

import theanets
from theanets import (
    Autoencoder,
    Classifier,
    Dataset,
)
from theanets.errors import (
    ConfigurationError,
    DataError,
)

from .rows import LABELS, WITH_NAN, X, Y, fresh, on, regress, train, weighted


def shrinking():
    """Return an autoencoder whose output is shorter than its input."""
    layer = {"form": "conv1", "size": 4, "filter_size": 2}
    return theanets.recurrent.Autoencoder([(None, 4), layer])


UNIQUE = "classes, labels = numpy.unique(labels, return_inverse=True)"

DATA = {
    "an output shorter than its target": (
        on(shrinking(), "train", np.ones((2, 3, 4)), max_epochs=1, progress=False),
        ['output "out:out" has the shape (examples, 2, 4)', '"in" (examples, 3, 4)'],
    ),
    "no data": (train(None), ["train is None", "a tuple of arrays"]),
    "data of text": (train("mnist"), ["train is 'mnist'", "an array"]),
    "a number": (train(5), ["train is 5", "an array"]),
    "an empty list": (train([]), ["train is empty"]),
    "no labels": (train(X), ["train holds 1 array", "expects 2", "in (examples, 4)"]),
    "an array too many": (
        train((X, LABELS, LABELS)),
        ["train holds 3 array", "expects 2", "labels 0 to 2"],
    ),
    "labels for an autoencoder": (
        on(Autoencoder([4, 2, 4]), "train", (X, LABELS)),
        ["train holds 2 array", "expects 1"],
    ),
    "another width": (
        train((X[:, :3], LABELS)),
        ["train", '"in"', "(8, 3)", "(examples, 4)", "Change"],
    ),
    "another width in validation": (
        train(valid=(X[:, :3], LABELS)),
        ["valid", '"in"', "(8, 3)", "(examples, 4)"],
    ),
    "another width, with a name": (
        train(Dataset((X[:, :3], LABELS), name="digits")),
        ["digits", "(8, 3)"],
    ),
    "another rank": (
        train((X.reshape(8, 2, 2), LABELS)),
        ["(8, 2, 2)", "(examples, 4)", ".reshape(-1, 4)"],
    ),
    "another width of the target": (
        regress((X, X)),
        ['"target"', "(8, 4)", "(examples, 2)"],
    ),
    "another rank of the target": (
        regress((X, X[:, 0])),
        ['"target"', "(8,)", "(examples, 2)"],
    ),
    "other lengths": (
        train((X, LABELS[:5])),
        ["train", "differ in length", "in has 8", "target has 5"],
    ),
    "no examples": (train((X[:0], LABELS[:0])), ["train is empty", "no examples"]),
    "labels from 1": (
        train((X, LABELS + 1)),
        ['"target"', "from 1 to 3", "3 classes, 0 to 2", "renumber", UNIQUE],
    ),
    "labels of more classes": (
        train((X, np.arange(8) % 5)),
        ["from 0 to 4", "3 classes", "Make the last layer 5 units."],
    ),
    "labels of two classes for one unit": (
        on(Classifier([4, 1]), "train", (X, LABELS % 2), progress=False),
        ["Make the last layer 2 units", "two classes need 2 units"],
    ),
    "labels with a gap": (train((X, LABELS * 2)), ["from 0 to 4", "renumber", UNIQUE]),
    "numbers as labels": (
        train((np.ones((400, 4)), np.arange(400))),
        ["400 different values", "theanets.Regressor"],
    ),
    "negative labels": (train((X, LABELS - 1)), ['"target"', "from -1 to 1", "0 to 2"]),
    "labels out of range in validation": (
        train(valid=(X, LABELS + 5)),
        ["valid", '"target"', "from 5 to 7"],
    ),
    "fractions": (train((X, LABELS + 0.5)), ['"target"', "fractions", "whole numbers"]),
    "one-hot labels, but for one": (
        train((X, np.eye(3)[LABELS] * np.r_[np.ones(7), 0][:, None])),
        ['"target"', "(8, 3)", "not all", ".argmax(axis=-1)"],
    ),
    "labels in two columns": (
        train((X, np.stack([LABELS, LABELS], axis=1))),
        ['"target"', "(8, 2)", "(examples,)"],
    ),
    "labels of text": (
        train((X, np.array(["a", "b", "c"])[LABELS])),
        ["train[1]", "type <U1", "'a' in row 0", "whole numbers", UNIQUE, "classes["],
    ),
    "labels of bytes": (train((X, LABELS.astype("S"))), ["b'0' in row 0", UNIQUE]),
    "labels that are categories": (
        train((X, pd.Series(list("abcabcab"), dtype="category"))),
        ["train[1]", "'a' in row 0", UNIQUE],
    ),
    "labels that are truth values": (
        train((X, LABELS > 1)),
        ['"target" holds truth values', UNIQUE],
    ),
    "labels that are dates": (train((X, LABELS.astype("M8[D]"))), ["1970", UNIQUE]),
    "labels of -1 and 1": (train((X, 2 * (LABELS > 1) - 1)), ["-1 to 1", UNIQUE]),
    "labels of text to score": (
        on(fresh(Classifier, 3), "score", X, LABELS.astype(str)),
        ["y of type <U", UNIQUE],
    ),
    "labels that are truth values to score": (
        on(fresh(Classifier, 3), "score", X, LABELS > 1),
        ["truth values", UNIQUE],
    ),
    "labels of text to count": (
        train((X, LABELS.astype(str)), class_weight="balanced"),
        ["train[1]", UNIQUE],
    ),
    "a label that is missing": (
        train((X, [0, 1, None, 1, 0, 1, 2, 0])),
        ["train[1]", "None in row 2", "Nothing is there"],
    ),
    "labels that are missing": (
        train((X, np.where(LABELS == 1, np.nan, LABELS))),
        ['"target"', "NaN", "3 examples", "index 1"],
    ),
    "NaN": (train((WITH_NAN, LABELS)), ['"in"', "NaN", "1 example,", "index 2"]),
    "infinity": (
        regress((X, np.full((8, 2), np.inf))),
        [
            '"target"',
            "infinity",
            "8 examples",
        ],
    ),
    "text in an array": (
        train((X.astype(str), LABELS)),
        ["train[0]", "type <U32", "real numbers"],
    ),
    "complex numbers": (
        train((X + 1j, LABELS)),
        ["train[0]", "complex64", "[x.real, x.imag]"],
    ),
    "dates": (train((X.astype("M8[s]"), LABELS)), ["train[0]", "Count days"]),
    "a frame with text": (
        train((pd.DataFrame({"a": ["x"] * 8, "b": 1}), LABELS)),
        ["train[0]", "real numbers", "'x' in row 0, column \"a\"", "categories"],
    ),
    "a frame with gaps": (
        train((pd.DataFrame(X).astype("Float64").mask(X > 1), LABELS)),
        ['"in"', "NaN"],
    ),
    "a gap in a frame": (
        train((pd.DataFrame(WITH_NAN, columns=list("abcd")), LABELS)),
        ["first, nan, at index 2", 'column "a"', "frame.dropna()", "frame.fillna("],
    ),
    "infinity in a frame": (
        train((pd.DataFrame(WITH_NAN + np.inf, columns=list("abcd")), LABELS)),
        ["first, inf, at index 0", 'column "a". Remove or repair'],
    ),
    "a frame with text and without labels": (
        train(pd.DataFrame({"a": ["x"] * 8, "b": 1})),
        ["train holds 1 array", "train((x, y)): in, then target"],
    ),
    "a frame without labels to validate with": (
        train(valid=pd.DataFrame(X)),
        ["valid holds 1 array", "valid=(x, y): in, then target"],
    ),
    "lists of unequal lengths": (
        train(([[1, 2, 3, 4], [1, 2]], [0, 1])),
        ["train[0]", "nested lists of equal lengths"],
    ),
    "weights left out": (weighted((X, LABELS)), ["expects 3", "weights (examples,)"]),
    "negative weights": (
        weighted((X, LABELS, -np.ones(8))),
        ['"weights"', "-1", "0 or more"],
    ),
    "weights of another shape": (
        weighted((X, LABELS, np.ones((8, 3)))),
        ['"weights"', "(8, 3)", "(examples,)"],
    ),
    "weights of another width": (
        regress((X, Y, np.ones((8, 3))), weighted=True),
        ['"weights"', "(8, 3)", "(examples, 2)"],
    ),
    "a dict with another name": (
        train({"in": X, "traget": LABELS}),
        ["in, traget", "missing: target", 'Did you mean "target"?'],
    ),
    "a dict with a name too few": (train({"in": X}), ["train", "missing: target"]),
    "a callable that returns one array": (
        train(lambda: X),
        ["train: batch 0", "holds 1 array", "expects 2"],
    ),
    "a callable that returns three": (
        train(lambda: (X, LABELS, LABELS)),
        ["train: batch 0", "holds 3 array", "expects 2"],
    ),
    "a callable that returns nothing": (
        train(lambda: None),
        ["train: batch 0", "NoneType", "tuple of arrays"],
    ),
    "a callable that returns another width": (
        train(lambda: (X[:, :3], LABELS)),
        ["train: batch 0", "(8, 3)", "(examples, 4)"],
    ),
    "a callable that returns no examples": (
        train(lambda: (X[:0], LABELS[:0])),
        ["train: batch 0", "empty"],
    ),
    "an iterator of text": (
        train((X, LABELS), iter("ab")),
        ["valid: batch 0", "str"],
    ),
    "an iterator without batches": (
        train((X, LABELS), iter([])),
        ["valid gave no batch", "only once"],
    ),
    "an iterator for both": (
        train(iter([(X, LABELS)])),
        ["train is an iterator", "Give valid"],
    ),
    "a set in a set": (
        train(Dataset(Dataset((X, LABELS)))),
        ["train is of type Dataset", "an array of numbers"],
    ),
    "a set that is not waited for": (
        train(Dataset(lambda: (X, LABELS), timeout=-1)),
        ["train: timeout is -1", "seconds", "None to wait without a limit"],
    ),
    "a set of a batch of text": (
        train(Dataset((X, LABELS), batch_size="a")),
        ["train: batch_size is 'a'", "from 1 on"],
    ),
    "a set of a batch of 0": (
        train(Dataset((X, LABELS), batch_size=0)),
        ["batch_size is 0", "from 1 on"],
    ),
    "a set of no batches": (
        train(Dataset((X, LABELS), iteration_size=0)),
        ["iteration_size is 0", "from 1 on"],
    ),
    "a set along an axis that is not there": (
        train(Dataset((X, LABELS), axis=1)),
        ["axis is 1", "(8,)"],
    ),
    "a set along no axis": (train(Dataset((X, LABELS), axis="x")), ["axis is 'x'"]),
    "a set with a seed of text": (train(Dataset((X, LABELS), rng="x")), ["rng is 'x'"]),
    "a set of nothing": (train(Dataset(None)), ["train is None"]),
}


SPARSE = scipy.sparse.csr_matrix(WITH_NAN)


def text(*args, **keywords):
    return lambda: theanets.recurrent.Text(*args, **keywords)


def windows(*args, **keywords):
    return lambda: theanets.recurrent.batches(*args, **keywords)


DATA_OF_OTHER_KINDS = {
    "NaN in a sparse matrix": (
        train((SPARSE, LABELS)),
        ['"in"', "NaN", "1 example", "index 2"],
    ),
    "infinity in a sparse matrix": (
        on(fresh(Classifier, 3), "predict", np.inf * SPARSE.tocsc()),
        ['"in"', "infinity"],
    ),
    "another width of a sparse matrix": (
        train((SPARSE[:, :3], LABELS)),
        ['"in"', "(8, 3)", "(examples, 4)"],
    ),
    "complex numbers in a sparse matrix": (
        train((SPARSE.astype("c8"), LABELS)),
        ["train[0]", "complex64", "real numbers"],
    ),
    "windows longer than the sequence": (
        windows([X], steps=9),
        ["8 steps", "9 of a window"],
    ),
    "sequences of unequal lengths": (
        windows([X, X[:3]], 2),
        ["8, 3", "each time step"],
    ),
    "windows of text": (windows("abc", 2), ["arrays[0] is of type str", "numbers"]),
    "windows of one number": (windows(5, 2), ["arrays[0] is one number"]),
    "steps of text": (windows([X], "2"), ["steps is '2'", "from 1 on"]),
    "windows of no steps": (windows([X], steps=0), ["steps is 0", "from 1 on"]),
    "a batch of no windows": (
        windows([X], 2, batch_size=0),
        ["batch_size is 0", "from 1 on"],
    ),
    "windows by a text": (windows([X], 2, rng="one"), ["rng is 'one'", "numpy.random"]),
    "no text": (text(None), ["text is None", "a str"]),
    "rarity of text": (text("aa", min_count="a"), ["min_count is 'a'", "from 0 on"]),
    "a list as alphabet": (text("aa", alpha=["a"]), ["alpha is ['a']", "a str"]),
    "a number for the unknown": (text("aa", unknown=5), ["unknown is 5"]),
    "bytes to encode": (
        lambda: theanets.recurrent.Text("abab").encode(b"ab"),
        ["text is b'ab'", "a str"],
    ),
    "text to decode": (
        lambda: theanets.recurrent.Text("abab").decode("ab"),
        ["labels is array(['a', 'b']", "from 0, the unknown, to 2"],
    ),
    "nothing to decode": (
        lambda: theanets.recurrent.Text("abab").decode(None),
        ["labels is array(None", "whole numbers"],
    ),
    "digits in a folder that is not there": (
        lambda: theanets.datasets.load_mnist(root="/no/such"),
        FileNotFoundError,
        ["root='/no/such' does not exist", "train-images-idx3-ubyte"],
    ),
    "digits in a folder without them": (
        lambda: theanets.datasets.load_mnist(root=Path(__file__).parent),
        FileNotFoundError,
        ["has no file train-images-idx3-ubyte"],
    ),
    "digits in a file": (
        lambda: theanets.datasets.load_mnist(root=__file__),
        FileNotFoundError,
        ["is not a folder", "train-images-idx3-ubyte"],
    ),
    "digits in a number": (
        lambda: theanets.datasets.load_mnist(root=5),
        ConfigurationError,
        ["root is 5", "path of a folder"],
    ),
    "an empty text": (text(""), ["text is ''", "not empty"]),
    "bytes as a text": (text(b"abc"), ["text is b'abc'", "str"]),
    "an empty alphabet": (text("abc", alpha=""), ["alpha is ''", "characters"]),
    "a text of rare characters": (
        text("abc"),
        ["no character", "2 times", "min_count"],
    ),
    "a character twice in the alphabet": (
        text("abc", alpha="aba"),
        ["alpha holds 'a' twice"],
    ),
    "the unknown in the alphabet": (
        text("abc", alpha="abc", unknown="b"),
        ["'b'", "unknown"],
    ),
    "two characters for the unknown": (text("aa", unknown="??"), ["unknown is '??'"]),
    "a text shorter than its windows": (
        lambda: theanets.recurrent.Text("abab").classifier_batches(steps=4),
        ["the text has 3 steps", "4 of a window"],
    ),
    "labels beyond the alphabet": (
        lambda: theanets.recurrent.Text("abab").decode([3]),
        ["labels is array([3])", "from 0, the unknown, to 2"],
    ),
}


SECTIONS = [
    ("data", DataError, DATA),
    ("other data", DataError, DATA_OF_OTHER_KINDS),
]
