"""Data that stay as they are, and give dense rows when needed."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from math import prod
from typing import Any, Protocol, Self, TypeAlias, TypeGuard

import jax
import numpy as np
from numpy.typing import DTypeLike

from theanets.data.blocks import blocks, digest, finite_rows, rounded
from theanets.errors import ConfigurationError, DataError


class LazyArray(ABC):
    """A kind of data that looks like an array, and whose rows come out dense.

    A subclass names the ``types`` of values it is for. Once it is defined, theanets
    takes these values wherever it takes an array: in ``train``, ``predict``, ``score``,
    a `Dataset`, a batch. If two subclasses are for one type, the last one is used. The
    constructor of a subclass takes the value and calls this constructor.

    Small data become one dense array, unless ``resident`` is False. Larger data stay as
    they are, and a thread reads the rows of the next batches.

    Parameters
    ----------
    shape : sequence of int
        The number of rows (examples), then the shape of one row.
    dtype : dtype
        The NumPy type of the numbers: what `rows` returns is converted to it.
    columns : sequence of str, optional
        Names of the columns, which are on the last axis. A model remembers them and
        accepts later data with these columns in any order.

    Attributes
    ----------
    types : tuple of type or str
        The types of values that become such an array. The full name of a type, such as
        ``"pyarrow.lib.Table"``, works too and imports nothing.
    resident : bool
        Whether small data become one dense array that is kept on the device.

    Examples
    --------
    >>> import theanets
    >>> class Squares:
    ...     '''Some data: row i is i and its square.'''
    ...     def __init__(self, count):
    ...         self.count = count
    >>> class SquaresArray(LazyArray):
    ...     types = (Squares,)
    ...     def __init__(self, value):
    ...         super().__init__((value.count, 2), "float32")
    ...     def rows(self, index):
    ...         if isinstance(index, slice):
    ...             index = np.arange(index.start, index.stop)
    ...         return np.stack([index, index**2], axis=1)
    >>> SquaresArray(Squares(9))[4:6]
    array([[ 4., 16.],
           [ 5., 25.]], dtype=float32)
    >>> net = theanets.Regressor([2, 1])
    >>> training, _ = net.train((Squares(9), np.ones(9)), max_epochs=1, progress=False)
    >>> net.predict(Squares(3)).shape
    (3, 1)
    """

    types: tuple[type | str, ...] = ()
    resident = True
    order: np.ndarray | None = None
    """The columns of what `rows` returns, in the order in which they are used."""

    def __init__(
        self, shape: Sequence[int], dtype: DTypeLike, columns: Sequence[str] = ()
    ) -> None:
        self.shape = tuple(int(length) for length in shape)
        self.dtype = self.stored_dtype = np.dtype(dtype)
        self.columns = tuple(columns)

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if not isinstance(cls.types, tuple):
            raise ConfigurationError(
                f"class {cls.__name__}: types is {cls.types!r}; it has to be a tuple "
                "of types and full names, such as (Table,)."
            )
        below = cls.__mro__[: cls.__mro__.index(LazyArray)]
        if not cls.types and not any("accepts" in vars(base) for base in below):
            raise ConfigurationError(
                f"class {cls.__name__} does not say for which values it is. Write the "
                "types, such as types = (Table,), or a method accepts."
            )
        name = f"{cls.__module__}.{cls.__qualname__}"
        # A class that a notebook defines again replaces the one before.
        _KINDS.pop(name, None)
        _KINDS[name] = cls

    @classmethod
    def accepts(cls, value: object) -> bool:
        """Return whether a value is of this kind; by default whether its type is."""
        return any(
            base in cls.types or f"{base.__module__}.{base.__qualname__}" in cls.types
            for base in type(value).__mro__
        )

    @classmethod
    def example(cls) -> object:
        """Return a value of this kind with 8 rows or more, for the contract tests."""
        raise NotImplementedError(f"{cls.__name__} needs a method example")

    @abstractmethod
    def rows(self, index: slice | np.ndarray) -> np.ndarray:
        """Return some rows as a dense array.

        Parameters
        ----------
        index : slice or array of int
            A slice with start, stop and no step, or a 1-D array of row numbers in any
            order, in which a number may occur more than once.
        """

    def values(self) -> Iterator[np.ndarray]:
        """Yield arrays that together hold every value, in any order and shape.

        They are checked for their least and largest value. The default yields all rows,
        a block at a time.
        """
        return (block for _, block in blocks(self))

    def finite_rows(self, dtype: DTypeLike) -> np.ndarray:
        """Return for each row whether all its values are finite in a precision."""
        return finite_rows(self, dtype)

    def fingerprint(self) -> str:
        """Return a text by which a checkpoint recognizes the data.

        The default is a checksum of all rows, or of every n-th row of very large data.
        """
        return digest([self])

    def transposed(self) -> "LazyArray":
        """Return the data with their examples on the first axis, not the last."""
        raise DataError(
            f"axis is given, but the data are of type {type(self).__name__}, whose "
            "examples are rows. Leave axis out."
        )

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The memory that all rows would take as one dense array."""
        return int(self.size * self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return rows as a dense array, (*shape of the index, *shape of a row)."""
        lengths, places = np.shape(index), index
        if isinstance(index, slice):
            numbers = range(*index.indices(len(self)))
            lengths = (len(numbers),)
            places = slice(numbers.start, numbers.start + len(numbers))
            if numbers.step != 1:
                places = np.array(numbers)
        else:
            places = np.ravel(index)
        rows = np.asarray(self.rows(places))
        expected = (prod(lengths), *self.shape[1:])
        if rows.shape != expected:
            raise DataError(
                f"{type(self).__name__}.rows returned an array of the shape "
                f"{rows.shape}; it has to be {expected}, as its shape is {self.shape}."
            )
        if not np.can_cast(rows.dtype, self.stored_dtype, "same_kind"):
            raise DataError(
                f"{type(self).__name__}.rows returned numbers of type {rows.dtype}, "
                f"which would change as {self.stored_dtype}, the dtype that it has."
            )
        if self.order is not None:
            rows = rows[..., self.order]
        if rows.dtype != self.dtype:
            rows = rounded(rows, self.dtype)
        return rows.reshape(*lengths, *self.shape[1:])

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)

    def astype(self, dtype: DTypeLike) -> Self:
        """Return the same data, their rows in another precision."""
        made = copy(self)
        made.dtype = np.dtype(dtype)
        return made

    def reordered(self, places: list[int]) -> Self:
        """Return the same data, their columns in another order."""
        made = copy(self)
        made.order = np.asarray(places if self.order is None else self.order[places])
        made.columns = tuple(self.columns[place] for place in places)
        return made


DataArray: TypeAlias = np.ndarray | jax.Array | LazyArray
"""An array of data: of NumPy, of JAX, or lazy."""

_KINDS: dict[str, type[LazyArray]] = {}


def kinds() -> list[type[LazyArray]]:
    """Return the kinds of data that there are, in the order of their definitions."""
    return list(_KINDS.values())


def _kind_of(value: object) -> type[LazyArray] | None:
    return next((kind for kind in reversed(kinds()) if kind.accepts(value)), None)


def as_lazy(value: object) -> LazyArray | None:
    """Return a value as the kind of data that accepts it, None if there is none."""
    if isinstance(value, LazyArray):
        return value
    kind = _kind_of(value)
    return None if kind is None else kind(value)  # type: ignore[call-arg, arg-type]


def is_array(value: object) -> bool:
    """Return whether something is one array, and neither several nor batches.

    >>> is_array(np.arange(3)), is_array([1, 2]), is_array(range(3))
    (True, False, False)
    """
    known = hasattr(value, "shape") or hasattr(value, "__array__")
    return known or _kind_of(value) is not None


class Indexed(Protocol):
    """A map-style data set, as a ``Sequence`` of Keras or a ``Dataset`` of torch."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> Any: ...


def is_indexed(data: object) -> TypeGuard[Indexed]:
    """Return whether something gives its items by number, and is no array.

    >>> is_indexed(range(3)), is_indexed(np.arange(3)), is_indexed([1, 2])
    (True, False, False)
    """
    return (
        hasattr(data, "__len__")
        and hasattr(data, "__getitem__")
        and not isinstance(data, list | tuple | str | bytes | Mapping)
        and not is_array(data)
    )
