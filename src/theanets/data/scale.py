"""How large the numbers in each column are, and which are too large to learn from."""

import inspect
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from theanets.data.blocks import blocks
from theanets.data.columns import Columns
from theanets.data.content import bounds, column_label
from theanets.data.expected import Expected, precisions
from theanets.data.kinds.base import DataArray, LazyArray
from theanets.utils.checks import counted

_LARGE = 1e3
_EXACT = 2.0**24
"""Up to here float32 holds every whole number."""
_SEEN_BYTES = 16 << 20
_NAMED = 3


class Moments(NamedTuple):
    """Mean, deviation and largest absolute value of each column, in float64."""

    mean: np.ndarray
    std: np.ndarray
    largest: np.ndarray


def moments(
    array: DataArray, valid: np.ndarray | None = None, picked: np.ndarray | None = None
) -> Moments:
    """Return mean and standard deviation of each column, read block by block.

    ``valid``, in the shape of the first axes, says which entries count, and ``picked``
    which rows. The deviation of a constant column is exactly 0.

    >>> of_columns = moments(np.array([[1, 5], [3, 5]]))
    >>> of_columns.mean, of_columns.std
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


def _flat(
    array: DataArray, valid: np.ndarray | None, picked: np.ndarray | None
) -> Iterator[np.ndarray]:
    for rows, block in blocks(array, picked):
        kept = block if valid is None else block[np.asarray(valid[rows]) != 0]
        yield kept.reshape(-1, array.shape[-1]).astype("f8")


def warn_of_scale(
    arrays: Sequence[DataArray],
    expected: Sequence[Expected],
    columns: Columns,
    dtype: DTypeLike,
    what: str,
) -> None:
    """Warn of columns that are hard to learn from, or that the precision rounds.

    Of large data only every n-th example is looked at.
    """
    large: list[str] = []
    inexact: list[str] = []
    advice: dict[str, None] = {}
    wide = precisions(expected, np.promote_types(dtype, np.float32))
    for array, wanted, precision in zip(arrays, expected, wide, strict=True):
        if wanted.role not in ("input", "target") or array.ndim < 2:
            continue
        rows = _some_rows(array)
        if rows is None:
            continue
        names = tuple(columns.names().get(wanted.name, ()))
        values = rows.reshape(-1, rows.shape[-1])
        stats = moments(rows)
        spread = np.maximum(abs(stats.mean), stats.std)
        for place in np.flatnonzero((spread > _LARGE) | (stats.largest > _EXACT)):
            mean, std, most = (of_columns[place] for of_columns in stats)
            column = f'"{wanted.name}" column {column_label(int(place), names)}'
            if max(abs(mean), std) > _LARGE and not wanted.scaled:
                large.append(f"{column} (mean {mean:.2g}, deviation {std:.2g})")
                advice[_advice(wanted)] = None
            if most > _EXACT and _is_cut(values[:, place], precision):
                inexact.append(f"{column} (up to {most:.10g})")
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


def _some_rows(array: DataArray) -> np.ndarray | None:
    """Return some examples to look at; None if all numbers are small."""
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


def _is_cut(column: np.ndarray, dtype: DTypeLike) -> bool:
    """Return whether a precision changes whole numbers."""
    if np.dtype(dtype).itemsize > 4:
        return False
    # Beyond 2**53 every float is a whole number.
    if column.dtype.kind not in "iu" and (
        abs(column).max() > 2.0**53 or (column % 1).any()
    ):
        return False
    return bool((column.astype(dtype).astype("f8") != column).any())


def _advice(wanted: Expected) -> str:
    """Return how to change the scale of an array."""
    known = "with mean, std = {0}.mean(axis=0), {0}.std(axis=0) of the training data"
    if wanted.role == "target":
        return (
            f"Learn y = (y - mean) / std, {known.format('y')}; predictions are then "
            "net.predict(x) * std + mean."
        )
    if wanted.by_hand:
        return f"Give (x - mean) / std, {known.format('x')}."
    several = any(n is not None for n in wanted.shape[:-1])
    size = f"shape={wanted.shape}" if several else f"size={wanted.shape[-1]}"
    name = "" if wanted.name == "in" else f', name="{wanted.name}"'
    return (
        f'Let the input "{wanted.name}" standardize them, by statistics of the '
        f'training data: dict(form="input", {size}{name}, scale=True) in layers.'
    )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _warn(message: str) -> None:
    """Warn at the line of the user's code that called theanets."""
    level, frame = 1, inspect.currentframe()
    package = __name__.partition(".")[0]
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
