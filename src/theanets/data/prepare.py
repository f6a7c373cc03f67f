"""The arrays of a data set or batch, in the form that a model expects."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from numpy.typing import DTypeLike

from theanets.data.arrays import as_array
from theanets.data.checks import check, check_count
from theanets.data.columns import Columns
from theanets.data.dataset import examples_first
from theanets.data.expected import Expected
from theanets.data.kinds.base import DataArray
from theanets.data.names import names_of
from theanets.data.shapes import reshaped
from theanets.data.unpack import RawArray
from theanets.utils.checks import is_whole


class Expect(Protocol):
    """What a model expects of data."""

    columns: Columns
    """The names of their columns, which are learned from the first data frames."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arrays, in order."""

    @property
    def labels(self) -> frozenset[int]:
        """The places of the arrays that hold labels."""

    def __call__(self, arrays: Sequence[DataArray], /) -> Sequence[Expected]:
        """Return what each array has to be, once shapes are known."""


def prepared(
    raw: Sequence[RawArray],
    expect: Expect,
    what: str,
    dtype: DTypeLike,
    signed: bool,
    axis: object = 0,
) -> tuple[tuple[DataArray, ...], Sequence[Expected]]:
    """Return arrays as a model takes them, checked, and what it expects of each.

    The number of arrays is checked before their content. If the examples are not on the
    first axis, columns have no names. With ``signed``, weights may be negative.
    """
    values: list[Any] = [part.value for part in raw]
    few = len(values) < len(expect.names)
    if few and all(hasattr(value, "shape") for value in values):
        check_count(len(values), expect(values), what)
    arrays = [
        as_array(part.value, part.label, place in expect.labels)
        for place, part in enumerate(raw)
    ]
    if is_whole(axis) and axis == 0:
        names = list(map(names_of, values, arrays))
    else:
        arrays = [examples_first(array, axis, what) for array in arrays]
        names = [()] * len(arrays)
    expected = [replace(each, signed=signed) for each in expect(arrays)]
    ordered = expect.columns.matched(arrays, names, expected, what)
    known = [reshaped(*pair, what) for pair in zip(ordered, expected, strict=False)]
    fitting = (*known, *ordered[len(expected) :])

    def columns() -> dict[str, Sequence[str]]:
        pairs = zip(expected, names, strict=False)
        return {**{each.name: n for each, n in pairs}, **expect.columns.names()}

    check(fitting, expected, what, dtype, columns)
    expect.columns.learn(ordered, names, expected)
    return fitting, expected
