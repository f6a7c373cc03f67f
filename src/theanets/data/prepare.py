"""The arrays of a data set or batch, made what a model expects."""

from collections.abc import Sequence
from typing import Any, Protocol

from theanets.data.arrays import as_array
from theanets.data.checks import check, check_count
from theanets.data.columns import Columns
from theanets.data.dataset import examples_first
from theanets.data.expected import Expected
from theanets.data.names import Names, names_of
from theanets.data.shapes import reshaped
from theanets.data.unpack import Part
from theanets.utils.checks import is_whole


class Expect(Protocol):
    """What a model expects of data.

    Attributes
    ----------
    columns : Columns
        The names of their columns, which the first data frames tell.
    """

    columns: Columns

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arrays, in order."""

    @property
    def labels(self) -> frozenset[int]:
        """The places of the arrays that hold labels."""

    def __call__(self, arrays: Sequence[Any], /) -> Sequence[Expected]:
        """Return what each array has to be, once shapes are known."""


def given_arrays(
    parts: Sequence[Part], expect: Expect, what: str, axis: Any = 0
) -> tuple[list[Any], list[Names]]:
    """Return the parts of a data set or batch as arrays, and the names of columns.

    How many arrays there are is checked before what they hold.

    Parameters
    ----------
    parts : sequence of Part
        What a user gives.
    expect : Expect
        What the model expects.
    what : str
        How messages call them all.
    axis : int
        The axis along which the examples lie; if it is not 0, columns have no names.
    """
    values = [part.value for part in parts]
    few = len(values) < len(expect.names)
    if few and all(hasattr(value, "shape") for value in values):
        check_count(len(values), expect(values), what)
    arrays = [
        as_array(part.value, part.label, place in expect.labels)
        for place, part in enumerate(parts)
    ]
    if not (is_whole(axis) and axis == 0):
        return [examples_first(array, axis, what) for array in arrays], [()] * len(
            arrays
        )
    return arrays, [names_of(*pair) for pair in zip(values, arrays, strict=True)]


def fitted(
    arrays: Sequence[Any],
    names: Sequence[Names],
    expect: Expect,
    what: str,
    dtype: Any,
) -> tuple[tuple[Any, ...], Sequence[Expected]]:
    """Return arrays of one data set or batch as a model takes them, and what it takes.

    Parameters
    ----------
    arrays : sequence of array
        The arrays.
    names : sequence of tuple of str
        The names of the columns of each, in their order; () if they have none.
    expect : Expect
        What the model expects.
    what : str
        How messages call them all.
    dtype : dtype
        The precision to compute in.

    Raises
    ------
    DataError
        If one does not fit, or has other columns than the one before.
    """
    expected = expect(arrays)
    ordered = expect.columns.matched(arrays, names, expected, what)
    slots = zip(ordered, expected, strict=False)
    found = (
        *(reshaped(array, slot, what) for array, slot in slots),
        *ordered[len(expected) :],
    )

    def columns() -> dict[str, Sequence[str]]:
        own = {slot.name: n for n, slot in zip(names, expected, strict=False)}
        return {**own, **expect.columns.names()}

    check(found, expected, what, dtype, columns)
    expect.columns.learn(ordered, names, expected)
    return found, expected
