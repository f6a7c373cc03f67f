"""What is added to a loss or to a graph while a model trains.

`Regularizer` is the base of your own.
"""

from theanets.regularizers.arguments import from_kwargs, keywords, take
from theanets.regularizers.base import REGULARIZERS, ROLES, Evaluation, Regularizer
from theanets.regularizers.noise import Dropout, Noise
from theanets.regularizers.penalties import (
    Contractive,
    HiddenL1,
    RecurrentNorm,
    RecurrentState,
    WeightL1,
    WeightL2,
)

__all__ = [
    "REGULARIZERS",
    "ROLES",
    "Contractive",
    "Dropout",
    "Evaluation",
    "HiddenL1",
    "Noise",
    "RecurrentNorm",
    "RecurrentState",
    "Regularizer",
    "WeightL1",
    "WeightL2",
    "from_kwargs",
    "keywords",
    "take",
]
