"""A network in use."""

import numpy as np

import theanets
from theanets import (
    Autoencoder,
    Classifier,
    Regressor,
)
from theanets.errors import (
    TheanetsError,
)

from .rows import LABELS, TWO_INPUTS, WITH_NAN, X, Y, classifier, fresh, on

USE = {
    "another width": (
        on(classifier(), "predict", X[:, :3]),
        ['"in"', "(8, 3)", "(examples, 4)"],
    ),
    "another rank": (
        on(classifier(), "predict", X[:, :, None]),
        ["(8, 4, 1)", ".reshape(-1, 4)"],
    ),
    "a single number": (on(classifier(), "predict", 5), ["()", "(examples, 4)"]),
    "text": (
        on(classifier(), "predict", "abc"),
        ["x is of type str", "an array of numbers"],
    ),
    "nothing": (
        on(classifier(), "predict", None),
        ["x is of type NoneType", "an array of numbers"],
    ),
    "NaN": (on(classifier(), "predict", WITH_NAN), ["NaN", "index 2"]),
    "no examples": (on(classifier(), "predict", X[:0]), ["x is empty"]),
    "one of two inputs": (
        on(Regressor(TWO_INPUTS), "predict", X),
        ["2 inputs", "in, extra", "a dict"],
    ),
    "another name": (
        on(Regressor(TWO_INPUTS), "predict", {"in": X, "more": Y}),
        ["in, more", "extra, in"],
    ),
    "inputs of other lengths": (
        on(Regressor(TWO_INPUTS), "predict", [X, Y[:3]]),
        ["differ in length", "in has 8", "extra has 3"],
    ),
    "a score with other lengths": (
        on(classifier(), "score", X, LABELS[:5]),
        ["y", "(5,)", "(8,)"],
    ),
    "a score with fractions": (
        on(classifier(), "score", X, LABELS + 0.5),
        ["y", "fractions"],
    ),
    "a score with labels out of range": (
        on(classifier(), "score", X, LABELS + 5),
        ["y", "from 5 to 7", "0 to 2"],
    ),
    "a score with NaN": (on(fresh(Regressor, 4), "score", X, WITH_NAN), ["y", "NaN"]),
    "a score with other weights": (
        on(classifier(), "score", X, LABELS, np.ones(5)),
        ["w", "(5,)", "(8,)"],
    ),
    "a score with negative weights": (
        on(classifier(), "score", X, LABELS, -np.ones(8)),
        ["w holds values from -1 to -1", "0 or more"],
    ),
    "a score with no weight at all": (
        on(fresh(Regressor, 4), "score", X, X, np.zeros(8)),
        ["w holds values from 0 to 0", "more than 0"],
    ),
    "an unknown layer to encode with": (
        on(Autoencoder([4, 2, 4]), "encode", X, "hidd1"),
        KeyError,
        ["no layer 'hidd1'", 'Did you mean "hid1"?'],
    ),
    "a code of another width": (
        on(Autoencoder([4, 2, 4]), "decode", X),
        ["(8, 4)", "(examples, 2)"],
    ),
    "an unknown layer": (
        on(classifier(), "find", "hidd1", "w"),
        KeyError,
        ["no layer 'hidd1'", "in, hid1, out", 'Did you mean "hid1"?'],
    ),
    "a layer too far": (
        on(classifier(), "find", 7, 0),
        KeyError,
        ["no layer 7", "in, hid1, out"],
    ),
    "an unknown parameter": (
        on(classifier(), "find", "hid1", "ww"),
        KeyError,
        ["layer \"hid1\" has no parameter 'ww'", "w, b", 'Did you mean "w"?'],
    ),
    "a value of another shape": (
        on(Classifier([4, 5, 3]).find("hid1", "w"), "set_value", X),
        ['"hid1.w"', "(4, 5)", "(8, 4)"],
    ),
    "a value of NaN": (
        on(Classifier([4, 5, 3]).find("hid1", "b"), "set_value", [np.nan] * 5),
        ['"hid1.b"', "NaN"],
    ),
    "a value of text": (
        on(Classifier([4, 5, 3]).find("hid1", "b"), "set_value", ["a"] * 5),
        ['"hid1.b"', "numbers"],
    ),
    "an experiment with a number": (
        lambda: theanets.Experiment(5),
        ["got 5", "a network, its class or a file"],
    ),
    "an experiment with a model and its arguments": (
        lambda: theanets.Experiment(classifier(), layers=[4, 2]),
        ["made already", "theanets.Classifier"],
    ),
}


SECTIONS = [
    ("use", TheanetsError, USE),
]
