"""Masked arrays of NumPy, which are accepted if they hide nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from theanets.data.content import located
from theanets.errors import DataError

_MOST_AXES = 64


def unmasked(value: Any, name: str) -> Any:
    """Return the data of a masked array that hides nothing; any other value as it is.

    >>> unmasked(np.ma.masked_equal([1, 2], 0), "x")
    array([1, 2])
    >>> unmasked(np.ma.masked_equal([[1, 0]], 0), "x")
    Traceback (most recent call last):
        ...
    theanets.errors.DataError: x hides 1 of its 2 entries, the first in row 0...
    """
    if not isinstance(value, np.ma.MaskedArray):
        return value
    mask = np.ma.getmask(value)
    # The mask of a record has fields; records are refused later, for their type.
    if mask.dtype != bool or not mask.any():
        return value.data
    first = tuple(int(place[0]) for place in np.nonzero(np.atleast_1d(mask)))
    where = f", the first {located(first)}" if value.ndim else ""
    raise DataError(
        f"{name} hides {int(mask.sum())} of its {value.size} entries{where}: it is a "
        "masked array. Say what stands there, as x.filled(value) does, and give it "
        "weights of 0 (weighted=True); or leave these examples out."
    )


def check_parts(parts: Sequence[object], name: str, axes: int = 1) -> None:
    """Raise an error for a masked entry in nested lists, as `unmasked` does."""
    if axes > _MOST_AXES:
        raise DataError(
            f"{name:.80} is a list within {axes} others; an array has at most "
            f"{_MOST_AXES} axes."
        )
    # The types are few, however long a list of numbers is.
    kinds = set(map(type, parts))
    if not any(issubclass(k, np.ma.MaskedArray | list | tuple) for k in kinds):
        return
    for index, part in enumerate(parts):
        if isinstance(part, np.ma.MaskedArray):
            unmasked(part, f"{name}[{index}]")
        elif isinstance(part, list | tuple):
            check_parts(part, f"{name}[{index}]", axes + 1)
