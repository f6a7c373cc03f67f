"""A score is computed some examples at a time, and does not depend on how many."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from sklearn.metrics import accuracy_score, r2_score

import theanets
from theanets.models import prediction
from theanets.models.scores import r2

RNG = np.random.default_rng(5)
X = RNG.standard_normal((70, 4)).astype("f4")
Y = (X @ RNG.standard_normal((4, 3)) + 100).astype("f4")
ONE_EACH, ONE_ALL = RNG.random(70), RNG.random((70, 3))


@pytest.fixture(params=[1, 100, 1000, 1 << 30])
def at_once(request, monkeypatch):
    monkeypatch.setattr(prediction, "_BATCH_BYTES", request.param)


@pytest.mark.parametrize("w", [None, ONE_EACH], ids=["alike", "weighted"])
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_matrix])
def test_a_regressor_s_score(at_once, kind, w):
    net = theanets.Regressor([4, 3])
    expected = r2_score(Y, net.predict(X), sample_weight=w)
    assert net.score(kind(X), kind(Y), w) == pytest.approx(expected, rel=1e-5)


def test_weights_of_each_output(at_once):
    net = theanets.Regressor([4, 3])
    predicted = net.predict(X)
    expected = np.mean(
        [
            r2_score(Y[:, i], predicted[:, i], sample_weight=ONE_ALL[:, i])
            for i in range(3)
        ]
    )
    assert net.score(X, Y, ONE_ALL) == pytest.approx(expected, rel=1e-5)


def test_an_autoencoder_s_score(at_once):
    net = theanets.Autoencoder([4, 2, 4])
    expected = r2_score(X, net.predict(X))
    assert net.score(X) == pytest.approx(expected, rel=1e-5)
    assert net.score(scipy.sparse.csr_array(X)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("w", [None, ONE_EACH], ids=["alike", "weighted"])
def test_a_classifier_s_score(at_once, w):
    net = theanets.Classifier([4, 3])
    labels = np.arange(70) % 3
    expected = accuracy_score(labels, net.predict(X), sample_weight=w)
    assert net.score(X, labels, w) == pytest.approx(expected)


def test_several_inputs(at_once):
    net = theanets.Regressor(
        [
            {"form": "input", "name": "left", "size": 4},
            {"form": "input", "name": "right", "size": 4},
            {"form": "product", "inputs": ["left", "right"]},
            3,
        ]
    )
    both = {"left": X, "right": X[::-1]}
    expected = r2_score(Y, net.predict(both))
    assert net.score(both, Y) == pytest.approx(expected, rel=1e-5)


def test_a_large_mean_costs_no_digits():
    y = 1e8 + RNG.standard_normal((90, 2))
    predicted, ones = y + RNG.standard_normal((90, 2)), np.ones((90, 2))
    parts = [
        (y[i : i + 7], predicted[i : i + 7], ones[i : i + 7]) for i in range(0, 90, 7)
    ]
    assert r2(parts) == pytest.approx(r2_score(y, predicted), rel=1e-7)


def test_parts_without_weight_do_not_count():
    w = np.repeat([0.0, 1.0, 0.0], 5)[:, None]
    y, predicted = RNG.standard_normal((2, 15, 1))
    parts = [(y[i : i + 5], predicted[i : i + 5], w[i : i + 5]) for i in (0, 5, 10)]
    assert r2(parts) == pytest.approx(r2_score(y[5:10], predicted[5:10]))


LARGE = """
import numpy as np, scipy.sparse, theanets
rows, each, columns = 1000, 100, 100_000
rng = np.random.default_rng(0)
places = rng.integers(0, columns, rows * each)
stored = rng.random(rows * each, "f4"), places, np.arange(rows + 1) * each
x = scipy.sparse.csr_matrix(stored, (rows, columns))
net = theanets.Autoencoder([dict(size=columns, sparse="csr"), 4, columns])
assert np.isfinite(net.score(x))
# Not ru_maxrss, which a process inherits from the one that started it.
status = open("/proc/self/status").read()
print(status.partition("VmHWM:")[2].split()[0])
"""


def test_a_large_sparse_matrix_is_scored_in_little_memory():
    done = subprocess.run(
        [sys.executable, "-c", LARGE],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    # Dense, in the precision of a score, the data alone take 800 MB.
    assert int(done.stdout) < 1_000_000
