"""Rare classes are found as often as by scikit-learn, whatever the batch size."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score

import theanets


def two_blobs(seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(3000) < 0.03).astype("i4")
    return rng.normal(size=(3000, 2)) + 1.2 * y[:, None], y


def clusters(seed):
    x, y = make_classification(
        n_samples=3000,
        n_features=10,
        n_informative=4,
        weights=[0.95],
        class_sep=0.8,
        random_state=seed,
    )
    return x, y.astype("i4")


def three_classes(seed):
    rng = np.random.default_rng(seed)
    y = rng.choice(3, 3000, p=[0.93, 0.05, 0.02]).astype("i4")
    return rng.normal(size=(3000, 4)) + np.eye(3, 4)[y] * 1.5, y


def recalls(data, size):
    """Return the recall of the rarest class, ours and theirs, of five seeds."""
    found = []
    for seed in range(5):
        x, y = data(seed)
        net = theanets.Classifier([x.shape[1], y.max() + 1], rng=seed)
        common = dict(class_weight="balanced", progress=False, patience=100)
        if size is None:
            net.train((x, y), algo="lbfgs", max_epochs=100, **common)
        else:
            net.train(
                (x, y),
                algo="adam",
                learning_rate=0.005,
                batch_size=size,
                max_epochs=60 if size == 32 else 150,
                validate_every=2,
                **common,
            )
        other = LogisticRegression(class_weight="balanced", C=np.inf, max_iter=1000)
        other.fit(x, y)
        rarest = np.bincount(y).argmin()
        found.append(
            [
                recall_score(y == rarest, each.predict(x) == rarest)
                for each in (net, other)
            ]
        )
    return np.array(found).T


@pytest.mark.parametrize("size", [32, 128, None])
@pytest.mark.parametrize("data", [two_blobs, clusters, three_classes])
def test_the_recall_is_within_one_standard_error(data, size):
    ours, theirs = recalls(data, size)
    error = theirs.std(ddof=1) / np.sqrt(len(theirs))
    print(
        f"{data.__name__} {size}: {ours.mean():.4f} {theirs.mean():.4f} ± {error:.4f}"
    )
    assert abs(ours.mean() - theirs.mean()) <= error
