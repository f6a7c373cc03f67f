"""Cells that hold no number are named: by row, column and value."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from theanets import Classifier, Regressor
from theanets.data.arrays import as_array
from theanets.errors import DataError

ODD = {
    "a text": ("?", ["'?'", 'pandas.to_numeric(frame["age"]']),
    "bytes": (b"?", ["b'?'", "to_numeric"]),
    "a date as text": ("2015-12-17", ["Count days", 'to_datetime(frame["age"])']),
    "a time as text": ("2015-12-17 08:00", ["Count days"]),
    "a decimal comma": ("1,5", ['decimal=","']),
    "a number as text": ("1.5", ["'1.5'", 'frame["age"].astype(float)']),
    "None": (None, ["None", "dropna"]),
    "NaT": (pd.NaT, ["NaT", "dropna"]),
    "Decimal": (Decimal("1.5"), ["Decimal('1.5')", 'frame["age"].astype(float)']),
    "a date": (datetime.date(2020, 1, 2), ["2020-01-02", "Count days"]),
    "a time stamp": (pd.Timestamp("2020-01-02"), ["2020-01-02", "Count days"]),
    "datetime64": (np.datetime64("2020-01-02"), ["2020-01-02", "Count days"]),
    "a span": (datetime.timedelta(days=2), ["2 days", "to_timedelta"]),
    "timedelta64": (np.timedelta64(2, "D"), ["2 days", "to_timedelta"]),
    "an array": (np.ones(2), ["ndarray", 'numpy.stack(frame["age"])']),
    "a list": ([1, 2], ["list", 'numpy.stack(frame["age"])']),
    "a complex number": (1 + 2j, ["(1+2j)", "x.imag"]),
    "a dict": ({}, ["{}", "numbers instead"]),
}
SEVERAL = {
    "texts": (
        np.array([["1", "2"], ["3", "?"]]),
        ["'?' in row 1, column 1", "x[:, 1]"],
    ),
    "bytes": (np.array([b"1", b"2"]), ["b'1' in row 0", "x.astype(float)"]),
    "dates": (np.array(["2020-01-02"], "M8[D]"), ["2020-01-02 in row 0"]),
    "spans": (np.array([[5]], "m8[s]"), ["5 seconds in row 0, column 0"]),
    "records": (np.zeros(3, [("a", "f4"), ("b", "i4")]), ["fields a, b"]),
    "categories": (pd.Series(["a"], dtype="category"), ["'a' in row 0"]),
    "periods": (pd.Series(pd.period_range("2020", periods=2)), ["2020", "row 0"]),
    "a list": ([[1, 2], [3, None]], ["None in row 1, column 1"]),
    "a deep array": (np.array([[[1, None]]], object), ["None in row 0, at (0, 1)"]),
}


def frame_with(value):
    frame = pd.DataFrame({"height": np.arange(20.0), "age": 1}).astype(object)
    frame.at[17, "age"] = value
    return frame


def raised(action):
    with pytest.raises(DataError) as caught:
        action()
    return str(caught.value)


@pytest.mark.parametrize(("value", "words"), ODD.values(), ids=ODD)
def test_a_cell_is_named_with_what_to_do(value, words):
    frame, net = frame_with(value), Regressor([2, 2])
    good = np.ones((20, 2))
    told = raised(lambda: net.train((frame, good), progress=False))
    assert told.startswith("train[0] of type object holds")
    assert 'in row 17, column "age"; it has to hold real numbers.' in told
    for word in words:
        assert word in told
    also = {
        "x": lambda: net.predict(frame),
        "y": lambda: net.score(good, frame),
        "w": lambda: net.score(good, good, frame),
        "train[1]": lambda: net.train((good, frame), progress=False),
        "train: batch 0 of epoch 1[0]": lambda: net.train([(frame, good)], good),
        "valid[1]": lambda: net.train((good, good), (good, frame), progress=False),
    }
    del also["train: batch 0 of epoch 1[0]"]
    for name, action in also.items():
        assert raised(action).startswith(f"{name} of type object holds")
    array = frame.to_numpy()
    assert "in row 17, column 1; it has" in raised(lambda: net.predict(array))


@pytest.mark.parametrize(("array", "words"), SEVERAL.values(), ids=SEVERAL)
def test_arrays_of_something_else_name_their_first(array, words):
    told = raised(lambda: as_array(array, "x"))
    for word in words:
        assert word in told


def test_the_first_text_that_is_no_number_is_named():
    """A file with one "?" makes texts of the whole column."""
    frame = pd.DataFrame({"age": ["63", "?", "41"]})
    assert "holds '?' in row 1, column \"age\"" in raised(lambda: as_array(frame, "x"))


def test_all_columns_of_categories_are_named_at_once():
    frame = pd.DataFrame(
        {
            "age": ["63", "?", "41"],
            "city": ["Paris", None, "Rome"],
            "since": ["2015-12-17"] * 3,
            "premium": ["yes", "no", "no"],
        }
    )
    told = raised(lambda: as_array(frame[["city", "age", "since", "premium"]], "x"))
    advice = 'frame = pandas.get_dummies(frame, columns=["city", "premium"])'
    assert advice in told and "to_numeric" not in told
    told = raised(lambda: as_array(frame[["age"]], "x"))
    assert "to_numeric" in told and "get_dummies" not in told
    wide = pd.DataFrame({f"c{i}": ["a", "b"] for i in range(20)})
    assert '"c7", ...])' in raised(lambda: as_array(wide, "x"))


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
def test_labels_of_text_with_gaps_are_to_be_dropped_first(gap):
    labels = np.array(["a", gap, "b"], object)
    told = raised(lambda: as_array(labels, "y", labels=True))
    assert told.index("pandas.notna(labels)") < told.index("numpy.unique")
    assert "notna" not in raised(lambda: as_array(labels[::2], "y", labels=True))


def test_a_list_of_rows_by_name_is_made_a_frame():
    rows = [{"area": 50, "rooms": 2}]
    assert "pandas.DataFrame(rows)" in raised(lambda: Regressor([2, 1]).predict(rows))


PLAIN = [1, 2.5, True, np.float32(0.5), np.int8(3), np.bool_(1), np.float64(4)]


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: np.array(rows, object),
        lambda rows: tuple(map(tuple, rows)),
        lambda rows: rows,
        lambda rows: pd.DataFrame(rows).astype(object),
        lambda rows: np.array(rows, object)[::1][:, ::1],
    ],
)
def test_objects_that_are_plain_numbers_are_taken(make):
    given = make([PLAIN, PLAIN[::-1]])
    found = as_array(given, "x")
    np.testing.assert_array_equal(found, np.array([PLAIN, PLAIN[::-1]], "f8"))
    net = Classifier([7, 2], rng=1)
    net.train((given, np.array([0, 1], object)), max_epochs=1, progress=False)
    np.testing.assert_array_equal(net.predict(given), net.predict(found))


def test_objects_that_are_truth_values_are_zeros_and_ones():
    found = as_array(np.array([True, np.False_], object), "x")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [1, 0])
