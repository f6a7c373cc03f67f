"""What is known of the numbers in an array, found without a copy of all of it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np

from theanets.data.names import Names
from theanets.data.sparse import SparseRows

_BLOCK_BYTES = 16 << 20


@dataclass(frozen=True)
class Facts:
    """What is known of an array's content.

    Attributes
    ----------
    low, high : float
        The least and the largest value.
    whole : bool
        Whether all are whole numbers, if that was asked for.
    """

    low: float
    high: float
    whole: bool


def facts_of(array: Any, whole: bool) -> Facts:
    """Return what is known of an array's content; ``whole`` if that is asked for."""
    # Of a sparse array what is stored, and one of its zeros.
    sparse = isinstance(array, SparseRows)
    values = np.append(array.stored, 0) if sparse else np.asarray(array)
    if values.dtype.kind in "iu":
        if not whole:
            return Facts(
                0.0 if values.dtype.kind == "u" else float(values.min()), 0.0, True
            )
        return Facts(float(values.min()), float(values.max()), True)
    # The least and the largest value are NaN where any is, without a copy.
    low, high = float(values.min()), float(values.max())
    fractions = whole and math.isfinite(low + high) and _has_fractions(values)
    return Facts(low, high, not fractions)


def _has_fractions(values: np.ndarray) -> bool:
    rows = values if values.ndim else values[None]
    return any(bool((block % 1 != 0).any()) for _, block in blocks(rows))


def not_finite(array: Any, dtype: Any = "f8") -> tuple[int, tuple[int, ...]]:
    """Return how many examples hold NaN or infinity, and the place of the first value.

    Parameters
    ----------
    array : array or SparseRows
        The examples.
    dtype : dtype
        The precision in which they are looked at.

    Examples
    --------
    >>> not_finite(np.array([[1, 2], [3, np.nan], [np.inf, 4]]))
    (2, (1, 1))
    """
    rows = _finite(array, dtype)
    first = int(np.argmin(rows))
    example = rounded(np.asarray(array[first : first + 1]), dtype)[0]
    place = np.argwhere(~np.isfinite(example))[0]
    return int((~rows).sum()), (first, *map(int, place))


def blocks(
    array: Any, picked: np.ndarray | None = None
) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield some rows of an array at a time, or of those picked, and which they are.

    So a view that is larger than the memory is never copied as a whole.
    """
    size = max(1, _BLOCK_BYTES // (8 * max(1, math.prod(array.shape[1:]))))
    for begin in range(0, len(array if picked is None else picked), size):
        part = slice(begin, begin + size)
        rows = part if picked is None else picked[part]
        yield rows, np.asarray(array[rows])


def rounded(array: Any, dtype: Any) -> Any:
    """Return an array in another precision, without NumPy's warnings.

    What is too large for it becomes infinite, which `too_large` tells before.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return array.astype(dtype)


def too_large(array: Any, dtype: Any, facts: Facts | None = None) -> str:
    """Return which of finite numbers a precision cannot hold, and where; "" if none.

    Rounding keeps the order of numbers, so that the least and the largest tell of all.

    Parameters
    ----------
    array : array or SparseRows
        The numbers.
    dtype : dtype
        The precision.
    facts : Facts, optional
        What is known of them.

    Examples
    --------
    >>> too_large(np.array([[0, 1], [2, 1e39]]), "float32")
    '1e+39 in row 1, column 1, which float32 cannot hold: its largest number is 3.4e+38'
    """
    facts, most = facts or facts_of(array, whole=False), _largest(dtype)
    if max(-facts.low, facts.high) <= most:
        return ""
    if np.isfinite(rounded(np.array([facts.low, facts.high]), dtype)).all():
        return ""
    _, (first, *place) = not_finite(array, dtype)
    value = np.asarray(array[first : first + 1])[(0, *place)]
    shown = np.format_float_scientific(value, precision=6, trim="-")
    return (
        f"{shown} {located((first, *place))}, which {jnp.dtype(dtype).name} cannot "
        f"hold: its largest number is {most:.2g}"
    )


def located(index: Sequence[int], columns: Names = ()) -> str:
    """Return where an entry of an array stands, for messages.

    >>> located((3,)), located((3, 7)), located((3, 7, 1))
    ('in row 3', 'in row 3, column 7', 'in row 3, at (7, 1) in it')
    >>> located((3, 1), ("age", "height"))
    'in row 3, column "height"'
    """
    first, *rest = index
    within = f", at {tuple(rest)} in it" if rest else ""
    if len(rest) == 1:
        within = f", column {column_called(rest[0], columns)}"
    return f"in row {first}{within}"


def column_called(place: int, columns: Names) -> str:
    """Return how messages call a column: by its name if it has one."""
    return f'"{columns[place]}"' if place < len(columns) else str(place)


@lru_cache
def _largest(dtype: Any) -> float:
    if jnp.issubdtype(dtype, jnp.integer):
        return float(jnp.iinfo(dtype).max)  # type: ignore[no-untyped-call]
    return float(jnp.finfo(dtype).max)  # type: ignore[no-untyped-call]


def _finite(array: Any, dtype: Any) -> np.ndarray:
    """Return for each example whether all its values are finite."""
    if isinstance(array, SparseRows):
        return array.finite(dtype)
    found = [np.isfinite(rounded(block, dtype)) for _, block in blocks(array)]
    return np.concatenate(
        [block.reshape(len(block), -1).all(axis=1) for block in found]
    )
