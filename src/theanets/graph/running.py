"""Pure functions that compute the outputs of bound layers."""

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager

import jax

from theanets.errors import ConfigurationError
from theanets.layers import Layer
from theanets.types import Array, Params, PyTree
from theanets.utils.registry import listed

Carries = Mapping[str, dict[str, Array]]
"""The states of recurrent layers, by layer and by part."""
Modify = Callable[[str, Array, dict[str, Array]], Array]
"""Changes an output, as noise does: (full name, value, outputs so far) -> value."""


def run_from(
    layers: Sequence[Layer],
    params: Params,
    start: Layer,
    value: Array,
    modify: Modify | None = None,
) -> dict[str, Array]:
    """Compute the outputs that follow from the main output of one layer alone."""
    outputs: dict[str, Array] = {}

    def keep(full: str, value: Array) -> None:
        outputs[full] = value if modify is None else modify(full, value, outputs)

    keep(start.output_name, value)
    for layer in layers[layers.index(start) + 1 :]:
        if layer.reads and set(layer.reads) <= set(outputs):
            read = {name: outputs[name] for name in layer.reads}
            for name, output in run_layer(layer, params, read)[0].items():
                keep(f"{layer.name}:{name}", output)
    if layers[-1].output_name not in outputs:
        raise ConfigurationError(
            f'the output cannot be computed from layer "{start.name}" alone: '
            "layers after it read others before it. Choose another layer."
        )
    return outputs


def params_of(layer: Layer, params: Params) -> dict[str, Array]:
    """Return the parameters that a layer reads, by the names it has for them."""
    full_names = {name: layer.full_name(name) for name in layer.params}
    return {name: params[x] for name, x in (full_names | layer.borrowed).items()}


def run_layer(
    layer: Layer, params: Params, read: Params, key: Array | None = None
) -> tuple[dict[str, Array], Params]:
    """Return a layer's outputs, and new values of its own not-learned parameters."""
    own_params = params_of(layer, params)
    if not layer.trains_differently:
        key = None
    name = "transform" if key is None else "transform_training"
    with naming_what_is_there(layer, name, own_params, read):
        if key is None:
            return by_name(layer.transform(own_params, read)), {}
        # By its name, so that another layer does not shift these random numbers.
        layer_key = jax.random.fold_in(key, zlib.crc32(layer.name.encode()))
        result = layer.transform_training(own_params, read, layer_key)
    outputs, updates = result if isinstance(result, tuple) else (result, {})
    return by_name(outputs), updates


def naming_what_is_there(
    layer: Layer, method: str, params: Collection[str], read: Collection[str]
) -> AbstractContextManager[None]:
    """List the names there are, if a user's layer reads one that is not there."""
    return listed(
        f"{layer.where}its {method}",
        {"its parameters": params, "its inputs": read},
        " Declare parameters in setup, such as "
        'self.add_weights("w", self.input_size, self.size).',
    )


def by_name(result: PyTree) -> dict[str, Array]:
    """Return the result of a transform as outputs by name."""
    return result if isinstance(result, dict) else {"out": result}
