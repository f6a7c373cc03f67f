"""Dense arrays of NumPy or JAX, made of frames, lists and other values."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from theanets.data.content import scaling_advice
from theanets.data.kinds.base import is_indexed
from theanets.data.kinds.cells import of_objects
from theanets.data.kinds.masked import check_parts, unmasked
from theanets.errors import ConcurrencyError, DataError


def as_dense(value: object, name: str) -> np.ndarray | jax.Array:
    """Return an array of NumPy or JAX, of whatever type its cells are.

    Number objects become numbers. A masked array that hides something is refused.

    >>> as_dense(range(3), "x"), as_dense([[1, 2.5]], "x")
    (array([0, 1, 2]), array([[1. , 2.5]]))
    """
    array: np.ndarray | jax.Array = _converted(value, name)
    if not isinstance(array, np.ndarray) or array.dtype != object:
        return array
    try:
        return of_objects(array)
    except OverflowError as error:
        raise DataError(
            f"{name} holds a number that no float can hold: {error}. "
            f"{scaling_advice(np.float64)}"
        ) from error


def _converted(value: Any, name: str) -> Any:
    if isinstance(value, np.ndarray | jax.Array):
        return unmasked(value, name)
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        # A sparse array of two axes is a `LazyArray`.
        if value.ndim == 1:
            return value.toarray()
        raise DataError(
            f"{name} is a sparse array of {value.ndim} axes; it needs rows and "
            "columns. Reshape it, or make it dense with .toarray()."
        )
    if isinstance(value, Mapping | str | bytes) or value is None:
        raise _no_array(value, name)
    if hasattr(value, "to_numpy"):
        return unmasked(value.to_numpy(), name)
    if is_indexed(value):
        # NumPy would go on until an IndexError, which may never come.
        value = [value[number] for number in range(len(value))]
    if isinstance(value, list | tuple):
        check_parts(value, name)
    try:
        if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
            return np.from_dlpack(value)
        # A value may turn into a masked array: the mask must not be lost.
        array = np.asarray(unmasked(np.asanyarray(value), name))
    except (ConcurrencyError, DataError):
        raise
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise DataError(
            f"{name} cannot be made an array: {str(error).rstrip('.')}. Give numbers "
            "in a NumPy array, or nested lists of equal lengths."
        ) from error
    if array.dtype == object and array.ndim == 0:
        raise _no_array(value, name)
    return array


def _no_array(value: object, name: str) -> DataError:
    return DataError(
        f"{name} is of type {type(value).__name__}; it has to be an array of numbers."
    )
