"""Activations with an argument, or with parameters that are learned, one per unit."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from theanets.activations.base import Activation
from theanets.errors import ConfigurationError
from theanets.types import Array, Params


class Prelu(Activation):
    """Rectifier with a learned slope for negative input: x, or leak * x if x <= 0.

    Parameters: leak (size,), which begins as 0.1 |N(0, 1)|.
    Source: K. He et al. (2015), Delving Deep into Rectifiers.
    """

    aliases = ("leaky-relu",)

    def setup(self) -> None:
        self.add_param("leak", (self.size,), lambda rng: _small(rng, self.size))

    def transform(self, params: Params, x: Array) -> Array:
        return jnp.where(x > 0, x, params["leak"] * x)


class Leak(Activation):
    """Rectifier with a fixed slope for negative input: x, or slope * x if x <= 0.

    ``leak:0.1`` has the slope 0.1.
    Source: A. L. Maas, A. Y. Hannun, A. Y. Ng (2013), Rectifier Nonlinearities
    Improve Neural Network Acoustic Models.
    """

    example: ClassVar = {"argument": "0.1"}
    takes_argument = True

    def __init__(self, argument: str | None = None) -> None:
        try:
            self.slope = float(argument or "")
        except ValueError:
            self.slope = math.nan
        if not math.isfinite(self.slope):
            got = "none came" if argument is None else f'"{argument}" came'
            raise ConfigurationError(
                f'activation "leak" needs the slope for negative input, but {got}. '
                'Write "leak:0.1"; a slope that is learned is "prelu".'
            )
        super().__init__(argument)

    def transform(self, params: Params, x: Array) -> Array:
        return jnp.where(x > 0, x, self.slope * x)


class Lgrelu(Activation):
    """Rectifier with two learned slopes: gain * x, or leak * x if x <= 0.

    Parameters: gain (size,), which begins as 1 + 0.1 |N(0, 1)|, and leak
    (size,), which begins as 0.1 |N(0, 1)|.
    """

    aliases = ("leaky-gain-relu",)

    def setup(self) -> None:
        self.add_param("gain", (self.size,), lambda rng: 1 + _small(rng, self.size))
        self.add_param("leak", (self.size,), lambda rng: _small(rng, self.size))

    def transform(self, params: Params, x: Array) -> Array:
        return jnp.where(x > 0, params["gain"], params["leak"]) * x


class Elu(Activation):
    """Exponential linear unit: x, or gain * (exp(x) - 1) if x <= 0.

    Parameters: gain (size,), which begins as 1 + 0.1 |N(0, 1)|.
    Source: D.-A. Clevert, T. Unterthiner, S. Hochreiter (2015), Fast and
    Accurate Deep Network Learning by Exponential Linear Units.
    """

    def setup(self) -> None:
        self.add_param("gain", (self.size,), lambda rng: 1 + _small(rng, self.size))

    def transform(self, params: Params, x: Array) -> Array:
        # The side not taken is computed too, and must not overflow.
        below = jnp.where(x > 0, 0, x)
        return jnp.where(x > 0, x, params["gain"] * jnp.expm1(below))


_MOST_DIGITS = 9


class Maxout(Activation):
    """Maximum over K lines per unit: max_k (slope_k * x + intercept_k).

    ``maxout:3`` has three lines per unit. Where lines meet they share the derivative.
    Parameters: slope and intercept, both (size, K), which begin as N(0, 1).
    Source: I. Goodfellow et al. (2013), Maxout Networks.
    """

    example: ClassVar = {"argument": "2"}
    takes_argument = True

    def __init__(self, argument: str | None = None) -> None:
        count = argument if argument and argument.isdecimal() else ""
        if not count or len(count) > _MOST_DIGITS or int(count) < 1:
            got = "none came" if argument is None else f'"{argument:.80}" came'
            raise ConfigurationError(
                f'activation "maxout" needs the number of lines per unit, but {got}. '
                'Write "maxout:2".'
            )
        super().__init__(argument)
        self.lines = int(count)

    def setup(self) -> None:
        shape = (self.size, self.lines)
        self.add_param("slope", shape, lambda rng: rng.standard_normal(shape))
        self.add_param("intercept", shape, lambda rng: rng.standard_normal(shape))

    def transform(self, params: Params, x: Array) -> Array:
        return largest(x[..., None] * params["slope"] + params["intercept"])


@jax.custom_jvp
def largest(x: Array) -> Array:
    """Return the maximum over the last axis; several equal ones share the derivative.

    The derivative is the same as for ``jnp.max``, but always finite: a maximum that a
    compiler rounded in another way may equal none of the values.

    Examples
    --------
    >>> jax.grad(lambda x: largest(x))(jnp.array([2.0, 1.0, 2.0])).tolist()
    [0.5, 0.0, 0.5]
    """
    return x.max(axis=-1)


@largest.defjvp
def _slope_of_largest(
    primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    (x,), (slopes,) = primals, tangents
    maximum = largest(x)
    tied = (x == maximum[..., None]).astype(x.dtype)
    count = tied.sum(axis=-1, keepdims=True)
    first = jax.nn.one_hot(x.argmax(axis=-1), x.shape[-1], dtype=x.dtype)
    shares = jnp.where(count > 0, tied / jnp.maximum(count, 1), first)
    return maximum, (shares * slopes).sum(axis=-1)


def _small(rng: np.random.Generator, size: int) -> npt.NDArray[np.float64]:
    return 0.1 * np.abs(rng.standard_normal(size))


LGrelu = Lgrelu
