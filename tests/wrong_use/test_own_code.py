"""Mistakes in a user's own layers, monitors and transformations: the part is named."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import theanets
from theanets.errors import ConfigurationError

X = np.random.default_rng(0).normal(size=(32, 4)).astype("f4")
DATA = (X, X[:, :1])


class NoReturn(theanets.layers.Layer):
    def transform(self, params, inputs):
        inputs[self.input_name].sum()


class Undeclared(theanets.layers.Layer):
    def setup(self):
        self.add_bias("b", self.size)

    def transform(self, params, inputs):
        return inputs[self.input_name] @ params["w"]


class OtherInput(theanets.layers.Layer):
    def transform(self, params, inputs):
        return inputs["in:pre"]


class OverExamples(theanets.layers.Layer):
    def transform(self, params, inputs):
        return inputs[self.input_name].sum(0)


class KeptOverExamples(theanets.layers.Layer):
    def transform(self, params, inputs):
        return inputs[self.input_name].mean(0, keepdims=True)


class OneNumber(theanets.layers.Layer):
    def transform(self, params, inputs):
        return {"out": inputs[self.input_name], "total": inputs[self.input_name].sum()}


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("noreturn", "its transform returns nothing. End it with return"),
        ("undeclared", "asks for 'w', which is none of its parameters (b) nor of its"),
        (
            "otherinput",
            "none of its parameters (none) nor of its inputs (in:",
        ),
        (
            "overexamples",
            'the axis of the examples: "out" of 61 examples has the shape',
        ),
        ("keptoverexamples", "has the shape (1, 4), where the first axis has to be 61"),
        (
            "onenumber",
            'the axis of the examples: "total" of 61 examples has the shape ()',
        ),
    ],
)
def test_a_layer(form, message):
    with pytest.raises(ConfigurationError) as caught:
        theanets.Regressor([4, (form, 4), 1])
    assert str(caught.value).startswith('layer "hid1": ')
    assert message in str(caught.value)


def train(**keywords):
    net = theanets.Regressor([4, 8, 1])
    keywords = {"max_epochs": 1, "progress": False} | keywords
    return net, net.train(DATA, **keywords)


@pytest.mark.parametrize(
    "measure",
    [lambda: 3, lambda values, more: 3, lambda values, *, axis: 3],
    ids=["none", "two", "a keyword"],
)
@pytest.mark.parametrize("pattern", ["hid1:out", "everything"])
def test_a_monitor_with_another_signature(measure, pattern):
    with pytest.raises(
        ConfigurationError, match=f'monitor "{pattern}" is .* cannot be'
    ):
        train(monitors={pattern: measure})


@pytest.mark.parametrize(
    "measure", [lambda values: None, lambda values: "x", lambda values: object()]
)
def test_a_monitor_that_returns_no_number(measure):
    with pytest.raises(
        ConfigurationError, match=r'monitor "hid1:out" returns .* one nu'
    ):
        train(monitors={"hid1:out": measure})


@pytest.mark.parametrize(
    "callback", [lambda epoch: None, lambda a, b, c, d: None, lambda *, epoch: None]
)
def test_a_callback_with_another_signature(callback):
    with pytest.raises(
        ConfigurationError, match=r"callbacks holds .* f\(epoch, training"
    ):
        train(callbacks=callback)


@pytest.mark.parametrize("opaque", [False, True])
def test_a_transformation_that_asks_for_more(opaque):
    step = optax.sgd(0.1)
    algo = optax.contrib.sam(step, step, opaque_mode=opaque)
    with pytest.raises(ConfigurationError, match="algo: this transformation of optax"):
        train(algo=algo)


@pytest.mark.parametrize("algo", ["rmsprop", "adam", "lbfgs", "rprop", "layerwise"])
def test_numpy_is_told_to_raise(algo):
    """Whatever NumPy is told to do about its own numbers, ours stay the same."""
    keywords = dict(algo=algo, weight_l2=1e-30, monitors={"hid1:out": jnp.std})
    calm, expected = train(**keywords)
    with np.errstate(all="raise"):
        net, found = train(**keywords)
        assert net.predict(X * 1e30).shape == (32, 1)
        # What is no number is told as ever.
        with pytest.raises(theanets.NonFiniteError):
            train(algo="sgd", learning_rate=1e30, max_epochs=9)
    assert found == expected
    np.testing.assert_array_equal(net.predict(X), calm.predict(X))
