"""What every optimizer keeps: its state, its keywords, and where it can go on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError
from theanets.optimizers import ALGORITHMS, resolve

from ..helpers import bits, blobs, compilations
from .collection import parts

PARTS = parts(ALGORITHMS)
RULES = [name for name, cls in PARTS.items() if cls.keywords()]


def batch_size(name):
    return {} if PARTS[name].full_batch else {"batch_size": 16}


def train(name, epochs, net=None, **keywords):
    net = net or theanets.Classifier([4, 8, 2], rng=1)
    keywords = {**PARTS[name].example, **batch_size(name), **keywords}
    net.train(blobs(64), algo=name, max_epochs=epochs, progress=False, **keywords)
    return net


def other_rate(name):
    """Return another learning rate than the default, if it takes one."""
    takes = bool(PARTS[name].keywords())
    return {"learning_rate": PARTS[name].learning_rate / 2} if takes else {}


def descend(name, params, steps, loss, **hyper):
    """Return the parameters and the state after some updates."""
    optimizer = resolve(name, {**PARTS[name].example, **hyper})
    state = optimizer.init(params)
    for count in range(steps):
        value, grads = jax.value_and_grad(loss)(params)
        params, state = optimizer.update(
            grads, state, params, optimizer.values, count=count, value=value,
            value_fn=loss, curvature=grads,
        )  # fmt: skip
    return params, state


def bowl(params):
    return sum(jnp.sum(jnp.square(p - 1)) for p in jax.tree.leaves(params))


@pytest.mark.parametrize("name", PARTS)
def test_it_descends_and_keeps_the_form_of_all_it_holds(name):
    with jax.enable_x64(True):
        for dtype in ("bfloat16", "float32", "float64"):
            params = {"w": jnp.zeros((2, 3), dtype), "b": [jnp.zeros((), dtype)]}
            moved, state = descend(name, params, 20, bowl)
            new = resolve(name, dict(PARTS[name].example)).init(params)
            for old, now in ((params, moved), (new, state)):
                assert jax.tree.structure(old) == jax.tree.structure(now)
                for a, b in zip(
                    jax.tree.leaves(old), jax.tree.leaves(now), strict=True
                ):
                    assert (a.shape, a.dtype) == (b.shape, b.dtype)
            assert bowl(moved) < bowl(params)


@pytest.mark.parametrize("name", [x for x in RULES if PARTS[x].elementwise])
def test_entries_that_move_alone_move_the_same_in_a_transposed_matrix(name):
    start = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3)), "f4")
    moved, _ = descend(name, start, 5, bowl)
    turned, _ = descend(name, start.T, 5, bowl)
    np.testing.assert_array_equal(moved, turned.T)


@pytest.mark.parametrize("name", RULES)
def test_the_defaults_are_valid_and_are_the_defaults(name):
    cls = PARTS[name]
    given = {"learning_rate": cls.learning_rate, **cls.defaults(), **cls.example}
    assert resolve(name, given).values == resolve(name, dict(cls.example)).values
    for keyword in cls.hyperparams:
        with pytest.raises(ConfigurationError, match=f"^{keyword} is 'much'; it has"):
            resolve(name, {keyword: "much"})


@pytest.mark.parametrize("name", PARTS)
def test_it_trains_again_without_compiling(name):
    # The state of a transformation changes its types with the first update.
    train(name, 2)
    more = other_rate(name)
    with compilations() as compiled:
        train(name, 2)
        train(name, 1, **more)
    assert not compiled


@pytest.mark.parametrize("name", PARTS)
def test_a_checkpoint_goes_on_with_the_same_bits(name, tmp_path):
    whole = train(name, 3, checkpoint=tmp_path / "whole")
    train(name, 1, checkpoint=tmp_path / "parts")
    parts = train(name, 3, checkpoint=tmp_path / "parts")
    assert bits(parts) == bits(whole)
    more = other_rate(name) or {"rng": 9}
    with pytest.raises(theanets.CheckpointError):
        train(name, 4, checkpoint=tmp_path / "parts", **more)


@pytest.mark.parametrize("name", RULES)
def test_a_gradient_that_is_not_finite_shows_or_is_said_to_hide(name):
    for bad in (np.nan, np.inf, -np.inf):
        optimizer = resolve(name, dict(PARTS[name].example))
        params = jnp.zeros(2)
        state, grads = optimizer.init(params), jnp.array([bad, 1.0])
        moved, state = optimizer.update(
            grads, state, params, optimizer.values, count=0, curvature=grads
        )
        finite = all(jnp.isfinite(x).all() for x in jax.tree.leaves((moved, state)))
        assert not finite or optimizer.hides_nonfinite, (
            "a gradient that is not finite leaves no trace in the step or the state: "
            "say hides_nonfinite = True in the class"
        )
