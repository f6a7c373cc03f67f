"""Batches from a callable or an iterable."""

import threading
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from theanets.data.arrays import narrowed
from theanets.data.chunks import Chunk, batches_in_chunk, chunk_of
from theanets.data.expected import precisions
from theanets.data.indexed import Batches
from theanets.data.prefetch import prefetched
from theanets.data.prepare import Expect, prepared
from theanets.data.reading import Reader
from theanets.data.scale import warn_of_scale
from theanets.data.unpack import unpack
from theanets.errors import DataError
from theanets.types import JsonDict

_CHUNK_SECONDS = 0.5
_MANY_SHAPES = 8


@dataclass(eq=False, repr=False)
class StreamLoader:
    """Batches from a callable or an iterable, read ahead of the training."""

    reader: Reader
    expect: Expect
    dtype: DTypeLike
    warn: bool = False
    signed: bool = False
    _shapes: set[tuple[tuple[int, ...], ...]] = field(default_factory=set, init=False)

    @property
    def batches(self) -> int | None:
        """Batches in an epoch, if that is known."""
        return self.reader.batches

    def identity(self) -> JsonDict:
        """Return what a checkpoint compares to recognize these data."""
        source = type(self.reader.owner).__name__
        return {"source": source, "batches": self.batches}

    def replay(self, runs: Sequence[tuple[int, int]]) -> None:
        """Read and drop what earlier runs have read, to continue after it.

        Each run is its number of whole epochs, and of batches of one more.
        """
        for epochs, batches in runs:
            self.reader.restart()
            for most in [None] * epochs + [batches] * (batches > 0):
                self.reader.begin()
                # A list gives the same batches, however often it was read.
                if not isinstance(self.reader.data, list | tuple):
                    skipped = self.reader.read(lambda _: None, threading.Event(), most)
                    deque(skipped, maxlen=0)

    def chunks(
        self, epoch: int, most: int | None = None
    ) -> Generator[Chunk, None, None]:
        """Yield the batches of an epoch, which may differ in size.

        With ``most``, only so many batches are read.
        """
        self.reader.begin()
        grouped = partial(self._grouped, most)
        yield from prefetched(grouped, self.reader.owner, self.reader.check_time)

    def _grouped(self, most: int | None, stopped: threading.Event) -> Iterator[Chunk]:
        stacks: list[np.ndarray] = []
        types: list[tuple[tuple[int, ...], np.dtype[Any]]] = []
        sizes: list[int] = []
        places, begun = 0, 0.0
        for batch in self.reader.read(self._checked, stopped, most):
            earlier, types = types, [(x.shape[1:], x.dtype) for x in batch]
            rows = len(batch[0])
            # A shorter batch has empty places, as the last one of arrays has.
            fits = types == earlier and rows <= places
            if sizes and not fits:
                yield chunk_of(stacks, np.array(sizes))
                sizes = []
            if not fits:
                places = rows
            if not sizes:
                # New memory each time: the device may still use the old.
                row = sum(x[:1].nbytes for x in batch)
                size = batches_in_chunk(row * places)
                stacks = [np.empty((size, places, *x), dtype) for x, dtype in types]
                begun = time.monotonic()
            for stack, array in zip(stacks, batch, strict=True):
                stack[len(sizes), :rows] = array
            sizes.append(rows)
            # Slow batches do not wait until a chunk is full.
            full = len(sizes) == len(stacks[0])
            if full or time.monotonic() - begun > _CHUNK_SECONDS:
                yield chunk_of(stacks, np.array(sizes))
                sizes = []
        if sizes:
            yield chunk_of(stacks, np.array(sizes))

    def _checked(self, batch: object) -> tuple[np.ndarray, ...]:
        what = self.reader.where
        usable = batch is not None and not isinstance(batch, str | bytes)
        raw = unpack(batch, what, self.expect.names) if usable else None
        if raw is None:
            raise DataError(
                f"{what} is of type {type(batch).__name__}; it has to be an array "
                "or a tuple of arrays: inputs, then target, then weights."
            )
        try:
            arrays, expected = prepared(raw, self.expect, what, self.dtype, self.signed)
        except DataError as error:
            if type(self.reader.data) is not Batches:
                raise
            raise DataError(
                f"{error} If each item is one example, not a batch, give "
                "theanets.Dataset(data, examples=True)."
            ) from None
        known = len(self._shapes)
        self._shapes.add(tuple(array.shape for array in arrays))
        if known < len(self._shapes) == _MANY_SHAPES:
            warnings.warn(
                f"{self.reader.name}: its batches have come in {_MANY_SHAPES} shapes, "
                "and training may be compiled for each, which can take longer than to "
                "train. Give batches of equal size, and sequences of few lengths: "
                "theanets.recurrent.padded fills them up, with a mask.",
                UserWarning,
                stacklevel=2,
            )
        if self.warn:
            warn_of_scale(arrays, expected, self.expect.columns, self.dtype, what)
            self.warn = False
        pairs = zip(arrays, precisions(expected, self.dtype), strict=True)
        return tuple(narrowed(np.asarray(array), dtype) for array, dtype in pairs)
