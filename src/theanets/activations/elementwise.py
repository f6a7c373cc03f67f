"""Activations that are plain functions of an array, in one table."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from theanets.activations.base import Activation
from theanets.activations.composition import Function, build
from theanets.activations.parametric import largest
from theanets.types import Array, Params

# Keeps a division by the scale of a constant row finite.
EPSILON = 1e-8


def linear(x: Array) -> Array:
    """Return x as it is."""
    return x


def softmax(x: Array) -> Array:
    """Return exp(x) / sum(exp(x)) over the last axis."""
    return jax.nn.softmax(x, axis=-1)


def gelu(x: Array) -> Array:
    """Return x * P(z < x) for a standard normal z, exactly: x / 2 * erfc(-x / √2).

    Source: D. Hendrycks, K. Gimpel (2016), Gaussian Error Linear Units.
    """
    return jax.nn.gelu(x, approximate=False)


def silu(x: Array) -> Array:
    """Return x * logistic(x), also called swish.

    Source: S. Elfwing, E. Uchibe, K. Doya (2018), Sigmoid-Weighted Linear Units.
    """
    return jax.nn.silu(x)


def selu(x: Array) -> Array:
    """Return 1.0507 * x, or 1.0507 * 1.6733 * (exp(x) - 1) if x <= 0.

    Source: G. Klambauer et al. (2017), Self-Normalizing Neural Networks.
    """
    return jax.nn.selu(x)


def rect_min(x: Array) -> Array:
    """Return min(x, 1)."""
    return jnp.where(x >= 1, 1, x)


def rect_minmax(x: Array) -> Array:
    """Return x clipped to [0, 1]."""
    return jnp.where(x <= 0, 0, rect_min(x))


def norm_mean(x: Array) -> Array:
    """Return x less its mean over the last axis."""
    mean = x.mean(axis=-1, keepdims=True)
    # The mean of equal numbers may round to another number. Dividing the difference
    # by their deviation, almost 0, would blow it up: keep the mean between them.
    low, high = x.min(axis=-1, keepdims=True), x.max(axis=-1, keepdims=True)
    return x - (mean + jax.lax.stop_gradient(jnp.clip(mean, low, high) - mean))


def norm_max(x: Array) -> Array:
    """Return x divided by its largest magnitude over the last axis."""
    return x / (largest(jnp.abs(x))[..., None] + EPSILON)


def norm_std(x: Array) -> Array:
    """Return x divided by its standard deviation over the last axis."""
    return x / (_std(x) + EPSILON)


def norm_z(x: Array) -> Array:
    """Return x less its mean, divided by its standard deviation, on the last axis."""
    return norm_mean(x) / (_std(x) + EPSILON)


def _std(x: Array) -> Array:
    variance = jnp.square(norm_mean(x)).mean(axis=-1, keepdims=True)
    # The derivative of a square root at 0 is infinite; by symmetry we take 0.
    safe = jnp.where(variance > 0, variance, 1)
    return jnp.where(variance > 0, jnp.sqrt(safe), 0)


FUNCTIONS: dict[tuple[str, ...], Function] = {
    ("linear",): linear,
    ("logistic", "sigmoid"): jax.nn.sigmoid,
    ("tanh",): jnp.tanh,
    ("softmax",): softmax,
    ("softplus",): jax.nn.softplus,
    ("relu", "rect:max"): jax.nn.relu,
    ("gelu",): gelu,
    ("silu", "swish"): silu,
    ("selu",): selu,
    ("rect:min",): rect_min,
    ("rect:minmax",): rect_minmax,
    ("norm:mean",): norm_mean,
    ("norm:max",): norm_max,
    ("norm:std",): norm_std,
    ("norm:z",): norm_z,
}


class Plain(Activation, abstract=True):
    """A function of the table."""

    function: ClassVar[Function]

    def transform(self, params: Params, x: Array) -> Array:
        return type(self).function(x)

    def __reduce__(self) -> tuple[object, ...]:
        # A pickle cannot name the class: no module has it as an attribute.
        return build, (self.spec,), vars(self)


for (_name, *_aliases), _function in FUNCTIONS.items():
    # Defining the class enters it into the catalogue.
    type(
        _name,
        (Plain,),
        {
            "function": staticmethod(_function),
            "aliases": tuple(_aliases),
            "__doc__": _function.__doc__,
            "__module__": __name__,
        },
    )
