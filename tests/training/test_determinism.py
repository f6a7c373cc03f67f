"""Equal seeds give equal bits; what is added changes no stream but its own."""

import os
import subprocess
import sys

import numpy as np
import pytest

import theanets

from ..helpers import bits, blobs

NOISY = {"hidden_dropout": 0.3, "input_noise": 0.1, "weight_l2": 0.01}


def trained(layers=(4, 6, 2), rng=5, seed=None, **keywords):
    net = theanets.Classifier(list(layers), rng=rng)
    keywords = {"max_epochs": 3, "batch_size": 8, "progress": False, **keywords}
    net.train(blobs(), rng=seed, **keywords)
    return net


def values(net):
    return {parameter.name: parameter.get_value() for parameter in net.params}


def assert_close(first, second):
    assert set(first) <= set(second)
    for name, value in first.items():
        np.testing.assert_allclose(value, second[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("algo", ["nag", "adam", "esgd"])
def test_equal_seeds_give_equal_bits(algo):
    found = [bits(trained(algo=algo, **NOISY)) for _ in range(2)]
    assert found[0] == found[1]


@pytest.mark.parametrize("keywords", [{}, NOISY])
def test_another_seed_gives_other_bits(keywords):
    assert bits(trained(rng=5, **keywords)) != bits(trained(rng=6, **keywords))


def test_another_seed_of_the_training_gives_other_bits():
    assert bits(trained(algo="sgd")) != bits(trained(algo="sgd", seed=1))


def test_noise_is_drawn_anew_for_each_prediction_and_again_with_the_seed():
    points = blobs()[0]
    nets = [theanets.Classifier([4, 6, 2]) for _ in range(2)]
    drawn = [
        [net.predict_proba(points, hidden_dropout=0.5) for _ in range(2)]
        for net in nets
    ]
    assert not np.array_equal(drawn[0][0], drawn[0][1])
    np.testing.assert_array_equal(drawn[0], drawn[1])


PROCESS = """
import hashlib, sys
import numpy as np
import theanets

rng = np.random.default_rng(0)
points = rng.standard_normal((64, 4)).astype("f4")
labels = (points.sum(axis=1) > 0).astype("u1")
net = theanets.Classifier([4, 6, (5, "prelu"), 2])
net.train((points, labels), algo="nag", batch_size=8, max_epochs=3, hidden_dropout=0.3,
          input_noise=0.1, progress=False)
digest = hashlib.sha256()
for parameter in net.params:
    digest.update(parameter.get_value().tobytes())
print(digest.hexdigest())
"""


def test_two_processes_give_equal_bits():
    # Python's own hashes differ between the two.
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    digests = [process.communicate()[0] for process in processes]
    assert len(digests[0]) == 65
    assert digests[0] == digests[1]


def test_layers_of_equal_shape_begin_differently():
    net = theanets.Regressor([4, 4, 4, 4])
    weights = [parameter.get_value() for parameter in net.params if parameter.ndim > 1]
    assert not np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[1], weights[2])


FEW = [4, {"size": 6, "name": "a"}, {"size": 5, "name": "b", "inputs": "a"}, 2]
MORE = [
    4,
    {"size": 6, "name": "a"},
    {"size": 9, "name": "extra", "inputs": "in", "activation": "prelu"},
    {"size": 5, "name": "b", "inputs": "a"},
    2,
]
"""The same with one more layer, which nothing reads."""


def test_another_layer_changes_no_initial_values():
    few, more = bits(theanets.Classifier(FEW)), bits(theanets.Classifier(MORE))
    assert set(more) - set(few) == {"extra.w", "extra.b", "extra.leak"}
    assert few == {name: more[name] for name in few}


def test_another_layer_changes_no_other_layers_noise_nor_the_shuffling():
    noise = {"dropout": {"a:out": 0.3}, "noise": {"in:out": 0.2}}
    assert_close(values(trained(FEW, **noise)), values(trained(MORE, **noise)))


@pytest.mark.parametrize(
    "more",
    [
        {"monitors": {"hid1:out": (0.1, 0.5), "*.w": 0}},
        {"monitor_gradients": True},
        {"weight_l2": 0, "weight_l1": 0, "hidden_l1": 0},
        {"output_noise": 0, "output_dropout": 0},
        {"validate_every": 1, "callbacks": [print]},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_watches_or_weighs_nothing_changes_no_numbers(more):
    noise = {"hidden_dropout": 0.3, "input_noise": 0.2, "patience": 99}
    plain = trained(algo="sgd", **noise)
    assert_close(values(plain), values(trained(algo="sgd", **noise, **more)))


def test_the_comparison_above_would_see_another_shuffling():
    first, second = (values(trained(algo="sgd", seed=seed)) for seed in (1, 2))
    with pytest.raises(AssertionError):
        assert_close(first, second)
