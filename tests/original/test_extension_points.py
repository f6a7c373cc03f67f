"""Classes as the original's users wrote them are refused, with the way to port them."""

import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError


def refused(base, body, *words):
    """Check that a class is refused where it is defined, and that the message helps."""
    with pytest.raises(ConfigurationError) as caught:
        type("Mine", (base,), body)
    for word in ("class Mine", *words):
        assert word in str(caught.value)


def test_regularizer_of_the_original():
    body = {"loss": lambda self, layers, outputs: 0}
    refused(theanets.Regularizer, body, "its loss", "def penalty(self, evaluation)")


def test_regularizer_that_modifies_as_in_the_original():
    body = {"modify_graph": lambda self, outputs: None}
    refused(theanets.Regularizer, body, "its modify_graph", "def modify(self, name,")


def test_regularizer_that_is_half_ported():
    def loss(self, layers, outputs):
        return 0

    body = {"loss": loss, "penalty": lambda self, evaluation: 0}
    refused(theanets.Regularizer, body, "its loss is the original's")


def test_regularizer_without_a_method():
    refused(theanets.Regularizer, {}, "no penalty or modify", "def penalty", "def mod")


def test_regularizer_may_have_a_method_called_loss():
    class Helped(theanets.Regularizer):
        def loss(self, w):
            return abs(w).mean()

        def penalty(self, evaluation):
            return self.loss(evaluation.params["out.w"])

    net = theanets.Regressor([2, 1])
    x = np.ones((4, 2))
    training, _ = net.train([x, x[:, :1]], helped=1.0, max_epochs=1, progress=False)
    assert training["loss"] > training["err"]


def test_regularizer_penalty_with_other_parameters():
    body = {"penalty": lambda self, layers, outputs: 0}
    refused(theanets.Regularizer, body, "penalty(self, layers, outputs)", "evaluation")


def test_loss_of_the_original():
    refused(theanets.Loss, {"__call__": lambda self, outputs: 0}, "def terms(self, out")


def test_loss_without_a_method():
    refused(theanets.Loss, {}, "no terms", "def terms(self, outputs, target)")


def test_loss_terms_of_outputs_alone():
    refused(theanets.Loss, {"terms": lambda self, outputs: 0}, "terms(self, outputs)")


def test_loss_may_compute_its_mean_itself():
    class Largest(theanets.Loss):
        def __call__(self, outputs, target, weights=None):
            return abs(outputs[self.output_name] - target).max()

    outputs = {"out:out": jnp.array([1.0, 5.0])}
    assert float(Largest()(outputs, jnp.zeros(2))) == 5


def test_activation_of_the_original():
    body = {"__call__": lambda self, x: x}
    refused(theanets.Activation, body, "its __call__", "def transform(self, params, x)")


def test_activation_without_a_method():
    refused(theanets.Activation, {}, "no transform")


def test_activation_transform_without_params():
    refused(theanets.Activation, {"transform": lambda self, x: x}, "transform(self, x)")


def test_layer_of_the_original():
    body = {"transform": lambda self, inputs: inputs}
    refused(
        theanets.Layer,
        body,
        "transform(self, inputs)",
        "def transform(self, params, inputs)",
        'add_weights("w", self.input_size, self.size)',
    )


@pytest.mark.parametrize("name", ["output_size", "output_shape"])
def test_layer_that_overrides_its_size(name):
    body = {name: property(lambda self: 5)}
    refused(theanets.Layer, body, f"its {name}", "def infer_output_shape(self)")


def test_layer_that_overrides_its_shape_as_a_method():
    body = {"output_shape": lambda self: (5,)}
    refused(theanets.layers.Feedforward, body, "infer_output_shape")


def test_layer_with_connect():
    body = {"connect": lambda self, inputs: inputs}
    refused(theanets.layers.RNN, body, "its connect", "def transform")


@pytest.mark.parametrize(
    "arguments",
    [
        {"nin": 3, "nout": 4},
        {"rows": 3, "nout": 4},
        {"rows": 3, "columns": 4, "sparse": 1},
    ],
)
def test_add_weights_of_the_original(arguments):
    class Weighing(theanets.Layer):
        def setup(self):
            self.add_weights("w", **arguments)

        def transform(self, params, inputs):
            return inputs[self.input_name] @ params["w"]

    with pytest.raises(ConfigurationError, match=r'add_weights\("w", rows, columns\)'):
        theanets.Regressor([3, dict(form="weighing", size=4), 2])


@pytest.mark.parametrize(
    ("name", "value", "now"),
    [
        ("DEFAULT_OUTPUT_ACTIVATION", "softmax", "output_activation"),
        ("INPUT_NDIM", 3, "input_ndim = 3"),
        ("OUTPUT_NDIM", 1, "Leave it out"),
        ("monitors", lambda self, **kwargs: [], "train(..., monitors="),
        ("loss", lambda self, **kwargs: 0, "default_loss"),
        ("error", lambda self, outputs: 0, "theanets.Loss"),
        ("build_graph", lambda self, regularizers=(): 0, "feed_forward"),
        ("updates", lambda self, **kwargs: [], "transform_training"),
    ],
)
def test_network_of_the_original(name, value, now):
    for base in (theanets.Network, theanets.recurrent.Classifier):
        refused(base, {name: value}, f"its {name}", now)
