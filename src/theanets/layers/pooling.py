"""Pooling: one number for the values of each window."""

import math
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import product
from operator import add
from typing import ClassVar, Unpack

import jax
import jax.numpy as jnp

from theanets.errors import ConfigurationError
from theanets.layers.options import LayerOptions
from theanets.layers.windows import OverWindows, Windows
from theanets.types import Array, LayerOutput, Outputs, Params, PyTree, Shape
from theanets.utils.checks import shown
from theanets.utils.registry import choice

_MOST_CELLS = 1024
"""Values of a window at most: each is a step of the compiled program."""


class Pool2(OverWindows):
    """The largest value, or the mean, of each window of an image and each channel.

    Where several values of a window are the largest, they share the derivative.

    Parameters
    ----------
    pool_size : int or pair of int
        Width and height of the windows.
    stride : int or pair of int, optional
        Steps from one window to the next; by default ``pool_size``, so that windows
        lie side by side. What is left at the end and fills no window is not read.
    mode : str
        ``max`` or ``mean``.

    Outputs: out, (batch, width, height, channels).

    Examples
    --------
    >>> import theanets
    >>> net = theanets.convolution.Regressor(
    ...     [(28, 28, 3), dict(form="pool2", pool_size=2), "flat", 10])
    >>> net.layers[1].shape
    (14, 14, 3)
    """

    sized_by = "pool_size"
    example: ClassVar = {"pool_size": (2, 1)}
    takes_activation = False

    def __init__(
        self,
        *,
        pool_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        mode: str = "max",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.set_windows(pool_size, pool_size if stride is None else stride)
        if (cells := math.prod(self.windows.size)) > _MOST_CELLS:
            raise ConfigurationError(
                f"{self.where}pool_size {shown(pool_size)} makes windows of {cells} "
                f"values; at most {_MOST_CELLS} are possible. Use two pooling layers, "
                "one after the other."
            )
        self.mode = choice(mode, f"{self.where}mode", MODES)

    def infer_output_shape(self) -> Shape:
        return (*self.count_windows(), self.input_shape[-1])

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        x = inputs[self.input_name]
        self.fitting(x.shape[1:-1])
        return MODES[self.mode](_values(x, self.windows))

    def outline(self, params: Params, inputs: Outputs) -> LayerOutput:
        x = inputs[self.input_name]
        places = self.fitting(x.shape[1:-1])
        return jnp.zeros((len(x), *places, x.shape[-1]), x.dtype)


class Pool1(Pool2):
    """`Pool2` over one axis, the time of a sequence, which may be open.

    Outputs: out, (batch, time, channels).
    """

    example_inputs: ClassVar = ((None, 4),)
    example: ClassVar = {"pool_size": 2, "mode": "mean"}
    axes = 1


def _values(x: Array, windows: Windows) -> list[Array]:
    """Return, for each place within a window, the values there in all windows."""
    lengths = zip(x.shape[1:-1], windows.size, windows.stride, strict=True)
    spans = [(length - size) // step * step + 1 for length, size, step in lengths]
    return [
        x[:, *map(slice, place, map(add, place, spans), windows.stride)]
        for place in product(*map(range, windows.size))
    ]


def _mean(values: list[Array]) -> Array:
    return sum(values[1:], values[0]) / len(values)


@jax.custom_jvp
def _largest(values: list[Array]) -> Array:
    return reduce(jnp.maximum, values)


@_largest.defjvp
def _slope_of_largest(primals: PyTree, tangents: PyTree) -> tuple[Array, Array]:
    (values,), (slopes,) = primals, tangents
    largest = _largest(values)
    shares = [(value == largest).astype(largest.dtype) for value in values]
    slope = sum(map(jnp.multiply, shares, slopes)) / sum(shares)
    return largest, slope


MODES: dict[str, Callable[[list[Array]], Array]] = {"max": _largest, "mean": _mean}
