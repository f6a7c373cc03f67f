"""What is added to a loss or to a graph while a model trains.

`Regularizer` is the base of your own.
"""

from typing import TYPE_CHECKING, Any

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
from theanets.utils.renamed import missing

# By the names of the original.
BernoulliDropout, GaussianNoise = Dropout, Noise

__all__ = [
    "REGULARIZERS",
    "ROLES",
    "BernoulliDropout",
    "Contractive",
    "Dropout",
    "Evaluation",
    "GaussianNoise",
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


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        missing(__name__, name)
