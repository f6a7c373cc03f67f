"""Losses that compare distributions."""

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax.numpy as jnp

from theanets.errors import ConfigurationError
from theanets.layers.binding import Node
from theanets.losses.averages import mean, with_axes
from theanets.losses.base import Loss
from theanets.losses.probabilities import (
    EPSILON,
    PROBABILITIES,
    check_range,
    output_kind,
)
from theanets.types import Array, Outputs
from theanets.utils.checks import positive, shown


class KullbackLeibler(Loss):
    """Mean of t * log(t / p), for a target t and an output p of probabilities.

    The mean is over all elements: the divergence of t from p, divided by the number of
    classes. Probabilities below 1e-8 count as 1e-8.
    Source: S. Kullback and R. Leibler (1951), On Information and Sufficiency.
    """

    aliases = ("kl", "kld", "kullbackleiblerdivergence")
    output_activation = "softmax"

    def bind(self, layers: Mapping[str, Node]) -> Loss:
        kind = output_kind(layers, self.output_name)
        check_range(self, kind, PROBABILITIES)
        return super().bind(layers)

    def terms(self, outputs: Outputs, target: Array) -> Array:
        p = jnp.maximum(outputs[self.output_name], EPSILON)
        t = jnp.maximum(target.astype(p.dtype), EPSILON)
        return t * (jnp.log(t) - jnp.log(p))


class GaussianLogLikelihood(Loss):
    """Mean of -log N(t; m, c), for outputs m of means and c of variances.

    The variables are independent, so this is the sum over the last axis of
    (log(2 pi c) + (t - m)² / c) / 2, averaged over the other axes. Weights may be for
    single values.

    Parameters
    ----------
    mean_name, covar_name : str
        Outputs of equal shapes: the mean, and the variance of each variable. Give
        the second an activation such as softplus, which keeps it positive.
    covar_eps : float
        Variances below this count as this.

    Examples
    --------
    >>> outputs = {"mean:out": jnp.zeros((1, 2)), "covar:out": jnp.ones((1, 2))}
    >>> round(float(Loss.build("gll")(outputs, jnp.array([[0.0, 2.0]]))), 4)
    3.8379
    """

    example: ClassVar = {"mean_name": "out", "covar_name": "out"}
    aliases = ("gll",)
    numbers: ClassVar = {**Loss.numbers, "covar_eps": positive}

    def __init__(
        self,
        *args: Any,
        mean_name: str = "mean",
        covar_name: str = "covar",
        covar_eps: float = 1e-3,
        output_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **{**kwargs, "output_name": mean_name})
        names = (None, mean_name, self.output_name)
        if not isinstance(output_name, str | None) or output_name not in names:
            raise ConfigurationError(
                f"gll loss: output_name is {shown(output_name)}; this loss has two "
                "outputs. Name them with mean_name and covar_name."
            )
        self.mean_name = self.output_name
        self.covar_name = self.full_name("covar_name", covar_name)
        self.covar_eps = covar_eps

    @property
    def reads(self) -> dict[str, str]:
        return {"mean_name": self.output_name, "covar_name": self.covar_name}

    def bind(self, layers: Mapping[str, Node]) -> Loss:
        super().bind(layers)
        shapes = {}
        for name in self.reads.values():
            layer, _, output = name.partition(":")
            shapes[name] = layers[layer].outputs[output]
        if len(set(shapes.values())) > 1:
            got = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise ConfigurationError(
                f"gll loss: mean and variance need outputs of one shape, got {got}."
            )
        return self

    def terms(self, outputs: Outputs, target: Array) -> Array:
        m = outputs[self.output_name]
        c = jnp.maximum(outputs[self.covar_name], self.covar_eps)
        square = jnp.square(target.astype(m.dtype) - m) / c
        # The mean over elements is then the sum over variables for each example.
        return m.shape[-1] * (math.log(2 * math.pi) + jnp.log(c) + square) / 2


class MaximumMeanDiscrepancy(Loss):
    """How far the outputs and the targets of a batch are from one distribution.

    mean k(x, x') + mean k(y, y') - 2 mean k(x, y), over all pairs of examples (an
    example with itself too) of outputs x and targets y; the order of the targets does
    not matter. If there are axes between the first and the last, such as time, each
    place is compared with itself, and the places are averaged. Weights count for whole
    examples: with weights for single values, their mean.
    Source: A. Gretton et al. (2012), A Kernel Two-Sample Test.

    Parameters
    ----------
    kernel : float or callable
        The bandwidth b of the Gaussian kernel k(x, y) = exp(-|x - y|² / b); or a
        function k of two arrays (..., variables) that broadcast, which returns (...).

    Examples
    --------
    >>> outputs = {"out:out": jnp.array([[0.0], [1.0]])}
    >>> float(Loss.build("mmd", kernel=2.0)(outputs, jnp.array([[1.0], [0.0]])))
    0.0
    """

    aliases = ("mmd",)

    def __init__(
        self,
        *args: Any,
        kernel: float | Callable[[Array, Array], Array] = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.serializable = not callable(kernel)
        if not callable(kernel):
            kernel = positive(kernel, "mmd loss: kernel")
        self.kernel = kernel

    def __call__(
        self, outputs: Outputs, target: Array, weights: Array | None = None
    ) -> Array:
        x = outputs[self.output_name]
        y = target.astype(x.dtype)
        if x.ndim == 1:  # One number for each example, such as an index.
            x, y = x[:, None], y[:, None]
        if weights is None:
            weights = jnp.ones(x.shape[:1], x.dtype)
        weights = weights.astype(x.dtype)
        if weights.ndim == x.ndim:
            weights = weights.mean(axis=-1)
        weights = jnp.broadcast_to(with_axes(weights, x.ndim - 1), x.shape[:-1])
        total = weights.sum(axis=0)
        share = weights / jnp.where(total == 0, 1, total)

        def similarity(a: Array, b: Array) -> Array:
            pairs = self._kernel(a[:, None], b[None])
            return (share[:, None] * share[None] * pairs).sum(axis=(0, 1))

        places = similarity(x, x) + similarity(y, y) - 2 * similarity(x, y)
        return mean(places, total)

    def _kernel(self, a: Array, b: Array) -> Array:
        if callable(self.kernel):
            return self.kernel(a, b)
        return jnp.exp(-jnp.square(a - b).sum(axis=-1) / self.kernel)
