"""The layers a model can be made of; `Layer` is the base of your own."""

from theanets.layers.base import FORMS, Layer
from theanets.layers.feedforward import Classifier, Feedforward, Input, Tied
from theanets.layers.merge import Concatenate, Flatten, Product, Reshape

__all__ = [
    "FORMS",
    "Classifier",
    "Concatenate",
    "Feedforward",
    "Flatten",
    "Input",
    "Layer",
    "Product",
    "Reshape",
    "Tied",
]
