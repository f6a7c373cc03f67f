"""Weights that are drawn from the data, by the algorithm ``sample``."""

from collections.abc import Iterable, Mapping

import numpy as np

from theanets.data.chunks import Chunk
from theanets.errors import ConfigurationError, DataError
from theanets.graph.objective import Objective
from theanets.initializers import stream
from theanets.layers import Feedforward, Layer
from theanets.models.prediction import compute
from theanets.types import Params


def sampled(
    objective: Objective,
    values: Params,
    chunks: Iterable[Chunk],
    seed: int,
    number: int,
) -> dict[str, np.ndarray]:
    """Return weights that are examples of a layer's inputs or targets.

    Each column of a hidden feedforward layer's weights is one of the vectors that the
    layer reads, scaled to length 1, so that a unit responds most to that example. Each
    row of the last layer's weights is a target, where targets are vectors. The chunks
    are read once; ``number`` tells the random streams of several calls apart.
    """
    topology = objective.topology
    sizes, target = samples_wanted(objective)
    rngs = {name: stream(seed, "sample", str(number), name) for name in sizes}
    chosen = _reservoirs(chunks, sizes, rngs)
    weights: dict[str, np.ndarray] = {}
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
                read = compute(bare, {**values, **weights}, x, (source,), None)
                rows = _unit_rows(read[source], size, rng, layer).T
            weights[name] = rows.astype(values[name].dtype)
    return weights


def samples_wanted(objective: Objective) -> tuple[dict[str, int], int]:
    """Return how many samples each weight array takes, and the target's slot."""
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
    """Draw for each name as many examples as its size, all equally likely."""
    reservoirs: dict[str, tuple[np.ndarray, ...]] = {}
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
                before = reservoirs.get(name) or tuple(array[:0] for array in batch)
                reservoirs[name] = tuple(
                    np.concatenate([old, new[near]])[kept]
                    for old, new in zip(before, batch, strict=True)
                )
    return reservoirs


def _unit_rows(
    values: np.ndarray, count: int, rng: np.random.Generator, layer: Layer
) -> np.ndarray:
    """Draw vectors of the last axis, scaled to length 1; add noisy copies if few."""
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
    scaled: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled
