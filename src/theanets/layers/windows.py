"""Where the windows of convolution and pooling stand on an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

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


class OverWindows(Layer, abstract=True):
    """A layer that lays windows over the axes of images, or of sequences."""

    example_inputs: ClassVar[Sequence[object]] = ((4, 3, 2),)
    max_inputs = 1
    stepwise = False
    axes: ClassVar[int] = 2
    """Number of axes that windows move over."""
    sized_by: ClassVar[str]
    """The keyword that gives the size of a window."""

    def set_windows(
        self, size: object, stride: object, border: object = "valid"
    ) -> None:
        """Set the windows that keywords describe, checked."""
        if isinstance(border, str):
            border = choice(border, f"{self.where}border_mode", BORDERS)
        else:
            expected = f"it has to be one of {join_names(BORDERS)}, or a whole number "
            expected += "of zeros on each side"
            border = self._for_axes("border_mode", border, 0, expected)
        expected = f"for form {self.form!r} it has to be a whole number from 1 on"
        lengths = self._for_axes(self.sized_by, size, 1, expected)
        strides = self._for_axes("stride", stride, 1, expected)
        self.windows = Windows(lengths, strides, border)
        # Lengths that give different numbers of windows.
        self.probes = (max(lengths), max(lengths) + max(strides))

    def count_windows(self) -> Shape:
        """Return the number of windows on each axis of the input; at least one."""
        *lengths, _ = shape = self.input_shape
        if len(lengths) != self.axes:
            kinds = ("sequences (time, channels)", "images (width, height, channels)")
            raise ConfigurationError(
                f"{self.where}form {self.form!r} reads {kinds[self.axes - 1]}, but its "
                f"input {self.input_name} has shape {shape}. Give the model's input "
                'such a shape, or put a "reshape" layer before.'
            )
        return self.fitting(tuple(lengths), ConfigurationError)

    def fitting(self, lengths: Shape, error: type[TheanetsError] = DataError) -> Shape:
        """Return the number of windows on axes of these lengths; at least one."""
        counts = self.windows.counts(lengths)
        if any(count is not None and count < 1 for count in counts):
            size, given = (
                " x ".join(map(str, n)) for n in (self.windows.size, lengths)
            )
            raise error(
                f"{self.where}{self.sized_by} {size} does not fit into its input "
                f"{self.input_name}, which is {given}: nothing would be left. Use a "
                "smaller one, or fewer layers before it that shrink their input."
            )
        return counts

    def _for_axes(
        self, what: str, value: object, least: int, expected: str
    ) -> tuple[int, ...]:
        """Return one whole number for each axis, of one for all or of one for each."""
        each = value if isinstance(value, tuple | list) else (value,) * self.axes
        if len(each) != self.axes or not all(is_whole(n, least) for n in each):
            n = 3 if least else 1
            examples = (f"such as {n}", f"or two of them, such as ({n}, {n})")
            raise ConfigurationError(
                f"{self.where}{what} is {shown(value)}; {expected}, "
                f"{examples[self.axes - 1]}."
            )
        return tuple(map(int, each))
