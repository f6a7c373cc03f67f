"""An experiment: a network and the calls on it."""

import io

import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError

DATA = [np.random.default_rng(0).normal(size=(16, n)) for n in (3, 2)]


def test_from_a_class():
    experiment = theanets.Experiment(theanets.Regressor, [3, 4, 2], loss="mae", rng=5)
    assert isinstance(experiment.network, theanets.Regressor)
    assert experiment.network.losses[0].form() == "mae"
    same = theanets.Regressor([3, 4, 2], rng=5)
    np.testing.assert_array_equal(
        experiment.network.find("hid1", "w"), same.find("hid1", "w")
    )


def test_from_a_network():
    net = theanets.Classifier([3, 4, 2])
    assert theanets.Experiment(net).network is net


@pytest.mark.parametrize("kind", ["path", "text", "handle"])
def test_from_a_file(kind, tmp_path):
    net = theanets.Classifier([3, 4, 2])
    path = tmp_path / "model"
    net.save(path)
    file = {"path": path, "text": str(path), "handle": io.BytesIO(path.read_bytes())}
    experiment = theanets.Experiment(file[kind])
    assert isinstance(experiment.network, theanets.Classifier)
    np.testing.assert_array_equal(
        experiment.network.predict(DATA[0]), net.predict(DATA[0])
    )


def test_train_save_and_load(tmp_path):
    experiment = theanets.Experiment(theanets.Regressor, layers=[3, 4, 2])
    options = {"algo": "sgd", "progress": False}
    training, _ = experiment.train(DATA, max_epochs=1, **options)
    epochs = list(experiment.itertrain(DATA, max_epochs=2, **options))
    assert len(epochs) == 2
    assert epochs[-1][0]["loss"] < training["loss"]
    experiment.save(tmp_path / "model")
    trained = experiment.network.predict(DATA[0])
    experiment.network.find("out", "b").set_value([9, 9])
    assert experiment.load(tmp_path / "model") is experiment.network
    np.testing.assert_array_equal(experiment.network.predict(DATA[0]), trained)


def test_wrong_use():
    net = theanets.Regressor([3, 2])
    with pytest.raises(ConfigurationError, match="the model is made already"):
        theanets.Experiment(net, loss="mae")
    with pytest.raises(ConfigurationError, match="made from a network, its class"):
        theanets.Experiment([3, 2])
    with pytest.raises(ConfigurationError, match="class 'dict'> returned"):
        theanets.Experiment(dict)
    with pytest.raises(FileNotFoundError):
        theanets.Experiment("no-such-file")
