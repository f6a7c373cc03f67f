"""Losses of one's own: what shape they return, and what may change on the way."""

import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError, DataError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 2))
W = RNG.exponential(size=40)
QUIET = dict(algo="sgd", learning_rate=0.01, momentum=0, progress=False)


def elementwise(output, target):
    return (output - target) ** 2


def of_each_example(output, target):
    return ((output - target) ** 2).sum(axis=-1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("function", [elementwise, of_each_example])
@pytest.mark.parametrize("size", [7, None])
def test_errors_of_elements_or_examples(function, weighted, size):
    net = theanets.Regressor([3, 2], loss=function, weighted=weighted)
    data = (X, Y, W) if weighted else (X, Y)
    _, valid = net.train(data, max_epochs=1, batch_size=size, **QUIET)
    errors = function(net.predict(X), Y).reshape(40, -1).mean(axis=1)
    expected = np.average(errors, weights=W if weighted else None)
    assert valid["loss"] == pytest.approx(expected, rel=1e-5)


def test_weights_of_examples_are_one_for_each():
    net = theanets.Regressor([3, 2], loss=of_each_example, weighted=True)
    with pytest.raises(
        DataError, match=r"\"weights\" has the shape \(40, 2\).*\(examples,\)"
    ):
        net.train((X, Y, np.ones((40, 2))), **QUIET)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("function", "came"),
    [
        (lambda y, t: ((y - t) ** 2).mean(), r"\(\)"),
        (lambda y, t: ((y - t) ** 2).mean(axis=0), r"\(2,\)"),
        (lambda y, t: ((y - t) ** 2).sum(axis=-1, keepdims=True), r"\(examples, 1\)"),
        (lambda y, t: y[:, None] - t[None], r"\(examples, examples, 2\)"),
    ],
)
def test_other_shapes(function, came, weighted):
    with pytest.raises(
        ConfigurationError, match=rf"\(examples, 2\) it returns {came}, "
    ):
        theanets.Regressor([3, 2], loss=function, weighted=weighted)
    net = theanets.Regressor([3, 2])
    with pytest.raises(ConfigurationError, match=came):
        net.add_loss(function)


def test_a_class_of_another_shape():
    class Total(theanets.Loss):
        def terms(self, outputs, target):
            return abs(outputs[self.output_name] - target).sum()

    with pytest.raises(ConfigurationError, match=r"total loss: .*it returns \(\)"):
        theanets.Regressor([3, 2], loss="total")


def test_labels_of_another_shape():
    class PerClass(theanets.Loss):
        integer_target = True

        def terms(self, outputs, target):
            return outputs[self.output_name].mean(axis=0)

    with pytest.raises(ConfigurationError, match=r"\(examples,\) it returns \(3,\)"):
        theanets.Classifier([3, 3], loss="perclass")


def test_errors_over_time():
    def of_each_step(output, target):
        return abs(output - target).sum(axis=-1)

    net = theanets.recurrent.Regressor([3, (4, "rnn"), 2], loss=of_each_step)
    x, y = X.reshape(8, 5, 3), Y.reshape(8, 5, 2)
    _, valid = net.train((x, y), max_epochs=1, **QUIET)
    expected = of_each_step(net.predict(x), y).mean()
    assert valid["loss"] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(
        ConfigurationError, match=r"\(examples, time, 2\) it returns \(time,"
    ):
        theanets.recurrent.Regressor(
            [3, (4, "rnn"), 2], loss=lambda y, t: abs(y - t).mean(axis=(0, 2))
        )


# Changes on the way.


def errors(net, delta=1.0):
    e = net.predict(X) - Y
    return np.where(abs(e) <= delta, e**2 / 2, delta * (abs(e) - delta / 2)).mean()


def test_a_weight_changed_in_training_counts_from_the_next_epoch():
    net, same = theanets.Regressor([3, 2]), theanets.Regressor([3, 2])
    for each in (net, same):
        each.add_loss("mae", weight=0.1)
    keywords = dict(max_epochs=3, validate_every=1, rng=1, **QUIET)
    for epoch, (_, valid) in enumerate(net.itertrain((X, Y), **keywords), start=1):
        e = net.predict(X) - Y
        weight = 0.1 if epoch == 1 else 5
        loss = (e**2).mean() + weight * abs(e).mean()
        assert valid["loss"] == pytest.approx(loss, rel=1e-5)
        net.losses[1].weight = 5
    same.train((X, Y), **keywords)
    assert not np.array_equal(net.find("out", "w"), same.find("out", "w"))


def test_a_callback_may_change_it():
    net = theanets.Regressor([3, 2])
    net.add_loss("mae", weight=0)

    def heavier(epoch, training, validation):
        net.losses[1].weight = 1000 * epoch

    seen = [
        training["loss"]
        for training, _ in net.itertrain(
            (X, Y),
            max_epochs=3,
            callbacks=[heavier],
            **(QUIET | {"learning_rate": 1e-9}),
        )
    ]
    e = net.predict(X) - Y
    expected = [(e**2).mean() + 1000 * n * abs(e).mean() for n in range(3)]
    np.testing.assert_allclose(seen, expected, rtol=1e-3)


def test_a_number_of_a_loss_counts_from_the_next_epoch():
    net = theanets.Regressor([3, 2], loss="huber")
    pairs = net.itertrain((X, Y), max_epochs=2, validate_every=1, **QUIET)
    assert next(pairs)[1]["loss"] == pytest.approx(errors(net), rel=1e-5)
    net.losses[0].delta = 0.25
    assert next(pairs)[1]["loss"] == pytest.approx(errors(net, 0.25), rel=1e-5)
    assert net.losses[0].to_spec()["delta"] == 0.25


def test_a_number_changed_between_trainings():
    net = theanets.Regressor([3, 2], loss="huber")
    net.train((X, Y), max_epochs=1, **QUIET)
    net.losses[0].delta = 0.5
    _, valid = net.train((X, Y), max_epochs=1, **QUIET)
    assert valid["loss"] == pytest.approx(errors(net, 0.5), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("weight", "heavy"), ("weight", float("nan")), ("delta", -1), ("delta", None)],
)
def test_numbers_that_are_none(name, value):
    net = theanets.Regressor([3, 2], loss="huber")
    with pytest.raises(ConfigurationError, match=f"huber loss: {name} is"):
        setattr(net.losses[0], name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("output_name", "hid1:out"), ("target", "other"), ("weighted", True)],
)
def test_what_cannot_change(name, value):
    net = theanets.Regressor([3, 4, 2])
    with pytest.raises(
        ConfigurationError, match=rf"mse loss: {name} cannot be changed.*"
    ):
        setattr(net.losses[0], name, value)


def test_settings_of_ones_own():
    class Power(theanets.Loss):
        def __init__(self, *, power=2.0, **kwargs):
            super().__init__(**kwargs)
            self.power = power

        def terms(self, outputs, target):
            return jnp.abs(outputs[self.output_name] - target) ** self.power

    net = theanets.Regressor([3, 2], loss="power")
    with pytest.raises(ConfigurationError, match=r'net.set_loss\("power", power=3\)'):
        net.losses[0].power = 3
    net.set_loss("power", power=3)
    _, valid = net.train((X, Y), max_epochs=1, **QUIET)
    expected = (abs(net.predict(X) - Y) ** 3).mean()
    assert valid["loss"] == pytest.approx(expected, rel=1e-4)
