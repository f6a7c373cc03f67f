"""The states of recurrent layers that training hands from one batch to the next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from theanets.errors import ConfigurationError, DataError
from theanets.graph.topology import Topology

PREFIX = "state/"
"""Among other arrays the names of states begin so: ``state/hid1.h``."""

Arrays = Mapping[str, Any]


def by_name(carries: Mapping[str, Arrays]) -> dict[str, Any]:
    """Return the states of layers as one mapping by name.

    Examples
    --------
    >>> by_name({"hid1": {"h": 1, "c": 2}})
    {'state/hid1.h': 1, 'state/hid1.c': 2}
    """
    return {
        f"{PREFIX}{layer}.{part}": value
        for layer, parts in carries.items()
        for part, value in parts.items()
    }


def by_layer(arrays: Arrays) -> dict[str, dict[str, Any]]:
    """Return the states among some arrays by layer.

    Examples
    --------
    >>> by_layer({"state/hid1.h": 1, "state/hid1.c": 2, "hid1.xh": 3})
    {'hid1': {'h': 1, 'c': 2}}
    """
    found: dict[str, dict[str, Any]] = {}
    for name, value in arrays.items():
        if name.startswith(PREFIX):
            layer, _, part = name.removeprefix(PREFIX).rpartition(".")
            found.setdefault(layer, {})[part] = value
    return found


@dataclass(frozen=True)
class States:
    """The states that a training carries along, beside the arrays of its model.

    Attributes
    ----------
    topology : Topology
        The graph.
    dtype : str
        The precision to compute in.
    rows : int
        Sequences in each batch of the training data.
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

    def initial(self, rows: int | None = None) -> dict[str, Any]:
        """Return the states before the first batch, of so many sequences.

        Raises
        ------
        ConfigurationError
            If a layer cannot go on from one window to the next.
        """
        return by_name(self.topology.initial_carries(rows or self.rows, self.dtype))

    def restarted(self, arrays: Arrays, rows: int | None = None) -> dict[str, Any]:
        """Return arrays with the states as they are before the first batch."""
        return {**arrays, **self.initial(rows)}

    def check(self, arrays: Arrays, rows: int) -> None:
        """Check that a batch of so many sequences can go on from the states.

        Raises
        ------
        DataError
            If not.
        """
        there = next(len(x) for name, x in arrays.items() if name.startswith(PREFIX))
        if rows != there:
            raise DataError(
                f"a batch has {rows} sequences, but the states to go on from are of "
                f"{there}. With stateful=True all batches need as many sequences, "
                "each going on with the one in the same place."
            )
