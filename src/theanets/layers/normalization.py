"""Layers that bring values to one scale."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from theanets.errors import ConfigurationError
from theanets.layers.base import Array, Layer


class LayerNorm(Layer):
    """Each example's values on the last axis, brought to mean 0 and variance 1.

    out = (x - mean) / sqrt(variance + eps) * gain + bias, with the mean and variance
    of the last axis, so that examples (and moments of time) do not meet.

    Parameters
    ----------
    eps : float
        Keeps the division finite where all values are equal.

    Parameters: gain (size,), which begins as 1, and bias (size,), as 0.
    Outputs: out, the shape of the input.
    Source: J. L. Ba, J. R. Kiros, G. E. Hinton (2016), Layer Normalization.

    Examples
    --------
    >>> import theanets
    >>> net = theanets.Regressor([4, (8, "linear"), "layernorm", 2])
    >>> net.find("hid2", "gain").shape
    (8,)
    """

    takes_activation = False
    max_inputs = 1

    def __init__(self, *, eps: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        number = isinstance(eps, int | float) and not isinstance(eps, bool)
        if not number or not 0 < eps < np.inf:
            raise ConfigurationError(
                f"{self.where}eps is {eps!r}; it has to be a finite number above 0."
            )
        self.eps = float(eps)

    def setup(self) -> None:
        """Declare a gain and a bias for each value."""
        self.add_bias("gain", self.size, mean=1.0)
        self.add_bias("bias", self.size)

    def transform(
        self, params: Mapping[str, Array], inputs: Mapping[str, Array]
    ) -> Any:
        """Return the normalized values."""
        x = inputs[self.input_name]
        # Means and squares in bfloat16 would lose most digits.
        wide = x.astype(jnp.promote_types(x.dtype, "float32"))
        centred = wide - wide.mean(axis=-1, keepdims=True)
        variance = jnp.square(centred).mean(axis=-1, keepdims=True)
        scaled = centred * jax.lax.rsqrt(variance + self.eps)
        return scaled.astype(x.dtype) * params["gain"] + params["bias"]
