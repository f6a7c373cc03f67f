"""A kind of data that a user adds works like an array of the same numbers."""

import numpy as np
import pytest

import theanets
from theanets.data import LazyArray

from ..helpers import bits


class Table:
    """Named columns, of which no array can be made without the kind below."""

    def __init__(self, columns):
        self.columns_by_name = columns

    def __getitem__(self, names):
        return Table({name: self.columns_by_name[name] for name in names})


class TableArray(LazyArray):
    types = (Table,)

    def __init__(self, table):
        self.table = table.columns_by_name
        columns = [*self.table.values()]
        dtype = np.result_type(*columns)
        super().__init__((len(columns[0]), len(columns)), dtype, [*self.table])

    def rows(self, index):
        return np.stack([column[index] for column in self.table.values()], axis=1)


RNG = np.random.default_rng(5)
X = RNG.normal(size=(90, 3)).astype("f4")
LABELS = (X[:, 0] > 0).astype(int)
NAMES = ["age", "height", "weight"]
TABLE = Table(dict(zip(NAMES, X.T, strict=True)))
SETTINGS = {"algo": "adam", "max_epochs": 3, "progress": False}


@pytest.fixture(params=["resident", "streamed"])
def anywhere(request, monkeypatch):
    if request.param == "streamed":
        monkeypatch.setattr(theanets.config, "resident_bytes", 100)


def trained(x, entry=3, **keywords):
    net = theanets.Classifier([entry, 4, 2])
    net.train((x, LABELS), **SETTINGS | keywords)
    return net


@pytest.mark.parametrize(
    "keywords", [{}, {"valid": 0.1}, {"batch_size": 32, "train_batches": 2}], ids=str
)
def test_training_is_that_of_an_array(anywhere, keywords):
    net, dense = trained(TABLE, **keywords), trained(X, **keywords)
    assert bits(net) == bits(dense)
    assert net.history == dense.history
    np.testing.assert_array_equal(net.predict(TABLE), dense.predict(X))
    assert net.score(TABLE, LABELS) == dense.score(X, LABELS)


def test_an_input_learns_its_scale(anywhere):
    entry = {"size": 3, "scale": True}
    assert bits(trained(TABLE, entry)) == bits(trained(X, entry))


def test_picked_rows_of_a_dataset(anywhere):
    rows = np.arange(0, 90, 2)
    nets = [theanets.Autoencoder([3, 2, 3]) for _ in range(2)]
    for net, x in zip(nets, (TABLE, X), strict=True):
        net.train(theanets.Dataset(x, rows=rows), **SETTINGS)
    assert bits(nets[0]) == bits(nets[1])


def test_batches_of_a_callable():
    nets = [theanets.Classifier([3, 4, 2]) for _ in range(2)]
    for net, x in zip(nets, (TABLE, X), strict=True):
        net.train(lambda x=x: (x, LABELS), (x, LABELS), max_updates=2, progress=False)
    assert bits(nets[0]) == bits(nets[1])


@pytest.mark.parametrize("target", ["one-hot", "one column", "truth values"])
def test_a_target(target):
    columns = {
        "one-hot": {"no": 1 - LABELS, "yes": LABELS},
        "one column": {"yes": LABELS},
        "truth values": {"yes": LABELS > 0},
    }[target]
    table = Table(columns)
    net = theanets.Classifier([3, 4, 2])
    if target == "truth values":
        with pytest.raises(theanets.DataError, match="holds truth values"):
            net.train((X, table), **SETTINGS)
        return
    net.train((X, table), **SETTINGS)
    assert bits(net) == bits(trained(X))


def test_columns_are_matched_by_name(anywhere):
    net = trained(TABLE)
    assert net.columns == {"in": NAMES}
    np.testing.assert_array_equal(net.predict(TABLE[NAMES[::-1]]), net.predict(X))
    with pytest.raises(theanets.DataError, match="missing: weight"):
        net.predict(TABLE[NAMES[:2]])
    frame = {"age": X[:, 0], "size": X[:, 1], "weight": X[:, 2]}
    with pytest.raises(theanets.DataError, match="missing: height; unexpected: size"):
        net.train((Table(frame), LABELS), **SETTINGS)


def test_content_is_checked():
    x = X.astype("f8")
    table = Table(dict(zip(NAMES, x.T, strict=True)))
    x[7, 1] = np.inf
    with pytest.raises(theanets.DataError, match=r'inf, at index 7, column "height"'):
        trained(table)
    x[7, 1] = 1e39
    with pytest.raises(theanets.DataError, match=r"row 7, column 1, which float32"):
        theanets.Classifier([3, 2]).predict(table)
    x[7, 1] = 2e4
    with pytest.warns(UserWarning, match="has 1 column with a mean or a standard"):
        trained(table)


def test_a_training_is_resumed(anywhere, tmp_path):
    file = tmp_path / "run.checkpoint"
    trained(TABLE, max_epochs=2, checkpoint=file)
    net = theanets.Classifier([3, 4, 2])
    net.train((TABLE, LABELS), **SETTINGS, checkpoint=file, resume=True)
    assert bits(net) == bits(trained(X))
    other = Table({**TABLE.columns_by_name, "age": X[:, 0] + 1})
    trained(TABLE, max_epochs=2, checkpoint=file)
    with pytest.raises(theanets.CheckpointError, match="content"):
        trained(other, checkpoint=file, resume=True)


def test_rows_of_another_shape_are_refused():
    class Wrong(Table):
        pass

    class WrongArray(TableArray):
        types = (Wrong,)

        def rows(self, index):
            return super().rows(index).T

    with pytest.raises(theanets.DataError, match=r"WrongArray.rows returned .*\(3, 90"):
        trained(Wrong(TABLE.columns_by_name))


def test_numbers_that_the_dtype_cannot_hold_are_refused():
    class Gaps(Table):
        pass

    class GapsArray(TableArray):
        types = (Gaps,)

        def rows(self, index):
            return np.where(super().rows(index) == 1, np.nan, 0)

    with pytest.raises(theanets.DataError, match=r"numbers of type float64.*as int64"):
        theanets.Classifier([1, 2]).train((Gaps({"yes": LABELS}), LABELS))


def test_an_axis_is_for_arrays():
    with pytest.raises(theanets.DataError, match="TableArray, whose examples are rows"):
        theanets.Autoencoder([90, 2, 90]).train(theanets.Dataset(TABLE, axis=1))


def test_a_type_is_known_by_its_name():
    class Named(LazyArray):
        types = ("tests.datasets.test_kinds.Other",)

    assert Named.accepts(Other())
    assert not Named.accepts(TABLE)


class Other:
    """No data, but a name."""


def test_rows_come_by_any_index():
    lazy = TableArray(TABLE)
    for index in (slice(3, 5), slice(None, None, 7), np.array([[4, 4], [1, 0]])):
        np.testing.assert_array_equal(lazy[index], X[index])
    np.testing.assert_array_equal(np.asarray(lazy), X)
    turned = lazy.reordered([2, 0, 1]).reordered([1, 0, 2])
    assert turned.columns == ("age", "weight", "height")
    np.testing.assert_array_equal(turned[:4], X[:4, [0, 2, 1]])
