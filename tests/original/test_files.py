"""Files by the names that the original's scripts gave them."""

import gzip
import io
import pickle

import numpy as np
import pytest

import theanets
from theanets.errors import ModelFileError
from theanets.serialization.compression import compressed, limit

X = np.random.default_rng(0).normal(size=(8, 4)).astype("f4")


@pytest.fixture
def net():
    return theanets.Regressor([4, 3, 2])


@pytest.mark.parametrize("name", ["net.safetensors.gz", "net.gz", "NET.GZ"])
def test_a_name_that_ends_in_gz(net, tmp_path, name):
    net.save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert content[:2] == b"\x1f\x8b"
    net.save(tmp_path / "plain")
    assert gzip.decompress(content) == (tmp_path / "plain").read_bytes()
    for source in (tmp_path / name, content, io.BytesIO(content)):
        np.testing.assert_array_equal(theanets.load(source).predict(X), net.predict(X))


def test_the_same_bytes_each_time(net, tmp_path):
    for name in ("a.gz", "b.gz"):
        net.save(tmp_path / name)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize("name", ["net.pkl", "net.pickle", "net.pkl.gz"])
def test_a_pickle_by_name(net, tmp_path, name):
    with pytest.warns(UserWarning, match=r"is written as safetensors.*not as a pickle"):
        net.save(tmp_path / name)
    loaded = theanets.load(tmp_path / name)
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))


def test_content_counts_not_the_name(net, tmp_path):
    net.save(tmp_path / "net.gz")
    (tmp_path / "net.gz").rename(tmp_path / "net.safetensors")
    loaded = theanets.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))


@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
def test_a_pickle_of_the_original(wrap):
    content = wrap(pickle.dumps({"weights": [X] * 3}, protocol=2))
    with pytest.raises(ModelFileError, match=r"is a pickle.*docs/moving\.md"):
        theanets.load(content)


def test_a_bomb():
    content = compressed(b"\0" * (1 << 20))
    assert len(content) < 1 << 21
    bomb = gzip.compress(b"\0" * (limit(0) + (1 << 20)))
    with pytest.raises(ModelFileError, match="it could fill the memory"):
        theanets.load(bomb)


@pytest.mark.parametrize("cut", [5, 20, -1])
def test_a_damaged_file(net, tmp_path, cut):
    net.save(tmp_path / "net.gz")
    content = (tmp_path / "net.gz").read_bytes()
    with pytest.raises(ModelFileError):
        theanets.load(content[:cut])
    changed = bytearray(content)
    changed[len(content) // 2] ^= 255
    with pytest.raises(ModelFileError):
        theanets.load(bytes(changed))
    with pytest.raises(ModelFileError, match="after its end"):
        theanets.load(content + b"more")


def test_snapshots_and_older_files(net, tmp_path):
    file = tmp_path / "net.safetensors.gz"
    net.save(file)
    net.train([X, X[:, :2]], max_epochs=1, progress=False, save_progress=file)
    net.save(file, keep=1)
    for name in (file, tmp_path / "net.safetensors.gz.1"):
        np.testing.assert_array_equal(theanets.load(name).predict(X), net.predict(X))


def test_a_checkpoint(tmp_path):
    def trained(epochs, **keywords):
        net = theanets.Regressor([4, 3, 2])
        net.train([X, X[:, :2]], max_epochs=epochs, progress=False, **keywords)
        return net

    file = tmp_path / "run.gz"
    trained(2, checkpoint=file)
    resumed, whole = trained(4, checkpoint=file), trained(4)
    np.testing.assert_array_equal(resumed.predict(X), whole.predict(X))
