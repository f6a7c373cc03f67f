"""Training that follows the shape of a network: part by part, or from the data.

A part of a network is a smaller graph over the same parameters, so nothing has to be
copied back, and the network is complete at every moment.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

from theanets.errors import ConfigurationError
from theanets.graph.freezing import with_frozen
from theanets.graph.topology import Topology
from theanets.layers import Feedforward, Flatten, Input, Layer, Tied
from theanets.layers.feedforward import weight_matrix
from theanets.layers.sequences import OverTime

T = TypeVar("T")

NAMES = {
    "sample": "sample",
    "layerwise": "layerwise",
    "supervised": "layerwise",
    "pretrain": "pretrain",
    "unsupervised": "pretrain",
}
"""The algorithms that follow the shape of a network, by all their names."""

STAGED = tuple(name for name, algo in NAMES.items() if algo != "sample")
"""Names of the algorithms that train one stage after the other, by a subalgo."""
_SHORTEST = ("layer", "sup", "pre", "unsup")


def full_name(algo: T) -> T | str:
    """Return the full name of an algorithm, in lower case; others stay as they are.

    >>> full_name("Layer"), full_name("unsup"), full_name("RMSProp"), full_name("pr")
    ('layerwise', 'unsupervised', 'rmsprop', 'pr')
    """
    if not isinstance(algo, str):
        return algo
    name = algo.lower()
    if name.startswith(_SHORTEST):
        for full in (*NAMES, "pretraining", "pretrainer"):
            if full.startswith(name):
                return full if full in NAMES else "pretrain"
    return name


@dataclass(frozen=True)
class Stage:
    """A part of a network that is trained by itself."""

    name: str
    """How reports and monitors call it."""
    topology: Topology
    fresh: tuple[Layer, ...] = ()
    """Its layers that the network does not have; others share the network's arrays."""
    reconstructs: bool = False
    """Whether its target is its input, whatever the network's is."""


def stages(algo: str, topology: Topology) -> list[Stage]:
    """Return the stages of a staged algorithm, checked to be possible for a network."""
    if NAMES[algo] == "layerwise":
        result = _layerwise(topology)
    else:
        autoencoder, fresh = _tied_autoencoder(topology)
        result = [
            Stage(f"pretrain {inner.name}", part, fresh, reconstructs=True)
            for inner, part in _outermost_first(autoencoder, algo)
        ]
    return _freezing(result, topology.frozen, algo) if topology.frozen else result


def _freezing(stages: list[Stage], frozen: frozenset[str], algo: str) -> list[Stage]:
    """Return stages with the network's frozen arrays, if there is more to train."""
    kept = []
    for stage in stages:
        graph = stage.topology
        # Fresh layers may have the names of the network's.
        fresh = {x.full_name(name) for x in stage.fresh for name in x.params}
        graph = with_frozen(graph, (frozen - fresh) & graph.param_shapes.keys())
        if graph.learned - fresh:
            kept.append(replace(stage, topology=graph))
    if not kept:
        raise ConfigurationError(
            f"{algo} has nothing to train: all that its stages share with the model is "
            f"frozen. Free some with net.unfreeze, or use another algo."
        )
    return kept


def _layerwise(topology: Topology) -> list[Stage]:
    """Return stages that each reach deeper, the last of them the whole network."""
    if any(isinstance(layer, Tied) for layer in topology.layers):
        return [
            Stage(f"layerwise {inner.name}", part)
            for inner, part in _outermost_first(topology, "layerwise")
        ]
    last = topology.layers[-1]
    deep = [i for i, x in enumerate(topology.layers[:-1]) if _learns(x)]
    if not deep or not _learns(last):
        lacks = "hidden layer that learns"
        if not _learns(last):
            lacks = f'weights in its last layer "{last.name}"'
        raise ConfigurationError(
            "layerwise trains one hidden layer after the other, each below an output "
            f"layer with weights. This model has no {lacks}. Use another algo."
        )
    result = []
    for i, following in pairwise(deep):
        below = _upto(topology, following)
        source = topology.layers[following - 1]
        fresh: tuple[Layer, ...] = ()
        if len(source.shape) > len(last.input_shape):
            flat = _as_vector(topology, source, f"{last.name}_flat")
            below, source, fresh = below.extended(flat), flat, (flat,)
        output = _again(last, source)
        part = _joined(below, [output], "layerwise")
        name = f"layerwise {topology.layers[i].name}"
        result.append(Stage(name, part, (*fresh, output)))
    whole = Stage(f"layerwise {topology.layers[deep[-1]].name}", topology)
    return [*result, whole]


def _as_vector(topology: Topology, source: Layer, name: str) -> Layer:
    """Return a layer that makes one vector of an output, as the network does."""
    for layer in topology.layers:
        if isinstance(layer, OverTime) and len(source.shape) == 2:
            spec = {**layer.to_spec(), "name": name, "inputs": source.output_name}
            return Layer.build(**spec)
    return Flatten(name=name, inputs=source.output_name)


def _outermost_first(topology: Topology, algo: str) -> list[tuple[Layer, Topology]]:
    """Return the parts of a graph of nested tied pairs, and each innermost layer."""
    layers = topology.layers
    index = {layer.name: i for i, layer in enumerate(layers)}
    pairs = [
        (index[layer.borrowed["w"].rpartition(".")[0]], i)
        for i, layer in reversed(list(enumerate(layers)))
        if isinstance(layer, Tied)
    ]
    outer = [pair[0] for pair in pairs]
    if outer != sorted(set(outer)) or outer[-1] > pairs[-1][1]:
        raise ConfigurationError(
            f"{algo} needs tied layers that undo the ones before in reverse order, as "
            'in [784, 256, 64, "tied", "tied"]. Here they undo, in their order: '
            + ", ".join(layers[i].name for i in reversed(outer))
            + "."
        )
    parts = []
    for (start, end), (following, _) in pairwise(pairs):
        source = layers[following - 1]
        rest = (_again(layers[end], source), *map(_again, layers[end + 1 :]))
        part = _joined(_upto(topology, following), rest, algo)
        parts.append((layers[start], part))
    return [*parts, (layers[outer[-1]], topology)]


def _tied_autoencoder(topology: Topology) -> tuple[Topology, tuple[Layer, ...]]:
    """Return an autoencoder over a network's hidden layers, and its fresh layers."""
    first, *hidden, last = topology.layers
    needs = (
        "pretrain needs one input and hidden feedforward layers, each of which reads "
        "the one before; "
    )
    previous = first
    for layer in hidden:
        if isinstance(layer, Input) or layer.input_names != (previous.output_name,):
            reads = ", ".join(layer.input_names) or "data"
            raise ConfigurationError(f'{needs}layer "{layer.name}" reads {reads}.')
        weights = any(len(p.shape) > 1 for p in layer.params.values())
        kept = layer.shape == layer.input_shape and not weights
        if not (_is_matrix(layer) or kept):
            raise ConfigurationError(
                f'{needs}layer "{layer.name}" is of form {layer.form!r}, which no tied '
                "layer can undo."
            )
        previous = layer
    encoders = [layer for layer in hidden if _is_matrix(layer)]
    if not encoders:
        raise ConfigurationError(f"{needs}this model has none.")
    fresh = tuple(
        Tied(
            partner=layer.name,
            name=last.name if layer is encoders[0] else f"{layer.name}_tied",
            activation="linear" if layer is encoders[0] else layer.activation,
        )
        for layer in reversed(encoders)
    )
    return _joined(Topology((first, *hidden)), fresh, "pretrain"), fresh


def _is_matrix(layer: Layer) -> bool:
    return isinstance(layer, Feedforward) and weight_matrix(layer) is not None


def _learns(layer: Layer) -> bool:
    return any(param.learned for param in layer.params.values())


def _upto(topology: Topology, end: int) -> Topology:
    """Return the layers before a place, and all inputs, as the data hold them all."""
    layers = topology.layers
    later = (layer for layer in layers[end:] if isinstance(layer, Input))
    return Topology((*layers[:end], *later))


def _again(layer: Layer, source: Layer | None = None) -> Layer:
    """Return a layer with the same keywords that is not bound yet."""
    spec = layer.to_spec()
    if source is not None:
        spec["inputs"] = [source.output_name]
    if "activation" in spec:
        spec["activation"] = layer.activation
    return Layer.build(**spec)


def _joined(topology: Topology, layers: Iterable[Layer], algo: str) -> Topology:
    for layer in layers:
        try:
            topology = topology.extended(layer)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{algo} cannot train the part of the model that ends with "
                f'"{topology.layers[-1].name}": {error}'
            ) from error
    return topology
