"""Convolution and pooling: a model over images of 6 x 5 with 2 channels."""

import numpy as np

import theanets
from theanets import (
    Classifier,
    Regressor,
)
from theanets.errors import (
    ConfigurationError,
    DataError,
)

from .rows import on


def images(form, shape=(6, 5, 2), **spec):
    if form.startswith("conv"):
        spec = {"size": 3, "filter_size": 2, **spec}
    return lambda: theanets.convolution.Regressor([shape, {"form": form, **spec}])


IMAGES = {
    "a filter larger than the image": (
        images("conv2", filter_size=(3, 6)),
        ['"out"', "filter_size 3 x 6", "6 x 5", "nothing would be left"],
    ),
    "a filter longer than the sequence": (
        images("conv1", (4, 2), filter_size=5),
        ['"out"', "filter_size 5", "which is 4", "nothing would be left"],
    ),
    "a pool that leaves nothing": (
        images("pool2", pool_size=7),
        ['"out"', "pool_size 7 x 7", "6 x 5", "nothing would be left"],
    ),
    "no filter size": (images("conv2", filter_size=None), ["filter_size is None"]),
    "a filter of another rank": (
        images("conv2", filter_size=(3, 3, 3)),
        ['"out"', "filter_size is (3, 3, 3)", "or two of them, such as (3, 3)."],
    ),
    "a filter of two lengths over time": (
        images("conv1", (6, 2), filter_size=(3, 3)),
        ['"out"', "filter_size is (3, 3)", "such as 3."],
    ),
    "a stride of 0": (
        images("conv2", stride=(1, 0)),
        ['"out"', "stride is (1, 0)", "from 1 on"],
    ),
    "a negative stride of a pool": (
        images("pool2", pool_size=2, stride=-1),
        ['"out"', "stride is -1", "from 1 on"],
    ),
    "half a stride": (images("conv2", stride=1.5), ["stride is 1.5", "whole"]),
    "an unknown border": (
        images("conv2", border_mode="vallid"),
        ['"out"', "border_mode is 'vallid'", 'Did you mean "valid"?'],
    ),
    "an unknown mode": (
        images("pool2", pool_size=2, mode="average"),
        ['"out"', "mode is 'average'", "max", "mean"],
    ),
    "vectors as images": (
        lambda: Classifier([784, {"form": "conv2", "size": 3, "filter_size": 2}]),
        ['"out"', "images (width, height, channels)", "(784,)", "reshape"],
    ),
    "images as sequences": (
        images("conv1"),
        ['"out"', "sequences (time, channels)", "(6, 5, 2)"],
    ),
    "sequences in a pool of images": (
        images("pool2", (6, 2), pool_size=2),
        ['"out"', "images (width, height, channels)", "(6, 2)"],
    ),
    "no number of filters": (
        images("conv2", size=None),
        ['"out"', "needs a size", "number of filters"],
    ),
    "a shape that is not computed": (
        lambda: theanets.convolution.Regressor(
            [(6, 5, 2), {"form": "conv2", "shape": (6, 5, 3), "filter_size": 2}]
        ),
        ['"out"', "shape (6, 5, 3)", "computes (5, 4, 3)"],
    ),
    "an activation of a pool": (
        images("pool2", pool_size=2, activation="tanh"),
        ['"out"', "has no activation"],
    ),
    "an input of unknown shape": (
        lambda: theanets.convolution.Classifier([784, 10]),
        ['"in"', "(28, 28, 1)", "784"],
    ),
    "two inputs": (
        lambda: Regressor(
            [
                (6, 2),
                {"form": "conv1", "size": 3, "filter_size": 1},
                {
                    "form": "conv1",
                    "size": 3,
                    "filter_size": 1,
                    "inputs": ["in", "hid1"],
                },
            ]
        ),
        ['"out"', "at most 1"],
    ),
}


SHORT = np.zeros((2, 2, 3))


def sequences(**spec):
    """Make a model of sequences of any length, and give it two that are short."""
    return on(Regressor([(None, 3), spec]), "predict", SHORT)


def joined(form, **pool):
    """Make a model that joins sequences of any length with shorter ones."""
    shorter = {"form": "pool1", "pool_size": 2, **pool}
    join = {"form": form, "inputs": ["hid1", "in"]}
    return on(Regressor([(None, 3), shorter, join, 3]), "predict", SHORT)


SHORT_SEQUENCES = {
    "a sum with a sequence that a pool made shorter": (
        joined("add"),
        ['"hid2"', "hid1:out (2, 1, 3), in:out (2, 2, 3)", "before they are joined"],
    ),
    "a product with every other step": (
        joined("product", pool_size=1, stride=2),
        ['"hid2"', "hid1:out (2, 1, 3), in:out (2, 2, 3)", "differ in length"],
    ),
    "sequences of two lengths side by side": (
        joined("concatenate"),
        ['"hid2"', "hid1:out (2, 1, 3), in:out (2, 2, 3)", "batch first"],
    ),
    "shorter than the filters": (
        sequences(form="conv1", size=2, filter_size=3),
        ['"out"', "filter_size 3", "which is 2", "nothing would be left"],
    ),
    "shorter than a window": (
        sequences(form="pool1", pool_size=5),
        ['"out"', "pool_size 5", "which is 2", "nothing would be left"],
    ),
}


SECTIONS = [
    ("images", ConfigurationError, IMAGES),
    ("short sequences", DataError, SHORT_SEQUENCES),
]
