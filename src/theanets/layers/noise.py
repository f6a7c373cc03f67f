"""Layers that make noise while a model trains, and nothing else at any other time."""

import math
from typing import ClassVar, Unpack

import jax
import jax.numpy as jnp

from theanets.layers.base import Layer
from theanets.layers.options import LayerOptions
from theanets.types import Array, LayerOutput, Outputs, Params
from theanets.utils import checks


class Noisy(Layer, abstract=True):
    """A layer that passes its input on, changed at random while the model trains."""

    example: ClassVar = {"level": 0.3}
    takes_activation = False
    max_inputs = 1
    trains_differently = True
    limit = math.inf

    def __init__(self, *, level: float, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.level = checks.check_nonnegative(level, self.where + "level", self.limit)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        return inputs[self.input_name]


class Dropout(Noisy):
    """Values set to zero with a probability while training, the others scaled.

    The others are multiplied by 1 / (1 - level), so that the mean stays.

    Parameters
    ----------
    level : float
        The probability, at least 0 and below 1.

    Outputs: out, the shape of the input.
    Source: N. Srivastava et al. (2014), Dropout: A Simple Way to Prevent Neural
    Networks from Overfitting.

    Examples
    --------
    >>> import theanets
    >>> net = theanets.Regressor([4, 8, {"form": "dropout", "level": 0.2}, 2])
    >>> net.layers[2].shape
    (8,)
    """

    limit = 1.0

    def transform_training(
        self, params: Params, inputs: Outputs, key: Array
    ) -> LayerOutput:
        return dropped(inputs[self.input_name], key, self.level)


class Noise(Noisy):
    """Gaussian noise added to values while training.

    Parameters
    ----------
    level : float
        Its standard deviation.

    Outputs: out, the shape of the input.
    """

    def transform_training(
        self, params: Params, inputs: Outputs, key: Array
    ) -> LayerOutput:
        return noisy(inputs[self.input_name], key, self.level)


def dropped(value: Array, key: Array, level: float | Array) -> Array:
    """Return an array where each value is 0 with a probability, else scaled up."""
    kept = jax.random.bernoulli(key, 1 - level, value.shape)
    scaled = value / jnp.asarray(1 - level, value.dtype)
    return jnp.where(kept, scaled, jnp.zeros_like(value))


def noisy(value: Array, key: Array, level: float | Array) -> Array:
    """Return an array with Gaussian noise of a standard deviation."""
    noise = jax.random.normal(key, value.shape, value.dtype)
    return value + jnp.asarray(level, value.dtype) * noise
