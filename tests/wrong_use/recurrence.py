"""Recurrent layers, masks and models."""

import numpy as np

import theanets
from theanets.errors import (
    ConfigurationError,
    DataError,
)

from .rows import X, layers, on

SEQUENCES = np.random.default_rng(1).standard_normal((6, 5, 4)).astype("f4")


MASK = {"form": "input", "name": "mask", "shape": (None,)}


MASKED = [4, MASK, {"form": "rnn", "size": 3, "inputs": "in", "mask": "mask"}, 2]


def recurrent(*entries):
    """Make a model of these layers between sequences of 4 and of 2 values."""
    return lambda: theanets.recurrent.Regressor([4, *entries, 2])


def rnn(form="rnn", size=6, **keywords):
    return recurrent({"form": form, "size": size, **keywords})


def masked(mask):
    net = theanets.recurrent.Regressor(MASKED)
    return lambda: net.predict([SEQUENCES, mask])


def train_masked(mask):
    net = theanets.recurrent.Regressor(MASKED)
    data = (SEQUENCES, mask, SEQUENCES[:, :, :2])
    return lambda: net.train(data, max_epochs=1, progress=False)


def sequence(*layers, labels=(1,), steps=2, **keywords):
    net = theanets.recurrent.Classifier(layers)
    return lambda: net.predict_sequence(labels, steps, **keywords)


STATE = {"form": "input", "name": "state", "size": 5, "ndim": 2}


RECURRENT = {
    "no size": (recurrent("lstm"), ['"hid1"', "form 'lstm' needs a size"]),
    "vectors for a recurrent layer": (
        layers((3, "lstm")),
        ['"hid1"', "form 'lstm' reads sequences", "(batch, 4)", "theanets.recurrent"],
    ),
    "several inputs": (
        recurrent((3, "tanh"), {"form": "rnn", "size": 3, "inputs": ["in", "hid1"]}),
        ['"hid2"', "at most 1 input", '"concatenate"'],
    ),
    "an unknown direction": (
        rnn(direction="bakward"),
        ['"hid1"', "direction is 'bakward'", 'Did you mean "backward"?'],
    ),
    "no step for derivatives": (
        rnn(bptt_limit=0),
        ['"hid1"', "bptt_limit is 0", "from 1 on"],
    ),
    "a negative radius": (rnn(radius=-1), ['"hid1"', "radius is -1", "from 0 on"]),
    "a radius of a matrix of inputs": (
        rnn(radius_xh=1),
        ['"hid1"', "'radius_xh'", 'Did you mean "radius_hh"?'],
    ),
    "periods that do not divide the size": (
        rnn("clockwork", 7, periods=[1, 2, 4]),
        ['"hid1"', "periods [1, 2, 4]", "3 modules", "size 7"],
    ),
    "no periods": (rnn("clockwork"), ['"hid1"', "'clockwork' needs periods"]),
    "periods that are a number": (
        rnn("clockwork", periods=3),
        ['"hid1"', "periods is 3", "a list"],
    ),
    "a period of 0": (
        rnn("clockwork", periods=[0, 1]),
        ['"hid1"', "a period is 0", "from 1 on"],
    ),
    "modules that do not divide the size": (
        rnn("bcrnn", num_modules=4),
        ['"hid1"', "num_modules 4", "4 modules", "size 6"],
    ),
    "no modules": (
        rnn("bcrnn", num_modules=None),
        ['"hid1"', "num_modules is None", "from 1 on"],
    ),
    "an unknown rate": (
        rnn("rrnn", rate="vectr"),
        ['"hid1"', "rate is 'vectr'", "matrix", 'Did you mean "vector"?'],
    ),
    "no rate": (rnn("rrnn", rate=None), ['"hid1"', "rate is None", "matrix"]),
    "no context": (
        rnn("scrn", context_size=0),
        ['"hid1"', "context_size is 0", "from 1 on"],
    ),
    "half a factor": (rnn("mrnn", factors=1.5), ['"hid1"', "factors is 1.5"]),
    "another activation for an lstm": (
        recurrent((3, "lstm", "relu")),
        ['"hid1"', "always uses tanh", "'relu'"],
    ),
    "an unknown worker": (
        rnn("bidirectional", worker="lstmm"),
        ['"hid1"', "worker is 'lstmm'", 'Did you mean "lstm"?'],
    ),
    "a worker that is not recurrent": (
        rnn("bidirectional", worker="feedforward"),
        ['"hid1"', "worker is 'feedforward'", "clockwork"],
    ),
    "an odd number of units for two workers": (
        rnn("bidirectional", 7),
        ['"hid1"', "size is 7", "even"],
    ),
    "a size of text for two workers": (
        rnn("bidirectional", "6"),
        ['"hid1"', "size is '6'"],
    ),
    "no size for two workers": (
        recurrent("bidirectional"),
        ['"hid1"', "size is None", "even"],
    ),
    "a direction for two workers": (
        rnn("bidirectional", direction="back"),
        ['"hid1"', "direction is 'back'", "Leave it out"],
    ),
    "a keyword that the worker does not know": (
        rnn("bidirectional", perods=[1]),
        ['"hid1_fw"', "no keyword 'perods'"],
    ),
    "a name that a worker has": (
        recurrent(
            {"form": "bidirectional", "size": 4, "name": "both"},
            {"size": 3, "name": "both_bw"},
        ),
        ['"both_bw"', "an earlier layer has this name already"],
    ),
    "an initial state that is not there": (
        rnn(h_0="stat"),
        ['"hid1"', 'h_0 names "stat"', "no earlier layer's output", "in:out"],
    ),
    "an initial state that is an array": (
        rnn(h_0=np.zeros(6)),
        ['"hid1"', "h_0 is array", "the name of an earlier layer's output"],
    ),
    "an initial state of another size": (
        recurrent(STATE, {"form": "rnn", "size": 6, "inputs": "in", "h_0": "state"}),
        ['"hid1"', "h_0 names state:out", "(batch, 5)", "(batch, 6)"],
    ),
    "a sequence as initial state": (
        rnn("lstm", 4, c_0="in"),
        ['"hid1"', "c_0 names in:out", "(batch, None, 4)", "(batch, 4)"],
    ),
    "an initial state of another form": (
        rnn("gru", c_0="in"),
        ['"hid1"', "form 'gru' takes no keyword 'c_0'"],
    ),
    "a mask of another shape": (
        rnn(mask="in"),
        ['"hid1"', "mask names in:out", "(batch, time)", "shape=(None,)"],
    ),
    "a mask that is no input": (
        recurrent(
            MASK,
            {"size": 3, "inputs": "in"},
            {"form": "rnn", "size": 3, "mask": "hid1"},
        ),
        ['"hid2"', "mask names hid1:out", "has to be an input"],
    ),
    "a sequence from a layer that needs all of it": (
        sequence(4, (6, "bidirectional"), 4),
        ['"hid1"', "'bidirectional' needs the whole sequence", '"forward"'],
    ),
    "a sequence from a layer that runs backwards": (
        sequence(4, {"form": "gru", "size": 6, "direction": "back"}, 4),
        ['"hid1"', "'gru' needs the whole sequence", '"forward"'],
    ),
    "a sequence from inputs that are no classes": (
        sequence(4, (6, "gru"), 3),
        ["predict_sequence", "(None, 3)", "in (None, 4)"],
    ),
    "no steps": (sequence(4, (6, "gru"), 4, steps=0), ["steps is 0", "from 1 on"]),
    "no streams": (sequence(4, (6, "gru"), 4, streams=0), ["streams is 0"]),
    "a seed that is a text": (sequence(4, (6, "gru"), 4, rng="a"), ["rng is 'a'"]),
}


SEQUENCE_DATA = {
    "a mask of fractions": (
        masked(np.full((6, 5), 0.5)),
        ['the mask "mask" holds 0.5', "1 where", "0 where"],
    ),
    "a mask of counts": (
        train_masked(np.full((6, 5), 2)),
        ['the mask "mask" holds 2', "1 where"],
    ),
    "a mask of another length": (
        masked(np.ones((6, 4))),
        ['"hid1"', "mask:out has 4", "in:out has 5", "a number for each"],
    ),
    "a mask of another length in training": (
        train_masked(np.ones((6, 4))),
        ['"hid1"', "mask:out has 4", "in:out has 5", "a number for each"],
    ),
    "a mask with values": (
        masked(np.ones((6, 5, 4))),
        ['"mask" has the shape (6, 5, 4)', "(examples, any)"],
    ),
    "one image for sequences": (
        on(theanets.recurrent.Regressor([4, (3, "rnn"), 2]), "predict", X[None, None]),
        ['"in" has the shape (1, 1, 8, 4)', "(examples, any, 4)"],
    ),
    "text to begin with": (
        sequence(4, (6, "gru"), 4, labels="ab"),
        ["labels is of type str", "an array of numbers"],
    ),
    "one label that is no list": (
        sequence(4, (6, "gru"), 4, labels=1),
        ['"labels" has the shape ()', "(examples,), labels 0 to 3"],
    ),
    "no labels to begin with": (
        sequence(4, (6, "gru"), 4, labels=[]),
        ["labels is empty", "at least one"],
    ),
    "a label that is no class": (
        sequence(4, (6, "gru"), 4, labels=[1, 4]),
        ["labels from 1 to 4", "4 classes"],
    ),
}


SECTIONS = [
    ("recurrent", ConfigurationError, RECURRENT),
    ("sequences", DataError, SEQUENCE_DATA),
]
