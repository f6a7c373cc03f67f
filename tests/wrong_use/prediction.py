"""A network in use."""

import numpy as np
import pandas as pd

import theanets
from theanets import (
    Autoencoder,
    Classifier,
    Regressor,
    plotting,
)
from theanets.errors import (
    ConfigurationError,
    DataError,
    TheanetsError,
)

from .rows import LABELS, TWO_INPUTS, WITH_NAN, X, Y, classifier, fresh, on


def _of_frame():
    net = Regressor([2, 1])
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"])
    net.train((frame, X[:, 0]), max_epochs=1, progress=False)
    return net


USE = {
    "another width": (
        on(classifier(), "predict", X[:, :3]),
        ['"in"', "(8, 3)", "(examples, 4)"],
    ),
    "another rank": (
        on(classifier(), "predict", X[:, :, None]),
        ["(8, 4, 1)", ".reshape(-1, 4)"],
    ),
    "a series as the one input": (
        on(Regressor([1, 2]), "predict", pd.Series(X[:, 0], name="age")),
        ["(1, 8)", ".reshape(-1, 1) may be missing; .to_frame() if it is a Series"],
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
    "texts": (
        on(classifier(), "predict", ["a", "b"]),
        ["x of type <U1 holds 'a' in row 0"],
    ),
    "objects": (on(classifier(), "predict", np.array([None] * 4)), ["type object"]),
    "complex numbers": (on(classifier(), "predict", X + 1j), ["type complex64"]),
    "dates": (
        on(classifier(), "predict", X.astype("M8[s]")),
        ["x of type datetime64[s]", "in row 0, column 0", "Count days"],
    ),
    "rows of unequal lengths": (
        on(classifier(), "predict", [[1, 2, 3, 4], [1]]),
        ["x cannot be made an array", "nested lists of equal lengths"],
    ),
    "a generator": (
        on(classifier(), "predict", (row for row in X)),
        ["x is of type generator", "an array of numbers"],
    ),
    "a set": (on(classifier(), "predict", {1, 2}), ["x is of type set"]),
    "a misspelt input": (
        on(classifier(), "predict", {"inn": X}),
        ['x has the arrays inn; the model\'s inputs are "in".'],
    ),
    "a row by the names of columns": (
        on(classifier(), "predict", {"age": 3, "city": "Paris"}),
        ['inputs are "in". Make a frame of rows: pandas.DataFrame([row])'],
    ),
    "columns by name": (
        on(_of_frame(), "predict", {"a": X[:, 0], "b": X[:, 1]}),
        ["Make a frame of these columns: pandas.DataFrame(x)"],
    ),
    "a keyword of train": (
        on(classifier(), "predict", X, batch_size=4),
        ['unknown keyword "batch_size"', "Known: ", "contractive, "],
    ),
    "noise of text": (
        on(classifier(), "predict", X, hidden_noise="a"),
        ["hidden_noise is 'a'", "from 0 on"],
    ),
    "logits of a layer without activation": (
        on(Classifier([4, 3, "flat"]), "predict_logit", X),
        ['"out"', "has no activation", "Use predict_proba"],
    ),
    "NaN": (on(classifier(), "predict", WITH_NAN), ["NaN", "index 2"]),
    "no examples": (on(classifier(), "predict", X[:0]), ["x is empty"]),
    "one of two inputs": (
        on(Regressor(TWO_INPUTS), "predict", X),
        ["2 inputs", "in, extra", "a dict"],
    ),
    "another name": (
        on(Regressor(TWO_INPUTS), "predict", {"in": X, "more": Y}),
        ["in, more", '"extra", "in"'],
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
    "a score with no target": (
        on(classifier(), "score", X, None),
        ["y is of type NoneType", "an array of numbers"],
    ),
    "a score with text": (on(classifier(), "score", X, ["a"] * 8), ["y of type <U1"]),
    "a score with probabilities": (
        on(classifier(), "score", X, np.full((8, 3), 1 / 3)),
        ['score: "y" has the shape (8, 3)', ".argmax(axis=-1)"],
    ),
    "a score with another width": (
        on(fresh(Regressor, 2), "score", X, X),
        ['score: "y" has the shape (8, 4)', "(examples, 2)", "Change the target"],
    ),
    "a score with weights of text": (
        on(classifier(), "score", X, LABELS, "a"),
        ["w is of type str", "an array of numbers"],
    ),
    "a score with weights of NaN": (
        on(classifier(), "score", X, LABELS, np.full(8, np.nan)),
        ["w holds values from nan to nan", "finite"],
    ),
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
    "no layer": (on(classifier(), "find", None, "w"), KeyError, ["no layer None"]),
    "True as a layer": (on(classifier(), "find", True, "w"), KeyError, ["layer True"]),
    "a parameter as a layer": (
        on(classifier(), "find", "hid1.w", "w"),
        KeyError,
        ["no layer 'hid1.w'", 'Did you mean "hid1"?'],
    ),
    "a parameter of an input": (
        on(classifier(), "find", "in", "w"),
        KeyError,
        ['layer "in" has no parameter', "There are: none"],
    ),
    "a parameter too far": (
        on(classifier(), "find", "hid1", 7),
        KeyError,
        ["no parameter 7", "w, b"],
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
    "no value": (
        on(Classifier([4, 5, 3]).find("hid1", "b"), "set_value", None),
        ['"hid1.b" is of type NoneType', "an array of numbers"],
    ),
    "a value of text": (
        on(Classifier([4, 5, 3]).find("hid1", "b"), "set_value", ["a"] * 5),
        ['"hid1.b"', "numbers"],
    ),
    "an experiment with a number": (
        lambda: theanets.Experiment(5),
        ["got 5", "a network, its class, a function"],
    ),
    "an experiment with layers": (
        lambda: theanets.Experiment([4, 3]),
        ["got [4, 3]", "a network, its class, a function"],
    ),
    "an experiment with a misspelt keyword": (
        lambda: theanets.Experiment(Classifier, layer=[4, 3]),
        ["no keyword 'layer'", 'Did you mean "layers"?'],
    ),
    "an experiment from a file that is not there": (
        lambda: theanets.Experiment("/no/such/model"),
        FileNotFoundError,
        ["/no/such/model"],
    ),
    "an experiment that loads a number": (
        on(theanets.Experiment(Classifier([4, 3])), "load", 5),
        ["the file is 5", "a path"],
    ),
    "an experiment with a model and its arguments": (
        lambda: theanets.Experiment(classifier(), layers=[4, 2]),
        ["made already", "theanets.Classifier"],
    ),
}


def picture(*args, **keywords):
    return lambda: plotting.features(*args, **keywords)


PLOTTING = {
    "a bias": (
        picture(Classifier([4, 5, 3]).find("hid1", "b"), (2, 2)),
        DataError,
        ["parameter 'hid1.b' has the shape (5,)", "(inputs, units)"],
    ),
    "another shape": (
        picture(np.ones((4, 2))),
        DataError,
        ["4 values in each column", "(28, 28) has 784", "shape=(height, width)"],
    ),
    "a name": (picture("hid1", (2, 2)), DataError, ["the array is of type str"]),
    "a network": (
        picture(Classifier([4, 3]), (2, 2)),
        DataError,
        ["the array is of type Classifier"],
    ),
    "complex numbers": (
        picture(np.ones((4, 2)) + 1j, (2, 2)),
        DataError,
        ["the array of type complex128", "real numbers"],
    ),
    "NaN": (
        picture(np.full((4, 2), np.nan), (2, 2)),
        DataError,
        ["8 values", "NaN", "nan_to_num"],
    ),
    "a shape of text": (picture(X, "2x2"), ["shape is '2x2'", "(28, 28)"]),
    "no columns": (picture(np.ones((4, 2)), (2, 2), columns=0), ["columns is 0"]),
    "axes that are a number": (
        picture(np.ones((4, 2)), (2, 2), ax=5),
        ["ax is 5", "Axes of matplotlib"],
    ),
}

SECTIONS = [
    ("plotting", ConfigurationError, PLOTTING),
    ("use", TheanetsError, USE),
]
