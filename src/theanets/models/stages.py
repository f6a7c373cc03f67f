"""Training that follows the shape of a network: part by part, or from the data.

A part of a network is a smaller graph over the same parameters, so nothing has to be
copied back, and the network is whole at every moment.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from theanets.data.sources import Chunk
from theanets.errors import ConfigurationError, DataError
from theanets.graph.expected import Expectations
from theanets.graph.freezing import with_frozen
from theanets.graph.monitors import RESERVED
from theanets.graph.objective import Objective
from theanets.graph.states import States
from theanets.graph.topology import Topology
from theanets.initializers import stream
from theanets.layers import Feedforward, Flatten, Input, Layer, Tied
from theanets.layers.feedforward import weight_matrix
from theanets.layers.sequences import OverTime
from theanets.losses import Loss
from theanets.models.parameters import Arrays
from theanets.models.prediction import compute
from theanets.training.problem import Problem
from theanets.training.programs import Values

NAMES = {
    "sample": "sample",
    "layerwise": "layerwise",
    "supervised": "layerwise",
    "pretrain": "pretrain",
    "unsupervised": "pretrain",
}
"""The algorithms of this module, by each of their names."""

STAGED = tuple(name for name, algo in NAMES.items() if algo != "sample")
"""Names of those that train one stage after the other, by a subalgo."""
_SHORTEST = ("layer", "sup", "pre", "unsup")


def full_name(algo: Any) -> Any:
    """Return the name of an algorithm in lower case; one of ours may be cut short.

    Examples
    --------
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
    """A part of a network to be trained by itself.

    Attributes
    ----------
    name : str
        What its monitors say they belong to.
    topology : Topology
        The part, as a graph.
    fresh : tuple of Layer
        Its layers that the network does not have; the others share the network's
        parameters.
    reconstructs : bool
        Whether its target is its input, whatever the network's is.
    """

    name: str
    topology: Topology
    fresh: tuple[Layer, ...] = ()
    reconstructs: bool = False


def stages(algo: str, topology: Topology) -> list[Stage]:
    """Return the stages of a staged algorithm for a network.

    Raises
    ------
    ConfigurationError
        If the network cannot be trained so; the message says what it needs.
    """
    if NAMES[algo] == "layerwise":
        found = _layerwise(topology)
    else:
        shadow, fresh = _shadow(topology)
        found = [
            Stage(f"pretrain {inner.name}", part, fresh, reconstructs=True)
            for inner, part in _outermost_first(shadow, algo)
        ]
    return _freezing(found, topology.frozen, algo) if topology.frozen else found


def _freezing(found: list[Stage], frozen: frozenset[str], algo: str) -> list[Stage]:
    """Return stages in which the network's frozen arrays stay, if others do not."""
    kept = []
    for stage in found:
        graph = stage.topology
        # Layers of the stage alone may have the names of the network's.
        own = {layer.full_name(name) for layer in stage.fresh for name in layer.params}
        graph = with_frozen(graph, (frozen - own) & graph.param_shapes.keys())
        if graph.learned - own:
            kept.append(replace(stage, topology=graph))
    if not kept:
        raise ConfigurationError(
            f"{algo} has nothing to train: all that its stages share with the model is "
            f"frozen. Free some with net.unfreeze, or use another algo."
        )
    return kept


def _layerwise(topology: Topology) -> list[Stage]:
    """Return stages that reach ever deeper, the last one being the whole network."""
    if any(isinstance(layer, Tied) for layer in topology.layers):
        return [
            Stage(f"layerwise {inner.name}", part)
            for inner, part in _outermost_first(topology, "layerwise")
        ]
    last = topology.layers[-1]
    deep = [i for i, x in enumerate(topology.layers[:-1]) if _learns(x)]
    if not deep or not _learns(last):
        raise ConfigurationError(
            "layerwise trains one hidden layer after the other, each below an output "
            "layer with weights. This model has "
            + (
                "no hidden layer that learns. Use another algo."
                if _learns(last)
                else f'no weights in its last layer "{last.name}".'
            )
        )
    found = []
    for i, following in pairwise(deep):
        below = _upto(topology, following)
        source = topology.layers[following - 1]
        tap: tuple[Layer, ...] = ()
        if len(source.shape) > len(last.input_shape):
            flat = _as_vector(topology, source, f"{last.name}_flat")
            below, source, tap = below.extended(flat), flat, (flat,)
        tap = (*tap, _again(last, source))
        name = f"layerwise {topology.layers[i].name}"
        found.append(Stage(name, _joined(below, tap[-1:], "layerwise"), tap))
    whole = Stage(f"layerwise {topology.layers[deep[-1]].name}", topology)
    return [*found, whole]


def _as_vector(topology: Topology, source: Layer, name: str) -> Layer:
    """Return a layer that makes one vector of an output, as the network does it."""
    for layer in topology.layers:
        if isinstance(layer, OverTime) and len(source.shape) == 2:
            spec = {**layer.to_spec(), "name": name, "inputs": source.output_name}
            return Layer.build(**spec)
    return Flatten(name=name, inputs=source.output_name)


def _outermost_first(topology: Topology, algo: str) -> list[tuple[Layer, Topology]]:
    """Return the parts of a graph of nested tied pairs, and the innermost of each."""
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


def _shadow(topology: Topology) -> tuple[Topology, tuple[Layer, ...]]:
    """Return an autoencoder over a network's hidden layers, and its own layers."""
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
    """Return the layers before a place, and all inputs, since data holds all."""
    layers = topology.layers
    later = (layer for layer in layers[end:] if isinstance(layer, Input))
    return Topology((*layers[:end], *later))


def _again(layer: Layer, source: Layer | None = None) -> Layer:
    """Return a layer of the same description that is not bound yet."""
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


@dataclass(frozen=True)
class Part:
    """A stage as something to minimize.

    Attributes
    ----------
    stage : Stage
        The part of the network.
    objective : Objective
        Its losses, regularizers and monitors.
    expect : Expectations
        What data it takes.
    shared : Arrays
        The network's arrays by full name.
    own : mapping
        Arrays of the stage's fresh layers; these hide the network's of equal names.
        And the states that it carries from batch to batch.
    states : States, optional
        What these are; None: it carries none.
    """

    stage: Stage
    objective: Objective
    expect: Expectations
    shared: Arrays
    own: MutableMapping[str, Any] = field(default_factory=dict)
    states: States | None = None

    def __post_init__(self) -> None:
        if self.states is not None:
            self.own.update(self.states.initial())

    def problem(self, optimizer: Any) -> Problem:
        """Return what the engine is to minimize."""
        return Problem(
            _carrying(self.objective),
            (self.objective.key, self.stage.topology.frozen),
            optimizer,
            numbers=lambda: self.objective.numbers,
            read=self.read,
            commit=self.commit,
            stage=self.stage.name,
            trace=_tracing(self.objective),
            monitors=(*RESERVED, *(x.name for x in self.objective.monitors)),
            states=self.states,
        )

    def in_network(self, values: Values) -> dict[str, Any]:
        """Return those of some values that are the network's, by full name."""
        new = {**values.learned, **values.carried}
        return {name: value for name, value in new.items() if name not in self.own}

    def read(self) -> Values:
        """Return the current arrays, from wherever they live."""
        topology = self.stage.topology
        names = [
            *topology.param_shapes,
            *(self.states.initial() if self.states else ()),
        ]
        held = {name: self._home(name)[name] for name in names}
        learned = {name: held.pop(name) for name in sorted(topology.learned)}
        return Values(learned, held)

    def commit(self, values: Values) -> None:
        """Put new arrays back to where they live."""
        new = {**values.learned, **values.carried}
        self.own.update((name, new.pop(name)) for name in self.own.keys() & new.keys())
        self.shared.commit(new)

    def _home(self, name: str) -> MutableMapping[str, Any]:
        return self.own if name in self.own else self.shared


def part_of(whole: Objective, stage: Stage, losses: Iterable[Loss]) -> Objective:
    """Return the objective of a stage: what of the whole one is in reach.

    Raises
    ------
    ConfigurationError
        If a loss reads what the stage does not have.
    """
    topology = stage.topology
    names = {*topology.output_names, *topology.param_shapes}
    name, inputs = topology.layers[-1].name, topology.inputs
    if stage.reconstructs:
        losses = [Loss.build("mse").following(name, inputs[0].name)]
    try:
        bound = tuple(loss.bind(topology.by_name) for loss in losses)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{stage.name}: a loss reads what this part of the model does not have. "
            f"Train it with another algo. {error}"
        ) from error
    return Objective(
        topology,
        bound,
        tuple(
            regularizer
            for regularizer in whole.regularizers
            if regularizer.pattern is None or regularizer.targets(names, whole.roles)
        ),
        tuple(x for x in whole.monitors if not x.source or x.source in names),
        whole.dtype,
        () if stage.reconstructs else whole.class_weights,
        () if stage.reconstructs else whole.mean_weights,
        whole.stateful,
    )


class InputsAlone(Expectations):
    """Expects the inputs of a model, and takes the rest of its data if it is there."""

    def __call__(self, arrays: Any) -> Any:
        """Return what is expected of each array."""
        expected = super().__call__(arrays)
        inputs = [slot for slot in expected if slot.role == "input"]
        return inputs if len(arrays) == len(inputs) else expected


def _carrying(objective: Objective) -> Callable[..., Any]:
    count = len(objective.slots)

    def whole(learned: Any, carried: Any, batch: Any, numbers: Any, key: Any) -> Any:
        params = {**carried, **learned}
        # Of labelled data, a part that reconstructs its input reads that alone.
        loss, monitors, updates = objective(params, batch[:count], numbers, key)
        return loss, monitors, {**carried, **updates}

    return whole


def _tracing(objective: Objective) -> Callable[..., dict[str, Any]]:
    count = len(objective.slots)

    def outputs(values: Values, batch: Any, numbers: Any, key: Any) -> dict[str, Any]:
        params = {**values.carried, **values.learned}
        return objective.traced(params, batch[:count], numbers, key)

    return outputs


def sampled(
    objective: Objective,
    values: Mapping[str, Any],
    chunks: Iterable[Chunk],
    seed: int,
    *names: str,
) -> dict[str, np.ndarray]:
    """Return weights that are examples of what they read, or are to answer.

    Each column of a hidden feedforward layer's weights is one of the vectors that the
    layer reads, scaled to length 1, so that a unit answers most to that example. Each
    row of the last layer's weights is a target, where targets are vectors.

    Parameters
    ----------
    objective : Objective
        The model and its losses.
    values : mapping of str to array
        Its arrays by full name.
    chunks : iterable of Chunk
        The data, read once.
    seed : int
        Of the choice.
    *names : str
        Further names of the random streams.

    Raises
    ------
    DataError
        If a layer reads nothing but zeros.
    """
    topology = objective.topology
    sizes, target = samples_wanted(objective)
    rngs = {name: stream(seed, "sample", *names, name) for name in sizes}
    chosen = _reservoirs(chunks, sizes, rngs)
    found: dict[str, np.ndarray] = {}
    bare = Objective(topology, (), dtype=objective.dtype)
    inputs = [layer.name for layer in topology.inputs]
    for layer in topology.layers:
        for source, name in _matrices(layer):
            if name not in sizes:
                continue
            batch, rng, size = chosen[name], rngs[name], sizes[name]
            if layer is topology.layers[-1]:
                rows = _unit_rows(batch[target], size, rng, layer)
            else:
                x = dict(zip(inputs, batch, strict=False))
                read = compute(bare, {**values, **found}, x, (source,), None)
                rows = _unit_rows(read[source], size, rng, layer).T
            found[name] = rows.astype(values[name].dtype)
    return found


def samples_wanted(objective: Objective) -> tuple[dict[str, int], int]:
    """Return how many samples each weight array takes, and where the target is.

    Raises
    ------
    ConfigurationError
        If no weights of the model can be sampled.
    """
    *earlier, last = objective.topology.layers
    wanted = {name: layer.size for layer in earlier for _, name in _matrices(layer)}
    loss = objective.losses[0]
    slots = [slot.name for slot in objective.slots]
    matrices = _matrices(last)
    if not loss.integer_target and loss.output_name == last.output_name:
        wanted |= {name: last.input_size for _, name in matrices[:1]}
    frozen = objective.topology.frozen
    wanted = {name: size for name, size in wanted.items() if name not in frozen}
    if not wanted:
        raise ConfigurationError(
            "sample sets the weights of hidden feedforward layers, and of an output "
            "layer whose target is numbers. This model has none"
            + (" that is not frozen." if frozen else ".")
        )
    return wanted, slots.index(loss.target)


def _matrices(layer: Layer) -> list[tuple[str, str]]:
    """Return what a feedforward layer reads, with the full names of its weights."""
    if not isinstance(layer, Feedforward):
        return []
    weights = [name for name, param in layer.params.items() if len(param.shape) == 2]
    return [
        (source, f"{layer.name}.{name}")
        for source, name in zip(layer.input_names, weights, strict=False)
    ]


def _reservoirs(
    chunks: Iterable[Chunk],
    sizes: Mapping[str, int],
    rngs: Mapping[str, np.random.Generator],
) -> dict[str, tuple[np.ndarray, ...]]:
    """Return for each name so many examples, every one of the data equally likely."""
    held: dict[str, tuple[np.ndarray, ...]] = {}
    ranks = {name: np.empty(0) for name in sizes}
    for chunk in chunks:
        for batch in chunk.on_host():
            for name, size in sizes.items():
                drawn = rngs[name].random(len(batch[0]))
                full = len(ranks[name]) == size
                near = drawn < ranks[name].max() if full else drawn < 1
                all_ranks = np.append(ranks[name], drawn[near])
                kept = np.argsort(all_ranks)[:size]
                ranks[name] = all_ranks[kept]
                before = held.get(name) or tuple(array[:0] for array in batch)
                held[name] = tuple(
                    np.concatenate([old, new[near]])[kept]
                    for old, new in zip(before, batch, strict=True)
                )
    return held


def _unit_rows(
    values: np.ndarray, count: int, rng: np.random.Generator, layer: Layer
) -> np.ndarray:
    """Return so many of the vectors on the last axis, scaled to length 1.

    Where there are too few, distorted copies of them make up for it.
    """
    rows = values.reshape(-1, values.shape[-1]).astype("f8")
    rows = rows[np.abs(rows).max(axis=1) > 0]
    if not len(rows):
        raise DataError(
            f"{layer.where}the vectors to sample its weights from are all zero."
        )
    rows = _scaled(rng.permutation(rows)[:count])
    missing = count - len(rows)
    copies = rows[rng.integers(0, len(rows), missing)]
    noise = rows.std(axis=0) * rng.standard_normal(copies.shape)
    return _scaled(np.concatenate([rows, copies + noise]))


def _scaled(rows: np.ndarray) -> np.ndarray:
    found: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found
