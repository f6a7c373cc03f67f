"""A data set as a user gives it, and how it is cut into batches."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from theanets.data.arrays import as_array
from theanets.data.kinds.base import DataArray, LazyArray
from theanets.data.unpack import RawArray, unpack
from theanets.errors import DataError
from theanets.utils.checks import is_whole, shown


@dataclass(eq=False, repr=False)
class Dataset:
    """Data for training, and how they are cut into batches.

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
        called with.
    iteration_size : int, optional
        Batches in an epoch; by default as many as see each example once, or 100 for
        a callable without a length.
    axis : int, optional
        The axis of the arrays along which the examples lie.
    rows : array of int, optional
        The numbers of the examples to use; by default all. The arrays are not copied.
    examples : bool
        Whether ``inputs[i]`` is one example, not a batch: they are put together to
        batches of ``batch_size``, in another order each epoch.
    rng : int, optional
        Seed of the order of the examples; by default the ``rng`` of `train`.
    mean_weight : float, optional
        For data that come batch by batch with weights: the mean of all weights, so that
        batches with large weights count more. By default all batches count alike.
    allow_negative_weights : bool
        Whether weights may be negative, which makes a model worse where they are.
    timeout : float, optional
        Seconds to wait for a batch of a callable or an iterable, before a `DataError`
        ends the training. By default there is no limit.

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

    inputs: Any
    name: str | None = None
    batch_size: int | str | None = "default"
    iteration_size: int | None = None
    axis: int = 0
    rng: int | None = None
    timeout: float | None = None
    mean_weight: float | None = None
    allow_negative_weights: bool = False
    rows: object = None
    examples: bool = False

    def called(self, name: str) -> str:
        """Return its name in messages: its own, or else the given one."""
        return self.name if isinstance(self.name, str) and self.name else name


def as_dataset(data: object) -> Dataset:
    """Return data as a `Dataset`, with default settings if they are not one yet."""
    return data if isinstance(data, Dataset) else Dataset(data)


def named_arrays(
    data: object, name: str, names: Sequence[str] = (), labels: Container[int] = ()
) -> dict[str, Callable[[], DataArray]] | None:
    """Return for each array of a data set a function that converts it, by name.

    Names are by default numbers; ``labels`` are the places of arrays that hold labels.
    The result is None if the data come batch by batch.
    """
    dataset = as_dataset(data)
    name = dataset.called(name)
    raw = unpack(dataset.inputs, name, tuple(names))
    if raw is None:
        return None

    def array(place: int, raw_array: RawArray) -> DataArray:
        converted = as_array(raw_array.value, raw_array.label, place in labels)
        array = examples_first(converted, dataset.axis, name)
        if dataset.rows is None:
            return array
        return array[checked_rows(dataset.rows, len(array), name)]

    names = names or [str(number) for number in range(len(raw))]
    named = zip(names, enumerate(raw), strict=False)
    return {key: partial(array, *placed) for key, placed in named}


def checked_rows(rows: object, length: int, name: str) -> np.ndarray:
    """Return the numbers of the examples that ``rows`` picks of ``length``, checked."""
    try:
        numbers = np.asarray(as_array(rows, "rows", labels=True))
    except DataError:
        numbers = np.zeros(0)
    if numbers.dtype == bool and numbers.shape == (length,):
        numbers = np.flatnonzero(numbers)
    whole = numbers.dtype.kind in "iu" and numbers.ndim == 1 and len(numbers) > 0
    if not whole or numbers.min() < 0 or numbers.max() >= length:
        raise DataError(
            f"{name}: rows is {shown(rows)}; it has to be an array of numbers "
            f"of examples, 0 to {length - 1}."
        )
    return numbers.astype(np.int32)


def examples_first(array: DataArray, axis: object, name: str) -> DataArray:
    """Return an array with the axis of its examples first."""
    if is_whole(axis) and axis == 0:
        return array
    if not is_whole(axis) or not -array.ndim <= axis < array.ndim:
        raise DataError(
            f"{name}: axis is {shown(axis)}; it has to be the number of an axis that "
            f"each array has, and one has the shape {array.shape}."
        )
    if isinstance(array, LazyArray):
        return array.transposed() if axis in (array.ndim - 1, -1) else array
    return np.moveaxis(array, int(axis), 0)  # type: ignore[type-var]
