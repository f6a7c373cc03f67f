"""Layers that bring values to one scale."""

import math
from typing import Unpack

import jax
import jax.numpy as jnp
import numpy as np

from theanets.layers.base import Layer
from theanets.layers.options import LayerOptions
from theanets.types import Array, LayerOutput, Outputs, Params, Shape
from theanets.utils.checks import positive


class BatchNorm(Layer):
    """Each unit's values in a batch, brought to mean 0 and variance 1.

    out = g((x - mean) / sqrt(variance + eps) * gain + bias), with g the activation,
    by default linear. While the model trains, mean and variance are the batch's, over
    all axes but the last; running ones are kept, and used otherwise:

    running = (1 - momentum) * running + momentum * batch's

    with the variance's unbiased estimate. A batch with a single value for each unit
    has no variance: it is computed as in prediction, and the running ones stay.

    Parameters
    ----------
    momentum : float
        The part of a batch in the running mean and variance, above 0, at most 1.
    eps : float
        Keeps the division finite where all values are equal.

    Both defaults, and which variance is kept, are as in PyTorch.

    Parameters: gain and bias (size,), which begin as 1 and 0; not learned: mean and
    variance (size,), which begin as 0 and 1. The gain of an activation that has one,
    as elu, is gain2.
    Outputs: out and pre, both the shape of the input.
    Source: S. Ioffe, C. Szegedy (2015), Batch Normalization: Accelerating Deep Network
    Training by Reducing Internal Covariate Shift.

    Examples
    --------
    >>> import theanets
    >>> net = theanets.Regressor([4, (8, "linear"), ("batchnorm", "relu"), 2])
    >>> net.find("hid2", "variance").get_value()
    array([1., 1., 1., 1., 1., 1., 1., 1.], dtype=float32)
    """

    default_activation = "linear"
    max_inputs = 1
    trains_differently = True
    mixes_examples = True

    def __init__(
        self,
        *,
        momentum: float = 0.1,
        eps: float = 1e-5,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.momentum = positive(momentum, self.where + "momentum", most=1.0)
        self.eps = positive(eps, self.where + "eps")

    def infer_output_shape(self) -> Shape:
        return self.input_shape

    def setup(self) -> None:
        self.add_bias("gain", self.size, mean=1.0)
        self.add_bias("bias", self.size)
        size = self.size
        self.add_param("mean", (size,), lambda _: np.zeros(size), False, wide=True)
        self.add_param("variance", (size,), lambda _: np.ones(size), False, wide=True)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        x = inputs[self.input_name]
        return self._normalized(params, x, params["mean"], params["variance"])

    def transform_training(
        self, params: Params, inputs: Outputs, key: Array
    ) -> LayerOutput | tuple[LayerOutput, Params]:
        x = inputs[self.input_name]
        count = math.prod(x.shape[:-1])
        if count < 2:
            return self.transform(params, inputs)
        axes = tuple(range(x.ndim - 1))
        # Means and squares in bfloat16 would lose most digits.
        wide = x.astype(params["mean"].dtype)
        mean = wide.mean(axes)
        variance = jnp.square(wide - mean).mean(axes)
        batch = {"mean": mean, "variance": variance * (count / (count - 1))}
        updates = {
            name: (1 - self.momentum) * params[name] + self.momentum * value
            for name, value in batch.items()
        }
        return self._normalized(params, x, mean, variance), updates

    def _normalized(
        self, params: Params, x: Array, mean: Array, variance: Array
    ) -> dict[str, Array]:
        scaled = (x - mean) * jax.lax.rsqrt(variance + self.eps)
        pre = scaled.astype(x.dtype) * params["gain"] + params["bias"]
        return {"pre": pre, "out": self.activate(params, pre)}


class LayerNorm(Layer):
    """Each example's values on the last axis, brought to mean 0 and variance 1.

    out = (x - mean) / sqrt(variance + eps) * gain + bias, with the mean and variance
    of the last axis: examples, and time steps, do not affect each other.

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

    def __init__(self, *, eps: float = 1e-5, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.eps = positive(eps, self.where + "eps")

    def setup(self) -> None:
        self.add_bias("gain", self.size, mean=1.0)
        self.add_bias("bias", self.size)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        x = inputs[self.input_name]
        # Means and squares in bfloat16 would lose most digits.
        wide = x.astype(jnp.promote_types(x.dtype, "float32"))
        centred = wide - wide.mean(axis=-1, keepdims=True)
        variance = jnp.square(centred).mean(axis=-1, keepdims=True)
        scaled = centred * jax.lax.rsqrt(variance + self.eps)
        return scaled.astype(x.dtype) * params["gain"] + params["bias"]
