"""Equal seeds give equal bits; what is added changes no stream but its own."""

import os
import subprocess
import sys

import numpy as np
import pytest

import theanets
from theanets.data import array_loader, chunks
from theanets.training import measure

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


SEQUENCES = np.random.default_rng(2).standard_normal((36, 6, 4)).astype("f4")
WORDS = np.random.default_rng(3).standard_normal((36, 12)).astype("f4")
RUNS = {
    "classifier": (
        lambda: theanets.Classifier([4, (9, "prelu"), 2]),
        blobs(36),
        {"algo": "adam", **NOISY},
    ),
    "batchnorm": (
        lambda: theanets.Classifier([4, "batchnorm", (9, "tanh"), 2]),
        blobs(36),
        {"algo": "esgd"},
    ),
    "autoencoder": (
        lambda: theanets.Autoencoder([12, 5, ("tied", 12)]),
        [WORDS],
        {"algo": "nag", "input_noise": 0.1},
    ),
    "lstm": (
        lambda: theanets.recurrent.Regressor([4, (6, "lstm"), 2]),
        [SEQUENCES, SEQUENCES[..., :2]],
        {"algo": "nag", "hidden_dropout": 0.2},
    ),
}
"""Models, data with a short last batch, and keywords."""


def outcome(name, data=None, **more):
    """Return the bits of the parameters, and the history, of a run."""
    make, arrays, keywords = RUNS[name]
    net = make()
    keywords = {"max_epochs": 4, "batch_size": 8, "progress": False, **keywords}
    net.train(arrays if data is None else data, validate_every=1, **keywords | more)
    return bits(net), net.history


@pytest.mark.parametrize("name", RUNS)
def test_cuts_and_display_change_no_bits(name, monkeypatch, capsys):
    wanted = outcome(name)
    monkeypatch.setattr(measure, "_SECONDS_PER_CALL", 1e-9)
    assert outcome(name, progress=True) == wanted
    assert "epoch 4" in capsys.readouterr().err


@pytest.mark.parametrize("batches", [1, 3, 128])
@pytest.mark.parametrize("name", RUNS)
def test_streamed_data_give_the_bits_of_resident_data(name, batches, monkeypatch):
    wanted = outcome(name)
    monkeypatch.setattr(theanets.config, "resident_bytes", 0)
    monkeypatch.setattr(chunks, "_CHUNK_BATCHES", batches)
    assert outcome(name) == wanted


@pytest.mark.parametrize("name", ["autoencoder", "lstm"])
def test_batches_from_a_list_give_the_bits_of_arrays(name):
    arrays = [array[:32] for array in RUNS[name][1]]
    alone = {"max_epochs": 1, "train_batches": 4}
    order = np.concatenate(first_order())
    batches = [
        tuple(array[order[i : i + 8]] for array in arrays) for i in range(0, 32, 8)
    ]
    make, _, keywords = RUNS[name]
    found = []
    for data in (arrays, batches):
        net = make()
        net.train(data, arrays, batch_size=8, progress=False, **alone | keywords)
        found.append((bits(net), net.history))
    assert found[0] == found[1]


def first_order():
    """Return the order in which a model's first epoch sees 32 examples."""
    numbers = np.arange(32, dtype="f4")
    seen = array_loader.ArrayLoader(
        (numbers,), ["float32"], 8, 0, 13, shuffle=True, name="train"
    )
    return [
        rows.astype("i4") for chunk in seen.chunks(0) for (rows,) in chunk.on_host()
    ]
