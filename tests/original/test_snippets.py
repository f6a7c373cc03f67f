"""What the original's documentation shows, as its users have it in their scripts."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.metrics import confusion_matrix

import theanets

RNG = np.random.default_rng(0)
X4, Y2 = RNG.normal(size=(64, 4)).astype("f"), RNG.normal(size=(64, 2)).astype("f")
X10, LABELS = RNG.normal(size=(64, 10)).astype("f"), RNG.integers(0, 2, 64).astype("i")
BRIEF = dict(max_epochs=2, progress=False)


def shapes(net):
    return [layer.output_shape for layer in net.layers]


# Creating a model.


@pytest.mark.parametrize(
    ("layers", "sizes"),
    [
        ([10, 20, 3], [10, 20, 3]),
        ((4, 5, 6, 2), [4, 5, 6, 2]),
        ([4, (5, "sigmoid"), (6, "softmax")], [4, 5, 6]),
        ([4, ("tanh", 5), 2], [4, 5, 2]),
        ([4, dict(size=5, activation="tanh"), 2], [4, 5, 2]),
        ([4, dict(size=5, sparsity=0.9), 2], [4, 5, 2]),
        ([4, dict(name="foo", size=5, std=1, sparsity=0.9), 2], [4, 5, 2]),
        ([4, (8, "maxout:4"), (6, "relu"), 2], [4, 8, 6, 2]),
        ([4, (5, "relu+norm:z"), 2], [4, 5, 2]),
        ([4, dict(form="feedforward", size=5, mean=0.1, std=0.01), 2], [4, 5, 2]),
        ([theanets.layers.Input(size=4, name="in"), 5, 2], [4, 5, 2]),
    ],
)
def test_layers_of_a_regressor(layers, sizes):
    net = theanets.Regressor(layers)
    assert shapes(net) == [(size,) for size in sizes]
    assert net.predict(X4 if sizes[0] == 4 else X10).shape == (64, sizes[-1])


def test_initial_values_that_a_layer_asks_for():
    net = theanets.Regressor([4, dict(size=500, sparsity=0.9, std=2, mean=3), 2])
    w = net.find("hid1", "w").get_value()
    assert np.mean(w == 0) == pytest.approx(0.9, abs=0.03)
    assert w[w != 0].mean() == pytest.approx(3, abs=0.5)


def test_sizes_and_activations_are_those_named():
    net = theanets.Regressor([4, (5, "sigmoid"), (6, "softmax")])
    outs = net.feed_forward(X4)
    np.testing.assert_allclose(outs["out:out"].sum(axis=1), 1, rtol=1e-5)
    assert outs["hid1:out"].min() > 0 and outs["hid1:out"].max() < 1


def test_composed_activations_go_from_left_to_right():
    net = theanets.Autoencoder([10, (10, "tanh+norm:z"), 10])
    hidden = net.feed_forward(X10)["hid1:out"]
    np.testing.assert_allclose(hidden.mean(axis=-1), 0, atol=1e-5)
    assert abs(hidden).max() > 1


def test_tied_weights():
    net = theanets.Autoencoder([4, (8, "linear"), (4, "tied")])
    w = net.find("hid1", "w").get_value()
    b = net.find("out", "b").get_value()
    hidden = X4 @ w + net.find("hid1", "b").get_value()
    np.testing.assert_allclose(net.predict(X4), hidden @ w.T + b, rtol=1e-4, atol=1e-5)
    assert net.layers[-1].partner is net.layers[1]


def test_another_loss():
    net = theanets.Regressor([4, 5, 2], loss="mae")
    train, _ = net.train((X4, Y2), **BRIEF)
    assert type(net.losses[0]).__name__ == "MeanAbsoluteError"
    assert np.isfinite(train["err"])


def test_a_further_loss():
    net = theanets.Regressor([4, 5, 2], loss="mae")
    net.add_loss("mse", weight=0.1)
    _, valid = net.train((X4, Y2), **BRIEF)
    error = net.predict(X4) - Y2
    both = abs(error).mean() + 0.1 * (error**2).mean()
    assert valid["loss"] == pytest.approx(both, rel=1e-4)


def test_outputs_of_all_hidden_layers():
    net = theanets.Classifier(
        (
            10,
            dict(size=5, name="a"),
            dict(size=5, name="b"),
            dict(size=5, name="c"),
            dict(size=2, inputs={"a:out": 5, "b:out": 5, "c:out": 5}),
        )
    )
    outs = net.feed_forward(X10)
    total = net.find("out", "b").get_value() + sum(
        outs[f"{name}:out"] @ net.find("out", f"w_{name}:out").get_value()
        if f"w_{name}:out" in net.layers[-1].params
        else outs[f"{name}:out"] @ net.find("out", f"w_{name}").get_value()
        for name in "abc"
    )
    np.testing.assert_allclose(outs["out:pre"], total, rtol=1e-4, atol=1e-5)


def test_a_recurrent_model_in_a_tuple():
    net = theanets.recurrent.Classifier((4, (5, "rnn"), (6, "softmax")))
    assert net.predict(np.zeros((3, 7, 4), "f")).shape == (3, 7)


def test_weighted_targets():
    net = theanets.recurrent.Autoencoder([3, (10, "rnn"), 3], weighted=True)
    x = RNG.normal(size=(8, 5, 3)).astype("f")
    known = (RNG.random(x.shape) < 0.7).astype("f")
    _, valid = net.train([x, known], **BRIEF)
    error = known * (net.predict(x) - x) ** 2
    assert valid["loss"] == pytest.approx(error.sum() / known.sum(), rel=1e-4)


# Training.


def test_an_algorithm_and_its_settings():
    net = theanets.Classifier(layers=[10, 5, 2])
    train, valid = net.train(
        (X10, LABELS),
        (X10, LABELS),
        algo="nag",
        learning_rate=0.01,
        momentum=0.9,
        **BRIEF,
    )
    assert set(train) == set(valid) == {"loss", "err", "acc"}


def test_an_annealed_learning_rate():
    net = theanets.Classifier(layers=[10, 5, 2])
    for e in (-2, -3, -4):
        net.train(
            (X10, LABELS),
            (X10, LABELS),
            algo="nag",
            learning_rate=10**e,
            momentum=1 - 10 ** (e + 1),
            **BRIEF,
        )
    net.train(
        (X10, LABELS), algo="rmsprop", learning_rate=0.0001, momentum=0.9, **BRIEF
    )
    assert len(net.history["training"]["loss"]) == 8


@pytest.mark.parametrize(
    "algo",
    [
        "sgd",
        "nag",
        "rprop",
        "rmsprop",
        "adadelta",
        "adagrad",
        "esgd",
        "adam",
        "sample",
        "layerwise",
        "pretrain",
    ],
)
def test_every_trainer(algo):
    net = theanets.Classifier(layers=[10, 5, 4, 2])
    before = net.find("hid1", "w").get_value()
    net.train((X10, LABELS), algo=algo, **BRIEF)
    assert not np.array_equal(net.find("hid1", "w").get_value(), before)


def test_data_from_a_function():
    def generate():
        s, t = np.random.default_rng(1).normal(size=(2, 32, 20, 1)).astype("f")
        s[:, :3] = t[:, -3:] = 1
        return [s, t]

    net = theanets.recurrent.Regressor(layers=[1, ("lstm", 10), 1])
    train, _ = net.train(generate, algo="rmsprop", train_batches=3, **BRIEF)
    assert np.isfinite(train["loss"])


def test_training_as_iteration(capsys):
    net = theanets.Regressor([4, 5, 2])
    for train, valid in net.itertrain((X4, Y2), (X4, Y2), progress=False):
        print("training loss:", train["loss"])
        print("most recent validation loss:", valid["loss"])
        if train["loss"] < 100:
            break
    printed = capsys.readouterr().out
    assert printed.startswith("training loss: ") and printed.count("\n") == 2


def test_saving_on_the_way(tmp_path):
    net = theanets.Regressor([4, 5, 2])
    name = str(tmp_path / "model-{}.safetensors")
    net.train((X4, Y2), save_progress=name, save_every=1, **BRIEF)
    files = sorted(tmp_path.iterdir())
    assert files
    again = theanets.Regressor.load(files[-1])
    np.testing.assert_array_equal(again.predict(X4), net.predict(X4))


def test_saving_and_loading(tmp_path):
    net = theanets.Classifier([10, 5, 2])
    with pytest.warns(UserWarning, match="safetensors"):
        net.save(str(tmp_path / "model.pkl"))
    again = theanets.Network.load(str(tmp_path / "model.pkl"))
    np.testing.assert_array_equal(again.predict(X10), net.predict(X10))


def regularized(name):
    if name.startswith("recurrent"):
        x = RNG.normal(size=(8, 5, 4)).astype("f")
        return theanets.recurrent.Regressor([4, (5, "rnn"), 2]), (x, x[..., :2])
    return theanets.Regressor([4, 5, (5, "tanh"), 2]), (X4, Y2)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("weight_decay", "hid[12].w"),
        ("weight_l2", "hid[12].w"),
        ("weight_sparsity", "hid[12].w"),
        ("weight_l1", "hid[12].w"),
        ("hidden_sparsity", "hid2:out"),
        ("hidden_l1", "hid2:out"),
        ("recurrent_norm", "hid1:out"),
        ("recurrent_state", "hid1:out"),
        ("contractive", "hid2:out"),
    ],
)
def test_penalties(name, pattern):
    net, data = regularized(name)
    before = net.predict(data[0])
    of_all = [] if name.startswith("recurrent") else [0.1]
    for value in [*of_all, dict(weight=0.1, pattern=pattern)]:
        np.testing.assert_array_equal(net.predict(data[0], **{name: value}), before)
        train, _ = net.train(data, **BRIEF, **{name: value})
        assert train["loss"] > train["err"]
        before = net.predict(data[0])


@pytest.mark.parametrize(
    "keywords",
    [
        dict(input_noise=0.1),
        dict(hidden_noise=0.1),
        dict(noise={"hid[12]:out": 0.1, "in:out": 0.01}),
        dict(input_dropout=0.1),
        dict(hidden_dropout=0.1),
        dict(dropout={"hid[12]:out": 0.1, "in:out": 0.01}),
    ],
)
def test_noise(keywords):
    net, data = regularized("noise")
    train, _ = net.train(data, **BRIEF, **keywords)
    assert train["loss"] == train["err"]
    assert not np.array_equal(net.predict(X4, **keywords), net.predict(X4))


@pytest.mark.parametrize("name", ["recurrent_norm", "recurrent_state"])
def test_recurrent_penalties_say_what_they_need(name):
    net, data = regularized(name)
    with pytest.raises(theanets.ConfigurationError, match=f"{name} needs a pattern"):
        net.train(data, **{name: 0.1}, **BRIEF)


def test_dropout_of_one_layer():
    net = theanets.Classifier([10, dict(name="foo", size=5), 2])
    net.train((X10, LABELS), dropout={"foo:out": 0.5}, **BRIEF)
    outs = net.feed_forward(X10, dropout={"foo:out": 0.5})
    assert (outs["foo:out"] == 0).mean() > 0.4


def test_noise_of_the_input_leaves_the_target():
    net = theanets.Autoencoder(
        [4, dict(size=5, name="a"), dict(size=8, name="b"), dict(size=4, name="o")]
    )
    train, _ = net.train([X4], input_noise=0.1, hidden_noise=0.1, **BRIEF)
    assert np.isfinite(train["loss"])


# Using a model.


def test_absolute_sums_of_all_outputs():
    net = theanets.Classifier([10, 5, 2])
    sums = {k: abs(v).sum(axis=1).shape for k, v in net.feed_forward(X10).items()}
    assert sums == {
        name: (64,) for name in ("in:out", "hid1:pre", "hid1:out", "out:pre", "out:out")
    }


def test_predictions_of_a_classifier():
    net = theanets.Classifier([10, 5, 2])
    proba = net.predict_proba(X10)
    np.testing.assert_array_equal(net.predict(X10), proba.argmax(axis=1))
    np.testing.assert_array_equal(net.classify(X10), net.predict(X10))


def test_parameters_by_name_and_by_number():
    net = theanets.Classifier([784, 100, 10])
    param = net.find("hid1", "w")
    values = param.get_value()
    assert values.shape == (784, 100)
    np.testing.assert_array_equal(net.find(1, 0).get_value(), values)


def test_a_picture_of_the_features():
    net = theanets.Classifier([784, 100, 10])
    img = np.zeros((28 * 10, 28 * 10), dtype="f")
    for i, pix in enumerate(net.find("hid1", "w").get_value().T):
        r, c = divmod(i, 10)
        img[r * 28 : (r + 1) * 28, c * 28 : (c + 1) * 28] = pix.reshape((28, 28))
    first = net.find("hid1", "w").get_value()[:, 11].reshape(28, 28)
    np.testing.assert_array_equal(img[28:56, 28:56], first)


# Experiments.


def test_the_front_page(capsys):
    x, y = make_classification(
        n_samples=300, n_features=100, n_informative=20, n_classes=10, random_state=0
    )
    x, y = x.astype("f"), y.astype("i")
    cut = int(len(x) * 0.8)
    train, valid = (x[:cut], y[:cut]), (x[cut:], y[cut:])
    exp = theanets.Experiment(theanets.Classifier, layers=(100, 10))
    exp.train(train, valid, algo="sgd", learning_rate=1e-4, momentum=0.9, **BRIEF)
    for label, (x, y) in (("training:", train), ("validation:", valid)):
        print(label)
        print(confusion_matrix(y, exp.network.predict(x)))
    assert "validation:" in capsys.readouterr().out
    exp.train(train, valid, hidden_l1=0.001, weight_l2=0.001, **BRIEF)
    exp.train(train, valid, algo="rmsprop", learning_rate=0.1, **BRIEF)
    exp.train(train, valid, input_noise=0.7, **BRIEF)


def test_layers_as_the_second_argument():
    exp = theanets.Experiment(theanets.Classifier, (10, 20, (8, "maxout:4"), 2))
    assert shapes(exp.network) == [(10,), (20,), (8,), (2,)]


def test_an_experiment_iterates_and_saves(tmp_path):
    exp = theanets.Experiment(theanets.Classifier, layers=(10, 5, 2))
    for train, _ in exp.itertrain((X10, LABELS), **BRIEF):
        assert train["loss"] > 0
    exp.save(str(tmp_path / "model.safetensors"))
    again = theanets.Experiment(str(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(again.network.predict(X10), exp.network.predict(X10))


# Classes of one's own, as they are written now.


def test_a_layer_without_bias():
    class NoBias(theanets.Layer):
        def setup(self):
            self.add_weights("w", self.input_size, self.size)

        def transform(self, params, inputs):
            return inputs[self.input_name] @ params["w"]

    net = theanets.Autoencoder([4, (3, "nobias", "linear"), (4, "tied", "linear")])
    net.train([X4], max_epochs=300, algo="adam", learning_rate=0.01, progress=False)
    # It finds the subspace of the largest variance, as PCA does.
    _, values, _ = np.linalg.svd(X4 - X4.mean(axis=0))
    least = values[3] ** 2 / X4.size
    assert np.mean((net.predict(X4) - X4) ** 2) == pytest.approx(least, rel=0.1)


def test_a_regularizer_of_the_inverse_weights():
    class WeightInverse(theanets.Regularizer):
        aliases = ("weight_inverse",)
        over_params = True

        def penalty(self, evaluation):
            return sum(
                (1 / (p * p).sum(axis=0)).sum()
                for p in evaluation.params.values()
                if p.ndim == 2
            )

    net = theanets.Autoencoder([4, (8, "linear"), (4, "tied")])
    train, _ = net.train([X4], hidden_l1=0.001, weight_inverse=0.001, **BRIEF)
    assert train["loss"] > train["err"]


def test_a_loss_of_steps():
    class Step(theanets.Loss):
        def terms(self, outputs, target):
            return (outputs[self.output_name] > target).astype("float32")

    net = theanets.Regressor([4, 5, 2], loss="step")
    _, valid = net.train((X4, Y2), algo="sgd", **BRIEF)
    assert valid["loss"] == pytest.approx(np.mean(net.predict(X4) > Y2))


def test_an_activation_that_is_a_function():
    net = theanets.Regressor([4, dict(size=5, activation=jnp.sin), 2])
    outs = net.feed_forward(X4)
    np.testing.assert_allclose(outs["hid1:out"], np.sin(outs["hid1:pre"]), atol=1e-6)
