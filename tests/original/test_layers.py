"""Layers as the original's users wrote them, and what they read of them."""

import copy
import io
import pickle

import numpy as np
import pytest

import theanets
from theanets import layers
from theanets.errors import ConfigurationError

X = np.random.default_rng(0).normal(size=(8, 4)).astype("f4")


def reloaded(net):
    file = io.BytesIO()
    net.save(file)
    return theanets.load(file.getvalue())


# What a layer tells of itself.


def test_shapes_are_properties():
    layer = theanets.Regressor([4, (3, "tanh"), 2]).layers[1]
    assert layer.output_shape == (3,)
    assert (layer.output_size, layer.input_size, layer.num_params) == (3, 4, 15)
    assert layer.kwargs["size"] == 3
    assert layer.kwargs["activation"] == "tanh"


def test_a_shape_before_the_layer_is_in_a_model():
    layer = layers.Feedforward(size=3)
    for name in ("output_shape", "output_size", "input_shape", "input_size"):
        with pytest.raises(ConfigurationError, match="known once it is part of a mod"):
            getattr(layer, name)
    with pytest.raises(ConfigurationError, match="known once it is part of a mod"):
        _ = layer.num_params


def test_unnamed_layers_get_names_of_their_own():
    net = theanets.Regressor(
        [
            layers.Input(size=4),
            layers.Feedforward(size=3),
            layers.Feedforward(size=3),
            (3, "tanh"),
            layers.Feedforward(size=2, activation="linear"),
        ]
    )
    assert [layer.name for layer in net.layers] == ["in", "hid1", "hid2", "hid3", "out"]
    assert net.predict(X).shape == (8, 2)


def test_the_workers_of_an_unnamed_layer_follow():
    net = theanets.recurrent.Regressor([4, layers.Bidirectional(size=6), 2])
    assert net.find("hid1_fw", "xh").name == "hid1_fw.xh"


def test_a_layer_with_a_name_keeps_it():
    net = theanets.Regressor([4, layers.Feedforward(size=3, name="mine"), 2])
    assert net.layers[1].name == "mine"


def test_add_layer_with_a_size_and_keywords():
    net = theanets.Regressor([4])
    net.add_layer(layer=5, name="q", activation="tanh")
    net.add_layer((3, "sigmoid"), name="r")
    shapes = [(x.name, x.size, x.activation.spec) for x in net.layers[1:]]
    assert shapes == [("q", 5, "tanh"), ("r", 3, "logistic")]
    with pytest.raises(ConfigurationError, match="gives activation itself"):
        net.add_layer((3, "tanh"), activation="relu")
    with pytest.raises(ConfigurationError, match="made already"):
        net.add_layer(layers.Feedforward(size=3), name="s")


@pytest.mark.parametrize("entry", [dict(shape=(6, 7)), (6, 7)])
def test_a_hidden_layer_of_a_shape(entry):
    net = theanets.Regressor([4, entry, "flat", 2])
    assert net.layers[1].output_shape == (6, 7)
    assert net.find("hid1", "w").shape == (4, 42)
    outputs = net.feed_forward(X)
    pre = X @ net.find("hid1", "w").get_value() + net.find("hid1", "b").get_value()
    np.testing.assert_allclose(
        outputs["hid1:pre"], pre.reshape(8, 6, 7), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_array_equal(reloaded(net).predict(X), net.predict(X))
    net.train([X, X[:, :2]], max_epochs=1, progress=False)


@pytest.mark.parametrize(
    ("keyword", "now"),
    [
        ("input_noise", 'noise={"hid1:out": 0.3}'),
        ("hidden_dropout", 'dropout={"hid1:out": 0.3}'),
        ("weight_l2", "weight_l2=0.3"),
        ("contractive", "contractive=0.3"),
    ],
)
def test_what_belongs_to_a_training(keyword, now):
    with pytest.raises(ConfigurationError) as caught:
        theanets.Regressor([4, {"size": 2, keyword: 0.3}, 2])
    assert f'layer "hid1": {keyword} is no keyword of a layer' in str(caught.value)
    assert f"net.train(..., {now})" in str(caught.value)


def test_a_seed_is_drawn_and_kept():
    first, second = (theanets.Regressor([4, 2], rng=None) for _ in range(2))
    assert not np.array_equal(
        *(x.find("out", "w").get_value() for x in (first, second))
    )
    again = reloaded(first)
    assert again.seed == first.seed != second.seed
    data = X, X[:, :2]
    for net in (first, again):
        net.train(data, algo="sgd", hidden_noise=0.1, max_epochs=2, progress=False)
    np.testing.assert_array_equal(again.predict(X), first.predict(X))


# How parameters begin.


def test_a_diagonal_of_several_numbers():
    net = theanets.Regressor([3, dict(size=3, diagonal=[1, 2, 3]), 1])
    np.testing.assert_array_equal(net.find(1, "w").get_value(), np.diag([1, 2, 3]))
    again = reloaded(net)
    np.testing.assert_array_equal(again.find(1, "w").get_value(), np.diag([1, 2, 3]))


def test_a_sparsity_for_each_unit():
    net = theanets.Regressor([500, dict(size=2, sparsity_w=np.array([0.9, 0])), 1])
    zeros = (net.find(1, "w").get_value() == 0).mean(axis=0)
    assert zeros[0] == pytest.approx(0.9, abs=0.05)
    assert zeros[1] == 0


def test_means_and_deviations_for_each_unit():
    spec = dict(size=2, mean_w=[0, 5], std_w=[1, 0], mean_b=[1, 2], std_b=(0, 0))
    net = theanets.Regressor([50, spec, 1])
    w = net.find(1, "w").get_value()
    assert abs(w[:, 0].mean()) < 1
    assert w[:, 1].tolist() == [5] * 50
    assert net.find(1, "b").get_value().tolist() == [1, 2]


@pytest.mark.parametrize(
    "wrong", [{"diagonal": [1, 2]}, {"sparsity_w": [0.5, 1, 0]}, {"mean_b": [1, 2]}]
)
def test_numbers_that_are_not_one_for_each_unit(wrong):
    with pytest.raises(ConfigurationError, match=r'layer "hid1".*3 of them'):
        theanets.Regressor([3, dict(size=3, **wrong), 1])


# Borders.


@pytest.mark.parametrize(
    ("border", "like"), [((1, 1), "half"), (1, "half"), ((0, 0), "valid"), (2, "full")]
)
def test_borders_in_numbers(border, like):
    def net(mode):
        conv = dict(form="conv2", size=2, filter_size=3, border_mode=mode)
        return theanets.convolution.Regressor([(6, 5, 1), conv, "flat", 1])

    images = np.random.default_rng(1).normal(size=(3, 6, 5, 1))
    given, named = net(border), net(like)
    assert given.layers[1].output_shape == named.layers[1].output_shape
    np.testing.assert_array_equal(given.predict(images), named.predict(images))
    np.testing.assert_array_equal(
        reloaded(given).predict(images), given.predict(images)
    )


def test_a_border_for_each_axis():
    conv = dict(form="conv2", size=2, filter_size=3, border_mode=(2, 0))
    net = theanets.convolution.Regressor([(6, 5, 1), conv, "flat", 1])
    assert net.layers[1].output_shape == (8, 3, 2)


@pytest.mark.parametrize("wrong", [(1,), (1, -1), 0.5, (1, 2, 3)])
def test_borders_that_are_none(wrong):
    conv = dict(form="conv2", size=2, filter_size=3, border_mode=wrong)
    with pytest.raises(ConfigurationError, match="whole number of zeros"):
        theanets.convolution.Regressor([(6, 5, 1), conv, "flat", 1])


# Partners and inputs.


class Projection(theanets.Layer):
    """A layer of one matrix, as in an example of principal components."""

    takes_activation = False

    def setup(self):
        self.add_weights("basis", self.input_size, self.size)

    def transform(self, params, inputs):
        return inputs[self.input_name] @ params["basis"]


@pytest.mark.parametrize("tied", ["tied", dict(form="tied", partner="hid1")])
def test_a_custom_layer_as_partner(tied):
    net = theanets.Autoencoder([4, dict(form="projection", size=2), tied])
    basis = net.find("hid1", "basis").get_value()
    np.testing.assert_allclose(
        net.predict(X), X @ basis @ basis.T, rtol=1e-4, atol=1e-5
    )
    assert net.layers[2].partner is net.layers[1]
    net.train([X], max_epochs=2, progress=False)
    for copied in (reloaded(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(copied.predict(X), net.predict(X))
        assert copied.layers[2].partner is copied.layers[1]


def test_a_partner_that_is_a_layer():
    code = layers.Feedforward(size=2)
    net = theanets.Autoencoder([4, code, dict(form="tied", partner=code)])
    assert net.layers[2].partner is code
    assert reloaded(net).layers[2].partner.name == "hid1"
    code = layers.Feedforward(size=2)
    net = theanets.Autoencoder([4, code, layers.Tied(partner=code)])
    assert net.layers[2].borrowed == {"w": "hid1.w"}


def test_a_partner_of_another_model():
    other = theanets.Autoencoder([4, 2, 4]).layers[1]
    with pytest.raises(ConfigurationError, match="no earlier layer with one weight"):
        theanets.Autoencoder([4, 2, layers.Tied(partner=other)])


@pytest.mark.parametrize("form", ["rnn", "lstm"])
def test_recurrent_layers_are_no_partners(form):
    with pytest.raises(ConfigurationError, match="one weight matrix"):
        theanets.recurrent.Autoencoder(
            [4, (2, form), dict(form="tied", partner="hid1")]
        )


def test_inputs_that_are_layers():
    first, second = layers.Feedforward(size=3), layers.Feedforward(size=2)
    second_inputs = dict(form="concat", inputs=[first, second])
    net = theanets.Regressor([4, first, second, second_inputs, 1])
    assert net.layers[3].input_names == ("hid1:out", "hid2:out")
    assert reloaded(net).layers[3].input_names == ("hid1:out", "hid2:out")


def test_inputs_of_another_model():
    other = theanets.Regressor([4, 3, 1]).layers[1]
    with pytest.raises(ConfigurationError, match="no earlier layer of this model"):
        theanets.Regressor([4, 3, dict(size=2, inputs=other), 1])


def test_inputs_with_their_sizes():
    net = theanets.Regressor(
        [4, 3, dict(size=2, inputs={"in": 4, "hid1:pre": 3}), dict(size=1)]
    )
    assert net.layers[2].input_names == ("in:out", "hid1:pre")
    with pytest.raises(ConfigurationError, match='"hid1:pre" has the size 5, but'):
        theanets.Regressor([4, 3, dict(size=2, inputs={"hid1:pre": 5}), 1])


def test_an_initial_state_that_is_a_layer():
    begin = layers.Input(size=3, ndim=2, name="begin")
    net = theanets.recurrent.Regressor(
        [
            dict(size=4, name="x", ndim=3),
            begin,
            dict(form="rnn", size=3, inputs="x", h_0=begin),
            2,
        ]
    )
    series = np.ones((5, 6, 4))
    assert net.predict([series, np.zeros((5, 3))]).shape == (5, 6, 2)
    again = reloaded(net)
    assert again.layers[2].side_inputs == {"h_0": "begin:out"}
