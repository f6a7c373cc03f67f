"""How the entries of ``layers`` are read, and what is said of wrong ones."""

import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets import layers
from theanets.errors import ConfigurationError


def describe(net):
    return [(x.name, x.form, x.shape, x.activation.spec) for x in net.layers]


@pytest.mark.parametrize(
    ("entry", "form", "shape", "activation"),
    [
        (4, "feedforward", (4,), "relu"),
        (np.int64(4), "feedforward", (4,), "relu"),
        ((4,), "feedforward", (4,), "relu"),
        ([4, "tanh"], "feedforward", (4,), "tanh"),
        (("tanh", 4), "feedforward", (4,), "tanh"),
        (("sigmoid", 4), "feedforward", (4,), "logistic"),
        ((4, "prelu+norm:z"), "feedforward", (4,), "prelu+norm:z"),
        ((4, jnp.sin), "feedforward", (4,), "sin"),
        ((4, "ff"), "feedforward", (4,), "relu"),
        (("tanh", 4, "ff"), "feedforward", (4,), "tanh"),
        ((4, "softmax"), "classifier", (4,), "softmax"),
        ((4, "linear", "classifier"), "classifier", (4,), "softmax"),
        ("flat", "flatten", (3,), "linear"),
        ("FLAT", "flatten", (3,), "linear"),
        ({"size": 4}, "feedforward", (4,), "relu"),
        ({"shape": (4,)}, "feedforward", (4,), "relu"),
        ({"form": "ff", "size": 4, "activation": "tanh"}, "feedforward", (4,), "tanh"),
        ({"form": "concat", "inputs": "in"}, "concatenate", (3,), "linear"),
    ],
)
def test_a_hidden_layer(entry, form, shape, activation):
    net = theanets.Network([3, entry, 2])
    assert describe(net)[1] == ("hid1", form, shape, activation)


@pytest.mark.parametrize(
    ("entry", "shape"),
    [
        (3, (3,)),
        ((3,), (3,)),
        ((5, 4, 3), (5, 4, 3)),
        ((None, 3), (None, 3)),
        ({"size": 3}, (3,)),
        ({"size": 3, "ndim": 3}, (None, 3)),
        ({"form": "input", "shape": (4, 3)}, (4, 3)),
        ((3, "input"), (3,)),
    ],
)
def test_the_first_layer_is_an_input(entry, shape):
    net = theanets.Network([entry, 2])
    assert describe(net)[0] == ("in", "input", shape, "linear")


@pytest.mark.parametrize(
    ("model", "activation"),
    [
        (theanets.Network, "linear"),
        (theanets.Regressor, "linear"),
        (theanets.Autoencoder, "linear"),
        (theanets.Classifier, "softmax"),
    ],
)
def test_the_last_layer_has_the_activation_of_the_model(model, activation):
    assert describe(model([3, 4, 3]))[-1] == ("out", "feedforward", (3,), activation)
    other = model([3, 4, (3, "tanh")], loss="mse")
    assert other.layers[-1].activation.spec == "tanh"


def test_names_of_ones_own():
    net = theanets.Network([{"size": 3, "name": "x"}, {"size": 4, "name": "code"}, 2])
    assert [layer.name for layer in net.layers] == ["x", "code", "out"]
    assert net.find("code", "w").shape == (3, 4)


def test_a_layer_object_is_used_as_it_is():
    layer = layers.Feedforward(size=4, name="mine", activation="tanh")
    net = theanets.Network([3, layer, 2])
    assert net.layers[1] is layer
    assert net.find(layer, "w").shape == (3, 4)


def test_a_layer_object_belongs_to_one_model():
    layer = layers.Feedforward(size=4, name="mine")
    net = theanets.Network([3, layer, 2])
    with pytest.raises(ConfigurationError, match="part of a model already"):
        theanets.Network([7, layer, 2])
    assert net.layers[1].input_shape == (3,)


def test_default_names_are_free():
    two = theanets.Network([3, {"form": "input", "size": 3}, 5, 2])
    assert len({layer.name for layer in two.layers}) == 4
    taken = theanets.Network([3, {"size": 3, "name": "hid2"}, 5, 2])
    assert len({layer.name for layer in taken.layers}) == 4


def test_tied_layers_pair_like_brackets():
    net = theanets.Autoencoder([5, 4, 3, (4, "tied"), (5, "tied")])
    assert [x.borrowed for x in net.layers[-2:]] == [{"w": "hid2.w"}, {"w": "hid1.w"}]
    again = (
        theanets.Autoencoder(
            [5, 4, (5, "tied"), 3, "tied", {"form": "tied", "partner": "hid1"}]
        )
        if False
        else theanets.Autoencoder([5, 4, "tied", 3, "tied"])
    )
    assert [again.layers[i].borrowed["w"] for i in (2, 4)] == ["hid1.w", "hid3.w"]


def wrong(*entries, **options):
    return pytest.param([3, *entries, 2], options.pop("match"), id=str(entries)[:40])


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        wrong(0, match='layer "hid1": size is 0; .* from 1 on'),
        wrong(-4, match="size is -4"),
        wrong(4.0, match="4.0 describes no layer"),
        wrong(True, match="True describes no layer"),
        wrong((), match="describes no layer"),
        wrong({3: 4}, match="describes no layer"),
        wrong(None, match="needs a size"),
        wrong("ff", match="needs a size, its number of units"),
        wrong("relu", match="'relu' is an activation"),
        wrong("lsmt", match="unknown layer form 'lsmt'"),
        wrong("flaten", match='Did you mean "flatten"'),
        wrong((4, "tanh", 5), match="size twice: 4 and 5"),
        wrong((4, "tanh", "relu"), match="activation twice"),
        wrong((4, "ff", "tied"), match="form twice"),
        wrong((4, "softmax", "ff"), match="form twice"),
        wrong((4, "rellu"), match='unknown activation .rellu.* Did you mean "relu"'),
        wrong((4, 2.5), match="2.5 in .* neither a size nor the name"),
        wrong({"siz": 4}, match="takes no keyword 'siz'.*Did you mean \"size\""),
        wrong({"size": 4, "shape": (5,)}, match="do not agree"),
        wrong({"size": 4, "activation": 5}, match='"hid1": the activation is 5'),
        wrong({"size": 4, "std_q": 1}, match="names no parameter.*Did you mean"),
        wrong({"size": 4, "std": -1}, match='layer "hid1": std is -1'),
        wrong({"size": 4, "std_w": "x"}, match="std_w is 'x'.*finite number"),
        wrong({"size": 4, "mean": float("nan")}, match="mean is nan"),
        wrong({"size": 4, "sparsity": 2}, match='"hid1": sparsity is 2'),
        wrong({"size": 4, "rng": "x"}, match="rng is 'x'"),
        wrong({"size": 4, "form": 3}, match="unknown layer form 3"),
        wrong({"size": 4, "name": 3}, match="named 3"),
        wrong({"size": 4, "name": "a:b"}, match="named 'a:b'"),
        wrong({"size": 4, "name": "in"}, match="has this name already"),
        wrong({"size": 4, "inputs": 5}, match="inputs is 5"),
        wrong({"size": 4, "inputs": [5]}, match=r"inputs is \[5\]"),
        wrong({"size": 4, "inputs": {"in": 7}}, match="Leave the size out"),
        wrong({"size": 4, "inputs": 7}, match="Sizes are not needed"),
        wrong({"form": "reshape"}, match="form 'reshape' needs shape"),
        wrong({"form": "reshape", "shape": (None, 3)}, match="has to be a whole"),
        wrong({"form": "reshape", "shape": (-1, -1)}, match="in shape is -1"),
        wrong({"form": "reshape", "shape": (2, 2)}, match="cannot hold the 3 values"),
        wrong({"form": "reshape", "shape": (-1, 2)}, match="cannot hold the 3 values"),
        wrong(("flat", "relu"), match="has no activation, got 'relu'"),
        wrong(4, (2, "tied"), match="size 2 was given"),
        wrong("tied", match="no earlier layer is left to be tied to"),
        wrong(4, {"form": "tied", "partner": "hid3"}, match='Did you mean "hid1"'),
        wrong(4, {"form": "tied", "partner": ["hid1"]}, match="is no earlier layer"),
        wrong(4, 5, {"form": "tied", "partner": "hid1"}, match="has 4 units"),
        wrong({"form": "input", "size": 3, "inputs": "in"}, match="reads data"),
    ],
)
def test_wrong_layers(entries, message):
    with pytest.raises(ConfigurationError, match=message):
        theanets.Network(entries)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("input", "needs a size, or the shape"),
        ((3, "ff"), "the first layer of a model has to be an input"),
        ((3, None), "the length of the last axis"),
        ((None,), "the length of the last axis"),
        ({"shape": (4, 3), "ndim": 2}, "does not agree"),
        ({"size": 3, "ndim": 1}, "ndim is 1"),
        ({"size": 3, "sise": 3}, "takes no keyword 'sise'"),
    ],
)
def test_wrong_inputs(first, message):
    with pytest.raises(ConfigurationError, match=message):
        theanets.Network([first, 2])


@pytest.mark.parametrize("given", ["784", {"a": 1}, 5, iter([3, 2]), np.array([3, 2])])
def test_layers_is_a_list(given):
    with pytest.raises(ConfigurationError, match="has to be a list"):
        theanets.Network(given)
