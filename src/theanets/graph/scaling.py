"""How inputs that standardize their data learn of its mean and deviation."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from theanets.data.loading import Loader
from theanets.data.scale import moments
from theanets.data.stream_loader import StreamLoader
from theanets.errors import DataError
from theanets.graph.objective import Objective
from theanets.graph.topology import Topology


def learned_scales(
    objective: Objective, values: Mapping[str, Any], train: Loader
) -> dict[str, np.ndarray]:
    """Return mean and deviation of the inputs that have learned none yet.

    Parameters
    ----------
    objective : Objective
        The model with its losses, which say what each array of the data is.
    values : mapping of str to array
        All arrays of the model by full name.
    train : Loader
        The training data.

    Raises
    ------
    DataError
        If the data come batch by batch.
    """
    topology, found = objective.topology, {}
    for name in sorted(topology.scaled):
        own = {part: f"{name}.{part}" for part in ("mean", "std")}
        untouched = not np.any(values[own["mean"]]) and np.all(values[own["std"]] == 1)
        if not untouched or topology.frozen.issuperset(own.values()):
            continue
        if isinstance(train, StreamLoader):
            raise DataError(
                f'layer "{name}": scale needs the mean and the standard deviation of '
                "all training data, which are not known where these come batch by "
                "batch. Give arrays, or set both before: "
                f'net.find("{own["mean"]}").set_value(...), and so '
                f'"{own["std"]}".'
            )
        names = [slot.name for slot in objective.slots]
        arrays = dict(zip(names, train.arrays, strict=False))
        valid = _valid_steps(topology, name, arrays)
        of_data = moments(arrays[name], valid, train.picked)
        dtype = values[own["std"]].dtype
        std = of_data.std.astype(dtype)
        found[own["mean"]] = of_data.mean.astype(dtype)
        found[own["std"]] = np.where(std > 0, std, 1).astype(dtype)
    return found


def _valid_steps(
    topology: Topology, name: str, arrays: Mapping[str, Any]
) -> np.ndarray | None:
    """Return which steps of an input a mask of those that read it says are valid."""
    reached = {f"{name}:out"}
    for layer in topology.layers:
        if not reached.intersection(layer.reads):
            continue
        reached.update(f"{layer.name}:{output}" for output in layer.outputs)
        mask = layer.side_inputs.get("mask", "").partition(":")[0]
        if mask and np.shape(arrays[mask]) == np.shape(arrays[name])[:2]:
            return np.asarray(arrays[mask])
    return None
