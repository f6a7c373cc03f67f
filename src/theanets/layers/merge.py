"""Layers that join or rearrange arrays and learn nothing."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp

from theanets.errors import ConfigurationError, DataError
from theanets.layers.base import Layer
from theanets.types import Array, LayerOutput, Outputs, Params, Shape
from theanets.utils.checks import is_whole


class Concatenate(Layer):
    """Join arrays on their last axis, in the order of ``inputs``.

    Outputs: out, (batch, ..., sum of the input sizes).
    """

    example_inputs: ClassVar = (4, (4, "tanh"))
    example: ClassVar = {"inputs": ["hid1", "in"]}
    aliases = ("concat",)
    takes_activation = False

    def infer_output_shape(self) -> Shape:
        leading = self.leading_shape()
        sizes = [self.known(shape[-1]) for shape in self.input_shapes.values()]
        return (*leading, sum(sizes))

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        return jnp.concatenate(_read(self, inputs, slice(-1)), axis=-1)


class Elementwise(Layer, abstract=True):
    """Join arrays of one shape element by element."""

    example_inputs: ClassVar = (4, (4, "tanh"))
    example: ClassVar = {"inputs": ["hid1", "in"]}
    takes_activation = False

    def infer_output_shape(self) -> Shape:
        if len(set(self.input_shapes.values())) > 1:
            raise ConfigurationError(
                f"{self.where}form {self.form!r} needs inputs of one shape, got "
                f"{self.describe_inputs()}."
            )
        return self.input_shape


class Product(Elementwise):
    """Multiply arrays of one shape elementwise.

    Outputs: out, the shape of each input.
    """

    aliases = ("prod",)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        first, *others = _read(self, inputs)
        return math.prod(others, start=first)


class Add(Elementwise):
    """Add arrays of one shape elementwise, as for residual connections.

    Outputs: out, the shape of each input.

    Examples
    --------
    >>> import theanets
    >>> skip = {"form": "add", "inputs": ["hid2", "hid1"]}
    >>> net = theanets.Regressor([4, 8, (8, "tanh"), skip, 2])
    >>> net.layers[3].shape
    (8,)
    """

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        first, *others = _read(self, inputs)
        return sum(others, start=first)


class Flatten(Layer):
    """Turn each example into a vector.

    Outputs: out, (batch, product of the other axes).
    """

    example_inputs: ClassVar = ((3, 2),)
    aliases = ("flat",)
    takes_activation = False
    max_inputs = 1

    def infer_output_shape(self) -> Shape:
        return (_count(self),)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        x = inputs[self.input_name]
        return x.reshape(x.shape[0], -1)


class Reshape(Layer):
    """Give each example another shape of as many values.

    Parameters
    ----------
    shape : tuple of int
        The new shape without the batch axis; one length may be -1, which stands
        for what is left.

    Outputs: out, (batch, ...shape).
    """

    example_inputs: ClassVar = (6,)
    example: ClassVar = {"shape": (-1, 2)}
    takes_activation = False
    max_inputs = 1

    def __init__(self, *, shape: Sequence[int], **kwargs: Any) -> None:
        listed = isinstance(shape, tuple | list)
        at = [i for i, n in enumerate(shape if listed else ()) if is_whole(n) and n < 0]
        free = len(at) == 1 and shape[at[0]] == -1
        lengths = [*shape[: at[0]], 1, *shape[at[0] + 1 :]] if free else shape
        super().__init__(shape=() if shape is None else lengths, **kwargs)
        if None in self._shape:
            raise ConfigurationError(
                f"{self.where}shape is {tuple(shape)}; each length has to be a whole "
                "number. One may be -1, which stands for what is left."
            )
        self._free_axis = at[0] if free else None

    def infer_output_shape(self) -> Shape:
        shape, count = list(self._shape), _count(self)
        if self._free_axis is not None:
            shape[self._free_axis] = count // math.prod(self._shape)  # type: ignore[arg-type]
        if math.prod(shape) != count:  # type: ignore[arg-type]
            raise ConfigurationError(
                f"{self.where}shape {tuple(self.given['shape'])} cannot hold the "
                f"{count} values of its input {self.input_name} {self.input_shape}. "
                f"Give lengths whose product is {count}; one may be -1."
            )
        return tuple(shape)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        x = inputs[self.input_name]
        return x.reshape(x.shape[0], *self.shape)


def _read(
    layer: Layer, inputs: Mapping[str, Array], axes: slice = slice(None)
) -> list[Array]:
    """Return the arrays of the inputs, which agree in axes of open length too."""
    arrays = {name: inputs[name] for name in layer.input_names}
    if len({array.shape[axes] for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(
            f"{layer.where}its inputs differ in length with these data: {shapes}, "
            "batch first. Shorten all or none of them, by pool1 or conv1, before they "
            "are joined."
        )
    return list(arrays.values())


def _count(layer: Layer) -> int:
    if None in layer.input_shape:
        raise ConfigurationError(
            f"{layer.where}every axis of its input has to be known, got "
            f"{layer.describe_inputs()}. Give the input layer a full shape."
        )
    return math.prod(n for n in layer.input_shape if n is not None)
