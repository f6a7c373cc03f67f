"""Random changes of outputs while a model trains."""

import jax
import jax.numpy as jnp

from theanets.regularizers.base import Regularizer

Array = jax.Array


class Noise(Regularizer):
    """Gaussian noise added to outputs; the weight is its standard deviation."""

    aliases = ("noise",)
    suffix = "prenoise"

    def modify(self, name: str, value: Array, key: Array, weight: Array) -> Array:
        """Return the value with noise."""
        noise = jax.random.normal(self.stream(name, key), value.shape, value.dtype)
        return value + weight.astype(value.dtype) * noise


class Dropout(Regularizer):
    """Outputs set to zero with a probability, the others scaled by 1 / (1 - p).

    Source: N. Srivastava et al. (2014), Dropout: A Simple Way to Prevent Neural
    Networks from Overfitting.
    """

    aliases = ("dropout",)
    suffix = "predrop"
    limit = 1.0

    def modify(self, name: str, value: Array, key: Array, weight: Array) -> Array:
        """Return the value with holes."""
        kept = jax.random.bernoulli(self.stream(name, key), 1 - weight, value.shape)
        scaled = value / (1 - weight).astype(value.dtype)
        return jnp.where(kept, scaled, jnp.zeros_like(value))
