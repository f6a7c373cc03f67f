"""The names of columns, by which data frames are matched whatever their order."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from theanets.datasets.arrays import Expected, as_array
from theanets.errors import DataError
from theanets.registry import suggest

Names = tuple[str, ...]
_SHOWN = 8
_INPUTS = ("input", "indices", "mask")


class Columns:
    """What a model knows of the columns of its data.

    Parameters
    ----------
    known : mapping of str to sequence of str, optional
        For an array, by the name of its layer or target, the names of its columns in
        the order in which the model reads them.

    Examples
    --------
    >>> import numpy as np
    >>> columns = Columns({"in": ["age", "height"]})
    >>> columns.ordered(np.array([[180, 30]]), ("height", "age"), "in", "x")
    array([[ 30, 180]])
    """

    def __init__(self, known: Mapping[str, Sequence[str]] | None = None) -> None:
        self.known = {key: tuple(names) for key, names in (known or {}).items()}

    def copy(self) -> "Columns":
        """Return the same knowledge, to be added to without changing this one."""
        return Columns(self.known)

    def described(self) -> dict[str, list[str]]:
        """Return the names by array, as JSON holds them."""
        return {key: list(names) for key, names in self.known.items()}

    def array(self, value: Any, label: str, key: str, what: str) -> Any:
        """Return what a user gives as an array, its columns in the order known.

        Parameters
        ----------
        value : object
            Whatever `as_array` takes.
        label, what : str
            How messages call it: what cannot be an array, and one with other columns.
        key : str
            The name of its layer or target.
        """
        array = as_array(value, label)
        if key not in self.known:
            return array
        # One example may be a row of a frame.
        names = names_of(value) or (_text(value, "index") if array.ndim == 1 else ())
        return self.ordered(array, names, key, what)

    def ordered(self, array: Any, names: Names, key: str, what: str) -> Any:
        """Return an array with its columns, on the last axis, in the order known.

        Arrays without names are taken by position, and so are those of which no names
        are known.

        Raises
        ------
        DataError
            If it has other columns; ``what`` begins the message.
        """
        known = self.known.get(key)
        if known is None or names == known or not _fits(array, names):
            return array
        missing = [*(Counter(known) - Counter(names))]
        unexpected = [*(Counter(names) - Counter(known))]
        if missing or unexpected:
            parts = {"missing": missing, "unexpected": unexpected}
            raise DataError(
                f"{what} has other columns than the training data: "
                + "; ".join(f"{k}: {_few(v)}" for k, v in parts.items() if v)
                + "."
                + suggest(next(iter(unexpected), ""), missing)
                + f" Give a frame with the columns {_few(known)}, in any order; or an "
                "array, as frame.to_numpy() is, whose columns are taken by position."
            )
        if len(set(names)) < len(names):
            twice = [name for name, count in Counter(names).items() if count > 1]
            raise DataError(
                f"{what} has its columns in another order than the training data, and "
                f"several of the name {_few(twice)}, which cannot be told apart. Give "
                "each a name of its own, or an array in the order of the training data."
            )
        places = {name: place for place, name in enumerate(names)}
        return np.take(np.asarray(array), [places[name] for name in known], axis=-1)

    def matched(
        self,
        arrays: Sequence[Any],
        names: Sequence[Names],
        expected: Sequence[Expected],
        what: str,
    ) -> tuple[Any, ...]:
        """Return the arrays of a data set or batch, each as `ordered` does."""
        count = min(len(arrays), len(expected))
        found = [
            self.ordered(array, own, slot.name, f'{what}: "{slot.name}"')
            for array, own, slot in zip(arrays, names, expected, strict=False)
        ]
        return (*found, *arrays[count:])

    def learn(
        self,
        arrays: Sequence[Any],
        names: Sequence[Names],
        expected: Sequence[Expected],
    ) -> None:
        """Take over the names of arrays of which none are known yet.

        The one column of a target may have any name, and where a model takes any
        number of columns they are no fixed set.
        """
        for array, own, slot in zip(arrays, names, expected, strict=True):
            several = len(own) > 1 or slot.role in _INPUTS
            fixed = bool(slot.shape) and slot.shape[-1] == len(own)
            if own and several and fixed and array.ndim > 1:
                self.known.setdefault(slot.name, own)


def columns_from(described: Any) -> Columns:
    """Return what `Columns.described` gave, as a file holds it.

    Raises
    ------
    ValueError
        If it is nothing of the kind.
    """
    fits = isinstance(described, Mapping) and all(
        isinstance(names, list) and names and all(isinstance(n, str) for n in names)
        for names in described.values()
    )
    if not fits:
        raise ValueError("its columns are no lists of names.")
    return Columns(described)


def names_of(value: Any) -> Names:
    """Return the names of the columns of a data frame; () of what has none.

    A frame is what has ``columns`` or ``column_names`` that are all text, as those of
    pandas, polars and pyarrow.
    """
    return _text(value, "columns") or _text(value, "column_names")


def _text(value: Any, attribute: str) -> Names:
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


def _fits(array: Any, names: Names) -> bool:
    return bool(names) and array.ndim > 0 and array.shape[-1] == len(names)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown}, ... ({len(names)} in all)"
