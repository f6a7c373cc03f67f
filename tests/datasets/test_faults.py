"""Sources of data that fail: what is raised, where it was, and what is left behind.

Each kind of source fails in each way, at a place that is random but the same each time.
"""

import gc
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import theanets
from theanets.data import chunks as chunks_module
from theanets.data import prefetch as prefetch_module
from theanets.data import reading, stream_loader
from theanets.data.columns import Columns
from theanets.errors import DataError

from ..helpers import bits, blobs

BATCHES = 5
POINTS, LABELS = blobs(8)
QUICK = {"algo": "sgd", "max_epochs": 3, "validate_every": 1, "progress": False}
QUICK |= {"on_interrupt": "raise"}


def fresh():
    return theanets.Classifier([4, 2], rng=1)


@pytest.fixture(autouse=True)
def batch_by_batch(monkeypatch):
    """Hand over each batch by itself, so that some train before one fails."""
    monkeypatch.setattr(chunks_module, "_CHUNK_BATCHES", 1)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


# Sources, of five batches an epoch, and one thing that goes wrong, once.


class Once:
    """Gives good batches, but at one moment does something else."""

    def __init__(self, at=None, fault=None):
        self.at, self.fault, self.calls = at, fault, 0

    def __call__(self):
        self.calls += 1
        if self.calls - 1 == self.at:
            return self.fault((POINTS, LABELS))
        return POINTS, LABELS


class SizedCallable:
    def __init__(self, once):
        self.once = once

    def __len__(self):
        return BATCHES

    def __call__(self):
        return self.once()


class Iterable:
    def __init__(self, once):
        self.once = once

    def __iter__(self):
        for _ in range(BATCHES):
            yield self.once()


class Endless:
    """An iterator that goes on after an error, as no generator can."""

    def __init__(self, once):
        self.once = once

    def __iter__(self):
        return self

    def __next__(self):
        return self.once()


class Tensor:
    """What a tensor of another library offers."""

    def __init__(self, array):
        self.array = array
        self.shape = array.shape

    def __array__(self, dtype=None, copy=None):
        return self.array


class Loader:
    """Has a length, and gives lists of tensors, as loaders of other libraries do."""

    def __init__(self, once):
        self.once = once

    def __len__(self):
        return BATCHES

    def __iter__(self):
        for _ in range(BATCHES):
            batch = self.once()
            good = isinstance(batch, tuple) and POINTS is next(iter(batch), None)
            yield [Tensor(array) for array in batch] if good else batch


def cut(data):
    return theanets.Dataset(data, iteration_size=BATCHES)


SOURCES = {
    "a function": lambda once: cut(lambda: once()),
    "a method": lambda once: cut(once.__call__),
    "a callable with a length": SizedCallable,
    "an iterable": Iterable,
    "an iterator": lambda once: cut(Endless(once)),
    "a generator": lambda once: cut(once() for _ in itertools.count()),
    "a loader": Loader,
}
PLACES = {
    "the first batch": ("train", 1, 0),
    "the middle": ("train", 1, 2),
    "the last batch": ("train", 1, BATCHES - 1),
    "the second epoch": ("train", 2, 1),
    "the last of all": ("train", 3, BATCHES - 1),
    "the first validation": ("valid", 1, 3),
    "the second validation": ("valid", 2, 0),
    "the third validation": ("valid", 3, BATCHES - 1),
}


def run(source, place, fault):
    """Train with one fault; return the error, the place in words, and the way back."""
    name, turn, batch = PLACES[place]
    once = Once((turn - 1) * BATCHES + batch, fault)
    data = {"train": Iterable(Once()), "valid": Iterable(Once())}
    data[name] = SOURCES[source](once)
    net, seen = fresh(), []
    with pytest.raises(BaseException) as caught:
        for _ in net.itertrain(data["train"], data["valid"], **QUICK):
            seen.append(bits(net))
    # The epochs all bring improvement, so the best is the last that was validated.
    if len(seen) == (turn - 1 if name == "train" else turn - 2) > 0:
        assert bits(net) == seen[-1]
    else:
        assert not seen
    unit = "epoch" if name == "train" else "validation"
    return caught.value, f"{name}: batch {batch} of {unit} {turn}", net, data


def works_again(source, net, data):
    if source == "a generator":
        # One that has raised is over, whoever reads it.
        with pytest.raises(DataError, match="gave no batch"):
            net.train(data["train"], data["valid"], **QUICK)
    else:
        net.train(data["train"], data["valid"], **QUICK)


def place_for(*names):
    return random.Random(" ".join(names)).choice(list(PLACES))


# What a source raises.


class Particular(Exception):
    def __init__(self, code, *, reason):
        super().__init__(code)
        self.reason = reason


class Closed(Exception):
    """Takes no attributes, so it takes no notes."""

    def __setattr__(self, name, value):
        raise AttributeError(name)

    add_note = None


class Own(BaseException):
    pass


ERRORS = {
    "OSError": lambda: OSError(5, "no more disk"),
    "KeyError": lambda: KeyError("image"),
    "one that needs arguments": lambda: Particular(3, reason="bad sector"),
    "one of Unicode": lambda: UnicodeDecodeError("ascii", b"\xff", 0, 1, "ordinal"),
    "one that takes no note": lambda: Closed("closed"),
    "one of ours": lambda: DataError("the third column is missing"),
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": lambda: SystemExit(3),
    "GeneratorExit": GeneratorExit,
    "StopAsyncIteration": StopAsyncIteration,
    "a BaseException": lambda: Own("own"),
    "a group": lambda: ExceptionGroup("two", [OSError("a"), OSError("b")]),
}


def raising(error):
    def fault(batch):
        raise error

    return fault


def check_raised(source, place, make):
    error = make()
    caught, where, net, data = run(source, place, raising(error))
    assert caught is error
    if not isinstance(error, Closed):
        assert error.__notes__ == [f"Raised while theanets read {where}."]
    if source == "a generator" and where.startswith("valid"):
        return
    works_again(source, net, data)


@pytest.mark.parametrize("make", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("source", SOURCES)
def test_what_a_source_raises_reaches_the_caller(source, make, request):
    check_raised(source, place_for(source, request.node.callspec.id), make)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("source", SOURCES)
def test_wherever_a_source_raises(source, place):
    check_raised(source, place, ERRORS["OSError"])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("source", ["a function", "a callable with a length"])
def test_a_callable_has_no_end(source, place):
    error = StopIteration("used up")
    caught, where, net, data = run(source, place, raising(error))
    assert isinstance(caught, DataError)
    assert caught.__cause__ is error
    assert str(caught).startswith(f"{where} is missing: the source raised StopIter")
    works_again(source, net, data)


def test_an_error_raised_by_minimize_is_the_same():
    error = Particular(4, reason="torn cable")
    once = Once(7, raising(error))
    with pytest.raises(Particular) as caught:
        theanets.minimize(
            lambda params, x, y: ((x - params["m"]) ** 2).mean(),
            {"m": 0.0},
            theanets.Dataset(once, name="waves", iteration_size=BATCHES),
            (POINTS, LABELS),
            **QUICK,
        )
    assert caught.value is error
    assert error.__notes__ == ["Raised while theanets read waves: batch 2 of epoch 2."]


# Batches that do not fit.


def not_finite(batch):
    points = batch[0].copy()
    points[[3, 6], 2] = np.nan, np.inf
    return points, batch[1]


BAD = {
    "nothing": (lambda b: None, ["NoneType", "tuple of arrays"]),
    "text": (lambda b: "abc", ["type str", "tuple of arrays"]),
    "a number": (lambda b: 3.5, ["3.5"]),
    "a function": (lambda b: print, ["builtin_function", "tuple of arrays"]),
    "a generator": (lambda b: (x for x in b), ["generator", "tuple of arrays"]),
    "generators": (lambda b: (iter([1]), b[1]), ["[0]", "list_iterator", "an array"]),
    "one array": (lambda b: b[0], ["holds 1 array", "expects 2"]),
    "three arrays": (lambda b: (*b, b[1]), ["holds 3 array", "expects 2"]),
    "an empty tuple": (lambda b: (), ["empty"]),
    "no examples": (lambda b: (b[0][:0], b[1][:0]), ["empty"]),
    "another width": (lambda b: (b[0][:, :3], b[1]), ["(8, 3)", "(examples, 4)"]),
    "another rank": (lambda b: (b[0][None], b[1][None]), ["(1, 8, 4)"]),
    "a single example": (lambda b: (b[0][0], b[1][0]), ["(4,)", "(examples, 4)"]),
    "unequal lengths": (lambda b: (b[0], b[1][:5]), ["in has 8", "target has 5"]),
    "text in an array": (lambda b: (b[0].astype(str), b[1]), ["<U", "real numbers"]),
    "objects": (
        lambda b: (np.where(b[0] > 3, "?", b[0].astype(object)), b[1]),
        ["object", "'?' in row", "real numbers"],
    ),
    "complex numbers": (lambda b: (b[0] + 1j, b[1]), ["complex", "real numbers"]),
    "dates": (lambda b: (b[0].astype("M8[s]"), b[1]), ["datetime64", "real numbers"]),
    "ragged lists": (lambda b: ([[1, 2], [3]], b[1]), ["[0]", "cannot be made"]),
    "labels too high": (lambda b: (b[0], b[1] + 1), ["1 to 2", "2 classes"]),
    "labels below 0": (lambda b: (b[0], b[1] - 1.0), ["-1 to 0", "2 classes"]),
    "half labels": (lambda b: (b[0], b[1] / 2), ["fractions", "whole numbers"]),
    "not finite": (not_finite, ["NaN", "2 examples", "index 3, column 2"]),
    "names unknown": (lambda b: {"in": b[0], "y": b[1]}, ["unknown: y", "target"]),
    "a sparse one not finite": (
        lambda b: (scipy.sparse.csr_matrix(not_finite(b)[0]), b[1]),
        ["NaN", "index 3, column 2"],
    ),
    "a frame with gaps": (
        lambda b: (pd.DataFrame(b[0]).astype("Float32").mask(b[0] > 3), b[1]),
        ["NaN", "column"],
    ),
}


def check_refused(source, place, bad, words):
    caught, where, net, data = run(source, place, bad)
    assert type(caught) is DataError
    assert str(caught).startswith(where)
    for word in words:
        assert word in str(caught)
    works_again("" if source == "a generator" else source, net, data)


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("source", SOURCES)
def test_a_batch_that_does_not_fit_is_refused(source, bad, words, request):
    check_refused(source, place_for(source, request.node.callspec.id), bad, words)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("source", SOURCES)
def test_wherever_a_batch_is_not_finite(source, place):
    check_refused(source, place, *BAD["not finite"])


@pytest.mark.parametrize("source", SOURCES)
def test_a_batch_may_be_short(source):
    place = PLACES[place_for(source, "short")]
    once = Once(place[2], lambda batch: (batch[0][:3], batch[1][:3]))
    fresh().train(SOURCES[source](once), [(POINTS, LABELS)], **QUICK)


# Arrays that cannot be read.


@pytest.mark.parametrize("error", [OSError(5, "gone"), KeyError("x"), Own("own")])
@pytest.mark.parametrize("method", ["__array__", "to_numpy", "toarray"])
def test_an_array_that_cannot_be_read(error, method):
    def fail(self, *arguments, **keywords):
        raise error

    class Broken:
        shape = POINTS.shape
        if method == "toarray":
            nnz, ndim = 3, 1

    setattr(Broken, method, fail)
    error.__notes__ = []
    with pytest.raises(type(error)) as caught:
        fresh().train((Broken(), LABELS), **QUICK)
    assert caught.value is error
    caught, where, *_ = run("an iterable", "the middle", lambda b: (Broken(), b[1]))
    assert caught is error
    assert error.__notes__ == [
        "Raised while theanets read train.",
        f"Raised while theanets read {where}.",
    ]


def test_an_array_that_refuses_to_be_one():
    error = RuntimeError("call .detach() first")

    class Attached:
        shape = POINTS.shape

        def __array__(self, dtype=None, copy=None):
            raise error

    caught, where, *_ = run("a loader", "the middle", lambda b: (Attached(), b[1]))
    assert isinstance(caught, DataError)
    assert caught.__cause__ is error
    assert str(caught).startswith(f"{where}[0] cannot be made an array: call .detach")


class Torn(np.memmap):
    """A mapped file that cannot be read at one place, once."""

    reads = 0
    fails_at = None

    def __getitem__(self, index):
        type(self).reads += 1
        if type(self).reads == type(self).fails_at:
            raise OSError(5, "stale handle")
        return super().__getitem__(index)


class TornRows(scipy.sparse.csr_matrix):
    reads = 0
    fails_at = None
    __getitem__ = None

    def tocsr(self, copy=False):
        return self


def torn_read(self, index):
    kind = type(self)
    kind.reads += 1
    if kind.reads == kind.fails_at:
        raise OSError(5, "stale handle")
    return scipy.sparse.csr_matrix(self)[index]


TornRows.__getitem__ = torn_read


def mapped(points, folder):
    array = np.memmap(folder / "points", "f4", "w+", shape=points.shape)
    array[:] = points
    return array.view(Torn)


@pytest.mark.parametrize(
    ("read", "where"),
    [(1, "epoch 1"), (3, "epoch 1"), (5, "epoch 1"), (7, "epoch 2"), (10, "epoch 2")],
)
@pytest.mark.parametrize("kind", [Torn, TornRows])
def test_an_array_on_a_disk_that_fails(kind, read, where, tmp_path, monkeypatch):
    monkeypatch.setattr(theanets.config, "resident_bytes", 0)
    points, labels = blobs(5 * 32)
    x = mapped(points, tmp_path) if kind is Torn else TornRows(points)
    kind.reads, kind.fails_at = 0, read
    data = theanets.Dataset((x, labels), name="photos")
    net = fresh()
    with pytest.raises(OSError, match="stale") as caught:
        net.train(data, (POINTS, LABELS), **QUICK)
    batch = (read - 1) % 5
    place = f"photos: batches {batch} to {batch} of {where}"
    assert caught.value.__notes__ == [f"Raised while theanets read {place}."]
    net.train(data, (POINTS, LABELS), **QUICK)


@pytest.mark.parametrize("resident", [0, 10**9])
def test_large_arrays_are_checked_before_they_train(resident, tmp_path, monkeypatch):
    monkeypatch.setattr(theanets.config, "resident_bytes", resident)
    points, labels = blobs(96)
    points[40, 1] = np.inf
    for x in (mapped(points, tmp_path), points, scipy.sparse.csr_matrix(points)):
        with pytest.raises(DataError, match=r"train: .* index 40, column 1"):
            fresh().train((x, labels), **QUICK)


# How many batches come.


class Promise:
    def __init__(self, promised, gives):
        self.promised, self.gives = promised, gives

    def __len__(self):
        if isinstance(self.promised, int):
            return self.promised
        raise self.promised

    def __iter__(self):
        return iter([(POINTS, LABELS)] * self.gives)


@pytest.mark.parametrize("name", ["train", "valid"])
def test_fewer_batches_than_promised(name):
    data = {"train": [(POINTS, LABELS)], "valid": [(POINTS, LABELS)]}
    data[name] = Promise(5, gives=3)
    with pytest.raises(DataError, match=f"{name}: batch 3 of .* 1 is missing.* 5 bat"):
        fresh().train(*data.values(), **QUICK)


@pytest.mark.parametrize("name", ["train", "valid"])
def test_more_batches_than_promised(name):
    data = {"train": [(POINTS, LABELS)], "valid": [(POINTS, LABELS)]}
    data[name] = Promise(3, gives=4)
    with pytest.raises(DataError, match=f"{name}: batch 3 of .* 1 is one too many"):
        fresh().train(*data.values(), **QUICK)


@pytest.mark.parametrize("batches", [2, 3, 4, 9])
def test_who_says_how_many_batches_needs_no_promise(batches):
    data = theanets.Dataset(Promise(5, gives=3), iteration_size=batches)
    fresh().train(data, (POINTS, LABELS), **QUICK)


@pytest.mark.parametrize("error", [TypeError("no len()"), NotImplementedError()])
def test_a_loader_may_not_know_its_length(error):
    fresh().train(Promise(error, gives=3), (POINTS, LABELS), **QUICK)


def test_a_length_that_cannot_be_read():
    error = OSError(5, "no index")
    with pytest.raises(OSError, match="no index") as caught:
        fresh().train(Promise(error, gives=3), (POINTS, LABELS), **QUICK)
    assert caught.value is error


def test_a_list_of_batches_may_grow():
    batches = [(POINTS, LABELS)] * 2
    net = fresh()
    for training, _ in net.itertrain(batches, (POINTS, LABELS), **QUICK):
        batches.append((POINTS, LABELS))
        assert np.isfinite(training["loss"])
    assert len(batches) == 5


@pytest.mark.parametrize("name", ["train", "valid"])
def test_an_iterator_that_is_used_up_later(name):
    data = {"train": Iterable(Once()), "valid": Iterable(Once())}
    data[name] = iter([(POINTS, LABELS)] * BATCHES)
    with pytest.raises(DataError, match=rf"{name} gave no batch in .* 2\. .*only once"):
        fresh().train(*data.values(), **QUICK)


# Sources that block.


class Gate:
    """A source that blocks at its third batch until somebody opens it."""

    def __init__(self, at=2):
        self.at, self.calls = at, 0
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self):
        self.calls += 1
        if self.calls > self.at:
            self.reached.set()
            assert self.opened.wait(60)
        return POINTS, LABELS


@pytest.fixture
def gate(monkeypatch):
    monkeypatch.setattr(prefetch_module, "_GRACE", 0.1)
    gate = Gate()
    yield gate
    gate.opened.set()
    for thread in threading.enumerate():
        if thread.name == "theanets-prefetch":
            thread.join(10)


@pytest.mark.parametrize("name", ["train", "valid"])
def test_an_interrupt_ends_training_while_the_source_blocks(gate, name):
    data = {"train": Iterable(Once()), "valid": Iterable(Once())}
    data[name] = gate

    def interrupt():
        gate.reached.wait(60)
        time.sleep(0.3)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        fresh().train(*data.values(), **QUICK)
    assert not gate.opened.is_set()
    thread.join()
    (reading,) = [t for t in threading.enumerate() if t.name == "theanets-prefetch"]
    assert reading.daemon
    gate.opened.set()
    reading.join(10)
    # It ended when the source returned, and asked for no other batch.
    assert not reading.is_alive()
    assert gate.calls == gate.at + 1


@pytest.mark.parametrize("name", ["train", "valid"])
def test_a_timeout_ends_training_while_the_source_blocks(gate, name):
    data = {"train": Iterable(Once()), "valid": Iterable(Once())}
    data[name] = theanets.Dataset(gate, timeout=0.3)
    net = fresh()
    with pytest.raises(DataError, match=f"{name}: batch 2 of .* 1 did not .* 0.3 s"):
        net.train(*data.values(), **QUICK)
    # Another run waits until the source is free again, and no longer than allowed.
    with pytest.raises(DataError, match=f"{name}: batch 0 of .* 1 did not .* 0.3 s"):
        net.train(*data.values(), **QUICK)
    gate.opened.set()
    net.train(*data.values(), **QUICK)


def test_a_source_in_time_has_no_need_to_hurry():
    def slow():
        time.sleep(0.05)
        return POINTS, LABELS

    data = theanets.Dataset(slow, iteration_size=10, timeout=0.4)
    fresh().train(data, (POINTS, LABELS), **QUICK | {"max_epochs": 1})


def test_batches_that_come_slowly_train_as_they_come(monkeypatch):
    monkeypatch.setattr(chunks_module, "_CHUNK_BATCHES", 128)
    monkeypatch.setattr(stream_loader, "_CHUNK_SECONDS", 0.05)
    gate, found = Gate(at=4), []

    def slow():
        time.sleep(0.02)
        return gate()

    reader = reading.Reader(slow, "train", 8, "epoch")
    chunks = stream_loader.StreamLoader(reader, AnyPair(), np.float32).chunks(0)
    found.append(next(chunks).count)
    assert not gate.opened.is_set()
    gate.opened.set()
    found += [chunk.count for chunk in chunks]
    assert sum(found) == 8
    assert found[0] <= 4


@pytest.mark.parametrize("timeout", [0, -1, "1", True, float("nan")])
def test_a_timeout_is_a_number_of_seconds(timeout):
    with pytest.raises(DataError, match=r"train: timeout is .* seconds"):
        fresh().train(theanets.Dataset(Once(), timeout=timeout), **QUICK)


def test_training_ends_at_a_bound_while_the_source_blocks(gate):
    fresh().train(gate, (POINTS, LABELS), max_updates=2, progress=False)
    assert not gate.opened.is_set()


@pytest.mark.parametrize("kind", [Iterable, SizedCallable])
def test_no_batch_beyond_a_bound_is_asked_for(kind):
    once = Once()
    fresh().train(kind(once), (POINTS, LABELS), max_updates=7, progress=False)
    assert once.calls == 7


def test_two_threads_never_read_one_source(gate):
    def numbers():
        while True:
            yield gate()

    data = numbers()
    net = fresh()

    def interrupt():
        if gate.reached.wait(10):
            signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        net.train(data, (POINTS, LABELS), progress=False, on_interrupt="raise")
    assert gate.reached.is_set()
    # A generator that is asked by two at once raises a ValueError.
    threading.Timer(0.3, gate.opened.set).start()
    net.train(data, (POINTS, LABELS), max_updates=2, progress=False)


BLOCKED = """
import signal, threading, numpy as np, theanets
def blocks():
    threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()
    threading.Event().wait()
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    theanets.Regressor([2, 2]).train(blocks, progress=False, on_interrupt="raise")
except KeyboardInterrupt:
    print([thread.daemon for thread in threading.enumerate()])
"""


def test_a_program_ends_though_a_source_blocks():
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "[False, True]\n"), done.stderr


# Training that is left.


@pytest.mark.parametrize("way", ["break", "close", "collected", "callback"])
def test_training_that_is_left_leaves_no_thread(way):
    net = fresh()
    before = set(threading.enumerate())
    error = LookupError("left")
    callbacks = [lambda *a: raising(error)(a)] if way == "callback" else None
    pairs = net.itertrain(
        Once(), (POINTS, LABELS), **QUICK | {"max_epochs": None}, callbacks=callbacks
    )
    if way == "callback":
        with pytest.raises(LookupError) as caught:
            next(pairs)
        assert caught.value is error
    elif way == "break":
        for _ in pairs:
            break
    else:
        next(pairs)
        pairs.close() if way == "close" else None
    del pairs
    gc.collect()
    assert set(threading.enumerate()) == before


def test_batches_that_nobody_wants_any_more_leave_no_thread():
    made = stream_loader.StreamLoader(
        reading.Reader(Once(), "train", None, "epoch"), AnyPair(), np.float32
    )
    chunks = made.chunks(0)
    next(chunks)
    assert any(t.name == "theanets-prefetch" for t in threading.enumerate())
    del chunks
    gc.collect()


class AnyPair:
    names = ("in", "target")

    def __init__(self):
        self.columns = Columns()
        self.labels = frozenset()

    def __call__(self, arrays):
        roles = ("input", "target")
        return [
            theanets.data.expected.Expected(role, role, array.shape[1:])
            for role, array in zip(roles, arrays, strict=True)
        ]
