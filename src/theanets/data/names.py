"""The names of columns: of a data frame, of an array that keeps them, as a checksum."""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

Names = tuple[str, ...]


def names_of(value: object, array: object = None) -> Names:
    """Return the names of the columns of a value; () if it has none.

    They are its ``columns`` or ``column_names``, as in pandas, polars and pyarrow, if
    all are text. Names of the ``array`` that was made of it, such as a `LazyArray`,
    come first.
    """
    if array is not value and (names := texts_of(array, "columns")):
        return names
    return texts_of(value, "columns") or texts_of(value, "column_names")


def texts_of(value: object, attribute: str) -> Names:
    """Return an attribute that holds several texts; () if it is anything else."""
    texts = getattr(value, attribute, None)
    if isinstance(texts, str) or callable(texts) or not isinstance(texts, Iterable):
        return ()
    fits = all(isinstance(name, str) for name in texts)
    return tuple(map(str, texts)) if fits else ()


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
    """What a file holds instead of names that are too long for it."""

    sha256: str
    """A checksum of the names in their order, hexadecimal."""
    count: int

    @classmethod
    def of(cls, names: Sequence[str]) -> "Digest":
        """Return the digest of names, each as its length in bytes and its UTF-8."""
        encoded = [name.encode("utf-8", "surrogatepass") for name in names]
        parts = b"".join(struct.pack("<Q", len(name)) + name for name in encoded)
        return cls(hashlib.sha256(parts).hexdigest(), len(names))
