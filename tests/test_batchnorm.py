"""The batch normalization: what it computes, what it keeps, and who may change that."""

import io

import jax
import numpy as np
import pytest

import theanets

from .helpers import bits, blobs

EPS, MOMENTUM = 1e-5, 0.1


def normalized(x, mean, variance):
    return (x - mean) / np.sqrt(variance + EPS)


def model(**keywords):
    return theanets.Classifier([4, (5, "linear"), ("batchnorm", "tanh"), 2], **keywords)


def statistics(net, layer="hid2"):
    return {x: net.find(layer, x).get_value() for x in ("mean", "variance")}


def trained(net, data=None, **keywords):
    keywords = {"algo": "sgd", "progress": False, **keywords}
    net.train(blobs() if data is None else data, **keywords)
    return net


@pytest.mark.parametrize("shape", [(6,), (5, 6), (4, 3, 6)])
def test_both_passes_by_the_closed_form(float64, shape):
    net = theanets.Network([shape, "batchnorm", "flat", 1])
    layer = net.layers[1]
    rng = np.random.default_rng(1)
    for name in ("gain", "bias", "mean"):
        net.find("hid1", name).set_value(rng.normal(size=6))
    net.find("hid1", "variance").set_value(rng.uniform(0.5, 2, size=6))
    params = {x: net.find("hid1", x).get_value() for x in layer.params}
    x = rng.normal(size=(7, *shape)) * 3 + 1

    def scaled(mean, variance):
        return normalized(x, mean, variance) * params["gain"] + params["bias"]

    found = net.feed_forward(x)["hid1:out"]
    expected = scaled(params["mean"], params["variance"])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)

    axes = tuple(range(x.ndim - 1))
    outputs, updates = layer.transform_training(params, {"in:out": x}, None)
    expected = scaled(x.mean(axes), x.var(axes))
    np.testing.assert_allclose(outputs["out"], expected, rtol=1e-9, atol=1e-12)
    for name, value in (("mean", x.mean(axes)), ("variance", x.var(axes, ddof=1))):
        kept = (1 - MOMENTUM) * params[name] + MOMENTUM * value
        np.testing.assert_allclose(updates[name], kept, rtol=1e-9)


def test_what_it_keeps_is_found_but_not_learned():
    net = model()
    names = [p.name for p in net.params]
    assert {"hid2.gain", "hid2.bias"} < set(names)
    assert not {"hid2.mean", "hid2.variance"} & set(names)
    np.testing.assert_array_equal(net.find("hid2", "mean"), np.zeros(5))
    np.testing.assert_array_equal(net.find("hid2", "variance"), np.ones(5))


def test_running_statistics_after_some_updates():
    # Without steps the inputs of the layer stay, so that NumPy can follow.
    points, labels = blobs(96)
    net = theanets.Classifier([4, "batchnorm", 2])
    batches = [(points[i : i + 32], labels[i : i + 32]) for i in (0, 32, 64)]
    trained(net, batches, learning_rate=0.0, max_epochs=2)
    mean, variance = np.zeros(4), np.ones(4)
    for x, _ in batches * 2:
        mean = (1 - MOMENTUM) * mean + MOMENTUM * x.mean(axis=0)
        variance = (1 - MOMENTUM) * variance + MOMENTUM * x.var(axis=0, ddof=1)
    found = statistics(net, "hid1")
    np.testing.assert_allclose(found["mean"], mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["variance"], variance, rtol=1e-4)


def test_training_uses_the_batch_and_validation_what_was_kept():
    data = blobs()
    net = theanets.Classifier([4, "batchnorm", 2])
    net.find("hid1", "mean").set_value([9, 9, 9, 9])
    before = statistics(net, "hid1")
    kept_loss = net_loss(net, normalized(data[0], before["mean"], before["variance"]))
    x = data[0]
    batch_loss = net_loss(net, normalized(x, x.mean(axis=0), x.var(axis=0)))
    assert abs(kept_loss - batch_loss) > 0.1

    seen = []
    trained(
        net,
        data,
        learning_rate=0.0,
        batch_size=None,
        max_epochs=1,
        callbacks=lambda epoch, training, validation: seen.append(
            (training["loss"], validation["loss"], statistics(net, "hid1"))
        ),
    )
    after = seen[0][2]
    assert seen[0][0] == pytest.approx(batch_loss, rel=1e-4)
    later = net_loss(net, normalized(x, after["mean"], after["variance"]))
    assert seen[0][1] == pytest.approx(later, rel=1e-4)
    # Noise is asked for, and no example knows of the others.
    noisy = net.predict_proba(x, hidden_noise=0.0)
    np.testing.assert_allclose(noisy, net.predict_proba(x), rtol=1e-5, atol=1e-7)


def net_loss(net, normal):
    w, b = (net.find("out", name).get_value() for name in "wb")
    logits = normal @ w + b
    labels = blobs()[1]
    p = np.exp(logits - np.logaddexp(*logits.T)[:, None])
    return -np.log(p[np.arange(len(p)), labels]).mean()


def test_predicting_changes_nothing():
    net = trained(model(), max_epochs=2)
    before = statistics(net)
    net.predict(blobs()[0])
    net.feed_forward(blobs()[0], hidden_dropout=0.2)
    net.score(*blobs())
    for name, value in statistics(net).items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_statistics_are_saved_in_full(precision):
    theanets.config.floatX = precision
    try:
        net = trained(model(), max_epochs=2)
    finally:
        theanets.config.floatX = "float32"
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    again = theanets.load(file)
    for name, value in statistics(net).items():
        assert value.dtype == "float32"
        assert np.abs(value - (name == "variance")).max() > 0.01
        np.testing.assert_array_equal(value, statistics(again)[name])
    points = blobs()[0]
    np.testing.assert_array_equal(
        net.predict_proba(points), again.predict_proba(points)
    )
    assert net.feed_forward(points)["hid2:out"].dtype == net.find("hid1", "w").dtype


def test_the_best_parameters_come_back_with_their_statistics():
    points, labels = blobs()
    # Learning makes these labels worse, so the first validation stays the best but one.
    net = model()
    states = []

    def note(epoch, training, validation):
        states.append((validation["loss"], statistics(net)))

    trained(
        net,
        (points, labels),
        valid=(points, 1 - labels),
        learning_rate=0.5,
        validate_every=1,
        patience=3,
        callbacks=note,
    )
    held = statistics(net)
    assert any((held[name] != states[-1][1][name]).all() for name in held)
    first = model()
    for name, value in statistics(first).items():
        np.testing.assert_array_equal(held[name], value)
    assert bits(net) == bits(first)


@pytest.mark.parametrize("way", ["break", "error"])
def test_an_interrupted_run_keeps_parameters_and_statistics_of_one_moment(way):
    net, states = model(), []

    def note(*_):
        states.append((statistics(net), bits(net)))
        if way == "error" and len(states) == 3:
            raise KeyboardInterrupt

    pairs = net.itertrain(
        blobs(),
        algo="sgd",
        validate_every=1,
        callbacks=note,
        progress=False,
        on_interrupt="raise",
    )
    with pytest.raises(KeyboardInterrupt) if way == "error" else open("/dev/null"):
        for number, _ in enumerate(pairs):
            if number == 2:
                break
    pairs.close()
    held = statistics(net)
    moment = next(s for s, values in states if values == bits(net))
    for name in held:
        np.testing.assert_array_equal(held[name], moment[name])


def test_any_chunking_gives_equal_bits(monkeypatch):
    found = []
    for seconds in (0.5, 1e-9):
        monkeypatch.setattr("theanets.training.measure._SECONDS_PER_CALL", seconds)
        net = trained(model(), batch_size=4, max_epochs=3)
        found.append((bits(net), statistics(net)))
    assert found[0][0] == found[1][0]
    for name, value in found[0][1].items():
        np.testing.assert_array_equal(value, found[1][1][name])


def test_gradients_through_the_batch(float64):
    net = model()
    objective = net._state.objective()
    points, labels = blobs(8)
    params = net.functional()[1]
    key = jax.random.key(0)

    @jax.jit
    def loss(learned):
        return objective(
            {**params, **learned}, (points, labels), objective.numbers, key
        )[0]

    start = {p.name: p.get_value() for p in net.params}
    gradient = jax.grad(loss)(start)
    rng = np.random.default_rng(2)
    for name, value in start.items():
        along = rng.normal(size=value.shape)
        ends = [loss({**start, name: value + s * 1e-6 * along}) for s in (1, -1)]
        slope = (np.asarray(gradient[name]) * along).sum()
        np.testing.assert_allclose(
            slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-8
        )


def test_a_batch_of_one_is_computed_as_in_prediction():
    points, labels = blobs(1)
    net = theanets.Classifier([4, "batchnorm", 2])
    net.find("hid1", "mean").set_value([1, 2, 3, 4])
    before = net.predict_proba(points[0])[labels[0]]
    pairs = net.itertrain((points, labels), algo="sgd", max_epochs=1, progress=False)
    training, _ = next(pairs)
    assert training["loss"] == pytest.approx(-np.log(before), rel=1e-5)
    np.testing.assert_array_equal(net.find("hid1", "mean"), [1, 2, 3, 4])
    # The same layer trains where one example is left over for the last batch.
    trained(net, blobs(9), batch_size=8, max_epochs=2)
    assert np.isfinite(net.find("out", "w").get_value()).all()


@pytest.mark.parametrize("algo", ["esgd", "lbfgs", "adam"])
def test_algorithms_move_what_is_learned_alone(algo):
    net = (
        trained(model(), algo=algo, learning_rate=0.05, max_epochs=20)
        if (algo != "lbfgs")
        else trained(model(), algo=algo, max_epochs=20)
    )
    assert net.score(*blobs()) > 0.95
    assert (statistics(net)["variance"] > 0).all()
    assert (statistics(net)["mean"] != 0).any()


def test_a_change_of_the_statistics_between_epochs_is_trained_on():
    net = model()
    pairs = net.itertrain(
        blobs(), algo="sgd", learning_rate=0.0, max_epochs=2, progress=False
    )
    next(pairs)
    net.find("hid2", "mean").set_value(np.full(5, 1e6))
    next(pairs)
    assert (net.find("hid2", "mean").get_value() > 1e5).all()


@pytest.mark.parametrize(
    ("activation", "names"),
    [
        ("elu", {"gain2"}),
        ("lgrelu", {"gain2", "leak"}),
        ("prelu", {"leak"}),
        ("elu+elu", {"gain3", "gain2"}),
    ],
)
def test_an_activation_whose_parameter_has_the_name_of_its_own(activation, names):
    layers = [4, (5, "linear"), {"form": "batchnorm", "activation": activation}, 2]
    net = theanets.Classifier(layers)
    own = {"gain", "bias", "mean", "variance"}
    assert set(net.layers[2].params) == own | names
    # Each has its own: the layer's begins as 1, the activation's above.
    np.testing.assert_array_equal(net.find("hid2", "gain").get_value(), 1)
    if "gain2" in names:
        net.find("hid2", "gain2").set_value(np.zeros(5))
        assert (net.feed_forward(blobs()[0])["hid2:out"] >= 0).all() == (
            activation != "lgrelu"
        )
    net.train(blobs(), max_epochs=1, progress=False)
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    again = theanets.load(file)
    assert bits(again) == bits(net)
