"""The names of columns, by which data frames in any order are matched."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from theanets.data.arrays import as_array
from theanets.data.expected import Expected
from theanets.data.kinds.base import DataArray, LazyArray
from theanets.data.names import Digest, Names, names_of, texts_of
from theanets.errors import DataError
from theanets.types import JsonDict
from theanets.utils.registry import suggest

_SHOWN = 8
_MOST_BYTES = 1 << 18
"""A file holds names only if they are no longer than this as JSON."""
_MOST_BRACKETS = 1 << 14
"""At most so many brackets may be in names; a file counts them as lists."""
_INPUTS = ("input", "indices", "mask")
_BY_POSITION = (
    "; or an array, as frame.to_numpy() is, whose columns are taken by position."
)


class Columns:
    """The names of columns that a model has learned from its data.

    ``known`` has, for the name of a layer or target, the names of the columns of its
    array in the order in which the model reads them.

    >>> import numpy as np
    >>> columns = Columns({"in": ["age", "height"]})
    >>> columns.ordered(np.array([[180, 30]]), ("height", "age"), "in", "x")
    array([[ 30, 180]])
    """

    def __init__(
        self, known: Mapping[str, Sequence[str] | Digest] | None = None
    ) -> None:
        self.known: dict[str, Names | Digest] = {
            key: names if isinstance(names, Digest) else tuple(names)
            for key, names in (known or {}).items()
        }

    def copy(self) -> "Columns":
        """Return an independent copy."""
        return Columns(self.known)

    def names(self) -> dict[str, list[str]]:
        """Return the names by array, where they are known."""
        known = self.known.items()
        return {k: list(names) for k, names in known if not isinstance(names, Digest)}

    def described(self) -> JsonDict:
        """Return for a file the names by array, or checksums if they are long."""
        text = json.dumps(self.names())
        brackets = text.count("[") + text.count("{")
        short = len(text) <= _MOST_BYTES and brackets <= _MOST_BRACKETS
        described: JsonDict = {}
        for key, names in self.known.items():
            if short and not isinstance(names, Digest):
                described[key] = list(names)
            else:
                digest = names if isinstance(names, Digest) else Digest.of(names)
                described[key] = asdict(digest)
        return described

    def restore(self, saved: "Columns") -> None:
        """Replace what is known here by what a file holds."""
        for key, names in saved.known.items():
            current = self.known.get(key)
            same = isinstance(current, tuple) and Digest.of(current) == names
            self.known[key] = current if current and same else names

    def array(
        self, value: object, label: str, key: str, what: str, labels: bool = False
    ) -> DataArray:
        """Return a user's value as `as_array` does, its columns in the known order.

        ``key`` is the name of its layer or target. Messages call it ``label`` if it is
        no array, and ``what`` if it has other columns.
        """
        array = as_array(value, label, labels)
        if key not in self.known:
            return array
        # One example may be a row of a frame.
        names = names_of(value, array)
        if not names and array.ndim == 1:
            names = texts_of(value, "index")
        return self.ordered(array, names, key, what)

    def ordered(self, array: DataArray, names: Names, key: str, what: str) -> DataArray:
        """Return an array with its columns, on the last axis, in the known order.

        Columns are taken by position where the array has no names or none are known.
        Others are refused; ``what`` begins the message.
        """
        known = self.known.get(key)
        if known is None or names == known or not _fits(array, names):
            return array
        if isinstance(known, Digest):
            if Digest.of(names) == known:
                return array
            raise DataError(
                f"{what} has other columns than the training data, or has them in "
                f"another order. The names of the {known.count} columns are too long "
                "for a file, which holds a checksum of them alone. Give a frame with "
                f"those columns in the order of the training data{_BY_POSITION}"
            )
        missing = [*(Counter(known) - Counter(names))]
        unexpected = [*(Counter(names) - Counter(known))]
        if missing or unexpected:
            parts = {"missing": missing, "unexpected": unexpected}
            raise DataError(
                f"{what} has other columns than the training data: "
                + "; ".join(f"{k}: {_few(v)}" for k, v in parts.items() if v)
                + "."
                + suggest(next(iter(unexpected), ""), missing)
                + f" Give a frame with the columns {_few(known)}, in any order"
                + _BY_POSITION
            )
        places = {name: place for place, name in enumerate(names)}
        if len(places) < len(names):
            twice = [name for name, count in Counter(names).items() if count > 1]
            raise DataError(
                f"{what} has its columns in another order than the training data, and "
                f"several of the name {_few(twice)}, so it is unclear which is which. "
                "Give each a name of its own, or an array in the order of the training "
                "data."
            )
        order = [places[name] for name in known]
        if isinstance(array, LazyArray):
            return array.reordered(order)
        return np.take(np.asarray(array), order, axis=-1)

    def matched(
        self,
        arrays: Sequence[DataArray],
        names: Sequence[Names],
        expected: Sequence[Expected],
        what: str,
    ) -> tuple[DataArray, ...]:
        """Return the arrays of a data set or batch, each `ordered`."""
        count = min(len(arrays), len(expected))
        ordered = [
            self.ordered(array, columns, each.name, f'{what}: "{each.name}"')
            for array, columns, each in zip(arrays, names, expected, strict=False)
        ]
        return (*ordered, *arrays[count:])

    def learn(
        self,
        arrays: Sequence[DataArray],
        names: Sequence[Names],
        expected: Sequence[Expected],
    ) -> None:
        """Learn the names of the columns of arrays, where none are known yet.

        The single column of a target may have any name. Where a model takes any number
        of columns, their names are not kept.
        """
        for array, columns, each in zip(arrays, names, expected, strict=True):
            several = len(columns) > 1 or each.role in _INPUTS
            one_hot = each.role == "labels" and array.ndim > len(each.shape) + 1
            length = each.classes if one_hot else (each.shape or (None,))[-1]
            fixed = length == len(columns)
            if columns and several and fixed and array.ndim > 1:
                # A checksum was compared before: it is of these names.
                known = self.known.get(each.name)
                self.known[each.name] = known if isinstance(known, tuple) else columns


def columns_from(described: object) -> Columns:
    """Return columns from a file, as `Columns.described` returned them."""
    if not isinstance(described, Mapping):
        raise ValueError("its columns are no lists of names.")
    return Columns({key: _from_file(names) for key, names in described.items()})


def _from_file(saved: object) -> list[str] | Digest:
    if isinstance(saved, list) and saved and all(isinstance(n, str) for n in saved):
        return saved
    if isinstance(saved, Mapping) and saved.keys() == {"sha256", "count"}:
        sha256, count = saved["sha256"], saved["count"]
        if isinstance(sha256, str) and type(count) is int and count > 0:
            return Digest(sha256, count)
    raise ValueError("its columns are no lists of names.")


def _fits(array: DataArray, names: Names) -> bool:
    return bool(names) and array.ndim > 0 and array.shape[-1] == len(names)


def _few(names: Sequence[str]) -> str:
    few = ", ".join(names[:_SHOWN])
    return few if len(names) <= _SHOWN else f"{few}, ... ({len(names)} in all)"
