"""A copy of a model in which one layer is replaced, and all that fits is kept."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from theanets.errors import ConfigurationError
from theanets.graph.freezing import with_frozen
from theanets.graph.specs import layer_from
from theanets.layers import FORMS, Layer
from theanets.models.state import ModelState
from theanets.utils.checks import shown
from theanets.utils.registry import parameters


def replaced(
    model: ModelState, changed: Layer, changes: Mapping[str, Any]
) -> ModelState:
    """Return a new model in which ``changes`` replace keywords of one layer."""
    if "name" in changes:
        raise ConfigurationError(
            f"{changed.where}replace keeps its name, got "
            f"name={shown(changes['name'])}. Leave it out; other names are for a new "
            "model."
        )
    layers = model.topology.layers
    new = ModelState(
        model.kind,
        model.seed,
        model.dtype,
        losses=deepcopy(model.losses),
        columns=model.columns.copy(),
    )
    for layer in layers:
        spec = layer.to_spec()
        if "activation" in spec:
            # Functions too, as no file has to hold them.
            spec["activation"] = layer.activation
        if layer.rng is not None:
            spec["rng"] = layer.rng
        if layer is changed:
            spec = _changed(layer, spec, changes)
        is_output = layer is layers[-1] and len(layers) > 1
        bound = layer_from(
            spec,
            layer.name,
            first=not new.topology.layers,
            activation=model.last_activation() if is_output else None,
            ndim=model.kind.input_ndim,
        )
        new.topology = new.topology.extended(bound)
    _keep_arrays(model, new)
    new.name_last_layer()
    new.check_losses(new.losses)
    return new


def _changed(
    layer: Layer, spec: dict[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return keywords with changes, without those that the changes rule out."""
    kind = FORMS.lookup(changes.get("form", layer.form), layer.where)
    gone = {"size", "shape"} if {"size", "shape"} & changes.keys() else set()
    kept = {name: x for name, x in spec.items() if name not in gone}
    if kind is not type(layer):
        known = {*parameters(kind), "name"}
        if not kind.leaves_activation_open({**kept, **changes}):
            known -= {"activation"}
        kept = {name: x for name, x in kept.items() if name in known}
    return {**kept, **changes}


def _keep_arrays(model: ModelState, new: ModelState) -> None:
    """Give a model the arrays of another that fit it, and draw the others."""
    before, shapes = model.arrays.now(), new.topology.param_shapes
    kept = {
        name: before[name]
        for name, shape in shapes.items()
        if name in before and tuple(before[name].shape) == tuple(shape)
    }
    lacking = [
        layer
        for layer in new.topology.layers
        if not all(layer.full_name(name) in kept for name in layer.params)
    ]
    new.arrays.update({**new.first_values(lacking, new.seed), **kept})
    new.topology = with_frozen(new.topology, model.topology.frozen & kept.keys())
