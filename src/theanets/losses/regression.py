"""Losses of numbers."""

from typing import Any, ClassVar

import jax.numpy as jnp

from theanets.losses.base import Loss
from theanets.types import Array, Outputs
from theanets.utils.checks import positive


class MeanSquaredError(Loss):
    """Mean of (output - target)²."""

    aliases = ("mse",)

    def terms(self, outputs: Outputs, target: Array) -> Array:
        return jnp.square(_difference(outputs[self.output_name], target))


class MeanAbsoluteError(Loss):
    """Mean of |output - target|; the derivative where they are equal is 0."""

    aliases = ("mae",)

    def terms(self, outputs: Outputs, target: Array) -> Array:
        error = _difference(outputs[self.output_name], target)
        # As |error|, whose derivative at 0 would be 1.
        return error * jnp.sign(error)


class Huber(Loss):
    """Mean of e² / 2 where |e| <= delta, else of delta * (|e| - delta / 2).

    e is output - target: like mse near 0, like mae far from it, with a derivative
    that is continuous and never larger than delta.
    Source: P. J. Huber (1964), Robust Estimation of a Location Parameter.

    Parameters
    ----------
    delta : float
        Magnitude of the errors from which on they count linearly.

    Examples
    --------
    >>> outputs = {"out:out": jnp.array([1.0, 4.0])}
    >>> float(Loss.build("huber", delta=2)(outputs, jnp.zeros(2)))
    3.25
    """

    example: ClassVar = {"delta": 0.1}
    aliases = ("huber",)
    numbers: ClassVar = {**Loss.numbers, "delta": positive}

    def __init__(self, *args: Any, delta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.delta = delta

    def terms(self, outputs: Outputs, target: Array) -> Array:
        error = _difference(outputs[self.output_name], target)
        near = jnp.clip(error, -self.delta, self.delta)
        return near * (error - near / 2)


def _difference(output: Array, target: Array) -> Array:
    """Return output - target, in the precision of the output."""
    return output - target.astype(output.dtype)
