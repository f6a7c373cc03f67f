"""The layers a model can be made of; `Layer` is the base of your own."""

from theanets.layers.base import FORMS, Layer
from theanets.layers.embedding import Embedding
from theanets.layers.feedforward import Classifier, Feedforward, Input, Tied
from theanets.layers.merge import Add, Concatenate, Flatten, Product, Reshape
from theanets.layers.noise import Dropout, Noise
from theanets.layers.normalization import LayerNorm
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
    "Add",
    "Bidirectional",
    "Classifier",
    "Clockwork",
    "Concatenate",
    "Dropout",
    "Embedding",
    "Feedforward",
    "Flatten",
    "Input",
    "Layer",
    "LayerNorm",
    "Noise",
    "Product",
    "Recurrent",
    "Reshape",
    "Tied",
]
