"""A user's data become batches."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import DTypeLike

from theanets.config import config
from theanets.data.array_loader import ArrayLoader
from theanets.data.arrays import nbytes
from theanets.data.dataset import as_dataset, checked_rows
from theanets.data.expected import Expected, precisions
from theanets.data.indexed import Batches, Examples
from theanets.data.kinds.base import DataArray, LazyArray, is_indexed
from theanets.data.prepare import Expect, prepared
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
    """Return a loader of batches for a user's data, which messages call ``name``.

    ``dtype`` is the precision to compute in. ``batch_size`` None puts all examples in
    one batch, ``batches`` None as many batches in an epoch as there are. With
    ``consecutive`` each batch continues the one before it, as batches of arrays never
    do. ``warn`` warns of numbers that are hard to learn from; in a stream, of those in
    the first batch.
    """
    dataset = as_dataset(data)
    data, rows = dataset.inputs, dataset.rows
    name = dataset.called(name)
    timeout = dataset.timeout
    if timeout is not None and not (is_number(timeout) and timeout > 0):
        raise DataError(
            f"{name}: timeout is {shown(timeout)}; it has to be a number of seconds, "
            "more than 0, or None to wait without a limit."
        )
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
    with Noted(name):
        if check_bool(dataset.examples, f"{name}: examples"):
            if not is_indexed(data):
                raise DataError(
                    f"{name} is of type {type(data).__name__}, which does not give "
                    "examples by number, data[i] up to len(data). Leave examples out."
                )
            if rows is not None:
                rows = checked_rows(rows, len(data), name)
            data = Examples(data, batch_size, seed, shuffle, rows)
            rows = None
        elif is_indexed(data) and not isinstance(data, Iterable):
            data = Batches(data)
        raw = unpack(data, name, expect.names)
        if raw is None:
            if rows is not None or not (is_whole(dataset.axis) and dataset.axis == 0):
                given = "rows are given", "rows out: pick examples"
                if rows is None:
                    axis = f"axis is {shown(dataset.axis)}"
                    given = axis, "axis out: put examples on the first axis"
                raise DataError(
                    f"{name}: {given[0]}, but the data are batches. Leave {given[1]} "
                    "where batches are made."
                )
            passes = "epoch" if shuffle else "validation"
            reader = Reader(data, name, batches, passes, timeout, consecutive)
            return StreamLoader(reader, expect, dtype, warn, signed)
        arrays, expected = prepared(raw, expect, name, dtype, signed, dataset.axis)
        for array, each in zip(arrays, expected, strict=True):
            if each.role == "weights" and not np.any(array):
                raise DataError(
                    f'{name}: all of "{each.name}" are 0, so no example counts. Give '
                    "those that count a weight more than 0."
                )
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
    return ArrayLoader(
        arrays, dtypes, batch_size, batches or 0, seed, shuffle, name, rows
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
