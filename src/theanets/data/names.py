"""The names of columns: of a data frame, of an array that keeps them, as a checksum."""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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


class Named(np.ndarray):
    """An array that knows the names of its columns, on the last axis."""

    columns: Names = ()


def named(array: np.ndarray, names: Names) -> np.ndarray:
    """Return an array with names for its columns, if there are any.

    >>> names_of(named(np.zeros((5, 2)), ("age", "height")))
    ('age', 'height')
    """
    if not names:
        return array
    made = array.view(Named)
    made.columns = names
    return made


@dataclass(frozen=True)
class Digest:
    """What a file knows of names that are too many for it.

    Attributes
    ----------
    sha256 : str
        A checksum of the names in their order, in hexadecimal digits.
    count : int
        How many there are.
    """

    sha256: str
    count: int

    @classmethod
    def of(cls, names: Sequence[str]) -> "Digest":
        """Return that of names: of each its length in bytes, and it in UTF-8."""
        encoded = [name.encode("utf-8", "surrogatepass") for name in names]
        parts = b"".join(struct.pack("<Q", len(name)) + name for name in encoded)
        return cls(hashlib.sha256(parts).hexdigest(), len(names))
