"""A user's data become batches."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from theanets.config import config
from theanets.data.array_loader import ArrayLoader
from theanets.data.arrays import nbytes
from theanets.data.dataset import as_dataset, checked_rows
from theanets.data.expected import Expected, precisions
from theanets.data.indexed import Batches, Examples
from theanets.data.kinds.base import DataArray, LazyArray, is_indexed
from theanets.data.prepare import Expect, convert, fitted
from theanets.data.reading import Noted, Reader
from theanets.data.scale import warn_of_scale
from theanets.data.stream_loader import StreamLoader
from theanets.data.unpack import unpack
from theanets.errors import DataError, TheanetsError
from theanets.utils.checks import check_bool, check_int, is_number, is_whole, shown

MOST_BATCHES = 1 << 31
"""An epoch has fewer batches than this: programs count them in int32."""


Loader = ArrayLoader | StreamLoader


def loader(
    data: object,
    *,
    name: str,
    expect: Expect,
    dtype: DTypeLike,
    batch_size: int | None,
    batches: int | None,
    seed: int,
    shuffle: bool,
    consecutive: bool = False,
    warn: bool = False,
) -> Loader:
    """Return a loader of batches for a user's data.

    Parameters
    ----------
    data : object
        An array, a tuple or list of arrays, a callable, an iterable, or a `Dataset`.
    name : str
        How messages call it.
    expect : callable
        What the model expects.
    dtype : dtype
        The precision to compute in.
    batch_size : int or None
        Examples in a batch; None: all of them.
    batches : int or None
        Batches in an epoch; None: as many as there are.
    seed : int
        Seed of the order of the examples.
    shuffle : bool
        Whether each epoch has an order of its own.
    consecutive : bool
        Whether each batch continues the one before it, as batches of arrays never do.
    warn : bool
        Whether to warn of numbers that are hard to learn from; in a stream, of those
        in the first batch.

    Raises
    ------
    DataError
        If the data do not fit the model, or are not valid.
    """
    dataset = as_dataset(data)
    data, rows = dataset.inputs, dataset.rows
    name = dataset.called(name)
    timeout = _checked_timeout(dataset.timeout, name)
    signed = dataset.allow_negative_weights
    signed = check_bool(signed, f"{name}: allow_negative_weights")
    if not (isinstance(dataset.batch_size, str) and dataset.batch_size == "default"):
        batch_size = dataset.batch_size  # type: ignore[assignment]
    batches = dataset.iteration_size if batches is None else batches
    if dataset.rng is not None:
        seed = check_int(dataset.rng, f"{name}: rng", 0, error=DataError)
    batch_size = checked_size(batch_size, DataError, f"{name}: batch_size")
    if batches is not None:
        what, also = f"{name}: iteration_size", ", or None for as many as there are"
        batches = check_int(batches, what, 1, also, DataError, MOST_BATCHES)
    passes = "epoch" if shuffle else "validation"
    with Noted(name):
        if check_bool(dataset.examples, f"{name}: examples"):
            data = _examples(data, batch_size, seed, shuffle, rows, name)
            rows = None
        elif is_indexed(data) and not isinstance(data, Iterable):
            data = Batches(data)
        raw = unpack(data, name, expect.names)
        if raw is None:
            _refuse_for_batches(rows, dataset.axis, name)
            reader = Reader(data, name, batches, passes, timeout, once=consecutive)
            return StreamLoader(reader, expect, dtype, warn, signed)
        converted, names = convert(raw, expect, name, dataset.axis)
        arrays, expected = fitted(converted, names, expect, name, dtype, signed)
        _check_weights(arrays, expected, name)
        if warn:
            warn_of_scale(arrays, expected, expect.columns, dtype, name)
    length = len(arrays[0])
    if rows is not None:
        rows = checked_rows(rows, length, name)
    if consecutive and (shuffle or 0 < (batch_size or 0) < length):
        raise DataError(
            f"{name}: with stateful=True each batch goes on where the one before it "
            "ended, but examples of arrays are shuffled or stand for themselves. Give "
            "windows that follow each other: theanets.recurrent.batches(..., "
            "stateful=True)."
        )
    dtypes = precisions(expected, dtype)
    arrays = tuple(map(_dense_if_small, arrays, expected, dtypes))
    resident = _fits_the_device(arrays, dtypes, (batch_size or length) >= length, name)
    return ArrayLoader(
        arrays,
        dtypes,
        batch_size,
        batches,
        seed,
        shuffle,
        resident,
        name,
        passes,
        rows,
    )


def _refuse_for_batches(rows: object, axis: object, name: str) -> None:
    """Refuse options of arrays for data that come batch by batch."""
    if rows is not None:
        raise DataError(
            f"{name}: rows are given, but the data are batches, of which none can be "
            "picked by number. Leave rows out."
        )
    if not (is_whole(axis) and axis == 0):
        raise DataError(
            f"{name}: axis is {shown(axis)}, but the data are batches, which come with "
            "their examples on the first axis. Leave axis out, or turn the batches "
            "where they are made."
        )


def _fits_the_device(
    arrays: Sequence[DataArray],
    dtypes: Sequence[DTypeLike],
    in_one_batch: bool,
    name: str,
) -> bool:
    """Return whether arrays are to be kept on the device as a whole."""
    size = sum(nbytes(a, d) for a, d in zip(arrays, dtypes, strict=True))
    lazy = any(isinstance(array, LazyArray) for array in arrays)
    fits = size <= config.resident_bytes
    if lazy and not fits and in_one_batch:
        raise DataError(
            f"{name}: all {len(arrays[0])} examples in one batch need "
            f"{size / 1e9:.1f} GB as dense arrays, more than "
            f"theanets.config.resident_bytes ({config.resident_bytes / 1e9:.1f} GB). "
            "Give a smaller batch_size."
        )
    return fits and not lazy


def _check_weights(
    arrays: Sequence[DataArray], expected: Sequence[Expected], name: str
) -> None:
    for array, each in zip(arrays, expected, strict=True):
        if each.role == "weights" and not np.any(array):
            raise DataError(
                f'{name}: all of "{each.name}" are 0, so no example counts. Give those '
                "that count a weight more than 0."
            )


def _dense_if_small(
    array: DataArray, expected: Expected, dtype: DTypeLike
) -> DataArray:
    """Return an array as it is kept: a small lazy one becomes dense."""
    # Small enough for three copies: of training, of validation, and on the device.
    small = nbytes(array, dtype) <= config.resident_bytes // 8
    if isinstance(array, LazyArray) and array.resident and not expected.sparse:
        return array[:] if small else array
    return array


def checked_size(
    size: object, error: type[TheanetsError], what: str = "batch_size"
) -> int | None:
    """Return the number of examples in a batch, None for all of them."""
    if size is None or (is_whole(size) and size == -1):
        return None
    return check_int(size, what, 1, ", or None for all the data at once", error)


def _checked_timeout(timeout: Any, name: str) -> float | None:
    if timeout is None:
        return None
    if not is_number(timeout) or not timeout > 0:
        raise DataError(
            f"{name}: timeout is {shown(timeout)}; it has to be a number of seconds, "
            "more than 0, or None to wait for ever."
        )
    return float(timeout)


def _examples(
    data: object, size: int | None, seed: int, shuffle: bool, rows: object, name: str
) -> Examples:
    if not is_indexed(data):
        raise DataError(
            f"{name} is of type {type(data).__name__}, which does not give examples by "
            "number; examples=True is for an object with len(data) and data[i]. Leave "
            "it out."
        )
    numbers = None if rows is None else checked_rows(rows, len(data), name)
    return Examples(data, size, seed, shuffle, numbers)
