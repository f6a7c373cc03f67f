"""Some batches of equal size, on the device."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import jax
import numpy as np

Layout: TypeAlias = Literal["rows", "short", "whole"]
"""How batches lie in arrays: rows to gather, of which the last ones are missing if
batches are short, or everything as one batch."""

_CHUNK_BYTES = 16 << 20
_CHUNK_BATCHES = 128


def roomy(count: int) -> int:
    """Return a count rounded up, so that few counts occur.

    Data of other lengths then share their compiled programs. Up to 1024 it is the next
    power of two, and then an eighth more at most.

    >>> [roomy(count) for count in (57, 64, 455, 1025, 50_000)]
    [64, 64, 512, 1152, 53248]
    """
    if count <= 1024:
        return 1 << (count - 1).bit_length()
    step = 1 << count.bit_length() - 4
    return -(-count // step) * step


@dataclass(frozen=True)
class Chunk:
    """Some batches of equal size, on the device."""

    data: tuple[jax.Array, ...]
    order: np.ndarray
    """The rows of each batch, (batches, places); (batches, 0) if each batch is all
    rows. In short batches the last places are empty, as -1."""
    count: int
    """How many batches there are."""
    rows: int
    """How many examples are in each."""
    origin: np.ndarray | None = None
    """The rows of the user's data in each batch, (batches, rows); None for a stream."""

    @property
    def layout(self) -> Layout:
        """How the batches lie in ``data``."""
        places = self.order.shape[1]
        if places == self.rows:
            return "rows"
        return "short" if places else "whole"

    @property
    def filled(self) -> np.ndarray:
        """The rows of each batch, without empty places."""
        return self.order[:, : self.rows]

    def batches(self, masks: bool) -> tuple[np.ndarray, Layout]:
        """Return the order and the layout for a program.

        ``masks`` says whether the program can leave out the empty places of short
        batches: then it serves those of all sizes.
        """
        if self.layout == "short" and not masks:
            return self.filled, "rows"
        return self.order, self.layout

    def on_host(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield the batches as arrays of NumPy."""
        arrays = [np.asarray(array) for array in self.data]
        for index in range(self.count):
            if self.layout == "whole":
                yield tuple(arrays)
            else:
                yield tuple(array[self.filled[index]] for array in arrays)


def batches_in_chunk(batch_bytes: int) -> int:
    """Return how many batches of a size make a chunk."""
    return max(1, min(_CHUNK_BATCHES, _CHUNK_BYTES // max(batch_bytes, 1)))


def chunk_of(stacks: list[np.ndarray], count: int, rows: int | None = None) -> Chunk:
    """Return stacked batches on the device; only the first ``count`` are used.

    ``rows`` is the number of examples in each, if the last places are empty.

    All stacks of a loader have one size, so they share one program. It gathers rows as
    from resident data, which gives the same bits; slices of the stack would change the
    order of additions.
    """
    size, places = stacks[0].shape[:2]
    flat = [stack.reshape(size * places, *stack.shape[2:]) for stack in stacks]
    order = np.arange(size * places, dtype=np.int32).reshape(size, places)
    rows = places if rows is None else rows
    order[:, rows:] = -1
    return Chunk(tuple(map(jax.device_put, flat)), order, count, rows)
