"""A trained network, used as the original's users did."""

import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError

X = np.random.default_rng(0).normal(size=(8, 4)).astype("f4")


@pytest.fixture
def auto():
    return theanets.Autoencoder([4, (3, "logistic"), (2, "tanh"), ("tied", 3), 4])


def test_encode_by_the_name_of_an_output(auto):
    outputs = auto.feed_forward(X)
    for name in ("hid1:out", "hid1:pre", "hid2:pre"):
        np.testing.assert_allclose(auto.encode(X, name), outputs[name], rtol=1e-6)
    np.testing.assert_array_equal(auto.encode(X, auto.layers[1]), auto.encode(X, 1))
    with pytest.raises(KeyError, match='Did you mean "hid1:pre"'):
        auto.encode(X, "hid1:pr")


def test_decode_by_the_name_of_an_output(auto):
    code = auto.encode(X, "hid1:out")
    for layer in ("hid1:out", "hid1", 1, auto.layers[1]):
        np.testing.assert_allclose(auto.decode(code, layer), auto.predict(X), rtol=1e-5)
    with pytest.raises(ConfigurationError, match="other layers read"):
        auto.decode(code, "hid1:pre")


def test_decode_with_noise(auto):
    code = auto.encode(X, "hid1")
    plain, noisy = (
        auto.decode(code, "hid1"),
        auto.decode(code, "hid1", hidden_noise=0.1),
    )
    assert not np.array_equal(plain, noisy)
    assert np.abs(plain - noisy).max() < 2
    with pytest.raises(ConfigurationError, match="hiden_noise"):
        auto.decode(code, "hid1", hiden_noise=0.1)


def test_borrowing(auto):
    weights = auto.find("hid1", "w")
    value = weights.get_value(borrow=True)
    value[:] = 0
    assert weights.get_value().any()
    weights.set_value(value, borrow=True)
    value[:] = 1
    assert not weights.get_value().any()


def test_find_by_full_name(auto):
    assert auto.find("hid1.w").name == auto.find(auto.layers[1], "w").name == "hid1.w"
    with pytest.raises(KeyError, match=r'Write find\("hid1", "w"\)'):
        auto.find("hid1")
    with pytest.raises(KeyError, match="no parameter 'v'"):
        auto.find("hid1.v")
    with pytest.raises(KeyError, match="no layer 'hid9'"):
        auto.find("hid9.w")


def test_an_experiment_of_a_function():
    def make(size, activation="relu"):
        return theanets.Regressor([4, (size, activation), 2])

    experiment = theanets.Experiment(make, 3, activation="tanh")
    assert experiment.network.layers[1].activation.spec == "tanh"
    with pytest.raises(ConfigurationError, match="returned 3"):
        theanets.Experiment(lambda: 3)


def test_classify_and_num_params():
    net = theanets.Classifier([4, 3, 2])
    np.testing.assert_array_equal(net.classify(X), net.predict(X))
    assert net.num_params == 4 * 3 + 3 + 3 * 2 + 2
    assert net.layers[1].num_params == 15
