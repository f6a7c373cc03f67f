"""Some batches on the device."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import jax
import numpy as np

Layout: TypeAlias = Literal["rows", "masked", "whole"]
"""How batches lie in arrays: as rows to gather, without or with empty places, or as
everything in one batch."""

PRESENT = "present"
"""Among the numbers of a program: whether each place of a batch holds an example."""

_CHUNK_BYTES = 16 << 20
_CHUNK_BATCHES = 128


def roomy(count: int) -> int:
    """Return a count rounded up, so that few counts occur.

    Data of other lengths then share their compiled programs. Up to 1024 it is the next
    power of two, and then an eighth more at most.

    >>> [roomy(count) for count in (1, 57, 64, 455, 1025, 50_000)]
    [4, 64, 64, 512, 1152, 53248]
    """
    if count <= 1024:
        return max(1 << (count - 1).bit_length(), 4)
    step = 1 << count.bit_length() - 4
    return -(-count // step) * step


@dataclass(frozen=True)
class Chunk:
    """Some batches on the device."""

    data: tuple[jax.Array, ...]
    order: np.ndarray
    """The rows of each batch, (batches, places); (batches, 0) if each batch is all
    rows. Places that are empty hold -1, and so do all of further batches."""
    sizes: np.ndarray
    """How many examples are in each batch."""
    origin: np.ndarray | None = None
    """The rows of the user's data in each batch, as in ``order``; None for a stream."""

    @property
    def count(self) -> int:
        """How many batches there are."""
        return len(self.sizes)

    @property
    def rows(self) -> int:
        """How many examples are in the first batch."""
        return int(self.sizes[0])

    @property
    def whole(self) -> bool:
        """Whether each batch is all rows of ``data``."""
        return not self.order.size

    def layout(self, masks: bool) -> Layout:
        """Return how a program reads ``data``; ``masks`` is as in `parts`."""
        return "whole" if self.whole else "masked" if masks else "rows"

    def parts(self, masks: bool) -> Iterator["Chunk"]:
        """Yield the chunk, in parts of equal batches if the program needs them so.

        ``masks`` says whether the program can leave out empty places.
        """
        if masks or self.whole:
            yield self
            return
        changes = np.flatnonzero(np.diff(self.sizes)) + 1
        for begin, end in pairwise((0, *changes.tolist(), self.count)):
            size = self.sizes[begin]
            # As long as the chunk's, so that all cuts of the data share a program.
            order = np.full((len(self.order), size), -1, np.int32)
            order[: end - begin] = self.order[begin:end, :size]
            origin = None if self.origin is None else self.origin[begin:end, :size]
            yield Chunk(self.data, order, self.sizes[begin:end], origin)

    def origin_of(self, number: int) -> np.ndarray | None:
        """Return the rows of the user's data in one batch."""
        if self.origin is None:
            return None
        return np.asarray(self.origin[number])[: self.sizes[number]]

    def on_host(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield the batches as arrays of NumPy."""
        arrays = [np.asarray(array) for array in self.data]
        for rows, size in zip(self.order, self.sizes, strict=False):
            yield tuple(a if self.whole else a[rows[:size]] for a in arrays)


def batches_in_chunk(batch_bytes: int) -> int:
    """Return how many batches of a size make a chunk."""
    return max(1, min(_CHUNK_BATCHES, _CHUNK_BYTES // max(batch_bytes, 1)))


def chunk_of(stacks: list[np.ndarray], sizes: np.ndarray) -> Chunk:
    """Return stacked batches on the device, with the number of examples in each.

    All stacks of a loader have one size, so they share one program. It gathers rows as
    from resident data, which gives the same bits; slices of the stack would change the
    order of additions.
    """
    count, places = stacks[0].shape[:2]
    flat = [stack.reshape(count * places, *stack.shape[2:]) for stack in stacks]
    order = np.arange(count * places, dtype=np.int32).reshape(count, places)
    filled = np.zeros(count, int)
    filled[: len(sizes)] = sizes
    order[np.arange(places) >= filled[:, None]] = -1
    return Chunk(tuple(map(jax.device_put, flat)), order, sizes)
