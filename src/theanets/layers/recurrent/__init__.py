"""Layers that read sequences, (batch, time, values), one time step after another."""

from theanets.layers.recurrent.base import Recurrent
from theanets.layers.recurrent.bidirectional import Bidirectional
from theanets.layers.recurrent.gated import GRU, LSTM, MUT1, SCRN
from theanets.layers.recurrent.modular import BCRNN, Clockwork
from theanets.layers.recurrent.simple import MRNN, RNN, RRNN

__all__ = [
    "BCRNN",
    "GRU",
    "LSTM",
    "MRNN",
    "MUT1",
    "RNN",
    "RRNN",
    "SCRN",
    "Bidirectional",
    "Clockwork",
    "Recurrent",
]
