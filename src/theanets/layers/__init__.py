"""The layers of a model; `Layer` is the base of your own."""

from theanets.layers.base import FORMS, Layer
from theanets.layers.convolution import Conv1, Conv2
from theanets.layers.embedding import Embedding
from theanets.layers.feedforward import Classifier, Feedforward, Input, Tied
from theanets.layers.merge import Add, Concatenate, Flatten, Product, Reshape
from theanets.layers.noise import Dropout, Noise
from theanets.layers.normalization import BatchNorm, LayerNorm
from theanets.layers.options import LayerOptions, RecurrentOptions
from theanets.layers.pooling import Pool1, Pool2
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
from theanets.layers.sequences import Last, Pool

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
    "BatchNorm",
    "Bidirectional",
    "Classifier",
    "Clockwork",
    "Concatenate",
    "Conv1",
    "Conv2",
    "Dropout",
    "Embedding",
    "Feedforward",
    "Flatten",
    "Input",
    "Last",
    "Layer",
    "LayerNorm",
    "LayerOptions",
    "Noise",
    "Pool",
    "Pool1",
    "Pool2",
    "Product",
    "Recurrent",
    "RecurrentOptions",
    "Reshape",
    "Tied",
]
