"""The names that the columns of a data frame have."""

from collections.abc import Iterable
from typing import Any

Names = tuple[str, ...]


def names_of(value: Any, array: Any = None) -> Names:
    """Return the names of the columns of a data frame; () of what has none.

    A frame is what has ``columns`` or ``column_names`` that are all text, as those of
    pandas, polars and pyarrow. If ``array``, which was made of it, has names by itself,
    as a `LazyArray` may, these are returned.
    """
    if names := texts_of(array, "columns"):
        return names
    return texts_of(value, "columns") or texts_of(value, "column_names")


def texts_of(value: Any, attribute: str) -> Names:
    """Return an attribute of several texts, () if it is anything else."""
    found = getattr(value, attribute, None)
    if isinstance(found, str) or callable(found) or not isinstance(found, Iterable):
        return ()
    fits = all(isinstance(name, str) for name in found)
    return tuple(map(str, found)) if fits else ()
