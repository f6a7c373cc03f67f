"""Layers against the original's numbers: every output, every gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets

from . import case

CLOSE = {"rtol": 1e-4, "atol": 1e-5}

CASES = [
    "feedforward",
    "feedforward_defaults",
    "feedforward_2_inputs",
    "feedforward_2_input_layers",
    "feedforward_time",
    "classifier_model",
    "classifier_hidden",
    "classifier_time",
    "tied",
    "tied_deep",
    "tied_partner",
    "product",
    "concatenate",
    "flatten",
    "feedforward_act_prelu",
    "feedforward_act_lgrelu",
    "feedforward_act_elu",
    "feedforward_act_maxout_3",
    "feedforward_act_relu_norm_z",
    "feedforward_act_prelu_tanh",
]

# The original's parameter is the logarithm of ours.
LOGARITHMS = (".leak", ".gain")


def tuples(layers):
    return [tuple(x) if isinstance(x, list) else x for x in layers]


def model(meta):
    """Make the model of a case; the recurrent ones read sequences of any length."""
    module, _, name = meta["model"].rpartition(".")
    layers = tuples(meta["layers"])
    if module == "recurrent":
        layers[0] = (None, layers[0])
    return getattr(theanets, name)(layers)


def split(arrays, prefix):
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def ours(name, value):
    return np.exp(value) if name.endswith(LOGARITHMS) else value


@pytest.fixture(scope="module", params=CASES)
def example(request):
    meta, arrays = case(f"layers/{request.param}")
    net = model(meta)
    params = {n: ours(n, v) for n, v in split(arrays, "param/").items()}
    return meta, arrays, net, params


def test_names_and_shapes(example):
    meta, _, net, params = example
    assert {layer.name: list(layer.shape) for layer in net.layers} == (
        meta["layer_shapes"]
    )
    assert [layer.name for layer in net.inputs] == meta["inputs"]
    assert {p.name: p.shape for p in net.params} == {
        name: value.shape for name, value in params.items()
    }


def test_outputs(example):
    meta, arrays, net, params = example
    for name, value in params.items():
        net.find(*name.split(".", 1)).set_value(value)
    found = net.feed_forward(split(arrays, "input/"))
    expected = split(arrays, "output/")
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, **CLOSE, err_msg=name)
    if not isinstance(net, theanets.Classifier):
        predicted = net.predict(split(arrays, "input/"))
        np.testing.assert_array_equal(predicted, found[meta["last_output"]])


def test_gradients(example):
    _meta, arrays, net, params = example
    apply, _ = net.functional()

    def total(params, inputs):
        return (jnp.asarray(arrays["cot"]) * apply(params, inputs)["out:out"]).sum()

    inputs = split(arrays, "input/")
    value, (of_params, of_inputs) = jax.jit(jax.value_and_grad(total, (0, 1)))(
        params, inputs
    )
    np.testing.assert_allclose(value, arrays["cot_total"], **CLOSE)
    expected = split(arrays, "grad/param/")
    assert of_params.keys() == expected.keys()
    for name, gradient in of_params.items():
        chain = params[name] if name.endswith(LOGARITHMS) else 1
        np.testing.assert_allclose(
            gradient * chain, expected[name], **CLOSE, err_msg=name
        )
    for name, gradient in of_inputs.items():
        np.testing.assert_allclose(
            gradient, arrays[f"grad/input/{name}"], **CLOSE, err_msg=name
        )


# What follows failed in the original.


@pytest.mark.parametrize("shape", [(4, 2), (-1, 2), (4, -1)])
def test_reshape(shape):
    net = theanets.Regressor(
        [8, {"form": "reshape", "shape": shape}, {"form": "flat"}, 3]
    )
    assert [layer.shape for layer in net.layers] == [(8,), (4, 2), (8,), (3,)]
    x = np.arange(16, dtype="f").reshape(2, 8)
    outputs = net.feed_forward(x)
    np.testing.assert_array_equal(outputs["hid1:out"], x.reshape(2, 4, 2))
    np.testing.assert_array_equal(outputs["hid2:out"], x)


def test_a_layer_after_a_reshape_reads_its_last_axis():
    net = theanets.Regressor([8, {"form": "reshape", "shape": [-1, 2]}, 3])
    assert net.find("out", "w").shape == (2, 3)
    x = np.arange(16, dtype="f").reshape(2, 8)
    expected = x.reshape(2, 4, 2) @ net.find("out", "w").get_value()
    np.testing.assert_allclose(net.predict(x), expected, **CLOSE)


def test_what_comes_before_an_activation_can_be_read():
    net = theanets.Regressor([5, (6, "tanh"), {"inputs": "hid1:pre", "size": 3}])
    x = np.random.default_rng(0).normal(size=(4, 5))
    outputs = net.feed_forward(x)
    np.testing.assert_allclose(
        outputs["hid1:out"], np.tanh(outputs["hid1:pre"]), **CLOSE
    )
    expected = outputs["hid1:pre"] @ net.find("out", "w").get_value()
    np.testing.assert_allclose(outputs["out:out"], expected, **CLOSE)


def test_a_model_with_two_inputs_predicts():
    meta, arrays = case("layers/feedforward_2_input_layers")
    net = model(meta)
    for name, value in split(arrays, "param/").items():
        net.find(*name.split(".", 1)).set_value(value)
    a, b = arrays["input/a"], arrays["input/b"]
    expected = arrays["output/out:out"]
    np.testing.assert_allclose(net.predict([a, b]), expected, **CLOSE)
    np.testing.assert_allclose(net.predict({"b": b, "a": a}), expected, **CLOSE)
    np.testing.assert_allclose(net.predict([a[0], b[0]]), expected[0], **CLOSE)
