"""Networks in several threads: right answers, each from one set of parameters."""

import copy
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import theanets
from theanets.data.device import DeviceCache
from theanets.errors import ConcurrencyError
from theanets.models.parameters import Arrays
from theanets.training import measure

from .helpers import bits, blobs

THREADS = 8
PREDICTIONS = int(os.environ.get("THEANETS_TEST_PREDICTIONS", "300"))
"""Of each thread; the nightly run asks for 10 000."""


def together(work, count=THREADS):
    """Run work(0), work(1), ... at the same time, and return what they return."""
    barrier = threading.Barrier(count)

    def begin(number):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def classifier():
    return theanets.Classifier([4, (8, "tanh"), 2])


def autoencoder():
    return theanets.Autoencoder([4, (2, "logistic"), 4])


POINTS = blobs()[0]
LABELS = blobs()[1]
ANSWERS = {
    "predict": (classifier, lambda net, x: net.predict(x)),
    "predict_proba": (classifier, lambda net, x: net.predict_proba(x)),
    "score": (classifier, lambda net, x: net.score(x, LABELS[: len(x)])),
    "feed_forward": (classifier, lambda net, x: net.feed_forward(x)["hid1:pre"]),
    "encode": (autoencoder, lambda net, x: net.encode(x)),
    "decode": (autoencoder, lambda net, x: net.decode(x[:, :2])),
    "predict_sequence": (
        lambda: theanets.recurrent.Classifier([5, (6, "gru"), 5]),
        lambda net, x: list(net.predict_sequence([0, len(x) % 5], steps=6, rng=1)),
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_threads_agree_with_one_thread(name):
    make, answer = ANSWERS[name]
    sizes = [1, 2, 3, 5, 8, 13, 21, 34]
    wanted = [answer(make(), POINTS[:size]) for size in sizes]
    net = make()

    def work(number):
        found = []
        for count in range(PREDICTIONS // 10):
            which = (count + number) % len(sizes)
            found.append((which, answer(net, POINTS[: sizes[which]])))
        return found

    for found in together(work):
        for which, value in found:
            np.testing.assert_array_equal(value, wanted[which])


def test_many_predictions_of_single_examples_agree():
    net = classifier()
    wanted = [net.predict_proba(point) for point in POINTS]

    def work(number):
        wrong = 0
        for count in range(PREDICTIONS):
            which = (7 * count + number) % len(POINTS)
            wrong += not np.array_equal(net.predict_proba(POINTS[which]), wanted[which])
        return wrong

    assert sum(together(work)) == 0


def test_each_thread_draws_noise_of_its_own():
    net = classifier()

    def work(number):
        return [net.predict_proba(POINTS, hidden_noise=0.5) for _ in range(20)]

    drawn = {value.tobytes() for found in together(work) for value in found}
    assert len(drawn) == 20 * THREADS


def test_answers_during_training_come_from_one_set_of_parameters(monkeypatch):
    monkeypatch.setattr(measure, "_SECONDS_PER_CALL", 1e-4)
    net = classifier()
    committed = [net._state.arrays.now()]
    commit = Arrays.commit

    def recording(self, new):
        commit(self, new)
        committed.append(self.now())

    monkeypatch.setattr(Arrays, "commit", recording)
    keywords = {"algo": "adam", "batch_size": 4, "max_epochs": 60, "progress": False}
    training = threading.Thread(target=lambda: net.train(blobs(), **keywords))
    answers = set()
    net.predict_proba(POINTS)
    training.start()
    while training.is_alive():
        answers.add(net.predict_proba(POINTS).tobytes())
    training.join()
    possible = set()
    for arrays in committed:
        commit(net._state.arrays, arrays)
        possible.add(net.predict_proba(POINTS).tobytes())
    assert len(answers) > 3
    assert answers <= possible


@pytest.fixture
def impatient():
    """Let threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("impatient")
def test_arrays_are_committed_all_at_once():
    names = [f"layer{i}.w" for i in range(300)]
    arrays = Arrays({name: np.zeros(1) for name in names})
    ended = threading.Event()

    def work(number):
        if number == 0:
            for count in range(1, 2000):
                arrays.commit({name: np.full(1, count) for name in names})
            ended.set()
            return {0}
        mixed = set()
        while not ended.is_set():
            mixed.add(len({float(array[0]) for array in arrays.now().values()}))
        return mixed

    assert set().union(*together(work, 3)) <= {0, 1}


def test_two_networks_train_in_two_threads_as_in_one():
    def trained(seed):
        net = theanets.Classifier([4, (8, "tanh"), 2], rng=seed)
        net.train(blobs(), algo="adam", max_epochs=5, progress=False)
        return bits(net)

    alone = [trained(seed) for seed in range(4)]
    assert together(trained, 4) == alone


def test_a_network_is_trained_by_one_thread_at_a_time():
    net = classifier()
    begun, ended = threading.Event(), threading.Event()

    def wait(*args):
        begun.set()
        ended.wait()

    first = threading.Thread(
        name="night shift",
        target=lambda: net.train(blobs(), max_epochs=1, callbacks=wait, progress=False),
    )
    first.start()
    begun.wait()
    before = bits(net)
    with pytest.raises(ConcurrencyError, match="by the thread night shift"):
        net.train(blobs(), max_epochs=1, progress=False)
    assert bits(net) == before
    again = copy.deepcopy(net)
    again.train(blobs(), max_epochs=1, progress=False)
    ended.set()
    first.join()
    net.train(blobs(), max_epochs=1, progress=False)
    assert len(net.history["stage"]) == 2


def test_one_thread_can_take_turns_at_a_network():
    net = classifier()
    first, second = (
        net.itertrain(blobs(), max_epochs=3, progress=False) for _ in range(2)
    )
    for _ in range(3):
        next(first)
        next(second)
    assert len(net.history["stage"]) == 6


def test_a_training_left_unfinished_by_an_ended_thread_is_in_nobodys_way():
    net = classifier()
    left = net.itertrain(blobs(), max_epochs=3, progress=False)
    thread = threading.Thread(target=lambda: next(left))
    thread.start()
    thread.join()
    net.train(blobs(), max_epochs=1, progress=False)
    # It can go on in another thread, too.
    next(left)
    left.close()


@pytest.mark.usefixtures("impatient")
def test_the_cache_of_the_device_bears_threads(monkeypatch):
    monkeypatch.setattr(theanets.config, "resident_bytes", 4000)
    cache = DeviceCache()
    shared = [np.full(100, i, "f4") for i in range(4)]

    def work(number):
        for count in range(200):
            own = np.full(100, count, "f4")
            assert float(cache.get(own, "float32")[0]) == count
            which = (count + number) % 4
            assert float(cache.get(shared[which], "float32")[0]) == which
            del own

    together(work)
    assert len(cache) <= 10
