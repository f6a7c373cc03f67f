"""The network: find, predict, losses, the pure function within."""

import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError, DataError

from .injection import count_lines, inject

X = np.random.default_rng(0).normal(size=(6, 3)).astype("f4")


@pytest.fixture
def net():
    return theanets.Regressor([3, 4, 2])


def test_find(net):
    for layer in ("hid1", 1, -2, np.int64(1), net.layers[1]):
        for param in ("w", 0, -2):
            assert net.find(layer, param).name == "hid1.w"


@pytest.mark.parametrize(
    ("layer", "param", "message"),
    [
        ("hid2", "w", 'no layer .hid2.*in, hid1, out.* Did you mean "hid1"'),
        (3, "w", "no layer 3"),
        (-4, "w", "no layer -4"),
        ("hid1", "v", '"hid1" has no parameter .v.*There are: w, b'),
        ("hid1", 2, "no parameter"),
        ("hid1", "W", 'There are: w, b. Did you mean "w"'),
        ("in", "w", "There are: none"),
    ],
)
def test_find_what_is_not_there(net, layer, param, message):
    with pytest.raises(KeyError, match=message) as raised:
        net.find(layer, param)
    assert isinstance(raised.value, theanets.TheanetsError)


def test_one_example_or_many(net):
    many = net.predict(X)
    assert (many.shape, many.dtype) == ((6, 2), np.float32)
    assert net.predict(X[0]).shape == (2,)
    np.testing.assert_allclose(net.predict(X[0]), many[0], rtol=1e-5)
    outputs = net.feed_forward(X[0])
    assert {name: value.shape for name, value in outputs.items()} == {
        "in:out": (3,), "hid1:pre": (4,), "hid1:out": (4,), "out:pre": (2,),
        "out:out": (2,),
    }  # fmt: skip


@pytest.mark.parametrize("convert", [np.float64, np.float16, list, jnp.asarray])
def test_kinds_of_arrays(net, convert):
    given = X.tolist() if convert is list else convert(X)
    np.testing.assert_allclose(net.predict(given), net.predict(X), atol=1e-2)


def test_bytes_are_numbers(net):
    whole = np.arange(18, dtype="u1").reshape(6, 3)
    np.testing.assert_allclose(net.predict(whole), net.predict(whole.astype("f4")))


def test_many_examples_are_computed_in_parts(net):
    x = np.random.default_rng(1).normal(size=(2500, 3))
    whole = net.predict(x)
    assert whole.shape == (2500, 2)
    np.testing.assert_allclose(
        whole[2400:], net.predict(x[2400:]), rtol=1e-5, atol=1e-6
    )


def test_wrong_data(net):
    with pytest.raises(DataError):
        net.predict(np.ones((2, 4)))
    with pytest.raises(DataError):
        net.predict({"inn": X})
    with pytest.raises(DataError):
        net.predict(np.ones((0, 3)))
    with pytest.raises(ConfigurationError, match='Did you mean "hidden_dropout"'):
        net.predict(X, hiden_dropout=0.1)


def test_a_model_with_two_inputs():
    net = theanets.Network(
        [
            {"form": "input", "size": 3, "name": "a"},
            {"form": "input", "size": 3, "name": "b"},
            {"form": "product", "inputs": ["a", "b"]},
            2,
        ]
    )
    assert [layer.name for layer in net.inputs] == ["a", "b"]
    expected = net.predict({"a": X, "b": 2 * X})
    np.testing.assert_array_equal(net.predict([X, 2 * X]), expected)
    np.testing.assert_array_equal(net.predict((X, 2 * X)), expected)
    for wrong in (X, [X], [X, X, X], {"a": X}, {"a": X, "c": X}):
        with pytest.raises(DataError, match=r'a, b|"a", "b"'):
            net.predict(wrong)
    with pytest.raises(DataError, match="differ in length"):
        net.predict([X, X[:2]])
    y = np.ones((6, 2))
    training, _ = net.train([X, X, y], max_epochs=1, progress=False)
    assert np.isfinite(training["loss"])


def test_the_pure_function(net):
    apply, params = net.functional()
    assert params.keys() == {"hid1.w", "hid1.b", "out.w", "out.b"}
    found = jax.jit(apply)(params, X)
    for name, value in net.feed_forward(X).items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(
        apply(params, {"in": X})["out:out"], apply(params, X)["out:out"]
    )
    # Pure: other parameters do not change the network.
    before = net.predict(X)
    apply({name: 0 * value for name, value in params.items()}, X)
    np.testing.assert_array_equal(net.predict(X), before)


def test_the_pure_function_is_mapped_and_differentiated(net):
    apply, params = net.functional()
    one_by_one = jax.vmap(lambda x: apply(params, x[None])["out:out"][0])(X)
    np.testing.assert_allclose(one_by_one, net.predict(X), rtol=1e-5, atol=1e-6)
    jacobian = jax.jacobian(lambda x: apply(params, x)["out:out"])(X[:1])
    assert jacobian.shape == (1, 2, 1, 3)


def test_a_failed_layer_leaves_the_network_as_it_was(net):
    before = net.predict(X)
    for wrong in (0, {"size": 3, "name": "hid1"}, {"size": 3, "std": -1}):
        with pytest.raises(ConfigurationError):
            net.add_layer(wrong)
    assert [layer.name for layer in net.layers] == ["in", "hid1", "out"]
    np.testing.assert_array_equal(net.predict(X), before)
    assert len(net.params) == 4


def test_layers_one_by_one():
    whole = theanets.Network([3, (4, "tanh"), 2])
    parts = theanets.Network()
    parts.add_layer(3)
    parts.add_layer(size=4, activation="tanh")
    parts.add_layer(2, is_output=True)
    assert [x.to_spec() for x in parts.layers] == [x.to_spec() for x in whole.layers]
    np.testing.assert_array_equal(parts.predict(X), whole.predict(X))


@pytest.mark.parametrize("layers", [[], [3]])
def test_too_few_layers(layers):
    net = theanets.Network(layers)
    with pytest.raises(ConfigurationError, match="needs an input and an output"):
        net.predict(X)
    with pytest.raises(ConfigurationError, match="needs an input and an output"):
        net.train([X, X])


def test_losses_of_the_models():
    assert theanets.Network([3, 2]).losses[0].form() == "mse"
    assert theanets.Classifier([3, 2]).losses[0].form() == "xe"


def test_a_loss_follows_the_last_layer_and_the_models_target():
    named = theanets.Regressor([3, {"size": 2, "name": "score"}])
    training = {"progress": False, "max_epochs": 1}
    named.train([X, X[:, :2]], **training)
    named.add_layer(1)
    before = named.find("hid2", "w").get_value()
    named.train([X, X[:, :1]], **training)
    assert (named.find("hid2", "w").get_value() != before).any()

    coder = theanets.Autoencoder(loss=theanets.Loss.build("mae"))
    for layer in (3, 2, 3):
        coder.add_layer(layer)
    coder.train([X], **training)


def test_a_loss_that_is_made_already():
    loss = theanets.Loss.build("mae", weight=2)
    assert theanets.Regressor([3, 2], loss=loss).losses == [loss]


def test_losses_change(net):
    net.set_loss("mae")
    net.add_loss("mse", weight=0.5, output_name="hid1", target="hidden")
    assert [loss.form() for loss in net.losses] == ["mae", "mse"]
    data = [X, X[:, :2], np.ones((6, 4))]
    training, _ = net.train(data, algo="sgd", max_epochs=1, progress=False)
    hidden = net.losses[1]
    assert (hidden.output_name, hidden.target) == ("hid1:out", "hidden")
    assert training["loss"] > training["err"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"loss": "msee"}, 'Did you mean "mse"'),
        ({"loss": "mse", "wieght": 2}, 'Did you mean "weight"'),
        ({"loss": "mse", "output_name": "hid2"}, 'Did you mean "hid1"'),
        ({"loss": "mse", "output_name": "hid1:pra"}, "It has: out, pre"),
        ({"loss": "mse", "output_name": 5}, "output_name is 5"),
        ({"loss": "mse", "target": 5}, "target is 5"),
        ({"loss": 5}, "the loss is 5"),
    ],
)
def test_wrong_losses(net, given, message):
    for change in (net.add_loss, net.set_loss):
        with pytest.raises(ConfigurationError, match=message):
            change(**given)
    assert [loss.form() for loss in net.losses] == ["mse"]


def test_codes():
    net = theanets.Autoencoder([3, (5, "logistic"), "tied"])
    code = net.encode(X)
    np.testing.assert_array_equal(code, net.encode(X, "hid1"))
    drawn = net.encode(np.tile(X[:1], (2000, 1)), sample=True)
    assert drawn.dtype == np.uint8
    assert set(np.unique(drawn)) == {0, 1}
    np.testing.assert_allclose(drawn.mean(axis=0), code[0], atol=0.05)
    with pytest.raises(ConfigurationError, match="no probability to draw with"):
        net.encode(X, "in", sample=True)
    with pytest.raises(DataError):
        net.decode(np.ones((2, 4)))


@pytest.mark.parametrize(
    "seed", [3, np.random.RandomState(3), np.random.default_rng(3)]
)
def test_seeds(seed):
    net = theanets.Regressor([3, 4, 2], rng=seed)
    again = theanets.Regressor([3, 4, 2], rng=net._state.seed)
    other = theanets.Regressor([3, 4, 2], rng=net._state.seed + 1)
    np.testing.assert_array_equal(net.find(1, 0), again.find(1, 0))
    assert (net.find(1, 0).get_value() != other.find(1, 0).get_value()).any()


def test_first_values():
    net = theanets.Regressor([400, 100, (300, "tanh"), 2])
    for layer, rows, columns in [("hid1", 400, 100), ("hid2", 100, 300)]:
        w = net.find(layer, "w").get_value()
        assert w.std() == pytest.approx(1 / np.sqrt(rows + columns), rel=0.02)
        assert w.mean() == pytest.approx(0, abs=0.001)
        assert not net.find(layer, "b").get_value().any()
    given = {"size": 100, "mean_b": 2, "std": 0.5, "sparsity_w": 0.9}
    net = theanets.Regressor([400, given, 2])
    w = net.find("hid1", "w").get_value()
    assert (w == 0).mean() == pytest.approx(0.9, abs=0.01)
    assert w[w != 0].std() == pytest.approx(0.5, rel=0.05)
    np.testing.assert_array_equal(net.find("hid1", "b"), 2)
    net = theanets.Regressor([3, {"size": 4, "diagonal": 0.5}, 2])
    np.testing.assert_array_equal(net.find("hid1", "w"), 0.5 * np.eye(3, 4))


def test_the_seed_of_one_layer():
    first = theanets.Regressor([3, {"size": 4, "rng": 5}, 2], rng=1)
    second = theanets.Regressor([3, {"size": 4, "rng": 5}, 2], rng=2)
    np.testing.assert_array_equal(first.find(1, 0), second.find(1, 0))
    assert (first.find(2, 0).get_value() != second.find(2, 0).get_value()).any()


def test_a_table_of_layers():
    net = theanets.Autoencoder([8, (1000, "tanh"), "tied"])
    text = str(net)
    assert text.splitlines()[0] == ("Autoencoder: 9,008 learned parameters, loss mse")
    row = next(line for line in text.splitlines() if line.startswith("hid1"))
    assert row.split() == ["hid1", "feedforward", "in", "1000", "tanh", "9,000"]
    assert repr(net) == "<Autoencoder in(8,), hid1(1000,), out(8,)>"


class TimeLimit(Exception):
    """As a queue of tasks raises it in the midst of one."""


def answers():
    net = theanets.Classifier([4, (8, "tanh"), 3], rng=3)
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(size, 4)).astype("f4") for size in (3000, 3000, 5)]
    return net, inputs, [net.predict_proba(x) for x in inputs]


def test_a_prediction_after_one_that_was_interrupted_is_its_own():
    net, inputs, wanted = answers()

    def late(*_):
        raise TimeLimit

    interrupted, before = 0, signal.signal(signal.SIGALRM, late)
    try:
        for number in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-5 + number * 2e-5)
                net.predict_proba(inputs[number % 2])
                signal.setitimer(signal.ITIMER_REAL, 0)
            except TimeLimit:
                interrupted += 1
            for x, right in zip(inputs[::-1], wanted[::-1], strict=True):
                np.testing.assert_array_equal(net.predict_proba(x), right)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 3


def test_a_prediction_interrupted_at_any_line_changes_no_other():
    net, inputs, wanted = answers()
    lines = count_lines(lambda: net.predict_proba(inputs[0][:7]))
    assert lines > 50
    for at in range(lines):
        with pytest.raises(TimeLimit):
            inject(lambda: net.predict_proba(inputs[0][:7]), at=at, error=TimeLimit)
        np.testing.assert_array_equal(net.predict_proba(inputs[2]), wanted[2])
