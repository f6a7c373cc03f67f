"""Facts about the numbers in an array, found without copying all of it."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import DTypeLike

from theanets.data.blocks import blocks, finite_rows, rounded
from theanets.data.kinds.base import DataArray, LazyArray
from theanets.data.names import Names
from theanets.types import DType

_FAST = (np.dtype("f4"), np.dtype("f8"))
"""The types of numbers for which a product is faster than a comparison."""


class Facts(NamedTuple):
    """The least and the largest value, and whether all are whole, if looked for."""

    low: float
    high: float
    whole: bool


def facts_of(array: DataArray, whole: bool) -> Facts:
    """Return facts about an array; ``whole`` says whether to look for fractions."""
    if array.dtype.kind == "u" and not whole:
        return Facts(0.0, 0.0, True)
    low, high = bounds(array)
    if array.dtype.kind in "iu":
        # Where fractions would do, only the sign matters.
        return Facts(low, high if whole else 0.0, True)
    fractions = whole and math.isfinite(low + high) and _has_fractions(array)
    return Facts(low, high, not fractions)


def values_of(array: DataArray) -> Iterator[np.ndarray]:
    """Yield arrays that together hold all values of one, which may be lazy."""
    if isinstance(array, LazyArray):
        yield from array.values()
    else:
        yield np.asarray(array)


def bounds(array: DataArray) -> tuple[float, float]:
    """Return the least and the largest value; both are NaN where any value is.

    >>> bounds(np.array([[1, 5], [3, 0]]))
    (0.0, 5.0)
    """
    pairs = [(float(x.min()), float(x.max())) for x in values_of(array)]
    lows, highs = zip(*pairs, strict=True)
    return float(np.min(lows)), float(np.max(highs))


def surely_finite(array: DataArray, dtype: DTypeLike) -> bool:
    """Return whether all values are certainly finite, in one pass of a product.

    If not, they may be finite all the same, but large or not in one piece.

    >>> surely_finite(np.ones((2, 3), "f4"), "f4")
    True
    >>> surely_finite(np.full((2, 3), 1e30, "f4"), "f4")
    False
    """
    if type(array) is not np.ndarray or array.dtype not in _FAST:
        return False
    if array.dtype != dtype or not array.flags.c_contiguous:
        return False
    flat = array.reshape(-1)
    with np.errstate(all="ignore"):
        return math.isfinite(flat.dot(flat))


def _has_fractions(array: DataArray) -> bool:
    parts = (values if values.ndim else values[None] for values in values_of(array))
    return any(
        bool((block % 1 != 0).any()) for part in parts for _, block in blocks(part)
    )


def not_finite(
    array: DataArray, dtype: DTypeLike = "f8"
) -> tuple[int, tuple[int, ...]]:
    """Return how many examples hold NaN or infinity, and the place of the first value.

    >>> not_finite(np.array([[1, 2], [3, np.nan], [np.inf, 4]]))
    (2, (1, 1))
    """
    if isinstance(array, LazyArray):
        rows = array.finite_rows(dtype)
    else:
        rows = finite_rows(array, dtype)
    first = int(np.argmin(rows))
    example = rounded(np.asarray(array[first : first + 1]), dtype)[0]
    place = np.argwhere(~np.isfinite(example))[0]
    return int((~rows).sum()), (first, *map(int, place))


def too_large(array: DataArray, dtype: DTypeLike, facts: Facts | None = None) -> str:
    """Return a finite number that a precision cannot hold, and where; "" if all fit.

    Rounding keeps the order of numbers, so only the least and the largest are tried.

    >>> too_large(np.array([[0, 1], [2, 1e39]]), "float32")
    '1e+39 in row 1, column 1, which float32 cannot hold: its largest number is 3.4e+38'
    """
    facts = facts or facts_of(array, whole=False)
    most = _largest(np.dtype(dtype))
    if max(-facts.low, facts.high) <= most:
        return ""
    if np.isfinite(rounded(np.array([facts.low, facts.high]), dtype)).all():
        return ""
    _, (first, *place) = not_finite(array, dtype)
    value = np.asarray(array[first : first + 1])[(0, *place)]
    text = np.format_float_scientific(value, precision=6, trim="-")
    return (
        f"{text} {located((first, *place))}, which {jnp.dtype(dtype).name} cannot "
        f"hold: its largest number is {most:.2g}"
    )


def located(index: Sequence[int], columns: Names = ()) -> str:
    """Return the place of an entry of an array, for messages.

    >>> located((3,)), located((3, 7)), located((3, 7, 1))
    ('in row 3', 'in row 3, column 7', 'in row 3, at (7, 1) in it')
    >>> located((3, 1), ("age", "height"))
    'in row 3, column "height"'
    """
    first, *rest = index
    if len(rest) == 1:
        return f"in row {first}, column {column_label(rest[0], columns)}"
    return f"in row {first}" + (f", at {tuple(rest)} in it" if rest else "")


def column_label(place: int, columns: Names) -> str:
    """Return a column for messages: its name if it has one, else its number."""
    return f'"{columns[place]}"' if place < len(columns) else str(place)


def scaling_advice(dtype: DTypeLike) -> str:
    """Return what to do with numbers that a precision cannot hold."""
    if np.dtype(dtype) == np.float64:
        return "Scale the data."
    wider = "compute in float64: set theanets.config.floatX before the model is made."
    return f"Scale the data, or {wider}"


@lru_cache
def _largest(dtype: DType) -> float:
    if jnp.issubdtype(dtype, jnp.integer):
        return float(jnp.iinfo(dtype).max)  # type: ignore[no-untyped-call]
    return float(jnp.finfo(dtype).max)  # type: ignore[no-untyped-call]
