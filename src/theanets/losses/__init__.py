"""What a model is trained to make small; `Loss` is the base of your own."""

from theanets.losses.base import REGISTRY, Custom, Loss, mean
from theanets.losses.classification import CrossEntropy, Hinge
from theanets.losses.distributions import KullbackLeibler
from theanets.losses.regression import MeanAbsoluteError, MeanSquaredError

__all__ = [
    "REGISTRY",
    "CrossEntropy",
    "Custom",
    "Hinge",
    "KullbackLeibler",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "mean",
]
