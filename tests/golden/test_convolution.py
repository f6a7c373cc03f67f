"""Convolution against the original's numbers, which had its filters flipped."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.layers import FORMS

from . import case, cases
from .test_layers import CLOSE, split, tuples
from .test_models import case_specs

CASES = [name for name in cases("layers") if name.startswith("layers/conv")]


def flipped(params):
    """Return ours for the original's parameters, and the reverse."""
    return {
        name: value[:, :, ::-1, ::-1] if value.ndim == 4 else value
        for name, value in params.items()
    }


def model(meta):
    module, _, name = meta["model"].rpartition(".")
    layers = tuples(meta["layers"])
    if module == "convolution":
        return getattr(theanets.convolution, name)(layers)
    first = layers[0] if isinstance(layers[0], tuple) else (None, layers[0])
    return getattr(theanets, name)([first, *layers[1:]])


@pytest.fixture(scope="module", params=CASES)
def example(request):
    meta, arrays = case(request.param)
    return arrays, model(meta), flipped(split(arrays, "param/"))


def test_every_case_that_worked_is_here():
    assert len(CASES) == 13


def test_outputs(example):
    arrays, net, params = example
    assert {p.name: p.shape for p in net.params} == {
        name: value.shape for name, value in params.items()
    }
    for name, value in params.items():
        net.find(*name.split(".")).set_value(value)
    found = net.feed_forward(split(arrays, "input/"))
    expected = split(arrays, "output/")
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, **CLOSE, err_msg=name)
        layer, _, output = name.partition(":")
        declared = next(x for x in net.layers if x.name == layer).outputs[output]
        assert declared in (value.shape[1:], (None, *value.shape[2:]))


def test_gradients(example):
    arrays, net, params = example
    apply, _ = net.functional()

    def total(params, inputs):
        return (jnp.asarray(arrays["cot"]) * apply(params, inputs)["out:out"]).sum()

    inputs = split(arrays, "input/")
    of_params, of_inputs = jax.jit(jax.grad(total, (0, 1)))(params, inputs)
    expected = split(arrays, "grad/param/")
    assert of_params.keys() == expected.keys()
    for name, gradient in flipped(of_params).items():
        np.testing.assert_allclose(gradient, expected[name], **CLOSE, err_msg=name)
    np.testing.assert_allclose(of_inputs["in"], arrays["grad/input/in"], **CLOSE)


@pytest.mark.parametrize("name", ["conv1", "conv2"])
def test_initial_values_have_the_original_spread(name):
    meta, arrays = case(f"init/{name}")
    net = model(meta)
    found = net.find("hid1", "w").get_value()
    theirs = split(arrays, "param/")["hid1.w"]
    assert found.shape == theirs.shape
    size, channels = found.shape[:2]
    many = model({**meta, "layers": [*meta["layers"][:1], wide(meta["layers"][1])]})
    spread = many.find("out", "w").get_value().std()
    assert spread == pytest.approx((600 + channels) ** -0.5, rel=0.05)
    assert theirs.std() == pytest.approx((size + channels) ** -0.5, rel=0.3)


def wide(spec):
    return {**spec, "size": 600}


def test_how_layers_are_read():
    spec = case_specs()["spec_conv"]
    net = theanets.convolution.Classifier(tuples(spec["layers"]))
    assert [layer.name for layer in net.layers] == spec["names"]
    assert [list(layer.shape) for layer in net.layers] == spec["shapes"]
    assert [type(layer) for layer in net.layers] == [
        FORMS.lookup(form.lower()) for form in spec["classes"]
    ]
    assert [param.name for param in net.params] == spec["params"]
    assert sorted(net.feed_forward(np.zeros((1, 7, 6, 2)))) == spec["outputs"]
    for layer, activation in zip(net.layers, spec["activations"], strict=True):
        assert not layer.takes_activation or layer.activation.spec == activation


def test_flatten():
    meta, arrays = case("layers/flatten")
    net = model(meta)
    for name, value in split(arrays, "param/").items():
        net.find(*name.split(".")).set_value(value)
    expected = arrays["output/out:out"]
    np.testing.assert_allclose(net.predict(arrays["input/in"]), expected, **CLOSE)


# What follows failed in the original.


def test_strides_before_flat():
    meta, _ = case_that_failed("conv2_stride2_flat")
    net = model(meta)
    assert [layer.shape for layer in net.layers] == [(7, 6, 2), (3, 3, 4), (36,), (3,)]
    assert net.predict(np.zeros((2, 7, 6, 2))).shape == (2, 3)


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("pool1", (1, 8, 5), (None, 5)),
        ("pool2", (1, 7, 6, 2), (3, 3, 2)),
    ],
)
def test_pools(name, x, expected):
    meta, _ = case_that_failed(name)
    net = model(meta)
    assert net.layers[1].shape == expected
    data = np.random.default_rng(0).normal(size=x).astype("f")
    found = net.feed_forward(data)["hid1:out"]
    for place in np.ndindex(found.shape[1:-1]):
        window = tuple(slice(2 * i, 2 * i + 2) for i in place)
        largest = data[(0, *window)].reshape(-1, x[-1]).max(axis=0)
        np.testing.assert_array_equal(found[(0, *place)], largest)


def case_that_failed(name):
    from . import _index

    return _index()[f"layers/{name}"], None
