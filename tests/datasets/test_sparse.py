"""Sparse matrices give the same numbers as dense arrays, and never become one whole."""

import io

import numpy as np
import pytest
import scipy.sparse

import theanets
from theanets.data.kinds import sparse as sparse_module

from ..golden import case
from ..helpers import bits

X = scipy.sparse.random(70, 12, density=0.2, format="csr", dtype="f4", random_state=1)
LABELS = np.arange(70) % 3
FORMATS = {
    "csr": X,
    "csc": X.tocsc(),
    "coo": X.tocoo(),
    "dok, which is a dict": X.todok(),
    "an array": scipy.sparse.csr_array(X),
    "whole numbers": (X > 0.5).astype("i8"),
    "booleans": X > 0.5,
}


def trained(x, entry, model=theanets.Classifier, outputs=3, **keywords):
    net = model([entry, 5, outputs])
    data = (x, LABELS) if model is theanets.Classifier else x
    net.train(data, algo="adam", max_epochs=2, progress=False, **keywords)
    return net


@pytest.mark.parametrize("entry", [12, {"size": 12, "sparse": "csr"}], ids=str)
@pytest.mark.parametrize("name", FORMATS)
def test_training_is_that_of_dense_data(name, entry):
    x = FORMATS[name]
    net, dense = trained(x, entry), trained(x.toarray(), 12)
    assert bits(net) == bits(dense)
    assert net.history == dense.history
    np.testing.assert_array_equal(
        net.predict_proba(x), dense.predict_proba(x.toarray())
    )
    assert net.score(x, LABELS) == dense.score(x.toarray(), LABELS)


def test_an_autoencoder_gives_back_sparse_data():
    entry = {"size": 12, "sparse": "csc"}
    net = trained(X.tocsc(), entry, theanets.Autoencoder, 12)
    dense = trained(X.toarray(), 12, theanets.Autoencoder, 12)
    # Not to the bit: newer compilers add up a target that is read twice in another
    # order where it is gathered from resident data.
    close = {"rtol": 1e-4, "atol": 1e-7}
    for one, other in zip(net.params, dense.params, strict=True):
        np.testing.assert_allclose(one, other, **close, err_msg=one.name)
    np.testing.assert_allclose(net.encode(X), dense.encode(X.toarray()), **close)
    assert net.score(X) == pytest.approx(dense.score(X.toarray()), rel=1e-4)


def test_a_sparse_target():
    net = theanets.Regressor([12, 12])
    pair = net.train((X, 2 * X), max_epochs=1, progress=False)
    dense = theanets.Regressor([12, 12])
    assert pair == dense.train(
        (X.toarray(), 2 * X.toarray()), max_epochs=1, progress=False
    )
    assert net.score(X, 2 * X) == dense.score(X.toarray(), 2 * X.toarray())


def test_one_example():
    net = theanets.Classifier([{"size": 12, "sparse": True}, 3])
    expected = net.predict_proba(X.toarray()[4])
    assert expected.shape == (3,)
    np.testing.assert_array_equal(
        net.predict_proba(scipy.sparse.csr_array(X)[4]), expected
    )
    np.testing.assert_array_equal(net.predict_proba(X[4]), expected[None])


def test_batches_of_a_callable():
    net = theanets.Classifier([{"size": 12, "sparse": True}, 3])
    dense = theanets.Classifier([12, 3])
    for model, x in ((net, X[:8]), (dense, X[:8].toarray())):
        batch = x, LABELS[:8]
        model.train(lambda batch=batch: batch, batch, max_updates=2, progress=False)
    assert bits(net) == bits(dense)


def test_examples_on_the_second_axis():
    net, turned = theanets.Autoencoder([12, 3, 12]), theanets.Autoencoder([12, 3, 12])
    keywords = {"max_epochs": 1, "progress": False}
    assert net.train(X, **keywords) == turned.train(
        theanets.Dataset(X.T, axis=1), **keywords
    )


def test_a_file_keeps_the_kind_of_input():
    net = theanets.Classifier([{"size": 12, "sparse": "csr"}, 3])
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    again = theanets.load(file)
    assert again.layers[0].sparse == "csr"
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


@pytest.mark.parametrize("name", ["sparse_csr", "sparse_csc"])
def test_the_original_s_numbers(name):
    meta, arrays = case(f"layers/{name}")
    net = theanets.Regressor(
        [tuple(x) if isinstance(x, list) else x for x in meta["layers"]]
    )
    for key, value in arrays.items():
        if key.startswith("param/"):
            net.find(*key.removeprefix("param/").split(".")).set_value(value)
    kind = getattr(scipy.sparse, f"{meta['layers'][0]['sparse']}_matrix")
    outputs = net.feed_forward(kind(arrays["input/in"]))
    compared = [key for key in arrays if key.startswith("output/")]
    assert compared
    for key in compared:
        found = outputs[key.removeprefix("output/")]
        np.testing.assert_allclose(found, arrays[key], rtol=1e-4, atol=1e-6)


@pytest.fixture
def rows_made(monkeypatch):
    """Collect how many rows are made dense at a time."""
    counts = []
    original = sparse_module.SparseRows.__getitem__

    def counted(self, index):
        made = original(self, index)
        counts.append(made.size // self.shape[1])
        return made

    monkeypatch.setattr(sparse_module.SparseRows, "__getitem__", counted)
    return counts


@pytest.mark.parametrize("declared", [True, False])
def test_a_matrix_is_never_dense_as_a_whole(declared, rows_made, monkeypatch):
    x = scipy.sparse.random(200, 100_000, density=1e-4, format="csr", dtype="f4")
    labels = np.arange(200) % 2
    if not declared:
        monkeypatch.setattr(theanets.config, "resident_bytes", 2**29)
    net = theanets.Classifier([{"size": 100_000, "sparse": declared}, 2])
    net.train((x, labels), algo="sgd", max_epochs=1, progress=False)
    # The training epoch and the validations before and after it, a batch at a time.
    assert sum(rows_made) == 3 * 200
    assert max(rows_made) == 32
    rows_made.clear()
    net.score(x, labels)
    assert sum(rows_made) == 200
    assert max(rows_made) == 64


def test_a_small_matrix_is_made_dense_at_once_unless_declared(rows_made):
    trained(X, 12)
    assert rows_made == [70, 70]
    rows_made.clear()
    trained(X, {"size": 12, "sparse": True})
    # All batches are in one chunk.
    assert set(rows_made) == {70}


def test_all_of_a_large_matrix_is_no_batch(monkeypatch):
    monkeypatch.setattr(theanets.config, "resident_bytes", 1000)
    with pytest.raises(theanets.DataError, match=r"in one batch.*batch_size"):
        trained(X, 12, batch_size=None)
