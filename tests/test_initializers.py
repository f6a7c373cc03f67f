"""Random matrices, vectors and streams."""

import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError
from theanets.initializers import random_matrix, random_vector, stream


@pytest.fixture
def rng():
    return np.random.default_rng(13)


def test_entries_have_the_mean_and_deviation_asked_for(rng):
    matrix = random_matrix(rng, 300, 200, mean=2, std=0.5)
    assert matrix.shape == (300, 200)
    assert matrix.dtype == np.float64
    np.testing.assert_allclose([matrix.mean(), matrix.std()], [2, 0.5], atol=0.01)


def test_default_deviation_follows_the_shape(rng):
    np.testing.assert_allclose(random_matrix(rng, 300, 100).std(), 1 / 20, rtol=0.02)


@pytest.mark.parametrize("shape", [(200, 100), (100, 200), (100, 100)])
def test_sparsity_is_the_share_of_zeros_off_the_diagonal(rng, shape):
    matrix = random_matrix(rng, *shape, sparsity=0.9)
    assert (np.diag(matrix) != 0).all()
    zeros = np.count_nonzero(matrix == 0) / (matrix.size - 100)
    np.testing.assert_allclose(zeros, 0.9, atol=0.02)


@pytest.mark.parametrize("shape", [(7, 7), (5, 9)])
def test_radius_is_the_largest_singular_value(rng, shape):
    plain = random_matrix(np.random.default_rng(13), *shape)
    scaled = random_matrix(rng, *shape, radius=1.5)
    values = np.linalg.svd(scaled, compute_uv=False)
    np.testing.assert_allclose(values[0], 1.5)
    np.testing.assert_allclose(scaled / scaled[0, 0], plain / plain[0, 0])


def test_radius_of_a_matrix_of_zeros_is_left_alone(rng):
    assert not random_matrix(rng, 3, 3, std=0, radius=2).any()


def test_diagonal_replaces_everything(rng):
    matrix = random_matrix(rng, 3, 4, mean=5, sparsity=0.5, radius=2, diagonal=-0.3)
    np.testing.assert_array_equal(matrix, -0.3 * np.eye(3, 4))


def test_vectors(rng):
    np.testing.assert_array_equal(random_vector(rng, 4), np.zeros(4))
    vector = random_vector(rng, 10000, mean=1, std=2)
    np.testing.assert_allclose([vector.mean(), vector.std()], [1, 2], rtol=0.05)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("std", -1), ("std", np.nan), ("sparsity", 1), ("sparsity", -0.1), ("radius", -1)],
)
def test_numbers_out_of_range_are_errors(rng, keyword, value):
    with pytest.raises(ConfigurationError, match=f"{keyword} is .*it has to be"):
        random_matrix(rng, 2, 2, **{keyword: value})


def test_negative_deviation_of_a_vector_is_an_error(rng):
    with pytest.raises(ConfigurationError, match="std is -1"):
        random_vector(rng, 2, std=-1)


def test_streams_are_the_same_everywhere():
    first, again = stream(13, "hid1", "w"), stream(13, "hid1", "w")
    np.testing.assert_array_equal(first.random(5), again.random(5))
    # Pinned, since a saved model and its seed have to mean the same elsewhere.
    assert stream(13, "hid1", "w").integers(0, 10**6, 3).tolist() == [
        680183,
        845398,
        475937,
    ]


def test_streams_of_other_names_are_independent():
    paths = [(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a", "b", "")]
    draws = np.array([stream(13, *path).standard_normal(4000) for path in paths])
    others = np.corrcoef(draws) - np.eye(len(paths))
    assert np.abs(others).max() < 0.08
    assert stream(14, "a").random() != stream(13, "a").random()


@pytest.mark.parametrize("seed", [-1, 1.5, "13", None])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ConfigurationError, match="random seed"):
        stream(seed, "w")


@pytest.mark.parametrize(
    ("init", "variance"),
    [("glorot", 2 / 500), ("he", 2 / 300), ("lecun", 1 / 300), (None, 1 / 500)],
)
def test_named_initial_values_have_their_published_variance(rng, init, variance):
    matrix = random_matrix(rng, 300, 200, init=init)
    np.testing.assert_allclose(matrix.var(), variance, rtol=0.02)
    np.testing.assert_allclose(matrix.mean(), 0, atol=0.001)


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (7, 7)])
def test_orthogonal_values(rng, shape):
    matrix = random_matrix(rng, *shape, init="orthogonal")
    fewer = matrix @ matrix.T if shape[0] <= shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(fewer, np.eye(min(shape)), atol=1e-12)


def test_every_orthogonal_matrix_is_as_likely(rng):
    drawn = [random_matrix(rng, 2, 2, init="orthogonal") for _ in range(500)]
    np.testing.assert_allclose(np.mean(drawn, axis=0), 0, atol=0.12)
    assert 0.4 < np.mean([np.linalg.det(matrix) > 0 for matrix in drawn]) < 0.6


def test_named_initial_values_with_more(rng):
    shifted = random_matrix(rng, 300, 200, init="he", mean=3)
    np.testing.assert_allclose([shifted.mean(), shifted.var()], [3, 2 / 300], rtol=0.02)
    sparse = random_matrix(rng, 300, 200, init="he", sparsity=0.9)
    np.testing.assert_allclose((sparse == 0).mean(), 0.9, atol=0.01)
    narrow = random_matrix(rng, 30, 20, init="orthogonal", radius=0.5)
    np.testing.assert_allclose(np.linalg.norm(narrow, 2), 0.5)
    with pytest.raises(ConfigurationError, match="Give one of them"):
        random_matrix(rng, 3, 3, init="he", std=1.0)


def test_initial_values_of_layers():
    def w(name="w", **attributes):
        spec = {"size": 200, "inputs": ["in", "hid1"], **attributes}
        net = theanets.Regressor([300, 100, spec, 2])
        return net.find("hid2", f"{name}").get_value().var()

    a, b = "w_in:out", "w_hid1:out"
    assert w(a) == pytest.approx(1 / 500, rel=0.05)
    assert w(a, init="he") == pytest.approx(2 / 300, rel=0.05)
    assert w(b, init="he") == pytest.approx(2 / 100, rel=0.05)
    # What is said of one parameter goes before what is said of all.
    both = {"init": "he", f"std_{b}": 0.5}
    assert w(a, **both) == pytest.approx(2 / 300, rel=0.05)
    assert w(b, **both) == pytest.approx(0.25, rel=0.05)
    both = {"std": 0.5, f"init_{b}": "lecun"}
    assert w(a, **both) == pytest.approx(0.25, rel=0.05)
    assert w(b, **both) == pytest.approx(1 / 100, rel=0.05)
