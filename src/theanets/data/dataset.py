"""Data sets as users give them, and the source of batches that each becomes."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from theanets.config import config
from theanets.data.arrays import (
    Expected,
    as_array,
    nbytes,
    precisions,
)
from theanets.data.indexed import Batches, Examples
from theanets.data.kinds.base import LazyArray, is_indexed
from theanets.data.names import names_of
from theanets.data.reading import Noted, Reader
from theanets.data.scale import warn_of_scale
from theanets.data.sources import (
    ArraySource,
    Expect,
    StreamSource,
    fitted,
    given_arrays,
)
from theanets.data.unpack import Part, parts_of
from theanets.errors import DataError, TheanetsError
from theanets.utils.checks import flag, is_number, is_whole, shown, whole

MOST_BATCHES = 1 << 31
"""Fewer there are in an epoch: programs count them in int32."""


class Dataset:
    """Data for training, with its own way of being cut into batches.

    Parameters
    ----------
    inputs : array, sequence of arrays, callable, or iterable of batches
        What `train` takes as data. A callable takes no arguments and returns one
        batch: an array or a tuple of them. An object with ``len(inputs)`` and
        ``inputs[i]`` gives as many batches.
    name : str, optional
        How messages call it.
    batch_size : int or None, optional
        Examples in a batch; None or -1 for all at once. By default what `train` is
        told.
    iteration_size : int, optional
        Batches in an epoch; by default as many as see each example once, or 100 for
        a callable without a length.
    axis : int, optional
        The axis of the arrays along which the examples lie.
    rows : array of int, optional
        Which examples there are, by their numbers in the arrays; by default all. The
        arrays are not copied.
    examples : bool
        Whether ``inputs[i]`` is one example, not a batch: batches of ``batch_size`` are
        made of them, in another order each epoch.
    rng : int, optional
        Seed of the order of the examples; by default what `train` is told.
    mean_weight : float, optional
        For data that come batch by batch with weights: how much an error counts on
        average over all of them, so that each batch counts by its own weights. By
        default batches count alike, however heavy they are.
    allow_negative_weights : bool
        Whether weights may be negative, which makes a model worse where they are.
    timeout : float, optional
        Seconds after which a batch of a callable or an iterable is no longer waited
        for; then a `DataError` ends the training. By default it may take for ever.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> x, y = np.eye(4), np.arange(4)
    >>> data = theanets.Dataset([x, y], batch_size=2, rng=3)
    >>> net = theanets.Classifier([4, 4])
    >>> training, _ = net.train(data, max_epochs=1, progress=False)
    >>> sorted(training)
    ['acc', 'err', 'loss']
    """

    def __init__(
        self,
        inputs: Any,
        name: str | None = None,
        batch_size: int | str | None = "default",
        iteration_size: int | None = None,
        axis: int = 0,
        rng: int | None = None,
        timeout: float | None = None,
        mean_weight: float | None = None,
        allow_negative_weights: bool = False,
        rows: Any = None,
        examples: bool = False,
    ) -> None:
        self.inputs = inputs
        self.name = name
        self.batch_size = batch_size
        self.iteration_size = iteration_size
        self.axis = axis
        self.rng = rng
        self.timeout = timeout
        self.mean_weight = mean_weight
        self.allow_negative_weights = allow_negative_weights
        self.rows = rows
        self.examples = examples

    def called(self, name: str) -> str:
        """Return how messages call it, which have another name for it."""
        return self.name if isinstance(self.name, str) and self.name else name


def named_arrays(
    data: Any, name: str, names: Sequence[str] = (), labels: Container[int] = ()
) -> dict[str, Callable[[], Any]] | None:
    """Return for each array of a data set a function that converts it.

    Parameters
    ----------
    data : object
        What a user gives as data.
    name : str
        How messages call it.
    names : sequence of str
        The names of the arrays, in order; by default their numbers.
    labels : container of int
        The places of those that hold labels.

    Returns
    -------
    dict of str to callable, or None
        None if the data come batch by batch. A function returns the array, with the
        examples that belong to the data on its first axis.
    """
    axis: Any = 0
    rows = None
    if isinstance(data, Dataset):
        name, axis, rows = data.called(name), data.axis, data.rows
        data = data.inputs
    parts = parts_of(data, name, tuple(names))
    if parts is None:
        return None

    def array(place: int, part: Part) -> Any:
        given = as_array(part.value, part.label, place in labels)
        found = _examples_first(given, axis, name)
        return found if rows is None else found[_checked_rows(rows, len(found), name)]

    names = names or [str(number) for number in range(len(parts))]
    named = zip(names, enumerate(parts), strict=False)
    return {own: partial(array, *placed) for own, placed in named}


class _SignedWeights:
    """What a model expects, with weights that may be negative."""

    def __init__(self, expect: Expect) -> None:
        self._expect = expect
        self.names = expect.names
        self.labels = expect.labels
        self.columns = expect.columns

    def __call__(self, arrays: Sequence[Any]) -> list[Expected]:
        return [replace(each, signed=True) for each in self._expect(arrays)]


def source(
    data: Any,
    *,
    name: str,
    expect: Expect,
    dtype: Any,
    batch_size: int | None,
    batches: int | None,
    seed: int,
    shuffle: bool,
    consecutive: bool = False,
    warn: bool = False,
) -> "ArraySource | StreamSource":
    """Return a source of batches for whatever a user gives as data.

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
        Of the order of the examples.
    shuffle : bool
        Whether each epoch has an order of its own.
    consecutive : bool
        Whether each batch goes on where the one before it ended. Arrays have no such
        batches.
    warn : bool
        Whether to warn of numbers that are hard to learn from; of batches that come
        one by one, the first is looked at.

    Raises
    ------
    DataError
        If the data do not fit the model, or are not what they have to be.
    """
    axis: Any = 0
    timeout, rows, examples = None, None, False
    if isinstance(data, Dataset):
        name, axis, rows = data.called(name), data.axis, data.rows
        timeout = _checked_timeout(data.timeout, name)
        examples = flag(data.examples, f"{name}: examples")
        if flag(data.allow_negative_weights, f"{name}: allow_negative_weights"):
            expect = _SignedWeights(expect)
        if not (isinstance(data.batch_size, str) and data.batch_size == "default"):
            batch_size = data.batch_size  # type: ignore[assignment]
        batches = data.iteration_size if batches is None else batches
        if data.rng is not None:
            seed = whole(data.rng, f"{name}: rng", 0, error=DataError)
        data = data.inputs
    batch_size = checked_size(batch_size, DataError, f"{name}: batch_size")
    if batches is not None:
        what, also = f"{name}: iteration_size", ", or None for as many as there are"
        batches = whole(batches, what, 1, also, DataError, MOST_BATCHES)
    passes = "epoch" if shuffle else "validation"
    turned = not (is_whole(axis) and axis == 0)
    with Noted(name):
        if examples:
            data = _examples(data, batch_size, seed, shuffle, rows, name)
            rows = None
        elif is_indexed(data) and not isinstance(data, Iterable):
            data = Batches(data)
        parts = parts_of(data, name, expect.names)
        if parts is None:
            if rows is not None:
                raise DataError(
                    f"{name}: rows are given, but the data are batches, of which none "
                    "can be picked by number. Leave rows out."
                )
            if turned:
                raise DataError(
                    f"{name}: axis is {shown(axis)}, but the data are batches, which "
                    "come with their examples on the first axis. Leave axis out, or "
                    "turn the batches where they are made."
                )
            reader = Reader(data, name, batches, passes, timeout, once=consecutive)
            return StreamSource(reader, expect, dtype, warn)
        given = [
            _examples_first(array, axis, name)
            for array in given_arrays(parts, expect, name)
        ]
        pairs = zip(parts, given, strict=True)
        names = [() if turned else names_of(part.value, array) for part, array in pairs]
        arrays, expected = fitted(given, names, expect, name, dtype)
        _check_weights(arrays, expected, name)
        if warn:
            warn_of_scale(arrays, expected, expect.columns, dtype, name)
    if rows is not None:
        rows = _checked_rows(rows, len(arrays[0]), name)
    if consecutive and (shuffle or 0 < (batch_size or 0) < len(arrays[0])):
        raise DataError(
            f"{name}: with stateful=True each batch goes on where the one before it "
            "ended, but examples of arrays are shuffled or stand for themselves. Give "
            "windows that follow each other: theanets.recurrent.batches(..., "
            "stateful=True)."
        )
    dtypes = precisions(expected, dtype)
    arrays = tuple(map(_held, arrays, expected, dtypes))
    size = sum(nbytes(a, d) for a, d in zip(arrays, dtypes, strict=True))
    lazy = any(isinstance(array, LazyArray) for array in arrays)
    fits = size <= config.resident_bytes
    if lazy and not fits and (batch_size or len(arrays[0])) >= len(arrays[0]):
        raise DataError(
            f"{name}: all {len(arrays[0])} examples in one batch need "
            f"{size / 1e9:.1f} GB as dense arrays, more than "
            f"theanets.config.resident_bytes ({config.resident_bytes / 1e9:.1f} GB). "
            "Give a smaller batch_size."
        )
    resident = fits and not lazy
    return ArraySource(
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


def _check_weights(
    arrays: Sequence[Any], expected: Sequence[Expected], name: str
) -> None:
    for array, each in zip(arrays, expected, strict=True):
        if each.role == "weights" and not np.any(array):
            raise DataError(
                f'{name}: all of "{each.name}" are 0, so no example counts. Give those '
                "that count a weight more than 0."
            )


def _held(array: Any, expected: Expected, dtype: Any) -> Any:
    """Return an array as it is kept: a lazy one dense, if it is small."""
    # Training and validation each make their own, and the device another.
    small = nbytes(array, dtype) <= config.resident_bytes // 8
    lazy = isinstance(array, LazyArray)
    dense = lazy and small and array.resident and not expected.sparse
    return array[:] if dense else array


def checked_size(
    size: Any, error: type[TheanetsError], what: str = "batch_size"
) -> int | None:
    """Return the number of examples in a batch, None for all of them."""
    if size is None or (is_whole(size) and size == -1):
        return None
    return whole(size, what, 1, ", or None for all the data at once", error)


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
    data: Any, size: int | None, seed: int, shuffle: bool, rows: Any, name: str
) -> Examples:
    if not is_indexed(data):
        raise DataError(
            f"{name} is of type {type(data).__name__}, which does not give examples by "
            "number; examples=True is for an object with len(data) and data[i]. Leave "
            "it out."
        )
    numbers = None if rows is None else _checked_rows(rows, len(data), name)
    return Examples(data, size, seed, shuffle, numbers)


def _checked_rows(rows: Any, length: int, name: str) -> np.ndarray:
    try:
        found = np.asarray(as_array(rows, "rows", labels=True))
    except DataError:
        # What is no array of numbers at all is told below.
        found = np.zeros(0)
    if found.dtype == bool and found.shape == (length,):
        found = np.flatnonzero(found)
    whole = found.dtype.kind in "iu" and found.ndim == 1 and len(found) > 0
    if not whole or found.min() < 0 or found.max() >= length:
        raise DataError(
            f"{name}: rows is {shown(rows)}; it has to be an array of numbers "
            f"of examples, 0 to {length - 1}."
        )
    return found.astype(np.int32)


def _examples_first(array: Any, axis: Any, name: str) -> Any:
    if is_whole(axis) and axis == 0:
        return array
    if not is_whole(axis) or not -array.ndim <= axis < array.ndim:
        raise DataError(
            f"{name}: axis is {shown(axis)}; it has to be the number of an axis that "
            f"each array has, and one has the shape {array.shape}."
        )
    if isinstance(array, LazyArray):
        return array.transposed() if axis in (array.ndim - 1, -1) else array
    return np.moveaxis(array, int(axis), 0)
