"""Batches of arrays, which are on the device or gathered on the host."""

import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import jax
import numpy as np
from numpy.typing import DTypeLike

from theanets.config import config
from theanets.data.arrays import narrowed, nbytes
from theanets.data.chunks import Chunk, batches_in_chunk, chunk_of, roomy
from theanets.data.device import DEVICE_CACHE, identity
from theanets.data.kinds.base import DataArray, LazyArray
from theanets.data.prefetch import prefetched
from theanets.data.reading import Noted
from theanets.errors import DataError
from theanets.initializers import stream
from theanets.types import JsonDict

_WITH_ROOM = 64 << 20
"""Data of fewer bytes have room for more rows on the device, so that other numbers of
rows compile nothing. For larger ones that would cost more than it saves."""


@dataclass(eq=False, repr=False)
class ArrayLoader:
    """Batches of arrays of equal length, in a new order each epoch.

    The order depends only on the seed and the number of the epoch. Arrays that fit are
    moved to the device once; rows of others are gathered on the host, in chunks.
    """

    arrays: tuple[DataArray, ...]
    dtypes: Sequence[DTypeLike]
    batch_size: int | None
    batches: int
    """Batches in an epoch; given as 0: as many as read each example once."""
    seed: int
    shuffle: bool
    name: str
    picked: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.length = len(self.arrays[0] if self.picked is None else self.picked)
        self.rows = self.batch_size or self.length
        self.per_pass = -(-self.length // self.rows)
        self.batches = self.batches or self.per_pass
        self._size = sum(map(nbytes, self.arrays, self.dtypes))
        self._resident = self._fits_the_device()
        self._pass = 0

    def chunks(
        self, epoch: int, most: int | None = None
    ) -> Generator[Chunk, None, None]:
        """Yield the batches of an epoch, all of them whatever ``most`` says."""
        self._pass += 1
        if self._whole:
            # No rows are gathered: the array's length is the number of batches.
            order = np.zeros((self.batches, 0), np.int32)
            shape = (self.batches, self.length)
            rows = np.broadcast_to(np.arange(self.length), shape)
            yield Chunk(self._on_device, order, *shape, rows)
            return
        first = 0
        for order in self._orders(epoch):
            count = int((order[:, 0] >= 0).sum())
            if count and self._resident:
                origin = order[:, : (order[0] >= 0).sum()]
                yield Chunk(self._on_device, order, count, origin.shape[1], origin)
            elif count:
                yield from prefetched(partial(self._gathered, order, count, first))
            first += count

    def identity(self) -> JsonDict:
        """Return what a checkpoint compares to recognize these data."""
        picked = {} if self.picked is None else {"rows": identity(self.picked)}
        return {
            **picked,
            "arrays": [identity(array) for array in self.arrays],
            "examples in a batch": min(self.rows, self.length),
            "batches": self.batches,
            "seed": self.seed if self.shuffle else None,
        }

    def replay(self, runs: Sequence[tuple[int, int]]) -> None:
        """Set the count of epochs to what earlier runs have read."""
        self._pass = runs[-1][0]

    def _fits_the_device(self) -> bool:
        """Return whether the arrays are kept on the device as a whole."""
        fits = self._size <= config.resident_bytes
        if not any(isinstance(array, LazyArray) for array in self.arrays):
            return fits
        examples = len(self.arrays[0])
        if not fits and (self.batch_size or examples) >= examples:
            raise DataError(
                f"{self.name}: all {examples} examples in one batch need "
                f"{self._size / 1e9:.1f} GB as dense arrays, more than theanets.config."
                f"resident_bytes ({config.resident_bytes / 1e9:.1f} GB). Give a "
                "smaller batch_size."
            )
        return False

    @property
    def _whole(self) -> bool:
        """Whether a batch is all the data, so that no rows are gathered."""
        return self.rows == self.length and self.picked is None

    @cached_property
    def _on_device(self) -> tuple[jax.Array, ...]:
        length = len(self.arrays[0])
        if self._size < _WITH_ROOM and not self._whole:
            length = roomy(length)
        pairs = zip(self.arrays, self.dtypes, strict=True)
        return tuple(DEVICE_CACHE.get(array, dtype, length) for array, dtype in pairs)

    def _orders(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of all full batches of an epoch, and of the short ones.

        Both are padded with rows of -1 to shapes that all epochs share, and data of
        other lengths. The short ones have empty places too.
        """
        whole, remainder = divmod(self.length, self.rows)
        laps = self.batches // self.per_pass + 2
        places = self.rows if whole else min(self.rows, roomy(remainder))
        full = np.full((roomy(self.batches), self.rows), -1, np.int32)
        short = np.full((laps, places), -1, np.int32)
        filled = [0, 0]
        number, end = epoch * self.batches, (epoch + 1) * self.batches
        while number < end:
            lap, place = divmod(number, self.per_pass)
            permutation = self._permutation(lap)
            taken = min(self.per_pass - place, end - number)
            count = max(min(whole - place, taken), 0)
            rows = permutation[place * self.rows : (place + count) * self.rows]
            full[filled[0] : filled[0] + count] = rows.reshape(count, self.rows)
            if taken > count:
                short[filled[1], :remainder] = permutation[-remainder:]
            filled = [filled[0] + count, filled[1] + taken - count]
            number += taken
        return full, short

    def _permutation(self, lap: int) -> np.ndarray:
        order = np.arange(self.length)
        if self.shuffle and self.per_pass > 1:
            order = stream(self.seed, "shuffle", str(lap)).permutation(self.length)
        elif self.batches < self.per_pass:
            # A part of the data is to represent all of it, not only its beginning.
            order = stream(self.seed, "part").permutation(self.length)
        return order if self.picked is None else self.picked[order]

    def _gathered(
        self, order: np.ndarray, count: int, first: int, stopped: threading.Event
    ) -> Iterator[Chunk]:
        pairs = list(zip(self.arrays, self.dtypes, strict=True))
        row = self._size // len(self.arrays[0])
        size = min(batches_in_chunk(row * order.shape[1]), len(order))
        for begin in range(0, count, size):
            part = order[begin : min(begin + size, count)]
            origin = part[:, : (part[0] >= 0).sum()]
            last = first + begin + len(part) - 1
            batches = f"batches {first + begin} to {last}"
            passes = "epoch" if self.shuffle else "validation"
            with Noted(f"{self.name}: {batches} of {passes} {self._pass}"):
                stacks = [narrowed(np.asarray(a[origin]), d) for a, d in pairs]
            if stopped.is_set():
                return
            stacks = [_filled_up(stack, size, order.shape[1]) for stack in stacks]
            chunk = chunk_of(stacks, len(part), origin.shape[1])
            yield replace(chunk, origin=origin)


def _filled_up(stack: np.ndarray, size: int, places: int) -> np.ndarray:
    """Return a stack of so many batches with so many places, whatever is in them."""
    if stack.shape[:2] == (size, places):
        return stack
    whole = np.zeros((size, places, *stack.shape[2:]), stack.dtype)
    whole[: len(stack), : stack.shape[1]] = stack
    return whole
