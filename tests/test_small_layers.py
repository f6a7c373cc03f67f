"""Layers that learn little or nothing: what they compute, and when."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.errors import DataError

from .helpers import bits, compilations

RNG = np.random.default_rng(0)


def test_layer_normalization():
    net = theanets.Regressor([6, {"form": "layernorm", "eps": 0.1}, 2])
    gain, bias = RNG.normal(size=(2, 6))
    net.find("hid1", "gain").set_value(gain)
    net.find("hid1", "bias").set_value(bias)
    x = RNG.normal(size=(5, 6)) * 3 + 2
    centred = x - x.mean(axis=1, keepdims=True)
    expected = centred / np.sqrt(x.var(axis=1, keepdims=True) + 0.1) * gain + bias
    found = net.feed_forward(x)["hid1:out"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    constant = net.feed_forward(np.full((1, 6), 7.0))["hid1:out"]
    np.testing.assert_allclose(constant[0], bias, rtol=1e-5)


def test_layer_normalization_begins_as_plain():
    net = theanets.Regressor([(None, 4), "layernorm", 2])
    out = net.feed_forward(RNG.normal(size=(3, 5, 4)))["hid1:out"]
    np.testing.assert_allclose(out.mean(axis=-1), 0, atol=1e-6)
    np.testing.assert_allclose(out.std(axis=-1), 1, atol=1e-3)


def test_add():
    net = theanets.Regressor(
        [4, (4, "tanh"), {"form": "add", "inputs": ["hid1", "in"]}]
    )
    x = RNG.normal(size=(3, 4)).astype("f4")
    found = net.feed_forward(x)
    np.testing.assert_allclose(found["out:out"], found["hid1:out"] + x, rtol=1e-6)


# Embeddings.


def words(size=3, vocabulary=10, shape=(None,), last=2):
    embedding = {"form": "embedding", "vocabulary": vocabulary, "size": size}
    return theanets.Regressor(
        [{"form": "input", "shape": shape, "name": "in"}, embedding, last]
    )


@pytest.mark.parametrize("kind", ["u1", "i8", "f4", "f8", "list"])
def test_embedding_looks_up_rows(kind):
    net = words()
    w = net.find("hid1", "w").get_value()
    x = [[1, 9, 1], [0, 2, 3]]
    given = x if kind == "list" else np.array(x, kind)
    np.testing.assert_array_equal(net.feed_forward(given)["hid1:out"], w[np.array(x)])
    # One example has no batch axis.
    np.testing.assert_array_equal(net.feed_forward(given[0])["hid1:out"], w[x[0]])


def test_embedding_of_one_number_for_each_example():
    net = words(shape=())
    w = net.find("hid1", "w").get_value()
    found = net.feed_forward(np.array([3, 1, 4]))["hid1:out"]
    np.testing.assert_array_equal(found, w[[3, 1, 4]])
    np.testing.assert_array_equal(net.feed_forward(5)["hid1:out"], w[5])
    assert net.predict(5).shape == (2,)


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_indices_are_not_rounded(precision):
    theanets.config.floatX = precision
    try:
        net = words(size=1, vocabulary=1001, shape=(), last=1)
    finally:
        theanets.config.floatX = "float32"
    net.find("hid1", "w").set_value(np.arange(1001)[:, None] % 100)
    net.find("out", "w").set_value([[1]])
    for kind in ("i4", "f8"):
        x = np.array([257, 999, 1000], kind)
        np.testing.assert_array_equal(net.predict(x).ravel(), [57, 99, 0])
        net.train((x, np.array([[57.0], [99], [0]])), max_epochs=1, progress=False)
    training, _ = net.train(
        (x, np.array([[57.0], [99], [0]])), max_epochs=1, progress=False, algo="sgd"
    )
    assert training["loss"] < 1
    apply, params = net.functional()
    assert np.isfinite(apply(params, x)["out:out"]).all()


def test_an_embedding_learns():
    net = words(size=2, vocabulary=6, shape=(), last=1)
    x = RNG.integers(0, 6, 200)
    y = (x[:, None] ** 2).astype("f4")
    net.train((x, y), algo="adam", learning_rate=0.1, max_epochs=60, progress=False)
    assert net.score(x, y) > 0.95


def test_an_index_that_is_none_is_refused_wherever_data_come_in():
    net = words()
    wrong, y = np.array([[1, 10]]), np.zeros((1, 2, 2))
    streams = [(wrong, y), lambda: (wrong, y)]
    for data in streams:
        with pytest.raises(
            DataError, match=r"indices from 1 to 10.*10 entries, 0 to 9"
        ):
            net.train(data, max_epochs=1, train_batches=1, progress=False)
    with pytest.raises(DataError, match="indices from -1"):
        net.predict(wrong - 2)
    with pytest.raises(DataError, match="fractions; indices"):
        net.predict(wrong / 2 + 0.25)
    with pytest.raises(DataError, match="indices"):
        net.score(wrong, y)
    apply, params = net.functional()
    assert np.isnan(apply(params, wrong)["hid1:out"][0, 1]).all()


def test_an_embedding_beside_numbers():
    net = theanets.Regressor(
        [
            {"form": "input", "name": "word", "shape": ()},
            {"form": "input", "name": "x", "size": 2},
            {"form": "embedding", "vocabulary": 5, "size": 3, "inputs": "word"},
            {"form": "concat", "inputs": ["hid1", "x"]},
            1,
        ]
    )
    x = {"word": np.array([4, 0]), "x": np.ones((2, 2))}
    assert net.predict(x).shape == (2, 1)
    given = {"contractive": 0.1, "noise": {"x:out": 0.1}}
    y = np.ones((2, 1))
    training, _ = net.train([x, y], max_epochs=1, progress=False, **given)
    assert training["loss"] > training["err"]


# Noise.


def noisy_net(form="dropout", level=0.5, rng=13):
    layer = {"form": form, "level": level}
    return theanets.Regressor([50, (40, "linear"), layer, (5, "linear")], rng=rng)


def training_outputs(net, x, seed=0):
    objective = net._state.objective()
    params, numbers = net.functional()[1], objective.numbers
    return objective.outputs(params, {"in": x}, numbers, jax.random.key(seed))


@pytest.mark.parametrize("form", ["dropout", "noise"])
def test_noise_layers_are_silent_except_in_training(form):
    net = noisy_net(form)
    x = RNG.normal(size=(30, 50)).astype("f4")
    quiet = net.feed_forward(x)
    np.testing.assert_array_equal(quiet["hid2:out"], quiet["hid1:out"])
    loud = training_outputs(net, x)
    np.testing.assert_allclose(
        loud["hid1:out"], quiet["hid1:out"], rtol=1e-4, atol=1e-5
    )
    before, after = (np.asarray(loud[f"hid{i}:out"]) for i in (1, 2))
    if form == "dropout":
        dropped = after == 0
        assert 0.45 < dropped.mean() < 0.55
        np.testing.assert_allclose(after[~dropped], 2 * before[~dropped], rtol=1e-5)
    else:
        assert (after - before).std() == pytest.approx(0.5, rel=0.1)
        assert abs((after - before).mean()) < 0.05


def test_noise_layers_draw_by_their_names():
    x = np.ones((4, 6), "f4")
    half = {"form": "dropout", "level": 0.5}
    net = theanets.Regressor([6, half, half, 2])
    twice = training_outputs(net, x)
    assert (twice["hid1:out"] != training_outputs(net, x, 1)["hid1:out"]).any()
    assert ((twice["hid1:out"] == 0) != (twice["hid2:out"] == 0)).any()
    alone = training_outputs(theanets.Regressor([6, half, 2]), x)
    np.testing.assert_array_equal(alone["hid1:out"], twice["hid1:out"])


def test_equal_seeds_train_to_equal_bits():
    x = RNG.normal(size=(64, 50)).astype("f4")

    def trained(seed):
        net = noisy_net(rng=seed)
        net.train((x, x[:, :5]), algo="sgd", max_epochs=2, progress=False)
        return bits(net)

    assert trained(1) == trained(1) != trained(2)
    with compilations() as compiled:
        trained(3)
    assert not compiled


def test_no_noise_of_level_0():
    x = np.ones((3, 50), "f4")
    for form in ("dropout", "noise"):
        found = training_outputs(noisy_net(form, 0), x)
        np.testing.assert_array_equal(found["hid2:out"], found["hid1:out"])


def test_a_layer_of_ones_own_can_train_differently():
    class Halved(theanets.Layer):
        takes_activation = False
        trains_differently = True

        def transform(self, params, inputs):
            return inputs[self.input_name]

        def transform_training(self, params, inputs, key):
            assert jnp.shape(jax.random.bits(key)) == ()
            return inputs[self.input_name] / 2

    net = theanets.Regressor([3, "halved", 2])
    x = np.ones((2, 3), "f4")
    np.testing.assert_array_equal(net.feed_forward(x)["hid1:out"], x)
    np.testing.assert_array_equal(training_outputs(net, x)["hid1:out"], x / 2)
