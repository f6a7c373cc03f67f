import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt

from theanets import plotting
from theanets.errors import ConfigurationError, DataError


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def weights():
    return np.random.default_rng(3).normal(size=(784, 100))


class Handle:
    """Converts like a parameter handle does."""

    name = "hid1.w"

    def __init__(self, value):
        self.value = np.asarray(value)

    def __array__(self, dtype=None, copy=None):
        return self.value.astype(dtype or self.value.dtype)


def drawn(ax):
    return np.ma.filled(ax.images[0].get_array(), np.nan)


def test_is_the_picture_of_the_tutorial(weights):
    picture = np.zeros((28 * 10, 28 * 10), dtype="f")
    for i, pixels in enumerate(weights.T):
        r, c = divmod(i, 10)
        picture[r * 28 : (r + 1) * 28, c * 28 : (c + 1) * 28] = pixels.reshape((28, 28))
    ax = plotting.features(weights)
    np.testing.assert_array_equal(drawn(ax).astype("f"), picture)
    assert ax.images[0].get_cmap().name == "gray"
    assert not ax.axison


def test_contrast_runs_from_the_smallest_to_the_largest_weight():
    # All positive and one cell left over: the empty cell is no black spot.
    ax = plotting.features(np.arange(5, 17).reshape(4, 3), shape=(2, 2))
    assert ax.images[0].get_clim() == (5, 16)
    assert np.isnan(drawn(ax)[2:, 2:]).all()


@pytest.mark.parametrize(
    ("units", "columns", "grid"),
    [
        (100, None, (10, 10)),
        (1, None, (1, 1)),
        (2, None, (1, 2)),
        (12, None, (3, 4)),
        (17, None, (4, 5)),
        (10, 3, (4, 3)),
        (3, 8, (1, 8)),
    ],
)
def test_grid(units, columns, grid):
    picture = plotting.mosaic(np.zeros((6, units)), shape=(2, 3), columns=columns)
    assert picture.shape == (grid[0] * 2, grid[1] * 3)


def test_colours_are_scaled_together():
    weights = np.random.default_rng(5).normal(size=(4 * 5 * 3, 7))
    picture = drawn(plotting.features(weights, shape=(4, 5, 3)))
    assert picture.shape == (12, 15, 3)
    assert picture.min() == 0
    assert picture.max() == 1
    expected = (weights[:, 4].reshape(4, 5, 3) - weights.min()) / np.ptp(weights)
    np.testing.assert_allclose(picture[4:8, 5:10], expected)
    np.testing.assert_array_equal(picture[8:, 5:], 1)


def test_equal_colours_do_not_divide_by_zero():
    picture = plotting.mosaic(np.ones((12, 1)), shape=(2, 2, 3))
    np.testing.assert_array_equal(picture, np.zeros((2, 2, 3)))


def test_draws_where_it_is_told(weights):
    _, (left, right) = plt.subplots(1, 2)
    assert plotting.features(Handle(weights), ax=right, cmap="viridis") is right
    assert len(left.images) == 0
    assert right.images[0].get_cmap().name == "viridis"
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint8", "bool"])
def test_any_numbers(dtype):
    weights = np.array([[0, 1], [1, 0]]).astype(dtype)
    np.testing.assert_array_equal(
        plotting.mosaic(weights, shape=(1, 2)), [[0, 1, 1, 0]]
    )


@pytest.mark.parametrize(
    ("param", "message"),
    [
        (np.zeros(784), r"the array has the shape \(784,\).* \(inputs, units\)"),
        (Handle(np.zeros((2, 3, 4))), r"parameter 'hid1.w' has the shape \(2, 3, 4\)"),
        (np.zeros((784, 0)), r"has the shape \(784, 0\)"),
        (Handle(np.zeros((100, 10))), r"'hid1.w' has 100 values in each column.* 784"),
        (np.full((784, 2), np.nan), "holds 1568 values that cannot be drawn, NaN"),
    ],
)
def test_unfit_arrays(param, message):
    with pytest.raises(DataError, match=message):
        plotting.features(param)


@pytest.mark.parametrize(
    "shape", [784, (784,), (28, 28, 1), (2, 2, 2, 2), (-28, -28), (28.0, 28), "ab"]
)
def test_unfit_shapes(weights, shape):
    with pytest.raises(ConfigurationError, match=r"has to be \(height, width\) or"):
        plotting.features(weights, shape=shape)


@pytest.mark.parametrize("columns", [0, -1, 2.0, "3", True])
def test_unfit_columns(weights, columns):
    with pytest.raises(ConfigurationError, match=r"columns is .* from 1 on"):
        plotting.features(weights, columns=columns)


def test_says_what_to_install(weights, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "theanets\[plot\]"'):
        plotting.features(weights)
