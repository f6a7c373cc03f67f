"""Objects with a length that give batches, or examples, by number."""

import collections

import numpy as np
import pytest

import theanets
from theanets.errors import DataError

rng = np.random.default_rng(1)
X = rng.normal(size=(40, 4)).astype("f4")
Y = (X[:, 0] > 0).astype("i4")


class Endless:
    """Gives something for every number, as many data sets do."""

    count = len(X)

    def __init__(self):
        self.asked = []
        self.epochs = 0

    def __len__(self):
        return self.count


class Examples(Endless):
    def __getitem__(self, number):
        self.asked.append(number)
        return X[number % 40], int(Y[number % 40])


class Batches(Endless):
    """As a Sequence of Keras is written."""

    count = 5

    def __getitem__(self, number):
        self.asked.append(number)
        part = slice(number % 5 * 8, number % 5 * 8 + 8)
        return X[part], Y[part]

    def on_epoch_end(self):
        self.epochs += 1


class Loader:
    """Gives lists of arrays, as a DataLoader of torch does."""

    def __len__(self):
        return 5

    def __iter__(self):
        for number in range(5):
            yield list(Batches()[number])


def train(data, valid=(X, Y), **keywords):
    net = theanets.Classifier([4, 5, 2])
    keywords = {"algo": "sgd", "max_epochs": 2, "progress": False} | keywords
    pair = net.train(data, valid, **keywords)
    return [param.get_value() for param in net.params], pair


def same(found, expected):
    for array, other in zip(found[0], expected[0], strict=True):
        np.testing.assert_array_equal(array, other)
    assert found[1] == expected[1]


def test_batches_by_number():
    data = Batches()
    expected = train([Batches()[i] for i in range(5)])
    same(train(data), expected)
    assert data.asked == [0, 1, 2, 3, 4] * 2
    assert data.epochs == 2
    same(train(Loader()), expected)


def test_it_serves_for_validation_too():
    data = Batches()
    _, (_, validation) = train(data, None)
    assert validation["acc"] > 0
    assert data.epochs > 2
    train((X, Y), Batches())


def test_fewer_batches_than_there_are():
    data = Batches()
    train(data, train_batches=3)
    assert data.asked[:3] == [0, 1, 2] and len(data.asked) <= 8


def test_examples_by_number():
    data = theanets.Dataset(Examples(), examples=True)
    # In the order of arrays, whose first epochs are shuffled by the same seed.
    whole = theanets.Dataset([X, Y])
    found, expected = train(data, batch_size=8), train(whole, batch_size=8)
    same(found, expected)
    assert sorted(data.inputs.asked) == sorted([*range(40)] * 2)


def test_examples_of_some_rows():
    rows = np.arange(0, 40, 3)
    data = theanets.Dataset(Examples(), examples=True, rows=rows, batch_size=4)
    train(data, theanets.Dataset(Examples(), examples=True))
    assert set(data.inputs.asked) == set(rows)


def test_examples_in_one_batch():
    data = theanets.Dataset(Examples(), examples=True, batch_size=None)
    found, _ = train(data, max_epochs=1)
    expected, _ = train((X, Y), batch_size=None, max_epochs=1)
    for array, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(array, other, atol=1e-6)


@pytest.mark.parametrize("kind", [dict, list, tuple])
def test_examples_of_every_form(kind):
    class Forms(Examples):
        def __getitem__(self, number):
            pair = super().__getitem__(number)
            names = ("in", "target")
            return dict(zip(names, pair, strict=True)) if kind is dict else kind(pair)

    data = theanets.Dataset(Forms(), examples=True)
    same(train(data), train(theanets.Dataset(Examples(), examples=True)))


def test_examples_of_one_array():
    class Alone(Endless):
        def __getitem__(self, number):
            return X[number % 40]

    net = theanets.Autoencoder([4, 2, 4])
    data = theanets.Dataset(Alone(), examples=True)
    net.train(data, max_epochs=1, progress=False)
    assert len(net.history) == 1


def test_a_run_is_resumed(tmp_path):
    run = dict(checkpoint=tmp_path / "run", checkpoint_every=1)
    data = theanets.Dataset(Examples(), examples=True)
    train(data, max_epochs=2, **run)
    same(train(data, max_epochs=4, **run), train(data, max_epochs=4))


def test_examples_taken_for_batches():
    with pytest.raises(DataError, match=r"give theanets.Dataset\(data, examples=True"):
        train(Examples())


def test_what_has_no_examples_by_number():
    for data in ((X, Y), Loader(), lambda: (X, Y)):
        with pytest.raises(DataError, match="does not give examples by number"):
            train(theanets.Dataset(data, examples=True))


def test_examples_of_unequal_shapes():
    class Uneven(Endless):
        def __getitem__(self, number):
            return X[: number + 1], Y[: number + 1]

    net = theanets.recurrent.Classifier([4, 5, 2])
    with pytest.raises(DataError, match="those of a batch have to be equal"):
        net.train(theanets.Dataset(Uneven(), examples=True), progress=False)


def test_an_empty_one():
    class Empty(Batches):
        count = 0

    for data in (Empty(), theanets.Dataset(Empty(), examples=True)):
        with pytest.raises(DataError, match="train is empty"):
            train(data)


@pytest.mark.parametrize("ask", ["predict", "score"])
def test_an_array_is_never_read_without_an_end(ask):
    net = theanets.Classifier([4, 5, 2])
    rows = collections.UserList(X.tolist())
    assert (net.predict(rows) == net.predict(X)).all()
    with pytest.raises(DataError):
        net.predict(Examples()) if ask == "predict" else net.score(Examples(), Y)
