"""``valid=0.1``: a part of the training data that is held out."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import theanets
from theanets.data import loading
from theanets.data.expected import Expected
from theanets.data.holdout import held_out
from theanets.errors import ConfigurationError, DataError

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 4))
LABELS = np.repeat([0, 1, 2], [30, 15, 5])
KINDS = Expected("target", "labels", (), classes=3)
NAMES = ("in", "target")


def split(fraction, labels=LABELS, seed=13):
    train, valid = held_out([X, labels], fraction, seed, NAMES, KINDS)
    return train.rows, valid.rows


def train(net, data, valid=None, **keywords):
    keywords = {"algo": "sgd", "max_epochs": 3, "progress": False} | keywords
    return net.train(data, valid, **keywords)


def arrays(net):
    return {p.name: p.get_value() for p in net.params}


def same(net, other):
    for name, array in arrays(net).items():
        np.testing.assert_array_equal(array, arrays(other)[name])


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5, 0.9, np.float32(0.3)])
def test_every_example_is_on_one_side_and_each_class_on_both(fraction):
    kept, held = split(fraction)
    assert sorted([*kept, *held]) == list(range(50))
    assert len(held) == round(fraction * 50)
    for label, size in enumerate([30, 15, 5]):
        count = (LABELS[held] == label).sum()
        assert abs(count - fraction * size) <= 1
        assert (LABELS[kept] == label).sum() > 0 or fraction > 0.8


def test_the_choice_follows_from_the_seed():
    np.testing.assert_array_equal(split(0.2)[1], split(0.2)[1])
    assert list(split(0.2)[1]) != list(split(0.2, seed=14)[1])
    # Nor is it the beginning or the end of each class.
    chosen = np.concatenate([split(0.2, seed=seed)[1] for seed in range(40)])
    assert set(chosen) == set(range(50))


@pytest.mark.parametrize("fraction", [1e-9, 1 - 1e-9])
def test_neither_part_is_empty(fraction):
    kept, held = split(fraction)
    assert min(len(kept), len(held)) == 1


def test_a_class_of_one_example_stays_in_the_training_data():
    labels = np.append(np.repeat([0, 1], [25, 24]), 2)
    for seed in range(20):
        assert 49 in split(0.4, labels, seed)[0]


@pytest.mark.parametrize("algo", ["sgd", "rprop"])
@pytest.mark.parametrize("batch_size", [8, 64, None])
def test_it_trains_as_with_parts_cut_by_hand(algo, batch_size):
    kept, held = split(0.2)
    keywords = dict(algo=algo, batch_size=batch_size, class_weight="balanced")
    cut, whole = (theanets.Classifier([4, 5, 3]) for _ in range(2))
    parts = [(X[rows], LABELS[rows]) for rows in (kept, held)]
    expected = train(cut, *parts, **keywords)
    found = train(whole, (X, LABELS), 0.2, **keywords)
    for own, other in zip(found, expected, strict=True):
        assert own == pytest.approx(other, rel=1e-5)
    for name, array in arrays(whole).items():
        np.testing.assert_allclose(array, arrays(cut)[name], rtol=1e-4, atol=1e-6)


def test_the_second_training_holds_out_the_same_part(monkeypatch):
    picked, made = {"train": [], "valid": []}, loading.ArrayLoader

    def spy(*args):
        found = made(*args)
        picked[found.name].append(found.picked.tolist())
        return found

    monkeypatch.setattr(loading, "ArrayLoader", spy)
    net = theanets.Autoencoder([4, 2, 4])
    for keywords in ({}, {"rng": 5}, {"batch_size": 7}, {"algo": "adam"}):
        train(net, X, 0.2, **keywords)
    for rows in picked.values():
        assert len(rows) == 4
        assert rows[1:] == rows[:-1]
    assert len(picked["valid"][0]) == 10
    # Another seed, another part.
    train(theanets.Autoencoder([4, 2, 4], rng=1), X, 0.2)
    assert picked["valid"][-1] != picked["valid"][0]


@pytest.mark.parametrize(
    "wrap",
    [
        np.ndarray.tolist,
        lambda a: np.asfortranarray(a),
        lambda a: pd.DataFrame(a),
        lambda a: scipy.sparse.csr_array(a),
        lambda a: a.astype("f4"),
    ],
)
def test_data_of_every_kind(wrap):
    x = X.round(2).astype("f4").astype("f8")
    reference, net = (theanets.Regressor([4, 3, 4]) for _ in range(2))
    train(reference, (x, x), 0.2)
    train(net, (wrap(x), x), 0.2)
    same(net, reference)


def test_rows_of_data_that_do_not_fit_the_device(monkeypatch):
    reference, net = (theanets.Classifier([4, 5, 3]) for _ in range(2))
    train(reference, (X, LABELS), 0.2)
    monkeypatch.setattr(theanets.config, "resident_bytes", 10)
    train(net, (X, LABELS), 0.2)
    for name, array in arrays(net).items():
        np.testing.assert_allclose(array, arrays(reference)[name], rtol=1e-5, atol=1e-6)


def test_axis_and_algorithms_and_stages():
    nets = [theanets.Autoencoder([4, 3, 2, 3, 4]) for _ in range(2)]
    train(nets[0], X, 0.2, algo=["layerwise", "adam"], max_epochs=1)
    train(nets[1], X.T, 0.2, axis=1, algo=["layerwise", "adam"], max_epochs=1)
    same(*nets)


def test_weights_of_the_training_part_count():
    weights = np.where(np.arange(50) % 2, 1.0, 3.0)
    kept, held = split(0.2)
    nets = [theanets.Classifier([4, 5, 3], weighted=True) for _ in range(2)]
    parts = [(X[rows], LABELS[rows], weights[rows]) for rows in (kept, held)]
    pair = train(nets[0], (X, LABELS, weights), 0.2)
    expected = train(nets[1], *parts)
    assert pair[0]["loss"] == pytest.approx(expected[0]["loss"], rel=1e-5)


def test_a_run_with_another_part_is_another_run(tmp_path):
    run = dict(checkpoint=tmp_path / "run", checkpoint_every=1)
    cut, calm = (theanets.Classifier([4, 5, 3]) for _ in range(2))
    train(theanets.Classifier([4, 5, 3]), (X, LABELS), 0.2, max_epochs=2, **run)
    train(cut, (X, LABELS), 0.2, max_epochs=4, **run)
    train(calm, (X, LABELS), 0.2, max_epochs=4)
    same(cut, calm)
    with pytest.raises(theanets.CheckpointError, match="rows"):
        train(theanets.Classifier([4, 5, 3]), (X, LABELS), 0.3, max_epochs=5, **run)


def test_minimize_holds_out_too():
    def loss(slope, x, y):
        return ((slope * x - y) ** 2).mean()

    x = np.linspace(-1, 1, 40)
    found = theanets.minimize(
        loss, 0.0, (x, 3 * x), 0.25, algo="adam", learning_rate=0.1, progress=False
    )
    assert float(found.params) == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("valid", [0, 1, 1.0, -0.1, 10, np.int64(3), np.float64(2)])
def test_a_number_that_is_no_fraction(valid):
    net = theanets.Classifier([4, 5, 3])
    with pytest.raises(ConfigurationError, match=r"hold out, such as 0\.1"):
        train(net, (X, LABELS), valid)


def test_batches_cannot_be_held_out():
    net = theanets.Classifier([4, 5, 3])
    for data in (lambda: (X, LABELS), [(X, LABELS)] * 3, iter([(X, LABELS)])):
        with pytest.raises(DataError, match="come batch by batch"):
            train(net, data, 0.1)


def test_one_example_cannot_be_cut():
    with pytest.raises(DataError, match="1 example, of which none"):
        train(theanets.Classifier([4, 5, 3]), (X[:1], LABELS[:1]), 0.5)


NOTE = "no validation data: the training data serve instead; valid=0.1 holds a tenth"


def test_the_display_says_once_that_training_data_serve(capsys):
    net = theanets.Autoencoder([4, 3, 2, 3, 4])
    for keywords in ({}, {"algo": "layerwise"}, {"algo": ["layerwise", "sgd"]}):
        train(net, X, progress=True, **keywords)
        assert capsys.readouterr().err.count(NOTE) == 1
    for valid in (0.1, X[:5]):
        train(net, X, valid, progress=True)
        assert NOTE not in capsys.readouterr().err
    train(net, X)
    assert NOTE not in capsys.readouterr().err


# Rows of a Dataset, which it is made of.


def test_rows_of_a_dataset():
    nets = [theanets.Classifier([4, 5, 3]) for _ in range(2)]
    rows = np.arange(0, 50, 3)
    data = theanets.Dataset([X, LABELS], rows=rows)
    pair = train(nets[0], data, class_weight="balanced")
    expected = train(nets[1], (X[rows], LABELS[rows]), class_weight="balanced")
    assert pair[1] == pytest.approx(expected[1], rel=1e-5)
    masked = theanets.Classifier([4, 5, 3])
    mask = np.isin(np.arange(50), rows)
    data = theanets.Dataset([X, LABELS], rows=mask)
    assert train(masked, data, class_weight="balanced")[1] == pair[1]
    found = held_out(data, 0.5, 13, NAMES, KINDS)
    data = theanets.Dataset([X, LABELS], rows=rows)
    expected = held_out(data, 0.5, 13, NAMES, KINDS)
    for part, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(part.rows, other.rows)
    _, valid = held_out(data, 0.5, 13, NAMES, KINDS)
    assert set(valid.rows) < set(rows)


@pytest.mark.parametrize("rows", [[], [50], [-1], [0.5], "a", [[1, 2]], [None], True])
def test_rows_that_are_none(rows):
    net = theanets.Classifier([4, 5, 3])
    with pytest.raises(DataError, match="numbers of examples, 0 to 49"):
        train(net, theanets.Dataset([X, LABELS], rows=rows))


def test_batches_have_no_rows():
    data = theanets.Dataset([(X, LABELS)] * 3, rows=[1])
    with pytest.raises(DataError, match="rows are given, but the data are batches"):
        train(theanets.Classifier([4, 5, 3]), data)
