"""How large the numbers in columns of data are, and what is too large to learn from."""

import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theanets.data.blocks import blocks
from theanets.data.columns import Columns
from theanets.data.content import bounds, column_called
from theanets.data.expected import Expected, precisions
from theanets.data.kinds.base import LazyArray
from theanets.utils.checks import counted

_LARGE = 1e3
_EXACT = 2.0**24
"""Up to here float32 holds every whole number."""
_SEEN_BYTES = 16 << 20
_NAMED = 3


@dataclass(frozen=True)
class Moments:
    """What is known of the columns of an array, which are on its last axis.

    Attributes
    ----------
    mean, std : array
        Mean and standard deviation of each, in float64.
    largest : array
        The largest number of each, without its sign.
    """

    mean: np.ndarray
    std: np.ndarray
    largest: np.ndarray


def moments(array: Any, valid: Any = None, picked: np.ndarray | None = None) -> Moments:
    """Return mean and standard deviation of each column, without a copy of all.

    A column that does not change has the deviation 0, whatever rounding would say.

    Parameters
    ----------
    array : array or LazyArray
        Its columns are on its last axis.
    valid : array, optional
        Which of its entries count: of the shape of its first axes.
    picked : array, optional
        Which of its rows count; by default all.

    Examples
    --------
    >>> found = moments(np.array([[1, 5], [3, 5]]))
    >>> found.mean, found.std
    (array([2., 5.]), array([1., 0.]))
    """
    count, total = 0, np.zeros(array.shape[-1])
    low, high = total + np.inf, total - np.inf
    for rows in _flat(array, valid, picked):
        count += len(rows)
        total += rows.sum(axis=0)
        low = np.minimum(low, rows.min(axis=0, initial=np.inf))
        high = np.maximum(high, rows.max(axis=0, initial=-np.inf))
    mean = np.where(low == high, low, total / max(count, 1))
    squares = sum(
        np.square(rows - mean).sum(axis=0) for rows in _flat(array, valid, picked)
    )
    return Moments(mean, np.sqrt(squares / max(count, 1)), np.maximum(-low, high))


def _flat(array: Any, valid: Any, picked: Any) -> Any:
    for rows, block in blocks(array, picked):
        kept = block if valid is None else block[np.asarray(valid[rows]) != 0]
        yield kept.reshape(-1, array.shape[-1]).astype("f8")


def warn_of_scale(
    arrays: Sequence[Any],
    expected: Sequence[Expected],
    columns: Columns,
    dtype: Any,
    what: str,
) -> None:
    """Warn of columns of data that are hard to learn from, or are not held exactly.

    Of many data, examples at equal distances stand for all.

    Parameters
    ----------
    arrays, expected : sequence
        The arrays of a data set or batch, and what each is.
    columns : Columns
        The names of their columns.
    dtype : dtype
        The precision to compute in.
    what : str
        How messages call the data.
    """
    large: list[str] = []
    inexact: list[str] = []
    advice: dict[str, None] = {}
    wide = precisions(expected, np.promote_types(dtype, np.float32))
    for array, slot, own in zip(arrays, expected, wide, strict=True):
        if slot.role not in ("input", "target") or array.ndim < 2:
            continue
        rows = _some_rows(array)
        if rows is None:
            continue
        names = columns.names().get(slot.name, [])
        found = moments(rows)
        for place in np.flatnonzero(np.maximum(abs(found.mean), found.std) > _LARGE):
            if slot.scaled:
                break
            called = _called(slot, int(place), names)
            about = f"mean {found.mean[place]:.2g}, deviation {found.std[place]:.2g}"
            large.append(f"{called} ({about})")
            advice[_advice(slot)] = None
        values = rows.reshape(-1, rows.shape[-1])
        for place in np.flatnonzero(found.largest > _EXACT):
            if _is_cut(values[:, place], own):
                called = _called(slot, int(place), names)
                inexact.append(f"{called} (up to {found.largest[place]:.10g})")
    if large:
        _warn(
            f"{what} has {counted(len(large), 'column')} with a mean or a standard "
            f"deviation beyond {_LARGE:g}, from which a model learns slowly or "
            f"nothing: {_few(large)}. {' '.join(advice)}"
        )
    if inexact:
        _warn(
            f"{what} has {counted(len(inexact), 'column')} of whole numbers beyond "
            f"2**24, which float32 does not tell apart: {_few(inexact)}. Leave them "
            "out if they are mere names; or subtract what they have in common, "
            "x - x.min(axis=0), before they are rounded; or compute in float64: "
            'theanets.config.floatX = "float64" before the model is made.'
        )


def _some_rows(array: Any) -> np.ndarray | None:
    """Return examples that stand for all; None if all numbers are small."""
    if isinstance(array, LazyArray):
        low, high = bounds(array)
        if -_LARGE < low <= high < _LARGE:
            return None
        return next(block for _, block in blocks(array))
    values = np.asarray(array)
    rows = values[:: max(1, -(-values.nbytes // _SEEN_BYTES))]
    if rows.dtype.itemsize == 1 or -_LARGE < rows.min() <= rows.max() < _LARGE:
        return None
    return rows


def _is_cut(column: np.ndarray, dtype: Any) -> bool:
    """Return whether whole numbers are changed by a precision."""
    if np.dtype(dtype).itemsize > 4:
        return False
    whole = column.dtype.kind in "iu"
    if not whole:
        # Beyond 2**53 every float is a whole number.
        whole = abs(column).max() <= 2.0**53 and not (column % 1).any()
    return whole and bool((column.astype(dtype).astype("f8") != column).any())


def _called(slot: Expected, place: int, names: Sequence[str]) -> str:
    return f'"{slot.name}" column {column_called(place, tuple(names))}'


def _advice(slot: Expected) -> str:
    """Return the line that mends the scale of an array."""
    if slot.role == "target":
        return (
            "Learn y = (y - mean) / std, with mean, std = y.mean(axis=0), "
            "y.std(axis=0) of the training data; predictions are then "
            "net.predict(x) * std + mean."
        )
    if slot.by_hand:
        return (
            "Give (x - mean) / std, with mean, std = x.mean(axis=0), x.std(axis=0) of "
            "the training data."
        )
    several = any(n is not None for n in slot.shape[:-1])
    size = f"shape={slot.shape}" if several else f"size={slot.shape[-1]}"
    name = "" if slot.name == "in" else f', name="{slot.name}"'
    return (
        f'Let the input "{slot.name}" standardize them, by statistics of the training '
        f'data: dict(form="input", {size}{name}, scale=True) in layers.'
    )


def _few(found: Sequence[str]) -> str:
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def _warn(message: str) -> None:
    """Warn at the line of the user's that called us."""
    level, frame = 1, sys._getframe()
    while (
        frame.f_back
        and __package__.partition(".")[0]
        == frame.f_globals.get("__name__", "").partition(".")[0]
    ):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
