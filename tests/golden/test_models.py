"""Models against the original's numbers: predictions, codes, scores, specs."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

import theanets
from theanets.layers import FORMS

from . import case

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module", params=["autoencoder", "regressor", "classifier"])
def example(request):
    return made(request.param)


def made(name):
    meta, arrays = case(f"models/{name}")
    net = getattr(theanets, meta["model"])(tuples(meta["layers"]))
    for key, value in arrays.items():
        if key.startswith("param/"):
            net.find(*key.removeprefix("param/").split(".")).set_value(value)
    return net, arrays


def tuples(layers):
    return [tuple(x) if isinstance(x, list) else x for x in layers]


def test_predict(example):
    net, arrays = example
    found = net.predict(arrays["x"])
    np.testing.assert_allclose(found, arrays["predict"], **CLOSE)
    single = net.predict(arrays["x"][3])
    np.testing.assert_allclose(single, arrays["predict"][3], **CLOSE)


def test_classifier():
    net, arrays = made("classifier")
    x, y, w = arrays["x"], arrays["y"], arrays["w"]
    assert net.predict(x).dtype.kind == "i"
    np.testing.assert_allclose(net.predict_proba(x), arrays["predict_proba"], **CLOSE)
    np.testing.assert_allclose(net.predict_logit(x), arrays["predict_logit"], **CLOSE)
    assert net.score(x, y) == pytest.approx(float(arrays["score"]))
    assert net.score(x, y, w) == pytest.approx(float(arrays["score_weighted"]))


def test_encode_and_decode():
    net, arrays = made("autoencoder")
    x = arrays["x"]
    for layer, name in [(None, ""), ("hid1", "_hid1"), (3, "_3")]:
        code = net.encode(x, layer)
        np.testing.assert_allclose(code, arrays["encode" + name], **CLOSE)
        np.testing.assert_allclose(net.encode(x[0], layer), code[0], **CLOSE)
    z, z1 = arrays["z"], arrays["z1"]
    np.testing.assert_allclose(net.decode(z), arrays["decode_z"], **CLOSE)
    np.testing.assert_allclose(
        net.decode(z1, "hid1"), arrays["decode_z1_hid1"], **CLOSE
    )
    np.testing.assert_allclose(net.decode(z[0]), arrays["decode_z"][0], **CLOSE)
    np.testing.assert_allclose(net.decode(net.encode(x)), net.predict(x), **CLOSE)


# The original's R2 had one mean for all outputs, and did not weight it.


def test_score_of_a_regressor():
    net, arrays = made("regressor")
    x, y, w = arrays["x"], arrays["y"], arrays["w"]
    predicted = net.predict(x)
    assert net.score(x, y) == pytest.approx(r2_score(y, predicted))
    per_example = w[:, 0]
    expected = r2_score(y, predicted, sample_weight=per_example)
    assert net.score(x, y, per_example) == pytest.approx(expected)
    columns = [
        r2_score(y[:, i], predicted[:, i], sample_weight=w[:, i]) for i in range(3)
    ]
    assert net.score(x, y, w) == pytest.approx(np.mean(columns))


def test_score_of_an_autoencoder():
    net, arrays = made("autoencoder")
    x, w = arrays["x"], arrays["w"]
    predicted = net.predict(x)
    assert net.score(x) == pytest.approx(r2_score(x, predicted))
    expected = r2_score(x, predicted, sample_weight=w[:, 0])
    assert net.score(x, w[:, 0]) == pytest.approx(expected)


@pytest.mark.parametrize("constant", [0.0, 7.0])
def test_score_of_a_target_that_never_changes(constant):
    net = theanets.Regressor([2, 3])
    x = np.zeros((4, 2), "f")
    y = np.full((4, 3), constant, "f")
    assert net.score(x, y) == r2_score(y, net.predict(x))


@pytest.mark.parametrize(
    "name", ["spec_ints", "spec_tuple", "spec_dict", "spec_names", "spec_tied"]
)
def test_how_layers_are_read(name):
    spec = case_specs()[name]
    net = getattr(theanets, spec["model"])(tuples(spec["layers"]))
    assert [layer.name for layer in net.layers] == spec["names"]
    assert [list(layer.shape) for layer in net.layers] == spec["shapes"]
    assert [layer.activation.spec for layer in net.layers] == spec["activations"]
    kinds = [FORMS.lookup(form.lower()) for form in spec["classes"]]
    assert [type(layer) for layer in net.layers] == kinds
    assert [param.name for param in net.params] == spec["params"]
    size = net.layers[0].shape[0]
    assert sorted(net.feed_forward(np.zeros((1, size)))) == spec["outputs"]


def case_specs():
    from . import _index

    return _index()["models/specs"]["specs"]
