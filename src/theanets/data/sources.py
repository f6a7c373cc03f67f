"""Where batches come from: arrays on the device, arrays on the host, or streams."""

import threading
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Protocol

import jax
import numpy as np

from theanets.data.arrays import (
    Expected,
    as_array,
    check,
    check_count,
    narrowed,
    nbytes,
    precisions,
)
from theanets.data.columns import Columns
from theanets.data.device import DEVICE_CACHE, identity
from theanets.data.indexed import Batches
from theanets.data.kinds.base import LazyArray
from theanets.data.names import Names, names_of
from theanets.data.prefetch import prefetched
from theanets.data.reading import Noted, Reader
from theanets.data.scale import warn_of_scale
from theanets.data.shapes import reshaped
from theanets.data.unpack import Part, parts_of
from theanets.errors import DataError
from theanets.initializers import stream

_CHUNK_BYTES = 16 << 20
_CHUNK_BATCHES = 128
_CHUNK_SECONDS = 0.5
_MANY_SHAPES = 8


class Expect(Protocol):
    """What a model expects of data.

    Attributes
    ----------
    columns : Columns
        The names of their columns, which the first data frames tell.
    """

    columns: Columns

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arrays, in order."""

    @property
    def labels(self) -> frozenset[int]:
        """The places of the arrays that hold labels."""

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
    origin : array, optional
        The rows of the user's data that each batch consists of, (batches, rows);
        None of data without rows.
    """

    data: tuple[Any, ...]
    order: Any
    count: int
    rows: int
    layout: str
    origin: np.ndarray | None = None

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
        name: str,
        passes: str,
        picked: np.ndarray | None = None,
    ) -> None:
        self.arrays = arrays
        self.picked = picked
        self.length = len(arrays[0] if picked is None else picked)
        self.dtypes = dtypes
        self.rows = min(batch_size or self.length, self.length)
        self.per_pass = -(-self.length // self.rows)
        self.batches = batches or self.per_pass
        self.seed = seed
        self.shuffle = shuffle
        self.resident = resident
        self.name = name
        self.passes = passes
        self._begun = 0

    def chunks(
        self, epoch: int, most: int | None = None
    ) -> Generator[Chunk, None, None]:
        """Yield the batches of an epoch, here also if fewer are wanted."""
        self._begun += 1
        if self.rows == self.length and self.picked is None:
            # Nothing is picked; the array tells the number of batches alone.
            order = np.zeros((self.batches, 0), np.int32)
            origin = np.broadcast_to(
                np.arange(self.length), (self.batches, self.length)
            )
            yield Chunk(
                self._on_device, order, self.batches, self.length, "whole", origin
            )
            return
        first = 0
        for order in self._orders(epoch):
            count = int((order[:, 0] >= 0).sum())
            if count and self.resident:
                rows = order.shape[1]
                yield Chunk(self._on_device, order, count, rows, "rows", order)
            elif count:
                yield from prefetched(partial(self._gathered, order[:count], first))
            first += count

    def identity(self) -> dict[str, Any]:
        """Return what tells this source from others, as JSON holds it."""
        picked = {} if self.picked is None else {"rows": identity(self.picked)}
        return {
            **picked,
            "arrays": [identity(array) for array in self.arrays],
            "examples in a batch": self.rows,
            "batches": self.batches,
            "seed": self.seed if self.shuffle else None,
        }

    def replay(self, runs: Sequence[tuple[int, int]]) -> None:
        """Be as if runs had read so many epochs; of arrays they are only counted."""
        self._begun = runs[-1][0]

    @cached_property
    def _on_device(self) -> tuple[Any, ...]:
        pairs = zip(self.arrays, self.dtypes, strict=True)
        return tuple(
            jax.device_put(narrowed(array[:], dtype))
            if isinstance(array, LazyArray)
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
        order = np.arange(self.length)
        if self.shuffle:
            order = stream(self.seed, "shuffle", str(lap)).permutation(self.length)
        elif self.batches < self.per_pass:
            # A part of the data stands for all of it, so it must not be its beginning.
            order = stream(self.seed, "part").permutation(self.length)
        return order if self.picked is None else self.picked[order]

    def _gathered(
        self, order: np.ndarray, first: int, stopped: threading.Event
    ) -> Iterator[Chunk]:
        pairs = list(zip(self.arrays, self.dtypes, strict=True))
        size = sum(nbytes(array, dtype) for array, dtype in pairs)
        row = size // len(self.arrays[0])
        size = min(_chunk_size(row * order.shape[1]), len(order))
        for begin in range(0, len(order), size):
            part = order[begin : begin + size]
            last = first + begin + len(part) - 1
            batches = f"batches {first + begin} to {last} of {self.passes}"
            with Noted(f"{self.name}: {batches} {self._begun}"):
                stacks = [narrowed(np.asarray(a[part]), dtype) for a, dtype in pairs]
            if stopped.is_set():
                return
            if len(part) < size:
                stacks = [np.resize(x, (size, *x.shape[1:])) for x in stacks]
            yield replace(_moved(stacks, len(part)), origin=part)


class StreamSource:
    """Batches from a callable or an iterable, prepared while the ones before train."""

    def __init__(
        self, reader: Reader, expect: Expect, dtype: Any, warn: bool = False
    ) -> None:
        self.reader = reader
        self.warn = warn
        self.expect = expect
        self.dtype = dtype
        self._shapes: set[Any] = set()

    @property
    def batches(self) -> int | None:
        """Batches in an epoch, if that is known."""
        return self.reader.batches

    def identity(self) -> dict[str, Any]:
        """Return what tells this source from others, as JSON holds it."""
        source = type(self.reader.owner).__name__
        return {"source": source, "batches": self.batches}

    def replay(self, runs: Sequence[tuple[int, int]]) -> None:
        """Read for nothing what runs have read, to come to where a training was.

        Parameters
        ----------
        runs : sequence of (int, int)
            Of each run so many whole epochs, and batches of one more.
        """
        for epochs, batches in runs:
            self.reader.restart()
            for most in [None] * epochs + [batches] * (batches > 0):
                self.reader.begin()
                # A list gives the same batches, however often it was read.
                if not isinstance(self.reader.data, list | tuple):
                    deque(self.reader.read(_unseen, threading.Event(), most), maxlen=0)

    def chunks(
        self, epoch: int, most: int | None = None
    ) -> Generator[Chunk, None, None]:
        """Yield the batches of an epoch, which may differ in size.

        Where ``most`` is given, no more than that are asked for.
        """
        self.reader.begin()
        grouped = partial(self._grouped, most)
        yield from prefetched(grouped, self.reader.owner, self.reader.check_time)

    def _grouped(self, most: int | None, stopped: threading.Event) -> Iterator[Chunk]:
        stacks: list[np.ndarray] = []
        count, begun = 0, 0.0
        for batch in self.reader.read(self._checked, stopped, most):
            alike = [(x.shape[1:], x.dtype) for x in stacks] == [
                (x.shape, x.dtype) for x in batch
            ]
            if count and not alike:
                yield _moved(stacks, count)
                count = 0
            if not count:
                # New memory each time: the device may go on using the old.
                size = _chunk_size(sum(array.nbytes for array in batch))
                stacks = [np.empty((size, *x.shape), x.dtype) for x in batch]
                begun = time.monotonic()
            for stack, array in zip(stacks, batch, strict=True):
                stack[count] = array
            count += 1
            # Batches that take long to come need not wait for each other.
            if count == len(stacks[0]) or time.monotonic() - begun > _CHUNK_SECONDS:
                yield _moved(stacks, count)
                count = 0
        if count:
            yield _moved(stacks, count)

    def _checked(self, batch: Any) -> tuple[Any, ...]:
        what = self.reader.where
        usable = batch is not None and not isinstance(batch, str | bytes)
        parts = parts_of(batch, what, self.expect.names) if usable else None
        if parts is None:
            raise DataError(
                f"{what} is of type {type(batch).__name__}; it has to be an array "
                "or a tuple of arrays: inputs, then target, then weights."
            )
        given = given_arrays(parts, self.expect, what)
        pairs = zip(parts, given, strict=True)
        names = [names_of(part.value, array) for part, array in pairs]
        try:
            arrays, expected = fitted(given, names, self.expect, what, self.dtype)
        except DataError as error:
            if type(self.reader.data) is not Batches:
                raise
            raise DataError(
                f"{error} If each item is one example, not a batch, give "
                "theanets.Dataset(data, examples=True)."
            ) from None
        self._note_shape(tuple(array.shape for array in arrays))
        if self.warn:
            warn_of_scale(arrays, expected, self.expect.columns, self.dtype, what)
            self.warn = False
        pairs = zip(arrays, precisions(expected, self.dtype), strict=True)
        return tuple(narrowed(np.asarray(array), dtype) for array, dtype in pairs)

    def _note_shape(self, shapes: Any) -> None:
        """Warn, once, where batches have many shapes."""
        known = len(self._shapes)
        self._shapes.add(shapes)
        if known < len(self._shapes) == _MANY_SHAPES:
            warnings.warn(
                f"{self.reader.name}: its batches have come in {_MANY_SHAPES} shapes, "
                "and training is compiled anew for each, which may take longer than to "
                "train. Give batches of equal size, and sequences of few lengths: "
                "theanets.recurrent.padded fills them up, with a mask.",
                UserWarning,
                stacklevel=2,
            )


def given_arrays(parts: Sequence[Part], expect: Expect, what: str) -> list[Any]:
    """Return the parts of a data set or batch as arrays of numbers.

    How many arrays there are is told before what they hold.
    """
    values = [part.value for part in parts]
    few = len(values) < len(expect.names)
    if few and all(hasattr(value, "shape") for value in values):
        check_count(len(values), expect(values), what)
    return [
        as_array(part.value, part.label, place in expect.labels)
        for place, part in enumerate(parts)
    ]


def fitted(
    arrays: Sequence[Any],
    names: Sequence[Names],
    expect: Expect,
    what: str,
    dtype: Any,
) -> tuple[tuple[Any, ...], Sequence[Expected]]:
    """Return arrays of one data set or batch as a model takes them, and what it takes.

    Parameters
    ----------
    arrays : sequence of array
        The arrays.
    names : sequence of tuple of str
        The names of the columns of each, in their order; () if they have none.
    expect : Expect
        What the model expects.
    what : str
        How messages call them all.
    dtype : dtype
        The precision to compute in.

    Raises
    ------
    DataError
        If one does not fit, or has other columns than the one before.
    """
    expected = expect(arrays)
    ordered = expect.columns.matched(arrays, names, expected, what)
    slots = zip(ordered, expected, strict=False)
    found = (
        *(reshaped(array, slot, what) for array, slot in slots),
        *ordered[len(expected) :],
    )

    def columns() -> dict[str, Sequence[str]]:
        own = {slot.name: n for n, slot in zip(names, expected, strict=False)}
        return {**own, **expect.columns.names()}

    check(found, expected, what, dtype, columns)
    expect.columns.learn(ordered, names, expected)
    return found, expected


def _unseen(batch: Any) -> None:
    """Take a batch that nobody wants."""


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
