"""Checks of a new layer in a graph: its name, what it reads, its arrays."""

from collections.abc import Collection, Mapping, Sequence

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
    for source in layer.input_names:
        if isinstance(source, Layer) and not any(source is x for x in earlier):
            raise ConfigurationError(
                f"{layer.where}inputs holds {shown(source)}, which is no earlier "
                f"layer of this model. Earlier layers: "
                f"{', '.join(x.name for x in earlier)}."
            )
    sources = layer.input_names or earlier[-1:]
    names = [x.output_name if isinstance(x, Layer) else x for x in sources]
    if not names:
        raise ConfigurationError(
            f"{layer.where}the first layer of a model has to be an input: "
            "begin with the size of your data."
        )
    resolved = dict(find_output(layer, "inputs", name, shapes) for name in names)
    if len(resolved) < len(names):
        raise ConfigurationError(
            f"{layer.where}inputs name one output twice: {', '.join(names)}."
        )
    return resolved


def check_indices(layer: Layer, earlier: Sequence[Layer]) -> None:
    """Refuse indices that do not come straight from data, where they are checked."""
    if not layer.reads_indices:
        return
    name, _, _ = layer.input_name.partition(":")
    source = next(x for x in earlier if x.name == name)
    if not isinstance(source, Input) or source.scale:
        raise ConfigurationError(
            f"{layer.where}it reads whole numbers, so its input has to be an input "
            f"layer without scale, got {layer.describe_inputs()}. Inputs: "
            f"{join_names(x.name for x in earlier if isinstance(x, Input))}."
        )


def find_output(
    layer: Layer, keyword: str, source: str | Layer, shapes: Mapping[str, Shape]
) -> tuple[str, Shape]:
    """Return the full name and the shape of an earlier output that a layer reads."""
    name = source.output_name if isinstance(source, Layer) else source
    full = name if ":" in name else f"{name}:out"
    if full not in shapes:
        verb = "name" if keyword == "inputs" else "names"
        short = [output.removesuffix(":out") for output in shapes]
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
