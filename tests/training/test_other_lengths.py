"""Other numbers of rows are trained by the programs that are there."""

import numpy as np
import pytest

import theanets

from ..helpers import bits, compilations

rng = np.random.default_rng(0)
X = rng.normal(size=(569, 30)).astype("f4")
Y = (X[:, 0] > 0).astype(int)


def fit(train, valid, **keywords):
    net = theanets.Classifier([30, 16, 2], rng=1)
    net.train(
        (X[train], Y[train]),
        (X[valid], Y[valid]),
        **{"algo": "adam", "max_epochs": 2, "progress": False} | keywords,
    )
    return net


def folds(count):
    """Yield the rows of training and validation, of unequal lengths."""
    rows = np.random.default_rng(1).permutation(len(X))
    cuts = np.linspace(0, len(X), count + 1) + np.arange(count + 1) % 3
    for first, last in zip(cuts[:-1].astype(int), cuts[1:].astype(int), strict=True):
        yield np.delete(rows, np.s_[first:last]), rows[first:last]


@pytest.mark.parametrize("keywords", [{}, {"weight_l2": 0.1, "hidden_dropout": 0.2}])
def test_twenty_folds_after_one_fit_compile_nothing(keywords):
    first, *others = folds(20)
    assert len({len(train) for train, _ in others}) > 2
    fit(*first, **keywords)
    with compilations() as compiled:
        for train, valid in others:
            fit(train, valid, **keywords)
    assert not compiled


def test_the_number_of_rows_changes_no_bit():
    """Rows that fill the room on the device are not seen."""
    train, valid = next(folds(5))
    expected = bits(fit(train, valid))
    longer = np.concatenate([X, X[:5]]), np.concatenate([Y, Y[:5]])
    net = theanets.Classifier([30, 16, 2], rng=1)
    net.train(
        theanets.Dataset(longer, rows=train),
        (X[valid], Y[valid]),
        algo="adam",
        max_epochs=2,
        progress=False,
    )
    assert bits(net) == expected
