"""Some batches of equal size, on the device."""

from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np

_CHUNK_BYTES = 16 << 20
_CHUNK_BATCHES = 128


@dataclass(frozen=True)
class Chunk:
    """Some batches of equal size, on the device."""

    data: tuple[jax.Array, ...]
    order: np.ndarray
    """The rows of each batch, (batches, rows); (batches, 0) if each batch is all rows.
    """
    count: int
    """How many batches there are."""
    rows: int
    """How many examples are in each."""
    origin: np.ndarray | None = None
    """The rows of the user's data in each batch, (batches, rows); None for a stream."""

    @property
    def layout(self) -> str:
        """``rows`` or ``whole``; see `theanets.training.programs`."""
        return "rows" if self.order.shape[1] else "whole"

    def on_host(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield the batches as arrays of NumPy."""
        arrays = [np.asarray(array) for array in self.data]
        for index in range(self.count):
            if self.layout == "whole":
                yield tuple(arrays)
            else:
                yield tuple(array[self.order[index]] for array in arrays)


def batches_in_chunk(batch_bytes: int) -> int:
    """Return how many batches of a size make a chunk."""
    return max(1, min(_CHUNK_BATCHES, _CHUNK_BYTES // max(batch_bytes, 1)))


def chunk_of(stacks: list[np.ndarray], count: int) -> Chunk:
    """Return stacked batches on the device; only the first ``count`` are used.

    All stacks of a loader have one size, so they share one program. It gathers rows as
    from resident data, which gives the same bits; slices of the stack would change the
    order of additions.
    """
    size, rows = stacks[0].shape[:2]
    flat = [stack.reshape(size * rows, *stack.shape[2:]) for stack in stacks]
    order = np.arange(size * rows, dtype=np.int32).reshape(size, rows)
    return Chunk(tuple(map(jax.device_put, flat)), order, count, rows)
