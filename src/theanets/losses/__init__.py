"""What a model is trained to make small; `Loss` is the base of your own."""

from theanets.losses.base import REGISTRY, Custom, Loss, mean
from theanets.losses.classification import BinaryCrossEntropy, CrossEntropy, Hinge
from theanets.losses.distributions import (
    GaussianLogLikelihood,
    KullbackLeibler,
    MaximumMeanDiscrepancy,
)
from theanets.losses.regression import Huber, MeanAbsoluteError, MeanSquaredError

__all__ = [
    "REGISTRY",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Custom",
    "GaussianLogLikelihood",
    "Hinge",
    "Huber",
    "KullbackLeibler",
    "Loss",
    "MaximumMeanDiscrepancy",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "mean",
]
