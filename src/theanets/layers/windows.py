"""Where the windows of convolution and pooling stand on an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from theanets.errors import ConfigurationError, DataError, TheanetsError
from theanets.layers.base import Layer
from theanets.types import Shape
from theanets.utils.checks import is_whole, shown
from theanets.utils.registry import choice, join_names

Padding: TypeAlias = tuple[tuple[int, int], ...]

BORDERS = ("valid", "full", "half", "same")


@dataclass(frozen=True)
class Windows:
    """A window that moves over some axes of an array, ``stride`` steps at a time.

    ``border`` says how many zeros stand around the array: none (``valid``), size - 1 on
    each side (``full``), size // 2 on each side (``half``), or as many as make one
    window for each step, an odd one behind (``same``); or how many on each side of each
    axis.

    >>> Windows((5, 2), (1, 2), "valid").counts((28, None))
    (24, None)
    >>> Windows((5,), (2,), "same").padding((28,))
    ((1, 2),)
    """

    size: tuple[int, ...]
    stride: tuple[int, ...]
    border: str | tuple[int, ...] = "valid"

    @property
    def probes(self) -> tuple[int, int]:
        """Two lengths of an axis that give different numbers of windows."""
        shortest = max(self.size)
        return shortest, shortest + max(self.stride)

    def padding(self, lengths: Sequence[int]) -> Padding:
        """Return the zeros before and behind each axis."""
        return tuple(map(self._padding, range(len(self.size)), lengths))

    def counts(self, lengths: Shape) -> Shape:
        """Return the number of windows on each axis; None where it is open."""
        return tuple(
            None if n is None else (n + sum(self._padding(i, n)) - k) // s + 1
            for i, (n, k, s) in enumerate(
                zip(lengths, self.size, self.stride, strict=True)
            )
        )

    def _padding(self, axis: int, length: int) -> tuple[int, int]:
        if not isinstance(self.border, str):
            return self.border[axis], self.border[axis]
        size, stride = self.size[axis], self.stride[axis]
        if self.border == "same":
            missing = max(0, (-(-length // stride) - 1) * stride + size - length)
            return missing // 2, missing - missing // 2
        margin = {"valid": 0, "full": size - 1, "half": size // 2}[self.border]
        return margin, margin


def windows_of(
    layer: Layer,
    axes: int,
    what: str,
    size: object,
    stride: object,
    border: object = "valid",
) -> Windows:
    """Return the windows over some axes that a layer's keywords describe, checked.

    ``what`` is the keyword that gives the window's size.
    """
    if isinstance(border, str):
        border = choice(border, f"{layer.where}border_mode", BORDERS)
    else:
        expected = f"it has to be one of {join_names(BORDERS)}, or a whole number of "
        expected += "zeros on each side"
        border = _for_axes(layer, axes, "border_mode", border, 0, expected)
    expected = f"for form {layer.form!r} it has to be a whole number from 1 on"
    lengths = _for_axes(layer, axes, what, size, 1, expected)
    strides = _for_axes(layer, axes, "stride", stride, 1, expected)
    return Windows(lengths, strides, border)


def count_windows(layer: Layer, windows: Windows, what: str, axes: int) -> Shape:
    """Return the number of windows on each axis of the layer's input; at least one."""
    *lengths, _ = shape = layer.input_shape
    if len(lengths) != axes:
        kind = {1: "sequences (time, channels)", 2: "images (width, height, channels)"}
        raise ConfigurationError(
            f"{layer.where}form {layer.form!r} reads {kind[axes]}, but its input "
            f"{layer.input_name} has shape {shape}. Give the model's input such a "
            'shape, or put a "reshape" layer before.'
        )
    return fitting(layer, windows, what, tuple(lengths), ConfigurationError)


def fitting(
    layer: Layer,
    windows: Windows,
    what: str,
    lengths: Shape,
    error: type[TheanetsError] = DataError,
) -> Shape:
    """Return the number of windows on axes of these lengths; raise if one has none."""
    counts = windows.counts(lengths)
    if any(count is not None and count < 1 for count in counts):
        raise error(
            f"{layer.where}{what} {_text(windows.size)} does not fit into its input "
            f"{layer.input_name}, which is {_text(lengths)}: nothing would be left. "
            "Use a smaller one, or fewer layers before it that shrink their input."
        )
    return counts


def _for_axes(
    layer: Layer, axes: int, what: str, value: object, least: int, expected: str
) -> tuple[int, ...]:
    """Return one whole number for each axis, of one for all or of one for each."""
    each = value if isinstance(value, tuple | list) else (value,) * axes
    if len(each) != axes or not all(is_whole(number, least) for number in each):
        n = 3 if least else 1
        example = {1: f"such as {n}", 2: f"or two of them, such as ({n}, {n})"}[axes]
        raise ConfigurationError(
            f"{layer.where}{what} is {shown(value)}; {expected}, {example}."
        )
    return tuple(map(int, each))


def _text(lengths: Sequence[int | None]) -> str:
    return " x ".join(str(length) for length in lengths)
