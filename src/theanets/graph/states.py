"""The states that recurrent layers carry from step to step, and from batch to batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax

from theanets.errors import ConfigurationError, DataError
from theanets.graph.topology import Topology
from theanets.layers import Recurrent
from theanets.types import Array, DType, Params
from theanets.utils.registry import join_names

PREFIX = "state/"
"""How the names of states begin among other arrays: ``state/hid1.h``."""


def stateful_layers(topology: Topology) -> list[Recurrent]:
    """Return the layers that carry a state from one time step to the next.

    A layer that needs the whole sequence for a step is refused.
    """
    for layer in topology.layers:
        if not layer.stepwise:
            raise ConfigurationError(
                f"{layer.where}form {layer.form!r} needs the whole sequence to "
                "compute a step of it, but here one step follows another. Use "
                'recurrent layers of direction "forward".'
            )
    return [layer for layer in topology.layers if isinstance(layer, Recurrent)]


def state_shapes(
    topology: Topology, dtype: str | DType
) -> dict[str, jax.ShapeDtypeStruct]:
    """Return shape and type of each part of the state of one example.

    The keys are full names, such as ``hid1.h``; the batch axis has length 1.
    """
    states = {
        layer.name: jax.eval_shape(partial(layer.initial_state, {}, 1, dtype))
        for layer in stateful_layers(topology)
    }
    return by_name(states, prefix="")


def initial_carries(
    topology: Topology, batch: int, dtype: str | DType
) -> dict[str, dict[str, Array]]:
    """Return the state before the first time step of each of `stateful_layers`."""
    recurrent = stateful_layers(topology)
    for layer in topology.layers:
        if states := set(layer.side_inputs) - {"mask"}:
            raise ConfigurationError(
                f"{layer.where}its initial state is an output of the model, which "
                "cannot be had one time step after another. Leave "
                f"{join_names(states)} out."
            )
    return {layer.name: layer.initial_state({}, batch, dtype) for layer in recurrent}


def by_name(carries: Mapping[str, Any], prefix: str = PREFIX) -> dict[str, Any]:
    """Return the states of layers as one mapping by name.

    >>> by_name({"hid1": {"h": 1, "c": 2}})
    {'state/hid1.h': 1, 'state/hid1.c': 2}
    """
    return {
        f"{prefix}{layer}.{part}": value
        for layer, parts in carries.items()
        for part, value in parts.items()
    }


def by_layer(arrays: Params) -> dict[str, dict[str, Array]]:
    """Return the states among some arrays by layer.

    >>> by_layer({"state/hid1.h": 1, "state/hid1.c": 2, "hid1.xh": 3})
    {'hid1': {'h': 1, 'c': 2}}
    """
    states: dict[str, dict[str, Array]] = {}
    for name, value in arrays.items():
        if name.startswith(PREFIX):
            layer, _, part = name.removeprefix(PREFIX).rpartition(".")
            states.setdefault(layer, {})[part] = value
    return states


@dataclass(frozen=True)
class States:
    """The recurrent states that a training carries along with its parameters.

    ``rows`` is the number of sequences in each batch of the training data.
    """

    topology: Topology
    dtype: str
    rows: int

    def __post_init__(self) -> None:
        if not self.initial():
            raise ConfigurationError(
                "stateful is True, but the model has no recurrent layer, so there is "
                "no state to carry on. Leave it out."
            )

    def initial(self, rows: int | None = None) -> dict[str, Array]:
        """Return the states before the first batch, for ``rows`` sequences."""
        return by_name(initial_carries(self.topology, rows or self.rows, self.dtype))

    def restarted(self, arrays: Params, rows: int | None = None) -> dict[str, Array]:
        """Return arrays with the states reset to those before the first batch."""
        return {**arrays, **self.initial(rows)}

    def check(self, arrays: Params, rows: int) -> None:
        """Raise a DataError unless ``rows`` sequences can go on from the states."""
        carried = next(len(x) for name, x in arrays.items() if name.startswith(PREFIX))
        if rows != carried:
            raise DataError(
                f"a batch has {rows} sequences, but the states to go on from are of "
                f"{carried}. With stateful=True all batches need as many sequences, "
                "each going on with the one in the same place."
            )
