"""The model as a pure function of its training, for loops of one's own."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import theanets
from theanets.errors import ConfigurationError, DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 4))
SEQUENCES = RNG.normal(size=(8, 5, 4))
WORDS = {"form": "embedding", "vocabulary": 6, "size": 3}
STILL = {"form": "dropout", "level": 0.0}

# Layers, and inputs of eight examples.
MODELS = {
    "batchnorm": ([4, (5, "linear"), ("batchnorm", "tanh"), 2], X),
    "dropout of nothing": ([4, (5, "tanh"), STILL, 2], X),
    "embedding": ([(5,), WORDS, "flat", 2], RNG.integers(0, 6, (8, 5))),
    "recurrent": ([(None, 4), (3, "gru"), 2], SEQUENCES),
    "clockwork": (
        [(None, 4), {"form": "clockwork", "size": 4, "periods": [1, 2]}, 2],
        SEQUENCES,
    ),
    "all": (
        [
            (None, 4),
            {"form": "bidirectional", "worker": "lstm", "size": 4},
            ("batchnorm", "prelu"),
            STILL,
            2,
        ],
        SEQUENCES,
    ),
}


def model(name):
    layers, x = MODELS[name]
    net = theanets.Network(layers)
    return net, x, RNG.normal(size=net.predict(x).shape)


def updated(net, x, y, optimizer, key=0):
    """Return all arrays after one update by hand."""
    apply, params, state = net.functional(train=True)

    @jax.jit
    def update(params, state, moments):
        def loss(params):
            outputs, new = apply(params, state, x, jax.random.key(key))
            return jnp.square(outputs["out:out"] - y).mean(), new

        slope, new = jax.grad(loss, has_aux=True)(params)
        steps, _ = optimizer.update(slope, moments)
        return optax.apply_updates(params, steps), new

    params, state = update(params, state, optimizer.init(params))
    return {**params, **state}


def trained(net, x, y, **keywords):
    """Return all arrays after one update by `train`."""
    pairs = net.itertrain((x, y), batch_size=8, progress=False, **keywords)
    next(pairs)
    return net.functional()[1]


def check_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_allclose(
            found[name], value, rtol=1e-11, atol=1e-13, err_msg=name
        )


@pytest.mark.parametrize("name", MODELS)
def test_an_update_by_hand_is_that_of_train(float64, name):
    net, x, y = model(name)
    before = net.functional()[1]
    found = updated(net, x, y, optax.sgd(0.1))
    wanted = trained(net, x, y, algo="sgd", learning_rate=0.1)
    check_equal(found, wanted)
    moved = {name for name in before if np.any(before[name] != wanted[name])}
    assert moved >= {p.name for p in net.params}


def test_frozen_arrays_are_state_that_stays(float64):
    net, x, y = model("batchnorm")
    net.freeze(["hid1.w", "hid2"])
    _, params, state = net.functional(train=True)
    assert params.keys() == {"hid1.b", "out.w", "out.b"}
    assert state.keys() == {"hid1.w"} | {
        f"hid2.{name}" for name in ("gain", "bias", "mean", "variance")
    }
    found = updated(net, x, y, optax.sgd(0.1))
    for name, value in state.items():
        np.testing.assert_array_equal(found[name], value)
    check_equal(found, trained(net, x, y, algo="sgd", learning_rate=0.1))


def test_what_is_learned_and_what_is_state():
    net, _, _ = model("clockwork")
    everything = net.functional()[1]
    _, params, state = net.functional(train=True)
    assert params.keys() == {p.name for p in net.params}
    assert state.keys() == {"hid1.mask", "hid1.period"}
    assert params.keys() | state.keys() == everything.keys()


def test_the_outputs_are_those_of_training():
    net, x, _ = model("batchnorm")
    apply, params, state = net.functional(train=True)
    outputs, new = apply(params, state, x, jax.random.key(0))
    assert outputs.keys() == net.feed_forward(x).keys()
    pre = outputs["hid1:out"]
    expected = np.tanh((pre - pre.mean(0)) / np.sqrt(pre.var(0) + 1e-5))
    np.testing.assert_allclose(outputs["hid2:out"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(new["hid2.mean"], 0.1 * pre.mean(0), rtol=1e-5)
    # Pure: neither the arguments nor the network have changed.
    assert not np.any(state["hid2.mean"])
    assert not np.any(net.find("hid2", "mean").get_value())


@pytest.mark.parametrize("form", ["dropout", "noise"])
def test_noise_is_drawn_from_the_key(form):
    net = theanets.Regressor([4, {"form": form, "level": 0.5}, 2])
    apply, params, state = net.functional(train=True)
    assert state == {}

    def hidden(key):
        return apply(params, state, X, key)[0]["hid1:out"]

    first, again, other = (hidden(jax.random.key(k)) for k in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    np.testing.assert_array_equal(hidden(jax.random.PRNGKey(1)), first)
    mapped = jax.vmap(hidden)(jax.random.split(jax.random.key(0), 3))
    assert mapped.shape == (3, 8, 4)
    assert np.any(mapped[0] != mapped[1])


def test_a_loop_within_one_program():
    """The new state has the form of the old one, so that a scan can carry it."""
    net, x, _ = model("batchnorm")
    apply, params, state = net.functional(train=True)
    keys = jax.random.split(jax.random.key(0), 3)
    after, _ = jax.jit(
        lambda s: jax.lax.scan(lambda s, k: (apply(params, s, x, k)[1], None), s, keys)
    )(state)
    step = state
    for key in keys:
        _, step = apply(params, step, x, key)
    for name, value in step.items():
        np.testing.assert_allclose(after[name], value, rtol=1e-5, atol=1e-6)


def test_several_inputs():
    net = theanets.Regressor(
        [
            {"form": "input", "name": "a", "size": 4},
            {"form": "input", "name": "b", "size": 4},
            {"form": "add", "inputs": ["a", "b"]},
            2,
        ]
    )
    apply, params, state = net.functional(train=True)
    outputs, _ = apply(params, state, {"a": X, "b": X}, jax.random.key(0))
    expected = net.predict({"a": X, "b": X})
    np.testing.assert_allclose(outputs["out:out"], expected, rtol=1e-4, atol=1e-5)
    for wrong, came in ((X, "one array"), ({"a": X}, "a,")):
        with pytest.raises(DataError, match=f"inputs is {came}.*a, b"):
            apply(params, state, wrong, jax.random.key(0))
        with pytest.raises(DataError, match="each input of the model: a, b"):
            net.functional()[0]({**params, **state}, wrong)


def test_arguments_that_do_not_fit_are_said():
    net, x, _ = model("batchnorm")
    apply, params, state = net.functional(train=True)
    key, everything = jax.random.key(0), net.functional()[1]
    with pytest.raises(
        ConfigurationError, match=r"params holds hid2\.mean, hid2\.variance, which"
    ):
        apply(everything, state, x, key)
    with pytest.raises(ConfigurationError, match=r"params lacks .*hid1\.w.* and holds"):
        apply(state, params, x, key)
    with pytest.raises(ConfigurationError, match=r"state lacks hid2\.mean"):
        apply(params, {}, x, key)
    with pytest.raises(ConfigurationError, match="params is of type list"):
        apply([], state, x, key)
    keys = jax.random.split(key, 2)
    for wrong in (None, 0, np.zeros(2), keys):
        with pytest.raises(ConfigurationError, match="one random key of JAX"):
            apply(params, state, x, wrong)
    with pytest.raises(ConfigurationError, match="train is 'yes'"):
        net.functional(train="yes")


def test_bfloat16_differentiates_by_float32(monkeypatch):
    monkeypatch.setattr(theanets.config, "floatX", "bfloat16")
    net, x, y = model("batchnorm")
    apply, params, state = net.functional(train=True)
    outputs, _ = apply(params, state, x, jax.random.key(0))
    assert outputs["hid2:out"].dtype == "bfloat16"
    after = updated(net, x, y, optax.sgd(1e-4))
    assert {value.dtype.name for value in after.values()} == {"float32"}
    assert np.all(after["out.b"] != params["out.b"])


def test_the_function_stays_as_the_network_was():
    net, x, _ = model("batchnorm")
    apply, params, state = net.functional(train=True)
    net.freeze("hid1")
    net.find("out", "b").set_value([9, 9])
    outputs, _ = apply(params, state, x, jax.random.key(0))
    assert np.abs(outputs["out:out"]).max() < 9
