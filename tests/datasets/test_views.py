"""A view of little memory that looks like much is read some rows at a time."""

import tracemalloc

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import theanets
from theanets.data.blocks import checksum

STEPS = 800
SERIES = np.random.default_rng(0).normal(size=60_000 + STEPS - 1)
WIDE = sliding_window_view(SERIES, STEPS)
TARGET = SERIES[:60_000]
MOST = 100 << 20


def most_memory(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def regressor(**keywords):
    return theanets.Regressor([{"size": STEPS, **keywords}, 1], rng=1)


def words():
    layer = {"form": "embedding", "vocabulary": 100, "size": 1}
    return theanets.Network([(STEPS,), layer, "flatten", 1])


def trained(net, folder=None):
    keywords = {"checkpoint": folder / "run"} if folder else {}
    batches = {"train_batches": 3, "valid_batches": 2, "max_epochs": 1}
    net.train((WIDE, TARGET), progress=False, **batches, **keywords)


USES = {
    "train": lambda folder: trained(regressor()),
    "train and standardize": lambda folder: trained(regressor(scale=True)),
    "train with a checkpoint": lambda folder: trained(regressor(), folder),
    "predict": lambda folder: regressor().predict(WIDE),
    "score": lambda folder: regressor().score(WIDE, TARGET),
    "predict from truth values": lambda folder: regressor().predict(
        sliding_window_view(SERIES > 0, STEPS)
    ),
    "predict from indices": lambda folder: words().predict(
        sliding_window_view((abs(SERIES) * 10).astype("i8"), STEPS)
    ),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_it_is_never_copied_as_a_whole(use, tmp_path, monkeypatch):
    monkeypatch.setattr(theanets.config, "resident_bytes", 10 << 20)
    assert WIDE.nbytes > 3 * MOST
    assert most_memory(lambda: use(tmp_path)) < MOST


def test_nor_is_it_for_its_checksum():
    """It may be moved to the device as a whole, for which it is compared."""
    assert most_memory(lambda: checksum(WIDE)) < MOST


def test_its_rows_are_those_of_a_copy(monkeypatch):
    copied, seen = WIDE[:300].copy(), WIDE[:300]
    assert checksum(copied) == checksum(seen)
    for most in (10 << 20, 0):
        monkeypatch.setattr(theanets.config, "resident_bytes", most)
        nets = regressor(), regressor()
        for net, x in zip(nets, (copied, seen), strict=True):
            net.train((x, TARGET[:300]), max_epochs=2, progress=False)
        np.testing.assert_array_equal(*(net.predict(copied) for net in nets))


@pytest.mark.parametrize("size", [1000, 16 << 20])
def test_the_checksum_of_a_view_is_that_of_a_copy(size, monkeypatch):
    monkeypatch.setattr("theanets.data.blocks._BLOCK_BYTES", size)
    array = np.random.default_rng(1).integers(0, 255, (301, 1003)).astype("u1")
    for view in (array.T, array[::2], array[:, ::3], array[::-1, 1:]):
        assert checksum(view) == checksum(view.copy())
