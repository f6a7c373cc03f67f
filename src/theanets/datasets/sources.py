"""Where batches come from: arrays on the device, arrays on the host, or streams."""

from collections.abc import Generator, Iterator, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

import jax
import numpy as np

from theanets.datasets.arrays import Expected, check, narrowed, nbytes
from theanets.datasets.device import DEVICE_CACHE
from theanets.datasets.prefetch import prefetched
from theanets.datasets.sparse import SparseRows, dense
from theanets.datasets.unpack import unpacked
from theanets.errors import DataError
from theanets.initializers import stream

DEFAULT_BATCHES = 100
"""Batches of an epoch where the source does not tell."""
_CHUNK_BYTES = 16 << 20
_CHUNK_BATCHES = 128


class Expect(Protocol):
    """What a model expects of data."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arrays, in order."""

    def __call__(self, arrays: Sequence[Any], /) -> Sequence[Expected]:
        """Return what each array has to be, once shapes are known."""


@dataclass(frozen=True)
class Chunk:
    """Some batches of equal size, on the device.

    Attributes
    ----------
    data : tuple of array
        The arrays of the batches.
    order : array
        The rows of each batch, (batches, rows); (batches, 0) where it is all of them.
    count : int
        How many batches are there.
    rows : int
        How many examples are in each.
    layout : str
        ``rows`` or ``whole``; see `theanets.training.programs`.
    """

    data: tuple[Any, ...]
    order: Any
    count: int
    rows: int
    layout: str

    def on_host(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield the batches as arrays of NumPy."""
        arrays = [np.asarray(array) for array in self.data]
        for index in range(self.count):
            if self.layout == "whole":
                yield tuple(arrays)
            else:
                yield tuple(array[self.order[index]] for array in arrays)


class ArraySource:
    """Batches of arrays with equal first axes, each epoch in an order of its own.

    The order of an epoch depends on its number and the seed alone. Arrays that fit
    are moved to the device once; others are gathered on the host, in chunks.
    """

    def __init__(
        self,
        arrays: tuple[Any, ...],
        dtypes: Sequence[Any],
        batch_size: int | None,
        batches: int | None,
        seed: int,
        shuffle: bool,
        resident: bool,
    ) -> None:
        self.arrays = arrays
        self.length = len(arrays[0])
        self.dtypes = dtypes
        self.rows = min(batch_size or self.length, self.length)
        self.per_pass = -(-self.length // self.rows)
        self.batches = batches or self.per_pass
        self.seed = seed
        self.shuffle = shuffle
        self.resident = resident

    def chunks(self, epoch: int) -> Generator[Chunk, None, None]:
        """Yield the batches of an epoch."""
        if self.rows == self.length:
            # Nothing is picked; the array tells the number of batches alone.
            order = np.zeros((self.batches, 0), np.int32)
            yield Chunk(self._on_device, order, self.batches, self.length, "whole")
            return
        for order in self._orders(epoch):
            count = int((order[:, 0] >= 0).sum())
            if count and self.resident:
                rows = order.shape[1]
                yield Chunk(self._on_device, order, count, rows, "rows")
            elif count:
                yield from prefetched(partial(self._gathered, order[:count]))

    @cached_property
    def _on_device(self) -> tuple[Any, ...]:
        pairs = zip(self.arrays, self.dtypes, strict=True)
        return tuple(
            jax.device_put(narrowed(array[:], dtype))
            if isinstance(array, SparseRows)
            else DEVICE_CACHE.get(array, dtype)
            for array, dtype in pairs
        )

    def _orders(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of all full batches of an epoch, and of the short ones.

        Both are padded with rows of -1 to shapes that all epochs share.
        """
        whole, remainder = divmod(self.length, self.rows)
        laps = self.batches // self.per_pass + 2
        full = np.full((self.batches, self.rows), -1, np.int32)
        short = np.full((min(laps, self.batches), remainder or 1), -1, np.int32)
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
                short[filled[1]] = permutation[-remainder:]
            filled = [filled[0] + count, filled[1] + taken - count]
            number += taken
        return full, short

    def _permutation(self, lap: int) -> np.ndarray:
        if self.shuffle:
            return stream(self.seed, "shuffle", str(lap)).permutation(self.length)
        if self.batches < self.per_pass:
            # A part of the data stands for all of it, so it must not be its beginning.
            return stream(self.seed, "part").permutation(self.length)
        return np.arange(self.length)

    def _gathered(self, order: np.ndarray) -> Iterator[Chunk]:
        pairs = list(zip(self.arrays, self.dtypes, strict=True))
        row = sum(nbytes(array, dtype) for array, dtype in pairs) // self.length
        size = min(_chunk_size(row * order.shape[1]), len(order))
        for begin in range(0, len(order), size):
            part = order[begin : begin + size]
            stacks = [narrowed(np.asarray(a[part]), dtype) for a, dtype in pairs]
            if len(part) < size:
                stacks = [np.resize(x, (size, *x.shape[1:])) for x in stacks]
            yield _moved(stacks, len(part))


class StreamSource:
    """Batches from a callable or an iterable, prepared while the ones before train."""

    def __init__(
        self, data: Any, name: str, expect: Expect, dtype: Any, batches: int | None
    ) -> None:
        self.name = name
        self.expect = expect
        self.dtype = dtype
        self.data = data
        endless = callable(data) or isinstance(data, Iterator)
        known = len(data) if isinstance(data, Sized) else None
        default = DEFAULT_BATCHES if endless and known is None else known
        self.batches: int | None = batches or default
        self._iterator: Iterator[Any] | None = (
            data if isinstance(data, Iterator) else None
        )
        if known == 0 and not batches:
            raise DataError(f"{name} is empty: it has no batches.")

    def chunks(self, epoch: int) -> Generator[Chunk, None, None]:
        """Yield the batches of an epoch, which may differ in size."""
        yield from prefetched(self._grouped)

    def _grouped(self) -> Iterator[Chunk]:
        stacks: list[np.ndarray] = []
        count = 0
        for batch in self._batches():
            alike = [(x.shape[1:], x.dtype) for x in stacks] == [
                (x.shape, x.dtype) for x in batch
            ]
            if count and (not alike or count == len(stacks[0])):
                yield _moved(stacks, count)
                count = 0
            if not count:
                # New memory each time: the device may go on using the old.
                size = _chunk_size(sum(array.nbytes for array in batch))
                stacks = [np.empty((size, *x.shape), x.dtype) for x in batch]
            for stack, array in zip(stacks, batch, strict=True):
                stack[count] = array
            count += 1
        if not count:
            raise DataError(
                f"{self.name} gave no batch. An iterator can be read only once: give a "
                "list, an object whose __iter__ starts anew, or a callable."
            )
        yield _moved(stacks, count)

    def _batches(self) -> Iterator[tuple[Any, ...]]:
        for number, batch in enumerate(self._raw()):
            what = f"{self.name}: batch {number}"
            usable = batch is not None and not isinstance(batch, str | bytes)
            arrays = unpacked(batch, what, self.expect.names) if usable else None
            if arrays is None:
                raise DataError(
                    f"{what} is of type {type(batch).__name__}; it has to be an array "
                    "or a tuple of arrays: inputs, then target, then weights."
                )
            expected = self.expect(arrays)
            check(arrays, expected, what)
            pairs = zip(arrays, precisions(expected, self.dtype), strict=True)
            yield tuple(narrowed(dense(array), dtype) for array, dtype in pairs)

    def _raw(self) -> Iterator[Any]:
        """Yield as many batches as an epoch has, as the user's source gives them."""
        left = self.batches
        while left is None or left > 0:
            begun = left
            for batch in self._once(left):
                yield batch
                left = None if left is None else left - 1
            if left is None or left == begun:
                return

    def _once(self, limit: int | None) -> Iterator[Any]:
        if callable(self.data):
            for _ in range(limit or DEFAULT_BATCHES):
                yield self.data()
            return
        if self._iterator is None or not isinstance(self.data, Iterator):
            self._iterator = iter(self.data)
        taken = 0
        while limit is None or taken < limit:
            try:
                yield next(self._iterator)
            except StopIteration:
                return
            taken += 1


def precisions(expected: Sequence[Expected], dtype: Any) -> list[Any]:
    """Return the widest type for each array: losses need more than bfloat16."""
    wide = np.promote_types(dtype, np.float32)
    return [dtype if e.role == "input" else wide for e in expected]


def _chunk_size(batch_bytes: int) -> int:
    return max(1, min(_CHUNK_BATCHES, _CHUNK_BYTES // max(batch_bytes, 1)))


def _moved(stacks: list[np.ndarray], count: int) -> Chunk:
    """Move stacked batches to the device, of which only the first ``count`` count.

    The stacks of a source all have one size, so that they share one program. Their
    rows are gathered as those of data that fit are, which gives the same bits; to
    slice a stack would add up in another order.
    """
    size, rows = stacks[0].shape[:2]
    flat = [stack.reshape(size * rows, *stack.shape[2:]) for stack in stacks]
    order = np.arange(size * rows, dtype=np.int32).reshape(size, rows)
    return Chunk(tuple(map(jax.device_put, flat)), order, count, rows, "rows")
