"""The layers a model can be made of; `Layer` is the base of your own."""

from theanets.layers.base import FORMS, Layer
from theanets.layers.feedforward import Classifier, Feedforward, Input, Tied
from theanets.layers.merge import Concatenate, Flatten, Product, Reshape
from theanets.layers.normalization import BatchNorm
from theanets.layers.recurrent import (
    BCRNN,
    GRU,
    LSTM,
    MRNN,
    MUT1,
    RNN,
    RRNN,
    SCRN,
    Bidirectional,
    Clockwork,
    Recurrent,
)

__all__ = [
    "BCRNN",
    "FORMS",
    "GRU",
    "LSTM",
    "MRNN",
    "MUT1",
    "RNN",
    "RRNN",
    "SCRN",
    "BatchNorm",
    "Bidirectional",
    "Classifier",
    "Clockwork",
    "Concatenate",
    "Feedforward",
    "Flatten",
    "Input",
    "Layer",
    "Product",
    "Recurrent",
    "Reshape",
    "Tied",
]
