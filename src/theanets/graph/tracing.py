"""Layers traced without computing, to learn their outputs and check what they claim.

Each layer is traced at two lengths of every open axis, which shows the axes that follow
it and the axes of a fixed length. So an error in a custom layer shows when the model is
made. Convolution and pooling are traced by their `outline`: their `transform` takes a
slice for each cell of a window, and a few bytes of a file from a stranger can ask for
very many.
"""

from collections.abc import Mapping

import jax

from theanets.data.expected import agree
from theanets.errors import ConfigurationError, TheanetsError
from theanets.graph.running import by_name, naming_what_is_there, params_of
from theanets.layers import Input, Layer
from theanets.types import Array, Params, PyTree, Shape
from theanets.utils.checks import compilable
from theanets.utils.registry import join_names

_EXAMPLES = 61
"""Examples in a traced batch: a number that is unlikely as any other size."""


def output_shapes(
    layer: Layer, param_shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Shape]:
    """Return the shape of each output of a bound layer, without its batch axis.

    ``param_shapes`` are the shapes of earlier layers' arrays, by full name. A layer
    that fails, or computes other shapes than it declares, is refused.
    """
    read = (layer.shape, *layer.input_shapes.values(), *layer.side_shapes.values())
    is_open = any(None in shape for shape in read)
    # Where every length is known, the second probe would repeat the first.
    probes = layer.probes if is_open else layer.probes[:1]
    traced = [_trace(layer, param_shapes, length) for length in probes]
    if "out" not in traced[0]:
        raise ConfigurationError(
            f'{layer.where}its transform returns no "out", only '
            f'{join_names(traced[0])}. Return one array, or a dict that holds "out".'
        )
    shapes: dict[str, Shape] = {
        name: tuple(
            a if a == b else None for a, b in zip(shape, traced[-1][name], strict=True)
        )
        for name, shape in traced[0].items()
    }
    declared = layer.shape
    if not agree(shapes["out"], declared):
        raise ConfigurationError(
            f"{layer.where}it declares an output of shape {declared}, but its "
            f"transform computes {shapes['out']}. Override infer_output_shape, or give "
            "the right size."
        )
    return shapes


def _trace(
    layer: Layer, param_shapes: Mapping[str, tuple[int, ...]], length: int
) -> dict[str, tuple[int, ...]]:
    def outputs(params: Params, inputs: Params) -> dict[str, Array]:
        own_params = params_of(layer, params)
        with naming_what_is_there(layer, "transform", own_params, inputs):
            result = layer.outline(own_params, inputs)
        which = "transform" if result is None else "activation"
        named = by_name(result)
        if any(value is None for value in named.values()):
            raise ConfigurationError(
                f"{layer.where}its {which} returns nothing. End it with return."
            )
        return named

    shapes = {**layer.input_shapes, **layer.side_shapes}
    if isinstance(layer, Input):
        shapes = {layer.output_name: layer.shape}
    read = {
        name: abstract((_EXAMPLES, *(length if n is None else n for n in shape)))
        for name, shape in shapes.items()
    }
    params = {layer.full_name(n): abstract(p.shape) for n, p in layer.params.items()}
    params |= {x: abstract(param_shapes[x]) for x in layer.borrowed.values()}
    try:
        with compilable(f"{layer.where}its activation or transform"):
            traced = jax.eval_shape(outputs, params, read)
    except TheanetsError:
        raise
    except NotImplementedError as error:
        # The user's class lacks a method that its base class asks for.
        raise ConfigurationError(
            f"{layer.where}{error or 'a method is missing'}. Write it in the class."
        ) from None
    except Exception as error:
        line = str(error).partition("\n")[0] or f"it raised {type(error).__name__}."
        raise ConfigurationError(
            f"{layer.where}its activation or transform fails for inputs "
            f"{layer.describe_inputs()}: {line}"
        ) from error
    for name, value in traced.items():
        if value.shape[:1] != (_EXAMPLES,):
            raise ConfigurationError(
                f"{layer.where}its transform has lost the axis of the examples: "
                f'"{name}" of {_EXAMPLES} examples has the shape {value.shape}, where '
                f"the first axis has to be {_EXAMPLES}. Sums and means go over other "
                "axes, such as axis=-1."
            )
    return {name: value.shape[1:] for name, value in traced.items()}


def abstract(shape: Shape) -> PyTree:
    """Return a stand-in for an array of float32, to trace with."""
    return jax.ShapeDtypeStruct(shape, "float32")
