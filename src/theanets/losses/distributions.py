"""Losses that compare distributions."""

import jax.numpy as jnp
from jax import Array

from theanets.losses.base import Loss, Outputs

# Probabilities below this count as this, so that no logarithm is infinite.
EPSILON = 1e-8


class KullbackLeibler(Loss):
    """Mean of t * log(t / p), for a target t and an output p of probabilities.

    The mean is over all elements, so it is the divergence of t from p divided by
    the number of classes. Probabilities below 1e-8 count as 1e-8.
    Source: S. Kullback and R. Leibler (1951), On Information and Sufficiency.
    """

    aliases = ("kl",)

    def terms(self, outputs: Outputs, target: Array) -> Array:
        p = jnp.maximum(outputs[self.output_name], EPSILON)
        t = jnp.maximum(target.astype(p.dtype), EPSILON)
        return t * (jnp.log(t) - jnp.log(p))
