"""Sequences, and the masks that say which of their time steps are valid."""

from collections.abc import Sequence

from theanets.errors import ConfigurationError, DataError
from theanets.layers.base import Layer
from theanets.layers.binding import Node
from theanets.types import Array
from theanets.utils.checks import shown


def add_sides(layer: Layer, **names: str | Layer | None) -> None:
    """Note the outputs that keywords of a layer name, such as its mask."""
    for keyword, name in names.items():
        if name is None:
            continue
        if not isinstance(name, str | Layer):
            raise ConfigurationError(
                f"{layer.where}{keyword} is {shown(name)}; it has to be the name of an "
                'earlier layer\'s output, such as "hid1", or the layer.'
            )
        layer.side_inputs[keyword] = name


def check_sequence(layer: Layer, advice: str) -> None:
    """Refuse an input that is not a sequence; ``advice`` ends the message."""
    if len(layer.input_shape) != 2:
        raise ConfigurationError(
            f"{layer.where}form {layer.form!r} reads sequences, (batch, time, "
            f"values), but its input {layer.input_name} has the shape (batch, "
            f"{', '.join(map(str, layer.input_shape))}). {advice}"
        )


def check_mask(layer: Layer, earlier: Sequence[Node]) -> None:
    """Refuse a mask that is no input, or not of the shape (batch, time)."""
    name = layer.side_inputs.get("mask")
    if name is None:
        return
    time, shape = layer.input_shape[0], layer.side_shapes[name]
    is_input = any(
        x.output_name == name and x.max_inputs == 0 and not x.given.get("scale")
        for x in earlier
    )
    if not is_input or len(shape) != 1 or shape[0] not in (None, time):
        raise ConfigurationError(
            f"{layer.where}mask names {name} of shape (batch, "
            f"{', '.join(map(str, shape))}); it has to be an input of the shape "
            f"(batch, time), such as dict(form='input', name='mask', shape=({time},))."
        )
    # A mask of open length has as many steps as the sequence.
    layer.side_shapes[name] = (time,)


def valid_steps(layer: Layer, mask: Array | None, x: Array) -> Array | None:
    """Return whether each step is valid, (batch, time); None where all are."""
    if mask is None:
        return None
    if mask.shape != x.shape[:2]:
        raise DataError(
            f"{layer.where}its mask {layer.side_inputs['mask']} has "
            f"{mask.shape[1]} time steps, but its input {layer.input_name} has "
            f"{x.shape[1]}. The mask needs a number for each."
        )
    return mask != 0
