"""The errors that training minimizes; `Loss` is the base of your own."""

from typing import TYPE_CHECKING, Any

from theanets.losses.averages import mean
from theanets.losses.base import REGISTRY, Custom, Loss
from theanets.losses.classification import BinaryCrossEntropy, CrossEntropy, Hinge
from theanets.losses.distributions import (
    GaussianLogLikelihood,
    KullbackLeibler,
    MaximumMeanDiscrepancy,
)
from theanets.losses.regression import Huber, MeanAbsoluteError, MeanSquaredError
from theanets.utils.renamed import missing

# By the names of the original.
KullbackLeiblerDivergence = KullbackLeibler

__all__ = [
    "REGISTRY",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Custom",
    "GaussianLogLikelihood",
    "Hinge",
    "Huber",
    "KullbackLeibler",
    "KullbackLeiblerDivergence",
    "Loss",
    "MaximumMeanDiscrepancy",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "mean",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        missing(__name__, name)
