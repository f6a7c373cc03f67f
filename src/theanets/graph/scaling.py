"""The mean and deviation by which inputs standardize their data."""

from collections.abc import Mapping

import numpy as np

from theanets.data.loading import Loader
from theanets.data.scale import moments
from theanets.data.stream_loader import StreamLoader
from theanets.errors import DataError
from theanets.graph.objective import Objective
from theanets.graph.topology import Topology
from theanets.types import PyTree


def learned_scales(
    objective: Objective, values: Mapping[str, PyTree], train: Loader
) -> dict[str, np.ndarray]:
    """Return mean and deviation of the inputs that have none among ``values`` yet."""
    topology, scales = objective.topology, {}
    for name in sorted(topology.scaled):
        mean_name, std_name = f"{name}.mean", f"{name}.std"
        untouched = not np.any(values[mean_name]) and np.all(values[std_name] == 1)
        if not untouched or topology.frozen.issuperset((mean_name, std_name)):
            continue
        if isinstance(train, StreamLoader):
            raise DataError(
                f'layer "{name}": scale needs the mean and the standard deviation of '
                "all training data, which are not known where these come batch by "
                "batch. Give arrays, or set both before: "
                f'net.find("{mean_name}").set_value(...), and so "{std_name}".'
            )
        slots = zip(objective.slots, train.arrays, strict=False)
        arrays = {slot.name: array for slot, array in slots}
        valid = _valid_steps(topology, name, arrays)
        of_data = moments(arrays[name], valid, train.picked)
        dtype = values[std_name].dtype
        std = of_data.std.astype(dtype)
        scales[mean_name] = of_data.mean.astype(dtype)
        scales[std_name] = np.where(std > 0, std, 1).astype(dtype)
    return scales


def _valid_steps(
    topology: Topology, name: str, arrays: Mapping[str, PyTree]
) -> np.ndarray | None:
    """Return the mask of an input, if a layer that reads it has one."""
    reached = {f"{name}:out"}
    for layer in topology.layers:
        if not reached.intersection(layer.reads):
            continue
        reached.update(f"{layer.name}:{output}" for output in layer.outputs)
        mask = layer.side_inputs.get("mask", "").partition(":")[0]
        if mask and np.shape(arrays[mask]) == np.shape(arrays[name])[:2]:
            return np.asarray(arrays[mask])
    return None
