"""Data for the examples in this folder: real digits and text, artificial rest."""

import numpy as np

import theanets


def load_mnist(labels=False):
    train, valid, test = theanets.datasets.load_mnist()
    if labels:
        return train, valid, test
    return train[0], valid[0], test[0]


def load_cifar(count=4000, side=16):
    """Return train, valid and test images (n, 768): blobs of colour, in -1 to 1."""
    rng = np.random.default_rng(7)
    places = np.linspace(-1, 1, side)
    found = np.zeros((count, side, side, 3), "f4")
    for _ in range(6):
        x, y = rng.uniform(-1, 1, (2, count, 1, 1))
        width = rng.uniform(0.1, 0.6, (count, 1, 1))
        square = (places[:, None] - y) ** 2 + (places - x) ** 2
        blob = np.exp(-square / width**2)
        found += blob[..., None] * rng.uniform(-1, 1, (count, 1, 1, 3))
    found = np.tanh(found + 0.02 * rng.normal(size=found.shape)).astype("f4")
    rows = found.reshape(count, -1)
    return np.split(rows, [count * 4 // 5, count * 9 // 10])


def load_chime(count, seed):
    """Return inputs (n, 60, 39), labels and weights (n, 60) of artificial speech."""
    sounds = np.random.default_rng(0).normal(size=(51, 39))
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.integers(0, 51, (count, 12)), 5, axis=1)
    inputs = sounds[labels] + 4 * rng.normal(size=(count, 60, 39))
    lengths = rng.integers(30, 61, count)
    weights = np.arange(60) < lengths[:, None]
    return inputs.astype("f4"), labels.astype("i4"), weights.astype("f4")
