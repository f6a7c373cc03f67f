"""A network with one of its layers made anew, and all that fits kept."""

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from theanets.errors import ConfigurationError
from theanets.graph.freezing import with_frozen
from theanets.graph.specs import layer_from
from theanets.graph.topology import Topology
from theanets.layers import FORMS, Layer
from theanets.models.parameters import Arrays
from theanets.training.history import History
from theanets.utils.checks import shown
from theanets.utils.registry import parameters

if TYPE_CHECKING:
    from theanets.models.network import Network

N = TypeVar("N", bound="Network")


def replaced(net: N, changed: Layer, changes: Mapping[str, Any]) -> N:
    """Return a new network in which one layer has other keywords.

    Parameters
    ----------
    net : Network
        The network, which stays as it is.
    changed : Layer
        A layer of it.
    changes : mapping of str
        Keywords of the layer, in the place of those that it has.

    Raises
    ------
    ConfigurationError
        If the layer cannot be so, or another one does not fit it.
    """
    if "name" in changes:
        raise ConfigurationError(
            f"{changed.where}replace keeps its name, got "
            f"name={shown(changes['name'])}. Leave it out; other names are for a new "
            "model."
        )
    made = _without_layers(net)
    for layer in net.layers:
        spec = description(layer)
        if layer is changed:
            spec = _changed(layer, spec, changes)
        is_output = layer is net.layers[-1] and len(net.layers) > 1
        bound = layer_from(
            spec,
            layer.name,
            first=not made._topology.layers,
            activation=net._last_activation() if is_output else None,
            ndim=net.input_ndim,
        )
        made._topology = made._topology.extended(bound)
    _keep_arrays(net, made)
    made._follow()
    made._check_losses(made.losses)
    return made


def description(layer: Layer) -> dict[str, Any]:
    """Return the keywords that make a layer again, functions and streams too."""
    spec = layer.to_spec()
    if "activation" in spec:
        spec["activation"] = layer.activation
    return spec if layer.rng is None else {**spec, "rng": layer.rng}


def _changed(
    layer: Layer, spec: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return keywords with changes, less what these stand for or rule out."""
    kept = dict(spec)
    if "size" in changes or "shape" in changes:
        kept = {name: x for name, x in kept.items() if name not in ("size", "shape")}
    form = changes.get("form", layer.form)
    kind = FORMS.lookup(form, layer.where)
    if kind is type(layer):
        return kept | dict(changes)
    known = {*parameters(kind), "name"}
    if not kind.leaves_activation_open({**kept, **changes}):
        known -= {"activation"}
    kept = {name: x for name, x in kept.items() if name in known}
    return kept | dict(changes)


def _without_layers(net: N) -> N:
    """Return a copy that has trained nothing, and has no layers yet."""
    made = copy.deepcopy(net)
    made._topology, made._values = Topology(), Arrays()
    made._draws, made.history = 0, History()
    return made


def _keep_arrays(net: "Network", made: "Network") -> None:
    """Give a network the arrays of another that fit it, and draw the others."""
    before, shapes = net._values.now(), made._topology.param_shapes
    kept = {
        name: before[name]
        for name, shape in shapes.items()
        if name in before and tuple(before[name].shape) == tuple(shape)
    }
    lacking = [
        layer
        for layer in made.layers
        if not all(layer.full_name(name) in kept for name in layer.params)
    ]
    made._values.update({**made._initial(lacking, made.seed), **kept})
    frozen = net._topology.frozen & kept.keys()
    made._topology = with_frozen(made._topology, frozen)
