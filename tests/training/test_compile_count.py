"""What has been compiled once is not compiled again."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import theanets
from theanets.optimizers import ALGORITHMS

from ..helpers import blobs, compilations


def train(net, data=None, **keywords):
    keywords = {"max_epochs": 2, "progress": False, **keywords}
    net.train(blobs() if data is None else data, **keywords)


SGD = {"algo": "sgd"}
NUMBERS = {
    "limit": (SGD | {"max_gradient_norm": 1}, SGD | {"max_gradient_norm": 2}),
    "penalties": (
        SGD | {"weight_l2": 0.1, "weight_l1": 0, "hidden_l1": 1},
        SGD | {"weight_l2": 0, "weight_l1": 0.2, "hidden_l1": 0.3},
    ),
    "a pattern written out": (
        SGD | {"weight_l2": 0.1},
        SGD | {"weight_l2": {"weight": 0.2, "pattern": "*"}},
    ),
    "dropout": (
        SGD | {"input_dropout": 0, "dropout": {"hid1:out": 0.1}},
        SGD | {"input_dropout": 0.5, "dropout": {"hid1:out": 0}},
    ),
    "noise": (SGD | {"hidden_noise": 0.1}, SGD | {"hidden_noise": 1}),
    "controls": (
        SGD,
        SGD
        | {"validate_every": 1, "patience": 2, "rng": 3, "min_improvement": 0.1}
        | {"max_updates": 3},
    ),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_other_numbers_compile_nothing(name):
    # Sizes of no other test, so that the first training has to compile.
    net = theanets.Classifier([4, 20 + list(NUMBERS).index(name), 2])
    first, second = NUMBERS[name]
    with compilations() as compiled:
        train(net, **first)
    assert compiled
    with compilations() as compiled:
        train(net, **second)
    assert not compiled


OTHERS = {
    "sgd": {"learning_rate": 0.5},
    "nag": {"learning_rate": 0.02, "momentum": 0.5},
    "rprop": {"learning_rate": 0.01, "rprop_increase": 1.2, "rprop_max_step": 2},
    "adagrad": {"learning_rate": 0.1, "rms_regularizer": 1e-4},
    "rmsprop": {"learning_rate": 0.1, "rms_halflife": 3, "rms_regularizer": 1e-4},
    "adadelta": {"rms_halflife": 3},
    "esgd": {"learning_rate": 0.1, "rms_halflife": 3},
    "adam": {"learning_rate": 0.1, "beta1_halflife": 3, "beta2_halflife": 9},
    "lbfgs": {},
}


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_every_algorithm_trains_again_without_compiling(algo):
    net = theanets.Classifier([4, 13, 2])
    train(net, algo=algo)
    with compilations() as compiled:
        train(net, algo=algo)
        train(net, algo=algo, **OTHERS.get(algo, {"learning_rate": 0.1}))
    assert not compiled


def test_a_transformation_of_optax_trains_again_without_compiling():
    net, algo = theanets.Classifier([4, 13, 2]), optax.adam(0.01)
    train(net, algo=algo)
    with compilations() as compiled:
        train(net, algo=algo)
    assert not compiled


def test_a_schedule_trains_again_without_compiling():
    net, schedule = theanets.Classifier([4, 13, 2]), optax.cosine_decay_schedule(0.1, 9)
    train(net, algo="sgd", learning_rate=schedule)
    with compilations() as compiled:
        train(net, algo="sgd", learning_rate=schedule)
    assert not compiled


def test_other_data_of_the_same_shape_compile_nothing():
    net = theanets.Classifier([4, 14, 2])
    train(net, blobs(50, seed=1))
    with compilations() as compiled:
        train(net, blobs(50, seed=2))
    assert not compiled


def test_epochs_of_a_stream_share_their_programs():
    net, batch = theanets.Classifier([4, 14, 2]), blobs(8)
    train(net, lambda: batch, valid=blobs(50), train_batches=150)
    with compilations() as compiled:
        train(net, lambda: batch, valid=blobs(50), train_batches=290, max_epochs=3)
    assert not compiled


def test_another_network_of_the_same_form_compiles_nothing():
    train(theanets.Classifier([4, 15, 2], rng=1))
    with compilations() as compiled:
        net = theanets.Classifier([4, {"size": 15, "std": 0.3}, 2], rng=2)
        train(net)
    assert not compiled


def test_a_loaded_network_compiles_nothing(tmp_path):
    net, points = theanets.Classifier([4, 16, 2]), blobs()[0]
    train(net)
    net.predict(points)
    net.save(tmp_path / "net")
    with compilations() as compiled:
        loaded = theanets.load(tmp_path / "net")
        train(loaded)
        loaded.predict(points)
        loaded.find("hid1", "w").set_value(np.ones((4, 16)))
        train(loaded)
    assert not compiled


def test_another_weight_of_a_loss_compiles_nothing():
    net = theanets.Classifier([4, 17, 2])
    train(net)
    with compilations() as compiled:
        net.set_loss("xe", weight=3)
        train(net)
    assert not compiled


def test_making_a_network_compiles_nothing():
    with compilations() as compiled:
        layers = [7, (5, "maxout:3"), {"size": 4, "std": 2}, (3, "prelu"), ("tied", 4)]
        net = theanets.Regressor(layers)
        net.find("hid1", "w").set_value(np.zeros((7, 5)))
        str(net)
    assert not compiled


def test_batches_of_every_size_share_twelve_programs():
    net = theanets.Classifier([4, 18, 3])
    points = np.random.default_rng(0).standard_normal((3000, 4)).astype("f4")
    every = net.predict_proba(points)
    with compilations() as compiled:
        for size in range(1, 3001):
            found = net.predict_proba(points[:size])
            assert found.shape == (size, 3)
            np.testing.assert_allclose(found[-1], every[size - 1], rtol=1e-5)
    assert len(compiled) <= 12


def test_minimizing_again_compiles_nothing():
    def loss(params, x):
        return jnp.square(params["p"] - x).mean()

    points = np.ones((50, 3), "f4")
    for start, rate in [(0.0, 0.1), (5.0, 0.2)]:
        with compilations() as compiled:
            theanets.minimize(
                loss,
                {"p": start},
                points,
                learning_rate=rate,
                max_epochs=3,
                progress=False,
            )
    assert not compiled
