"""Losses of numbers."""

import jax.numpy as jnp
from jax import Array

from theanets.losses.base import Loss, Outputs


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


def _difference(output: Array, target: Array) -> Array:
    """Return output - target, in the precision of the output."""
    return output - target.astype(output.dtype)
