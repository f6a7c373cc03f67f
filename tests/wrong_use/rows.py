"""What the rows of several areas need."""

import itertools

import numpy as np

from theanets import (
    Classifier,
    Regressor,
)

X = np.random.default_rng(0).standard_normal((8, 4)).astype("f4")


LABELS = np.arange(8) % 3


Y = X[:, :2]


WITH_NAN = np.where(np.arange(8)[:, None] == 2, np.nan, X)


TWO_INPUTS = [
    4,
    {"form": "input", "name": "extra", "size": 2},
    {"size": 3, "inputs": ["in", "extra"]},
]


def layers(*entries):
    """Make a model of these layers between an input of 4 and an output of 2."""
    return lambda: Regressor([4, *entries, 2])


def model(*entries, **keywords):
    return lambda: Regressor(list(entries), **keywords)


def train(data=(X, LABELS), valid=None, algo="sgd", **keywords):
    """Train a classifier of 4 inputs and 3 classes for one epoch."""
    keywords = {"max_epochs": 1, "progress": False, **keywords}
    return lambda: Classifier([4, 5, 3]).train(data, valid, algo, **keywords)


def regress(data, weighted=False):
    net = Regressor([4, 2], weighted=weighted)
    return lambda: net.train(data, max_epochs=1, progress=False)


def weighted(data):
    net = Classifier([4, 3], weighted=True)
    return lambda: net.train(data, max_epochs=1, progress=False)


def on(net, method, *args, **keywords):
    return lambda: getattr(net, method)(*args, **keywords)


_sizes = itertools.count(20)


def fresh(model, outputs):
    """Return a model that no other test has compiled."""
    return model([4, next(_sizes), outputs])


def classifier():
    return fresh(Classifier, 3)


def mean_square(params, x):
    return ((params * x) ** 2).mean()
