"""Convolution over images and over time."""

import math
from collections.abc import Sequence
from typing import ClassVar, Unpack

import jax.numpy as jnp
import numpy as np

from theanets.initializers import INITS, random_matrix
from theanets.layers.correlate import correlate
from theanets.layers.options import LayerOptions

# The original had these in this module.
from theanets.layers.pooling import Pool1, Pool2  # noqa: F401
from theanets.layers.windows import OverWindows
from theanets.types import Array, LayerOutput, Outputs, Params, Shape


class Conv2(OverWindows):
    """Small filters that look at every place of an image.

    out = g(correlation of x with w, + b), with g the layer's activation. A learned
    activation has one parameter for each filter.

    Parameters
    ----------
    size : int
        Number of filters.
    filter_size : int or pair of int
        Width and height of the filters.
    stride : int or pair of int
        Steps from one place to the next.
    border_mode : str
        ``valid``: filters stay inside the image. ``full``: they overlap it by a pixel
        at least. ``half``: by filter_size // 2 zeros around the image. ``same``: there
        is one place for each step; without strides, the image keeps its size.

    Parameters of the layer: w (size, channels, *filter_size), which begins with
    N(0, 1 / sqrt(channels + size)); b (size,).
    Outputs: out and pre, both (batch, width, height, size).

    Examples
    --------
    >>> import theanets
    >>> net = theanets.convolution.Classifier(
    ...     [(28, 28, 1), dict(form="conv2", size=16, filter_size=5), "flat", 10])
    >>> net.layers[1].shape, net.find("hid1", "w").shape
    ((24, 24, 16), (16, 1, 5, 5))
    """

    sized_by = "filter_size"
    example: ClassVar = {
        "size": 5,
        "filter_size": (3, 2),
        "border_mode": "same",
        "stride": (2, 1),
    }

    def __init__(
        self,
        *,
        filter_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        border_mode: str = "valid",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.set_windows(filter_size, stride, border_mode)

    def infer_output_shape(self) -> Shape:
        size = self.given_size("filters", "size=16")
        return self.check_shape((*self.count_windows(), size), "Give the size alone.")

    def setup(self) -> None:
        options = self._options("w", self.general_names)
        cells = self.windows.size if self.axes == 2 else (1, *self.windows.size)
        count, size, channels = math.prod(cells), self.size, self.input_size
        shape = (size, channels, *cells)
        # A unit reads all cells of a filter, and each cell is part of as many units.
        fans = count * channels, count * size
        orthogonal = options.get("init") == "orthogonal"
        if "init" in options and not orthogonal:
            options["std"] = INITS[options.pop("init")](*fans)

        def filters(rng: np.random.Generator) -> np.ndarray:
            if orthogonal:
                return random_matrix(rng, fans[0], size, **options).T.reshape(shape)
            each = [random_matrix(rng, size, channels, **options) for _ in range(count)]
            return np.stack(each, axis=-1).reshape(shape)

        self.add_param("w", shape, filters)
        self.add_bias("b", self.size)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        x = inputs[self.input_name]
        self.fitting(x.shape[1:-1])
        pre = self.correlation(x, params["w"]) + params["b"]
        return {"pre": pre, "out": self.activate(params, pre)}

    def outline(self, params: Params, inputs: Outputs) -> LayerOutput:
        x = inputs[self.input_name]
        places = self.fitting(x.shape[1:-1])
        pre = jnp.zeros((len(x), *places, self.size), x.dtype)
        return {"pre": pre, "out": self.activate(params, pre)}

    def correlation(self, x: Array, w: Array) -> Array:
        """Return the correlation of a batch with filters."""
        padding = self.windows.padding(x.shape[1:3])
        return correlate(x, w, self.windows.stride, padding)


class Conv1(Conv2):
    """Small filters that look at every place of a sequence.

    It is `Conv2` over one axis, which may be open: any length that the filters fit in.

    Parameters
    ----------
    size, border_mode
        As in `Conv2`.
    filter_size, stride : int
        Length of the filters, and steps from one place to the next.

    Parameters of the layer: w (size, channels, 1, filter_size), b (size,).
    Outputs: out and pre, both (batch, time, size).
    """

    example_inputs: ClassVar = ((None, 4),)
    example: ClassVar = {"size": 5, "filter_size": 2}
    axes = 1

    def correlation(self, x: Array, w: Array) -> Array:
        padding = ((0, 0), *self.windows.padding(x.shape[1:2]))
        return correlate(x[:, None], w, (1, *self.windows.stride), padding)[:, 0]
