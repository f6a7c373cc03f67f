import itertools
import threading

import jax
import numpy as np
import pytest

import theanets
from theanets.data import chunks as chunks_module
from theanets.data.columns import Columns
from theanets.data.dataset import Dataset
from theanets.data.expected import Expected
from theanets.data.loading import loader
from theanets.errors import DataError

from ..helpers import bits, blobs


class Expectations:
    """Expects pairs of points and labels, as a classifier does."""

    names = ("in", "target")

    def __init__(self):
        self.columns = Columns()
        self.labels = frozenset()

    def __call__(self, arrays):
        points = Expected("in", "input", (4,))
        return [points, Expected("target", "labels", (), classes=2)]


def made(data, batch_size=3, batches=None, seed=13, shuffle=True):
    return loader(
        data,
        name="train",
        expect=Expectations(),
        dtype=np.dtype("f4"),
        batch_size=batch_size,
        batches=batches,
        seed=seed,
        shuffle=shuffle,
    )


def numbered(examples):
    """Return points whose first coordinate is their number, and labels."""
    points = np.zeros((examples, 4), "f4")
    points[:, 0] = np.arange(examples)
    return points, np.arange(examples) % 2


def seen(batches, epoch=0):
    """Return the numbers of the examples in each batch of an epoch."""
    found = []
    for chunk in batches.chunks(epoch):
        points, labels = map(np.asarray, chunk.data)
        for i in range(chunk.count):
            rows = slice(None) if chunk.whole else chunk.order[i, : chunk.sizes[i]]
            x, y = points[rows], labels[rows]
            assert len(x) == len(y) == chunk.sizes[i]
            np.testing.assert_array_equal(x[:, 0] % 2, y)
            found.append([int(number) for number in np.asarray(x)[:, 0]])
    return found


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


@pytest.fixture(params=["resident", "streamed"])
def kept(request, monkeypatch):
    """Keep arrays on the device, or do not."""
    limit = 10**9 if request.param == "resident" else 0
    monkeypatch.setattr(theanets.config, "resident_bytes", limit)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not prefetching()


def prefetching():
    return [t for t in threading.enumerate() if t.name == "theanets-prefetch"]


# Arrays.


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 9, 10])
def test_an_epoch_sees_each_example_once(kept, batch_size):
    found = seen(made(numbered(10), batch_size))
    assert sorted(joined(found)) == list(range(10))
    full, rest = divmod(10, batch_size)
    assert [len(batch) for batch in found] == [batch_size] * full + [rest] * (rest > 0)


@pytest.mark.parametrize("batch_size", [None, -1, 10, 99])
def test_all_data_at_once(kept, batch_size):
    assert seen(made(numbered(10), batch_size)) == [list(range(10))]


def test_the_order_depends_on_seed_and_epoch_alone(kept):
    points, labels = numbered(20)
    orders = {
        (seed, epoch): joined(seen(made((points, labels), seed=seed), epoch))
        for seed, epoch in itertools.product([1, 2], [0, 1])
    }
    assert len({tuple(order) for order in orders.values()}) == 4
    again = made((points.copy(), labels), batch_size=7, seed=1)
    assert joined(seen(again, 1)) == orders[1, 1]


def test_resident_and_streamed_batches_are_the_same(monkeypatch):
    found = []
    for limit in (10**9, 0):
        monkeypatch.setattr(theanets.config, "resident_bytes", limit)
        found.append(seen(made(numbered(20))))
    assert found[0] == found[1]


def test_validation_is_not_shuffled(kept):
    found = seen(made(numbered(7), shuffle=False))
    assert found == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_part_of_an_epoch_is_followed_by_the_next(kept):
    batches = made(numbered(10), batch_size=2, batches=2)
    passes = joined(seen(batches, epoch) for epoch in range(5))
    assert sorted(joined(passes[:5])) == list(range(10))
    assert sorted(joined(passes[5:])) == list(range(10))
    assert passes[:5] != passes[5:]


def test_short_batches_count_as_batches_of_a_part(kept):
    batches = made(numbered(7), batch_size=3, batches=2)
    found = joined(seen(batches, epoch) for epoch in range(3))
    assert sorted(len(batch) for batch in found) == [1, 1, 3, 3, 3, 3]
    assert sorted(joined(found)) == sorted([*range(7), *range(7)])


def test_an_epoch_may_be_longer_than_the_data(kept):
    found = seen(made(numbered(6), batch_size=3, batches=5))
    counts = np.bincount(joined(found))
    assert len(found) == 5
    assert set(counts) == {2, 3}


def test_a_part_of_the_validation_set_is_always_the_same_and_not_its_beginning(kept):
    batches = made(numbered(40), batch_size=4, batches=2, shuffle=False)
    first, again = seen(batches, 0), seen(batches, 0)
    assert first == again
    assert sorted(joined(first)) != list(range(8))


def test_bytes_stay_bytes_on_the_device(kept):
    points, labels = numbered(10)
    (chunk, *_) = made((points.astype("u1"), labels)).chunks(0)
    assert [array.dtype for array in chunk.data] == [np.uint8, np.int32]


def test_arrays_are_moved_to_the_device_once():
    points, labels = numbered(10)
    first, again = (next(made((points, labels)).chunks(0)).data for _ in range(2))
    assert all(a is b for a, b in zip(first, again, strict=True))


def test_another_training_moves_nothing(monkeypatch):
    points, labels = blobs()
    net = theanets.Classifier([4, 3, 2])
    moved = []

    def watched(array, *args, original=jax.device_put, **keywords):
        moved.append(np.shape(array))
        return original(array, *args, **keywords)

    def train():
        moved.clear()
        net.train((points, labels), max_epochs=1, progress=False)
        return points.shape in moved

    monkeypatch.setattr(jax, "device_put", watched)
    assert train()
    assert not train()
    points[5, 1] += 1
    assert train()
    assert not train()


# Datasets.


def test_a_dataset_has_its_own_batches():
    data = Dataset(numbered(10), batch_size=4, iteration_size=2)
    assert [len(batch) for batch in seen(made(data, batch_size=3))] == [4, 4]


def test_what_train_is_told_goes_before_the_iteration_size():
    data = Dataset(numbered(10), iteration_size=2)
    assert len(seen(made(data, batches=1))) == 1


def test_a_dataset_may_be_one_batch():
    assert len(seen(made(Dataset(numbered(10), batch_size=None)))) == 1


def test_a_dataset_has_its_own_seed():
    data = numbered(20)
    own = seen(made(Dataset(data, rng=5), seed=1))
    assert own == seen(made(Dataset(data, rng=5), seed=2))
    assert own == seen(made(data, seed=5))
    assert own != seen(made(data, seed=1))


@pytest.mark.parametrize("axis", [1, -1])
def test_examples_may_lie_along_another_axis(axis):
    points, _ = numbered(10)
    data = Dataset([points.T], axis=axis)
    net = theanets.Autoencoder([4, 2, 4], rng=3)
    other = theanets.Autoencoder([4, 2, 4], rng=3)
    net.train(data, max_epochs=2, progress=False)
    other.train([points], max_epochs=2, progress=False)
    assert bits(net) == bits(other)


# Streams.


def pairs(examples, size):
    points, labels = numbered(examples)
    return [
        (points[i : i + size], labels[i : i + size]) for i in range(0, examples, size)
    ]


class Sized:
    """A callable that knows how long its epoch is."""

    def __init__(self, batches):
        self.batches = batches
        self.calls = 0

    def __len__(self):
        return len(self.batches)

    def __call__(self):
        self.calls += 1
        return self.batches[(self.calls - 1) % len(self.batches)]


class Again:
    """An iterable that starts anew each time."""

    def __iter__(self):
        return iter(pairs(6, 2))


def test_a_callable_gives_a_hundred_batches():
    (batch,) = pairs(2, 2)
    assert len(seen(made(lambda: batch))) == 100


def test_a_callable_with_a_length_gives_as_many():
    data = Sized(pairs(6, 2))
    assert seen(made(data)) == [[0, 1], [2, 3], [4, 5]]


def test_train_batches_bound_a_callable():
    data = Sized(pairs(6, 2))
    batches = made(data, batches=2)
    assert seen(batches) == [[0, 1], [2, 3]]
    assert seen(batches, 1) == [[4, 5], [0, 1]]


@pytest.mark.parametrize("data", [pairs(6, 2), tuple(pairs(6, 2)), Again()])
def test_an_iterable_is_read_anew_each_epoch(data):
    batches = made(data)
    assert seen(batches, 0) == seen(batches, 1) == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("data", [pairs(6, 2), Again()])
def test_an_epoch_of_an_iterable_may_be_longer(data):
    found = seen(made(data, batches=4))
    assert found == [[0, 1], [2, 3], [4, 5], [0, 1]]


def test_a_generator_goes_on_in_the_next_epoch():
    batches = made((batch for batch in pairs(8, 2)), batches=2)
    assert seen(batches, 0) == [[0, 1], [2, 3]]
    assert seen(batches, 1) == [[4, 5], [6, 7]]


def test_a_generator_that_is_used_up_is_an_error():
    batches = made((batch for batch in pairs(4, 2)), batches=2)
    seen(batches)
    with pytest.raises(DataError, match="only once"):
        seen(batches, 1)


def test_batches_of_a_stream_may_differ_in_size():
    points, labels = numbered(10)
    cuts = [0, 3, 6, 8, 10]
    data = [(points[a:b], labels[a:b]) for a, b in itertools.pairwise(cuts)]
    assert seen(made(data)) == [[0, 1, 2], [3, 4, 5], [6, 7], [8, 9]]


def test_a_stream_may_be_longer_than_a_chunk(monkeypatch):
    monkeypatch.setattr(chunks_module, "_CHUNK_BATCHES", 4)
    assert seen(made(pairs(22, 2))) == [[i, i + 1] for i in range(0, 22, 2)]


def test_lists_and_dicts_are_batches_too():
    points, labels = numbered(2)
    for batch in ([points, labels], {"in": points, "target": labels}):
        assert seen(made(lambda batch=batch: batch, batches=1)) == [[0, 1]]


def test_a_dict_is_a_data_set():
    points, labels = numbered(10)
    by_name = made({"target": labels, "in": points})
    inputs_by_name = made([{"in": points}, labels])
    assert seen(by_name) == seen(inputs_by_name) == seen(made((points, labels)))


def test_several_inputs_may_be_a_list_of_their_own():
    points, labels = numbered(4)
    layers = [
        {"form": "input", "name": "left", "size": 4},
        {"form": "input", "name": "right", "size": 4},
        {"form": "product", "inputs": ["left", "right"]},
        2,
    ]
    nets = [theanets.Classifier(layers) for _ in range(3)]
    forms = (
        (points, points, labels),
        ([points, points], labels),
        [{"right": points, "left": points}, labels],
    )
    for net, data in zip(nets, forms, strict=True):
        net.train(data, max_epochs=2, progress=False)
    assert bits(nets[0]) == bits(nets[1]) == bits(nets[2])


def test_nested_lists_are_arrays():
    points, labels = numbered(4)
    lists = (points.tolist(), labels.tolist())
    assert seen(made(lists)) == seen(made((points, labels)))


# Threads.


def test_the_next_chunk_is_made_while_one_is_in_use(monkeypatch):
    monkeypatch.setattr(chunks_module, "_CHUNK_BATCHES", 1)
    ahead = threading.Event()

    def data():
        yield from pairs(4, 2)
        ahead.set()

    chunks = made(data()).chunks(0)
    next(chunks)
    # The source is read on although nobody has asked for the second chunk.
    assert ahead.wait(10)
    chunks.close()


def test_an_error_of_the_source_reaches_the_caller():
    def data():
        yield from pairs(4, 2)
        raise LookupError("no more disk")

    with pytest.raises(LookupError, match="no more disk"):
        seen(made(data()))


def test_a_closed_source_leaves_no_thread(monkeypatch):
    monkeypatch.setattr(chunks_module, "_CHUNK_BATCHES", 1)
    (batch,) = pairs(2, 2)
    chunks = made(lambda: batch).chunks(0)
    next(chunks)
    assert len(prefetching()) == 1
    chunks.close()
    assert not prefetching()


def test_a_bound_in_the_middle_of_a_stream_leaves_no_thread():
    (batch,) = pairs(2, 2)
    net = theanets.Classifier([4, 2])
    net.train(lambda: batch, [batch], max_updates=130, progress=False)
    assert not prefetching()


def test_an_error_in_training_leaves_no_thread(monkeypatch):
    monkeypatch.setattr(chunks_module, "_CHUNK_BATCHES", 1)
    (batch,) = pairs(2, 2)
    net = theanets.Classifier([4, 2])

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("theanets.training.steps.Steps.advance", interrupt)
    with pytest.raises(KeyboardInterrupt):
        net.train(lambda: batch, [batch], progress=False, on_interrupt="raise")
    assert not prefetching()


# Training.


@pytest.mark.parametrize("batch_size", [7, 20, None])
@pytest.mark.parametrize("train_batches", [None, 2])
def test_streamed_arrays_train_to_the_same_bits(monkeypatch, batch_size, train_batches):
    found = []
    for limit in (10**9, 0):
        monkeypatch.setattr(theanets.config, "resident_bytes", limit)
        net = theanets.Classifier([4, 6, 2], rng=1)
        training, validation = net.train(
            blobs(60),
            max_epochs=3,
            batch_size=batch_size,
            train_batches=train_batches,
            hidden_dropout=0.2,
            progress=False,
        )
        found.append((bits(net), validation["acc"]))
        losses = training["loss"], validation["loss"]
        found[-1] += ([round(loss, 4) for loss in losses],)
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", ["f8", "f4", "list", "frame"])
def test_the_type_of_the_data_does_not_matter(kind):
    import pandas as pd

    points, labels = blobs()
    points = points.round(1)
    given = {
        "f8": (points.astype("f8"), labels.astype("i8")),
        "f4": (points, labels),
        "list": (points.tolist(), labels.tolist()),
        "frame": (pd.DataFrame(points), pd.Series(labels)),
    }
    nets = [theanets.Classifier([4, 3, 2]) for _ in range(2)]
    for net, data in zip(nets, (given[kind], (points, labels)), strict=True):
        net.train(data, max_epochs=2, progress=False)
    assert bits(nets[0]) == bits(nets[1])


@pytest.mark.parametrize("counts", [(1,), (2, 3), (5,), (3, 1, 1)])
def test_parts_have_the_shape_of_the_chunk_however_it_is_cut(counts):
    """So the number of batches that come together changes no program, and no bit."""
    sizes = np.repeat([3, 2, 1][: len(counts)], counts)
    chunk = chunks_module.chunk_of([np.zeros((8, 3, 4), "f4")], sizes)
    for part, size, count in zip(chunk.parts(False), (3, 2, 1), counts, strict=False):
        assert part.order.shape == (8, size)
        assert part.sizes.tolist() == [size] * count
        assert (part.order[:count] >= 0).all()
        assert (part.order[count:] == -1).all()
    assert next(chunk.parts(True)) is chunk
