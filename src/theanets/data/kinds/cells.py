"""Cells that hold no number: which, where, and what to write instead."""

import datetime
import re
import reprlib
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from theanets.data.content import located
from theanets.data.kinds.base import DataArray
from theanets.data.names import Names
from theanets.errors import DataError

NUMBERED = (
    "Number the labels, those of all data at once; classes[net.predict(x)] are then "
    "the labels as they were:\n"
    "    classes, labels = numpy.unique(labels, return_inverse=True)"
)
"""What to do with labels that are not numbers from 0 on."""
_DROPPED = (
    "Some labels are missing: leave those examples out first, of the inputs too, by "
    "pandas.notna(labels). "
)
_LOOKED_AT = 1000
"""So many rows are read to see what a column of texts holds."""
_MOST_NAMED = 8
_DATES = (datetime.date, np.datetime64)
_SPANS = (datetime.timedelta, np.timedelta64)


def of_objects(array: np.ndarray) -> np.ndarray:
    """Return an array of number objects as an array of numbers.

    ``pandas.NA`` becomes NaN. An array that holds anything else is returned unchanged.

    >>> of_objects(np.array([1, 2.5, np.float32(3)], object))
    array([1. , 2.5, 3. ])
    """
    kinds = set(map(type, array.flat))
    if kinds and kinds <= {bool, np.bool_}:
        return array.astype(bool)
    if not all(map(_is_plain, kinds)):
        return array
    if any(map(_is_gap, kinds)):
        gaps = [_is_gap(type(x)) for x in array.flat]
        array = np.where(np.reshape(gaps, array.shape), np.nan, array)
    return array.astype("f8")


def no_numbers(
    array: DataArray, name: str, columns: Names = (), labels: bool = False
) -> DataError:
    """Return the error for an array that holds something other than numbers.

    ``labels`` says whether it should hold labels.

    >>> print(no_numbers(np.array([[1, "?"]], object), "x", ("age", "sex")))
    x of type object holds '?' in row 0, column "sex"; it has to hold real numbers...
    """
    begin, kind = f"{name} of type {array.dtype} holds", array.dtype.kind
    end = f"it has to hold {'whole numbers from 0 on' if labels else 'real numbers'}."
    if array.dtype.names:
        fields = ", ".join(array.dtype.names)
        return DataError(
            f"{name} is a structured array of the fields {fields}; {end} "
            "numpy.lib.recfunctions.structured_to_unstructured(x) makes columns of "
            "them."
        )
    if kind not in "OUSTMmc" or not isinstance(array, np.ndarray) or not array.size:
        return DataError(f"{begin} no numbers; {end}")
    index = _first(array)
    value = array[index]
    where = f" {located(index, columns)}" if index else ""
    if labels and not (_is_nothing(value) or _is_array(value)):
        advice = _DROPPED * any(map(_is_missing, array.flat)) + NUMBERED
    else:
        advice = _advice(array, index, columns)
    return DataError(f"{begin} {_shown(value)}{where}; {end} {advice}")


def _is_plain(kind: type) -> bool:
    # NumPy's time spans are a subclass of integers.
    is_number = issubclass(kind, Real | np.bool_)
    return (is_number and not issubclass(kind, np.timedelta64)) or _is_gap(kind)


def _is_gap(kind: type) -> bool:
    """Whether it is the type of ``pandas.NA``, without importing pandas."""
    return kind.__name__ == "NAType"


def _is_nothing(value: object) -> bool:
    return value is None or str(value) == "NaT"


def _is_missing(value: object) -> bool:
    gap = _is_nothing(value) or _is_gap(type(value))
    return gap or (isinstance(value, float) and value != value)


def _is_array(value: Any) -> bool:
    return isinstance(value, list | tuple) or np.ndim(value) > 0


def _first(array: np.ndarray) -> tuple[int, ...]:
    """Return the place of the first cell that is no number.

    Numbers written as text are skipped, unless there is nothing else.
    """
    odd = [not _is_plain(type(x)) and not _is_numeral(x) for x in array.flat]
    if not any(odd):
        odd = [not _is_plain(type(x)) for x in array.flat]
    return tuple(map(int, np.unravel_index(np.argmax(odd), array.shape)))


def _is_numeral(value: object) -> bool:
    if not isinstance(value, str | bytes):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def _is_comma(value: object) -> bool:
    """Whether a text is a number with a comma, such as 1,5."""
    return (
        isinstance(value, str)
        and value.count(",") == 1
        and _is_numeral(value.replace(",", "."))
    )


def _is_date(value: object) -> bool:
    """Whether a text begins as a date of ISO 8601 does, such as 2015-12-17."""
    return isinstance(value, str) and bool(re.match(r"\d{4}-\d\d?-\d\d?\b", value))


def _are_categories(cells: np.ndarray) -> bool:
    """Whether some cells are texts that mostly stand for no numbers and no dates."""
    present = [x for x in cells[:_LOOKED_AT].flat if not _is_missing(x)]
    numbers = (_is_plain(type(x)) or _is_numeral(x) or _is_comma(x) for x in present)
    texts = [x for x in present if isinstance(x, str | bytes)]
    others = [x for x in texts if not _is_numeral(x) and not _is_date(x)]
    return bool(others) and 2 * sum(numbers) < len(present)


def _shown(value: object) -> str:
    if _is_array(value):
        return f"an object of type {type(value).__name__}"
    if isinstance(value, (*_DATES, *_SPANS)) or _is_nothing(value):
        return str(value)
    return reprlib.repr(value.item() if isinstance(value, np.generic) else value)


def _advice(array: np.ndarray, index: tuple[int, ...], columns: Names) -> str:
    """Return what to do about a cell that holds no number, and its column.

    The advice about categories names all columns of a frame that hold them.
    """
    value, column = array[index], "x"
    named = len(index) == 2 and len(columns) > index[1]
    if len(index) == 2:
        column = f'frame["{columns[index[1]]}"]' if named else f"x[:, {index[1]}]"
    if _is_nothing(value):
        return (
            "Nothing is there: leave such examples out, as frame.dropna() of pandas "
            "does, or say what stands there, as frame.fillna(0) does."
        )
    if isinstance(value, _SPANS):
        unit = "pandas.Timedelta(seconds=1)"
        return f"Count something: pandas.to_timedelta({column}) / {unit}."
    if isinstance(value, _DATES) or _is_date(value):
        begin, unit = 'pandas.Timestamp("2000-01-01")', "pandas.Timedelta(days=1)"
        return f"Count days: (pandas.to_datetime({column}) - {begin}) / {unit}."
    if isinstance(value, dict) and column == "x":
        return "Make a frame of the rows: pandas.DataFrame(rows)."
    if isinstance(value, complex | np.complexfloating):
        return "Give both parts: numpy.concatenate([x.real, x.imag], axis=-1)."
    if _is_array(value):
        return f"Make one array of the cells: numpy.stack({column})."
    if isinstance(value, Decimal) or _is_numeral(value):
        return f"Write {column}.astype(float)."
    if not isinstance(value, str | bytes):
        return "Write numbers instead."
    if _is_comma(value):
        return (
            'Read the file by pandas.read_csv(..., decimal=","), or thousands="," if '
            "the comma marks thousands."
        )
    if not _are_categories(array[:, index[1]] if len(index) == 2 else np.ravel(array)):
        return (
            f'pandas.to_numeric({column}, errors="coerce") makes NaN of what is no '
            "number; then fill these cells or leave their rows out."
        )
    call = f"pandas.get_dummies({column})"
    if named:
        names = [
            f'"{name}"'
            for place, name in enumerate(columns)
            if place == index[1] or _are_categories(array[:, place])
        ]
        more = ", ..." * (len(names) > _MOST_NAMED)
        listed = f"[{', '.join(names[:_MOST_NAMED])}{more}]"
        call = f"frame = pandas.get_dummies(frame, columns={listed})"
    return f"{call} makes columns of 0 and 1 of categories."
