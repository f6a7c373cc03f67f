"""Objects that give batches, or examples, by number: data[i] up to len(data)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from theanets.data.arrays import as_array
from theanets.data.kinds.base import Indexed
from theanets.errors import DataError
from theanets.initializers import stream


@dataclass(eq=False)
class Batches(Iterable[Any]):
    """The batches of an `Indexed` object, in their order.

    After each pass the object's ``on_epoch_end`` is called, if it has one.
    """

    data: Indexed

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Any]:
        yield from self._batches()
        if hasattr(self.data, "on_epoch_end"):
            self.data.on_epoch_end()

    def _batches(self) -> Iterator[Any]:
        return (self.data[number] for number in range(len(self.data)))


@dataclass(eq=False)
class Examples(Batches):
    """Batches of the examples of an `Indexed` object, with ``shuffle`` in a new order.

    Each example is an array, or a tuple or dict of arrays. ``size`` None puts all in
    one batch; ``rows`` are the numbers of the examples to use.
    """

    size: int | None
    seed: int
    shuffle: bool
    rows: np.ndarray | None
    _passes: int = 0

    def __post_init__(self) -> None:
        self._rows = np.arange(len(self.data)) if self.rows is None else self.rows
        self._size = self.size or max(len(self._rows), 1)

    def __len__(self) -> int:
        return -(-len(self._rows) // self._size)

    def _batches(self) -> Iterator[Any]:
        order = self._rows
        if self.shuffle:
            rng = stream(self.seed, "shuffle", str(self._passes))
            order = rng.permutation(order)
        self._passes += 1
        for begin in range(0, len(order), self._size):
            numbers = order[begin : begin + self._size].tolist()
            yield _collate([self.data[number] for number in numbers], numbers)


def _collate(examples: list[Any], numbers: list[int]) -> Any:
    """Return examples as one batch, stacked along a new first axis."""
    first = examples[0]
    if isinstance(first, Mapping):
        return {
            name: _collate([example[name] for example in examples], numbers)
            for name in first
        }
    if isinstance(first, tuple | list):
        parts = zip(*examples, strict=True)
        return tuple(_collate(list(part), numbers) for part in parts)
    arrays = [np.asarray(as_array(example, "an example")) for example in examples]
    for array, number in zip(arrays, numbers, strict=True):
        if array.shape != arrays[0].shape:
            raise DataError(
                f"example {number} has the shape {array.shape}, and example "
                f"{numbers[0]} {arrays[0].shape}: those of a batch have to be equal. "
                "Pad them where they are made."
            )
    return np.stack(arrays)
