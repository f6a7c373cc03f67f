"""Some batches of equal size, on the device."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import jax
import numpy as np

Layout: TypeAlias = Literal["rows", "short", "whole"]
"""How batches lie in arrays: rows to be gathered, of which the last ones may be missing
if batches are short, or everything as one batch."""

_CHUNK_BYTES = 16 << 20
_CHUNK_BATCHES = 128


def roomy(count: int) -> int:
    """Return a count rounded up, so that few counts occur.

    Data of other lengths then share their compiled programs. Up to 1024 it is the next
    power of two, and then an eighth more at most.

    Examples
    --------
    >>> [roomy(count) for count in (57, 64, 455, 1025, 50_000)]
    [64, 64, 512, 1152, 53248]
    """
    if count <= 1024:
        return 1 << (count - 1).bit_length()
    step = 1 << count.bit_length() - 4
    return -(-count // step) * step


@dataclass(frozen=True)
class Chunk:
    """Some batches of equal size, on the device.

    Attributes
    ----------
    data : tuple of array
        The arrays of the batches.
    order : array
        The rows of each batch, (batches, places); (batches, 0) if each batch is all
        rows. A short batch leaves its last places empty, as -1.
    count : int
        How many batches are there.
    rows : int
        How many examples are in each.
    layout : str
        ``rows`` to be gathered, or ``whole``: everything is one batch.
    origin : array, optional
        The rows of the user's data in each batch, (batches, rows); None for a stream.
    """

    data: tuple[jax.Array, ...]
    order: np.ndarray
    count: int
    rows: int
    layout: Layout
    origin: np.ndarray | None = None

    def batches(self, masks: bool) -> tuple[np.ndarray, Layout]:
        """Return the order and the layout for a program.

        ``masks`` says whether the program can leave out the empty places of a short
        batch, which makes short batches of all sizes one program.
        """
        if self.order.shape[1] in (0, self.rows):
            return self.order, self.layout
        return (self.order, "short") if masks else (self.filled, "rows")

    @property
    def filled(self) -> np.ndarray:
        """The rows of each batch without empty places."""
        return self.order[:, : self.rows]

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


def chunk_of(stacks: list[np.ndarray], count: int, filled: int | None = None) -> Chunk:
    """Return stacked batches on the device; only the first ``count`` are used.

    ``filled`` is the number of examples in each, if its last places are empty.

    All stacks of a loader have one size, so they share one program. It gathers rows as
    from resident data, which gives the same bits; slices of the stack would change the
    order of additions.
    """
    size, rows = stacks[0].shape[:2]
    flat = [stack.reshape(size * rows, *stack.shape[2:]) for stack in stacks]
    order = np.arange(size * rows, dtype=np.int32).reshape(size, rows)
    rows = rows if filled is None else filled
    order[:, rows:] = -1
    return Chunk(tuple(map(jax.device_put, flat)), order, count, rows, "rows")
