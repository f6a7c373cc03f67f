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
            origin = np.broadcast_to(np.arange(self.length), shape)
            sizes = np.full(self.batches, self.length)
            yield Chunk(self._on_device, order, sizes, origin)
            return
        order, sizes = self._order(epoch)
        if self._resident:
            yield Chunk(self._on_device, order, sizes, order)
        else:
            yield from prefetched(partial(self._gathered, order, sizes))

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

    def _order(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of all batches of an epoch, and how many are in each.

        Full batches come first, and then the short ones. Places and batches that are
        empty hold -1: all epochs share one shape, and data of other lengths do too.
        """
        whole, remainder = divmod(self.length, self.rows)
        places = self.rows if whole else min(self.rows, roomy(remainder))
        order = np.full((roomy(self.batches), places), -1, np.int32)
        short: list[np.ndarray] = []
        full, number, end = 0, epoch * self.batches, (epoch + 1) * self.batches
        while number < end:
            lap, place = divmod(number, self.per_pass)
            permutation = self._permutation(lap)
            taken = min(self.per_pass - place, end - number)
            count = max(min(whole - place, taken), 0)
            rows = permutation[place * self.rows : (place + count) * self.rows]
            order[full : full + count] = rows.reshape(count, places)
            if taken > count:
                short.append(permutation[-remainder:])
            full, number = full + count, number + taken
        for index, rows in enumerate(short, full):
            order[index, :remainder] = rows
        sizes = np.full(self.batches, self.rows)
        sizes[full:] = remainder
        return order, sizes

    def _permutation(self, lap: int) -> np.ndarray:
        order = np.arange(self.length)
        if self.shuffle and self.per_pass > 1:
            order = stream(self.seed, "shuffle", str(lap)).permutation(self.length)
        elif self.batches < self.per_pass:
            # A part of the data is to represent all of it, not only its beginning.
            order = stream(self.seed, "part").permutation(self.length)
        return order if self.picked is None else self.picked[order]

    def _gathered(
        self, order: np.ndarray, sizes: np.ndarray, stopped: threading.Event
    ) -> Iterator[Chunk]:
        pairs = list(zip(self.arrays, self.dtypes, strict=True))
        row = self._size // len(self.arrays[0])
        size = min(batches_in_chunk(row * order.shape[1]), len(order))
        for begin in range(0, len(sizes), size):
            part, filled = order[begin : begin + size], sizes[begin : begin + size]
            last = begin + len(filled) - 1
            passes = "epoch" if self.shuffle else "validation"
            batches = f"batches {begin} to {last} of {passes} {self._pass}"
            with Noted(f"{self.name}: {batches}"):
                stacks = [_stacked(a, part, size, dtype) for a, dtype in pairs]
            if stopped.is_set():
                return
            yield replace(chunk_of(stacks, filled), origin=part)


def _stacked(
    array: DataArray, order: np.ndarray, size: int, dtype: DTypeLike
) -> np.ndarray:
    """Return rows of an array as ``size`` batches; of empty places, anything."""
    there = order >= 0
    rows: np.ndarray = narrowed(np.asarray(array[order[there]]), dtype)
    shape = (size, order.shape[1], *rows.shape[1:])
    if len(rows) < size * order.shape[1]:
        stack = np.zeros(shape, rows.dtype)
        stack[: len(order)][there] = rows
        return stack
    return rows.reshape(shape)
