"""How a layer finds its place in a graph: names, what it reads, its arrays."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from theanets.errors import ConfigurationError
from theanets.layers import Input, Layer
from theanets.types import Shape
from theanets.utils.checks import shown
from theanets.utils.registry import join_names, suggest


def resolve_inputs(
    layer: Layer, earlier: Sequence[Layer], shapes: Mapping[str, Shape]
) -> dict[str, Shape]:
    """Return the full names and shapes of the outputs that a layer reads."""
    if isinstance(layer, Input):
        if layer.input_names:
            raise ConfigurationError(
                f"{layer.where}an input reads data and no other layer, got "
                f"inputs={shown(list(layer.input_names))}."
            )
        return {}
    for given in layer.input_names:
        if isinstance(given, Layer) and not any(given is x for x in earlier):
            there = ", ".join(x.name for x in earlier)
            raise ConfigurationError(
                f"{layer.where}inputs holds {shown(given)}, which is no earlier "
                f"layer of this model. Earlier layers: {there}."
            )
    named = tuple(
        x.output_name if isinstance(x, Layer) else x for x in layer.input_names
    )
    names = named or tuple(x.output_name for x in earlier[-1:])
    if not names:
        raise ConfigurationError(
            f"{layer.where}the first layer of a model has to be an input: "
            "begin with the size of your data."
        )
    resolved = {}
    for name in names:
        full, shape = find_output(layer, "inputs", name, shapes)
        resolved[full] = shape
    if len(resolved) < len(names):
        raise ConfigurationError(
            f"{layer.where}inputs name one output twice: {', '.join(names)}."
        )
    return resolved


def check_indices(layer: Layer, earlier: Sequence[Layer]) -> None:
    """Let indices come straight from data, where they can be checked."""
    if not layer.reads_indices:
        return
    source, _, _ = layer.input_name.partition(":")
    given = next(x for x in earlier if x.name == source)
    if isinstance(given, Input) and given.scale:
        raise ConfigurationError(
            f"{layer.where}it reads whole numbers, but its input "
            f'"{source}" standardizes them. Leave scale out there.'
        )
    if not isinstance(given, Input):
        raise ConfigurationError(
            f"{layer.where}it reads whole numbers, so its input has to be an input "
            f"layer, got {layer.describe_inputs()}. Inputs: "
            f"{join_names(x.name for x in earlier if isinstance(x, Input))}."
        )


def find_output(
    layer: Layer, keyword: str, name: Any, shapes: Mapping[str, Shape]
) -> tuple[str, Shape]:
    """Return the full name and the shape of an earlier output that a layer names."""
    name = name.output_name if isinstance(name, Layer) else name
    full = name if ":" in name else f"{name}:out"
    if full not in shapes:
        verb = "name" if keyword == "inputs" else "names"
        short = [earlier.removesuffix(":out") for earlier in shapes]
        raise ConfigurationError(
            f'{layer.where}{keyword} {verb} "{name}", which is no earlier '
            f"layer's output. Earlier outputs: {', '.join(shapes)}."
            + suggest(name, [*short, *shapes])
        )
    return full, shapes[full]


def check_names(layer: Layer, earlier: Collection[str]) -> None:
    """Check that no earlier layer, or worker of one, has the name."""
    taken = {part.name for part in (layer, *layer.workers)} & set(earlier)
    if taken:
        raise ConfigurationError(
            f'layer "{taken.pop()}": an earlier layer has this name already. '
            f"Names so far: {join_names(earlier)}. Choose another."
        )


def check_arrays(layer: Layer, shapes: Mapping[str, Shape]) -> None:
    """Check that a layer's parameters are among the arrays of a file."""
    for name, param in layer.params.items():
        full = layer.full_name(name)
        if shapes.get(full) != tuple(param.shape):
            came = f"is {shapes[full]}" if full in shapes else "is not there"
            raise ConfigurationError(
                f"{layer.where}the arrays of the file are not those that it needs: "
                f'"{full}" has to be of shape {tuple(param.shape)} and {came}.'
            )
