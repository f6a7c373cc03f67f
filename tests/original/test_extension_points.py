"""Classes in the original's form are refused where they are defined."""

import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError


def define(base, name="Mine", **body):
    return type(name, (base,), body)


REFUSED = [
    (theanets.Regularizer, "loss", lambda self, layers, outputs: 0, "def penalty"),
    (theanets.Regularizer, "modify_graph", lambda self, outputs: 0, "def modify"),
    (theanets.Regularizer, "log", lambda self: 0, "print"),
    (theanets.regularizers.WeightL2, "loss", lambda self, layers, o: 0, "penalty"),
    (theanets.Loss, "__call__", lambda self, outputs: 0, "def terms"),
    (theanets.Loss, "accuracy", lambda self, outputs: 0, "has_accuracy"),
    (theanets.losses.MeanSquaredError, "__call__", lambda self, o: 0, "def terms"),
    (theanets.Activation, "__call__", lambda self, x: x, "def transform"),
    (theanets.Activation, "__init__", lambda self, name, layer: None, "def setup"),
    (theanets.Layer, "transform", lambda self, inputs: 0, "params, inputs"),
    (theanets.Layer, "output_size", property(lambda self: 3), "infer_output_shape"),
    (theanets.Layer, "resolve_outputs", lambda self: 0, "infer_output_shape"),
    (theanets.Layer, "resolve_inputs", lambda self, layers: 0, "input_shape"),
    (theanets.Layer, "connect", lambda self, inputs: 0, "def transform"),
    (theanets.Layer, "bind", lambda self, graph, reset=True: 0, "def setup"),
    (theanets.Layer, "log", lambda self: 0, "print"),
    (theanets.layers.LSTM, "transform", lambda self, inputs: 0, "params, inputs"),
    (theanets.Network, "DEFAULT_OUTPUT_ACTIVATION", "softmax", "output_activation"),
    (theanets.Network, "INPUT_NDIM", 3, "input_ndim = 3"),
    (theanets.Network, "OUTPUT_NDIM", 1, "default_loss"),
    (theanets.Autoencoder, "monitors", lambda self, **kwargs: [], '"monitors"'),
    (theanets.Regressor, "loss", lambda self, **kwargs: 0, "add_loss"),
    (theanets.Network, "updates", lambda self, **kwargs: [], "transform_training"),
    (theanets.Network, "build_graph", lambda self, **kwargs: 0, "functional"),
    (theanets.Loss, "__extra_registration_keys__", ["x"], "aliases"),
]


@pytest.mark.parametrize(("base", "name", "value", "port"), REFUSED)
def test_the_original_form_is_refused_with_its_port(base, name, value, port):
    with pytest.raises(ConfigurationError) as caught:
        define(base, **{name: value})
    assert "class Mine" in str(caught.value)
    assert name in str(caught.value)
    assert port in str(caught.value)


@pytest.mark.parametrize(
    ("base", "says"),
    [
        (theanets.Regularizer, "no penalty and no modify"),
        (theanets.Loss, "no terms and no __call__"),
        (theanets.Activation, "no transform"),
    ],
)
def test_a_class_that_would_do_nothing_is_refused(base, says):
    with pytest.raises(ConfigurationError, match=says):
        define(base)
    abstract = type("Base", (base,), {}, register=False)
    with pytest.raises(ConfigurationError, match=says):
        define(abstract)


def test_a_form_in_a_mixin_is_refused():
    class Mixin:
        def loss(self, layers, outputs):
            return 0

    with pytest.raises(ConfigurationError, match=r"loss\(self, layers, outputs\)"):
        type("Mixed", (Mixin, theanets.Regularizer), {})


def test_an_old_name_beside_the_new_one_is_free():
    define(
        theanets.Regularizer,
        "Both",
        loss=lambda self, x: x,
        penalty=lambda self, evaluation: self.loss(0.5),
    )
    net = theanets.Regressor([2, 1])
    data = [np.ones((4, 2), "f4"), np.ones((4, 1), "f4")]
    train, _ = net.train(data, both=1.0, max_epochs=1, progress=False)
    assert train["loss"] >= 0.5
    # Those who inherit from a class that is ported have nothing to port.
    define(theanets.regularizers.REGULARIZERS.lookup("both"), "Both2")


def test_a_loss_that_is_called_with_a_target_is_no_original():
    mine = define(
        theanets.Loss, "Constant", __call__=lambda self, o, target, weights=None: 1.5
    )
    assert mine()({}, None) == 1.5


def test_add_weights_answers_the_original_keywords():
    define(
        theanets.Layer,
        "OldWeights",
        setup=lambda self: self.add_weights("w", nin=self.input_size, nout=self.size),
    )
    with pytest.raises(ConfigurationError, match=r"nin and no nout.*rows and columns"):
        theanets.Regressor([3, (2, "oldweights"), 1])


def test_add_weights_needs_both_sizes():
    define(theanets.Layer, "NoSize", setup=lambda self: self.add_weights("w", 3))
    with pytest.raises(ConfigurationError, match="both sizes"):
        theanets.Regressor([3, (2, "nosize"), 1])
