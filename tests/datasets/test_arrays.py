import gc
import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from theanets.data.arrays import as_array, narrowed, nbytes
from theanets.data.blocks import checksum
from theanets.data.checks import check
from theanets.data.device import DeviceCache
from theanets.data.expected import Expected
from theanets.errors import DataError

NUMBERS = [[1, 2], [3, 4], [5, 6]]


class OnlyArray:
    """What a tensor of another library offers."""

    def __array__(self, dtype=None, copy=None):
        return np.array(NUMBERS, "f4")


class OnlyDLPack:
    """What a tensor of another library offers, if it does not know NumPy."""

    held = np.array(NUMBERS, "f4")

    def __dlpack__(self, **keywords):
        return self.held.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.held.__dlpack_device__()


class OnlyInterface:
    held = np.array(NUMBERS, "f4")
    __array_interface__ = held.__array_interface__


class Frame:
    """What a data frame offers."""

    def to_numpy(self):
        return np.array(NUMBERS, "i8")


def memory_map(folder):
    array = np.memmap(folder / "numbers", "f4", "w+", shape=(3, 2))
    array[:] = NUMBERS
    return array


FORMS = {
    "list": lambda _: NUMBERS,
    "tuple": lambda _: tuple(map(tuple, NUMBERS)),
    "list of arrays": lambda _: [np.array(row) for row in NUMBERS],
    "NumPy": lambda _: np.array(NUMBERS),
    "big-endian": lambda _: np.array(NUMBERS, ">f8"),
    "column order": lambda _: np.array(NUMBERS, order="F"),
    "memory map": memory_map,
    "JAX": lambda _: jax.device_put(np.array(NUMBERS, "f4")),
    "bfloat16": lambda _: np.array(NUMBERS, jnp.bfloat16),
    "pandas": lambda _: pd.DataFrame(NUMBERS),
    "pandas, mixed": lambda _: pd.DataFrame({"a": [1, 3, 5], "b": [2.0, 4.0, 6.0]}),
    "pandas, nullable": lambda _: pd.DataFrame(NUMBERS).astype("Int64"),
    "__array__": lambda _: OnlyArray(),
    "__dlpack__": lambda _: OnlyDLPack(),
    "__array_interface__": lambda _: OnlyInterface(),
    "to_numpy": lambda _: Frame(),
}
if importlib.util.find_spec("polars"):
    import polars

    FORMS["polars"] = lambda _: polars.DataFrame(NUMBERS, orient="row")


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
def test_whatever_holds_numbers_becomes_an_array(make, tmp_path):
    array = as_array(make(tmp_path), "x")
    assert isinstance(array, np.ndarray | jax.Array)
    np.testing.assert_array_equal(np.asarray(array, "f8"), NUMBERS)


def test_an_array_is_not_copied(tmp_path):
    for array in (np.ones(3, "u1"), memory_map(tmp_path), jax.device_put(np.ones(3))):
        assert as_array(array, "x") is array


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">i4", ">u2", "g"])
def test_types_that_no_device_knows_are_converted(dtype):
    array = as_array(np.array(NUMBERS, dtype), "x")
    assert array.dtype.isnative
    np.testing.assert_array_equal(DeviceCache().get(array, "f4"), NUMBERS)


def test_a_series_has_one_axis():
    assert as_array(pd.Series([1, 2, 3]), "x").shape == (3,)


def test_truth_values_are_zeros_and_ones():
    assert as_array([True, False], "x").dtype == np.uint8
    frame = pd.DataFrame({"a": [True, False], "b": [0.5, 2.0]})
    np.testing.assert_array_equal(as_array(frame, "x"), [[1, 0.5], [0, 2]])


def test_gaps_of_a_frame_are_not_a_number():
    frame = pd.DataFrame({"a": [1, None]}, dtype="Int64")
    np.testing.assert_array_equal(as_array(frame, "x"), [[1], [np.nan]])


@pytest.mark.parametrize("value", [["1", "2"], pd.Series(["a", "b"]), "12", b"12"])
def test_text_is_refused(value):
    with pytest.raises(DataError, match="x"):
        as_array(value, "x")


@pytest.mark.parametrize(
    ("given", "precision", "held"),
    [
        ("u1", "f4", "u1"),
        ("i4", "f4", "i4"),
        ("i8", "f4", "i4"),
        ("f8", "f4", "f4"),
        ("f8", "f8", "f8"),
        ("f4", "f8", "f4"),
        ("f2", "f4", "f2"),
        ("f4", jnp.bfloat16, jnp.bfloat16),
        ("u1", jnp.bfloat16, "u1"),
    ],
)
def test_nothing_is_wider_than_the_precision(given, precision, held):
    array = np.arange(6).astype(given)
    kept = narrowed(array, precision)
    assert kept.dtype == held
    assert kept.nbytes == nbytes(array, precision)
    np.testing.assert_array_equal(kept.astype("f8"), np.arange(6))


def test_whole_numbers_beyond_four_bytes_keep_their_size():
    narrow = narrowed(np.array([3_000_000_000, -1]), "f4")
    np.testing.assert_array_equal(narrow.astype("f8"), [3e9, -1])


@pytest.mark.parametrize("place", [0, 1, 499, 5000, 9998, 9999])
@pytest.mark.parametrize("dtype", ["u1", "f4", "f8"])
def test_the_checksum_sees_every_change(dtype, place):
    array = np.arange(10_000).astype(dtype)
    before = checksum(array)
    assert before == checksum(array.copy())
    array[place] += 1
    assert before != checksum(array)


def test_the_checksum_sees_rows_trade_places():
    array = np.random.default_rng(0).random((64, 784), "f4")
    assert checksum(array) != checksum(array[::-1])


def test_the_checksum_is_of_what_is_seen():
    array = np.arange(20).reshape(4, 5)
    assert checksum(array[:, ::2]) == checksum(array[:, ::2].copy())


def test_an_array_is_moved_once():
    cache, array = DeviceCache(), np.arange(6, dtype="u1")
    moved = cache.get(array, "f4")
    assert moved.dtype == np.uint8
    assert cache.get(array, "f4") is moved
    assert cache.get(array[:], "f4") is moved
    assert cache.get(array.copy(), "f4") is not moved


def test_an_array_of_the_device_stays_there():
    array = jax.device_put(np.ones(3))
    assert DeviceCache().get(array, "f4") is array


def test_a_changed_array_is_moved_again():
    cache, array = DeviceCache(), np.zeros(6, "f4")
    before = cache.get(array, "f4")
    array[3] = 7
    np.testing.assert_array_equal(cache.get(array, "f4"), array)
    np.testing.assert_array_equal(before, np.zeros(6))


def aligned(shape):
    """Return zeros that lie where a device could share the memory."""
    size = int(np.prod(shape)) * 4
    memory = np.zeros(size + 64, "u1")
    begin = -memory.ctypes.data % 64
    return memory[begin : begin + size].view("f4").reshape(shape)


def test_a_copy_on_the_device_does_not_change_with_its_array():
    cache, array = DeviceCache(), aligned((6, 2))
    before = cache.get(array, "f4")
    array += 1
    np.testing.assert_array_equal(before, np.zeros((6, 2)))


def test_a_copy_on_the_device_does_not_outlive_its_array():
    cache, array = DeviceCache(), aligned((6, 2))
    cache.get(array, "f4")
    cache.get(array[2:], "f4")
    assert len(cache) == 2
    del array
    gc.collect()
    assert len(cache) == 0


def test_weights_may_stand_for_whole_examples():
    slot = Expected("weights", "weights", (5, 2), optional_axes=2)
    for shape in [(3, 5, 2), (3, 5), (3,)]:
        check([np.ones(shape)], [slot], "train")
    with pytest.raises(DataError, match=r"\(3, 2\)"):
        check([np.ones((3, 2))], [slot], "train")


def test_an_axis_may_have_any_length():
    slot = Expected("in", "input", (None, 2))
    check([np.ones((3, 7, 2))], [slot], "train")
    with pytest.raises(DataError, match=r"\(examples, any, 2\)"):
        check([np.ones((3, 7, 3))], [slot], "train")


def test_a_shape_to_reshape_to_is_told_only_where_it_is_known():
    for shape, hint in (
        ((4, 6), r"\.reshape\(-1, 2, 3\) may be missing\."),
        ((4,), ""),
    ):
        slot = Expected("x", "input", (2, 3) if hint else (None,))
        with pytest.raises(DataError, match=rf"\(examples, [\w, ]+\)\.( A )?{hint}$"):
            check([np.ones(shape)], [slot], "train")
