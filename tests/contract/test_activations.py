"""What every activation keeps: shapes, types, its spec, and right derivatives."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets import activations

from .collection import parts

PARTS = parts(activations.REGISTRY)
SIZE = 5


@pytest.fixture(scope="module", autouse=True)
def precise(module_in_float64):
    """Compute in double precision, so that finite differences tell."""


@pytest.fixture
def made(name):
    activation = PARTS[name](**PARTS[name].example)
    activation.bind(SIZE)
    return activation


def params_of(activation, dtype="f8"):
    rng = np.random.default_rng(1)
    drawn = {param.name: param.init(rng) for param in activation.params}
    return {name: jnp.asarray(value, dtype) for name, value in drawn.items()}


@pytest.mark.parametrize("name", PARTS)
def test_shape_and_type_are_kept(made):
    for dtype in ("bfloat16", "float32", "float64"):
        x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, SIZE)), dtype)
        y = made.transform(params_of(made, dtype), x)
        assert (y.shape, y.dtype) == (x.shape, x.dtype)
        one = made.transform(params_of(made, dtype), x[1, 2])
        np.testing.assert_allclose(
            np.asarray(one, "f8"), np.asarray(y[1, 2], "f8"), atol=1e-2
        )


@pytest.mark.parametrize("name", PARTS)
def test_the_derivative_is_right_and_finite(made):
    params, rng = params_of(made), np.random.default_rng(2)
    x = jnp.asarray(rng.normal(size=(4, SIZE)))
    along = jax.tree.map(lambda a: rng.normal(size=a.shape), (params, x))
    weights = rng.normal(size=x.shape)

    def total(point):
        return (weights * made.transform(*point)).sum()

    def moved(step):
        return jax.tree.map(lambda a, d: a + step * d, (params, x), along)

    gradient = jax.grad(total)((params, x))
    products = jax.tree.map(lambda g, d: (g * d).sum(), gradient, along)
    slope = sum(jax.tree.leaves(products))
    numeric = (total(moved(1e-6)) - total(moved(-1e-6))) / 2e-6
    np.testing.assert_allclose(slope, numeric, rtol=1e-5, atol=1e-7)
    for value in (0.0, 1.0, -1.0, 1e3, -1e3):
        at = jax.grad(total)((params, jnp.full_like(x, value)))
        assert all(jnp.isfinite(g).all() for g in jax.tree.leaves(at))


@pytest.mark.parametrize("name", PARTS)
def test_it_is_made_again_by_its_spec_a_pickle_and_a_copy(made):
    x = np.random.default_rng(0).normal(size=(3, SIZE))
    expected = made.transform(params_of(made), x)
    others = (activations.build(made.spec), pickle.loads(pickle.dumps(made)))
    for again in (*others, copy.deepcopy(made), activations.build(made)):
        again.bind(SIZE)
        assert (again.spec, again.key) == (made.spec, made.key)
        np.testing.assert_array_equal(again.transform(params_of(again), x), expected)


@pytest.mark.parametrize("name", PARTS)
def test_a_model_with_it_is_saved_and_loaded(made, tmp_path):
    net = theanets.Network([3, (SIZE, made.spec), 2])
    net.save(tmp_path / "net")
    x = np.random.default_rng(0).normal(size=(3, 3))
    again = theanets.load(tmp_path / "net")
    np.testing.assert_array_equal(again.predict(x), net.predict(x))
