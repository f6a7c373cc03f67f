"""A user's values become arrays, in the precision that is asked for."""

import math
from typing import Any

import jax
import numpy as np
from numpy.typing import DTypeLike

from theanets.data.blocks import rounded
from theanets.data.content import facts_of, scaling_advice, too_large, values_of
from theanets.data.kinds.base import DataArray, as_lazy
from theanets.data.kinds.cells import no_numbers
from theanets.data.kinds.dense import as_dense
from theanets.data.names import names_of
from theanets.errors import DataError
from theanets.types import DType


def as_array(value: object, name: str, labels: bool = False) -> DataArray:
    """Return an array of numbers, of NumPy or JAX or lazy, for a user's value.

    Takes NumPy arrays, memory maps, data frames and series, anything with
    ``__array__``, ``__array_interface__`` or ``__dlpack__``, numbers, and nested lists.
    What a subclass of `LazyArray` accepts, such as a sparse matrix, becomes one. Truth
    values of ``labels`` stay truth values, which `reshaped` refuses or converts.
    """
    lazy = None if isinstance(value, np.ndarray | jax.Array) else as_lazy(value)
    array: DataArray = as_dense(value, name) if lazy is None else lazy
    if not isinstance(array.dtype, np.dtype):
        raise DataError(f"{name} holds random keys of JAX; it has to hold numbers.")
    if array.dtype.kind == "b":
        if labels:
            return array
        # NumPy needs no copy for it.
        if isinstance(array, np.ndarray):
            array = array.view(np.uint8)
        else:
            array = array.astype(np.uint8)
    elif array.dtype.char == "g":
        array = _doubled(array, name)
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not _is_number(array.dtype):
        raise no_numbers(array, name, names_of(value), labels)
    return array


def converted(array: DataArray, dtype: DTypeLike, name: str, advice: str) -> np.ndarray:
    """Return an array in another precision, if every number is finite and fits.

    ``name`` and ``advice`` begin and end the message if one does not.

    >>> converted(np.array([1, 2e39]), "float32", "start", "Begin lower.")
    Traceback (most recent call last):
        ...
    theanets.errors.DataError: start holds 2e+39 in row 1, which float32 cannot hold...
    """
    if array.size:
        facts = facts_of(array, whole=False)
        if not (math.isfinite(facts.low) and math.isfinite(facts.high)):
            raise DataError(f"{name} holds NaN or infinity. {advice}")
        if problem := too_large(array if array.ndim else array[None], dtype, facts):
            raise DataError(f"{name} holds {problem}. {advice}")
    return np.asarray(rounded(array, dtype))


def narrowed(array: Any, dtype: DTypeLike) -> Any:
    """Return an array that is no wider than the precision to compute in.

    Small whole numbers stay as they are: a device holds bytes as bytes.
    """
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind in "iu":
        return array if size <= 4 else array.astype(_four_bytes(array, dtype))
    if size > max(np.dtype(dtype).itemsize, 2):
        return np.asarray(rounded(array, dtype))
    return array


def nbytes(array: DataArray, dtype: DTypeLike) -> int:
    """Return the memory that an array takes once it is `narrowed`."""
    item = min(array.dtype.itemsize, 4)
    if array.dtype.kind not in "iu":
        item = min(array.dtype.itemsize, max(np.dtype(dtype).itemsize, 2))
    return int(math.prod(array.shape) * item)


def _doubled(array: DataArray, name: str) -> DataArray:
    """Return numbers of more than eight bytes as float64."""
    rows = array if array.ndim else array[None]
    finite = array.size and all(np.isfinite(x).all() for x in values_of(rows))
    if finite and (problem := too_large(rows, np.float64)):
        raise DataError(f"{name} holds {problem}. {scaling_advice(np.float64)}")
    in_double: DataArray = rounded(array, np.float64)
    return in_double


def _four_bytes(array: np.ndarray, dtype: DTypeLike) -> DTypeLike:
    """Return the type for whole numbers of eight bytes: int32 where they fit."""
    limits = np.iinfo(np.int32)
    fits = not array.size or (array.min() >= limits.min and array.max() <= limits.max)
    return np.int32 if fits else dtype


def _is_number(dtype: DType) -> bool:
    # NumPy does not count bfloat16 and the like among the floats.
    return dtype.kind in "iuf" or "float" in dtype.name
