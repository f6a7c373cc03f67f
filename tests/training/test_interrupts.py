import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError
from theanets.training import interrupts
from theanets.training.interrupts import Terminable

from ..injection import count_lines, inject

TRAINS = """
import signal, sys
import numpy as np, theanets
# Whoever runs this in the background may have told it to ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
x = np.random.default_rng(0).normal(size=(20000, 4)).astype("f4")
net = theanets.Autoencoder([4, 3, 4])
def told(epoch, *_):
    print("epoch", epoch, flush=True)
try:
    net.train([x], algo="sgd", batch_size=8, progress=False, callbacks=[told],
              validate_every=1, patience=10**6, checkpoint=sys.argv[1],
              on_interrupt="raise")
finally:
    print("finally", net.find("hid1", "b").get_value().any(), flush=True)
"""


def started(path):
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINS, path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "epoch 1\n"
    return process


@pytest.mark.parametrize(
    "number, status", [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)]
)
def test_a_signal_ends_a_training_and_leaves_its_checkpoint(tmp_path, number, status):
    with started(tmp_path / "run") as process:
        process.send_signal(number)
        try:
            rest, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == status
    assert rest.endswith("finally True\n")
    assert [x.name for x in tmp_path.iterdir()] == ["run"]
    facts = theanets.serialization.files.read(tmp_path / "run")[0]["training"]
    assert facts["progress"]["epoch"] >= 1


def data():
    x = np.random.default_rng(0).normal(size=(40, 4)).astype("f4")
    return [x]


def test_a_handler_of_the_program_stays_its_own():
    calls = []
    before = signal.signal(signal.SIGTERM, lambda *_: calls.append(1))
    try:
        steps = theanets.Autoencoder([4, 3, 4]).itertrain(
            data(), max_epochs=5, progress=False
        )
        next(steps)
        os.kill(os.getpid(), signal.SIGTERM)
        assert calls == [1]
        assert len(list(steps)) == 4
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_handler_is_gone_after_training():
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    steps = theanets.Autoencoder([4, 3, 4]).itertrain(data(), progress=False)
    next(steps)
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    steps.close()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("order", [1, -1])
def test_trainings_that_take_turns_share_the_handler(order):
    open_ones = [
        theanets.Autoencoder([4, 3, 4]).itertrain(data(), progress=False)
        for _ in range(2)
    ]
    for steps in open_ones:
        next(steps)
    first, last = open_ones[::order]
    first.close()
    with pytest.raises(SystemExit):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    last.close()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_signal_raises_where_the_program_is():
    with pytest.raises(SystemExit) as caught, Terminable():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert caught.value.code == 143


def test_an_interrupt_at_any_line_leaves_the_signal_to_the_program():
    def work():
        with Terminable():
            pass

    count = count_lines(work, ["training/interrupts.py"])
    assert count > 8
    for at in range(count):
        # Not by pytest.raises, which would keep alive what the error has seen.
        with suppress(KeyboardInterrupt):
            inject(work, ["training/interrupts.py"], at=at)
            raise AssertionError
        # One that is left behind does nothing of its own.
        handler = signal.getsignal(signal.SIGTERM)
        assert handler is signal.SIG_DFL or not interrupts._inside
        work()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


LEFT_ELSEWHERE = """
import gc, os, signal, sys, threading
import numpy as np, theanets
x = np.random.default_rng(0).normal(size=(40, 4)).astype("f4")
left = [theanets.Autoencoder([4, 3, 4]).itertrain([x], progress=False)]
next(left[0])
if sys.argv[1] == "closed":
    work = left[0].close
else:
    work = left.clear
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(signal.getsignal(signal.SIGTERM))
if sys.argv[2] == "train":
    theanets.Autoencoder([4, 3, 4]).train([x], max_epochs=1, progress=False)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
try:
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(5)
finally:
    print("no exception")
"""


@pytest.mark.parametrize("how", ["closed", "collected"])
@pytest.mark.parametrize("then", ["train", "end"])
def test_a_training_left_in_another_thread_leaves_the_signal_to_the_program(how, then):
    """The handler cannot be taken away there, and does nothing of its own any more."""
    found = subprocess.run(
        [sys.executable, "-c", LEFT_ELSEWHERE, how, then],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == -signal.SIGTERM, found.stderr
    assert "no exception" not in found.stdout
    assert found.stderr == ""


def test_other_threads_train_without_signals():
    found = []

    def work():
        net = theanets.Autoencoder([4, 3, 4])
        found.append(net.train(data(), max_epochs=2, progress=False))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found


@pytest.mark.parametrize("where", ["callback", "loop", "data"])
def test_the_error_that_ends_it_is_the_one_that_comes_out(where):
    error = ValueError("mine")
    net = theanets.Autoencoder([4, 3, 4])
    threads = threading.enumerate()

    def stop(epoch, *_):
        if epoch == 3:
            raise error

    def batch():
        if where == "data" and net.history.epochs == 3:
            raise error
        return data()

    with pytest.raises(ValueError, match="mine") as caught:
        for number, _ in enumerate(
            net.itertrain(
                batch,
                data(),
                train_batches=4,
                validate_every=1,
                progress=False,
                callbacks=[stop] if where == "callback" else None,
            )
        ):
            if where == "loop" and number == 2:
                raise error
    assert caught.value is error
    for _ in range(50):
        if threading.enumerate() == threads:
            break
        time.sleep(0.1)
    assert threading.enumerate() == threads


def test_a_callback_cannot_end_it_as_an_iterator_ends():
    net = theanets.Autoencoder([4, 3, 4])
    with pytest.raises(ConfigurationError, match=r"in epoch 1\. To stop .* False"):
        net.train(data(), progress=False, callbacks=lambda *_: next(iter([])))


def test_a_second_interrupt_ends_the_saving_too(tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt("second")

    def first(*_):
        monkeypatch.setattr(theanets.serialization.files.os, "replace", interrupted)
        raise KeyboardInterrupt("first")

    net = theanets.Autoencoder([4, 3, 4])
    with pytest.raises(KeyboardInterrupt, match="second"):
        net.train(
            data(), progress=False, checkpoint=tmp_path / "run", callbacks=[first]
        )
    assert not list(tmp_path.iterdir())


FORKED = """
import os, sys, warnings
import numpy as np, theanets
from theanets.errors import ConcurrencyError
# What JAX says of every fork.
warnings.simplefilter("ignore")
x = np.random.default_rng(0).normal(size=(40, 4)).astype("f4")
os.chdir(sys.argv[1])
hyper = {"progress": False, "max_epochs": 3, "validate_every": 1, "algo": "adam"}
written = {"checkpoint": "run", "checkpoint_every": 1}
snapshots = {"save_progress": "snapshot", "save_every": 1}

def files():
    stats = {name: os.stat(name) for name in os.listdir()}
    return {n: (s.st_ino, s.st_mtime_ns, s.st_size) for n, s in stats.items()}

def forked(exits=False):
    \"""Fork; in the parent, wait until the child has ended as it should.\"""
    before, child = files(), os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        # JAX may end one that exits by a signal.
        assert status == 5 or exits and status < 0, status
        assert files() == before and ".run.lock" in before
    return not child

def refused(work):
    held = [*nets[1]._state.arrays.values()]
    try:
        work()
    except ConcurrencyError as error:
        same = all(a is b for a, b in zip(held, nets[1]._state.arrays.values()))
        os._exit(5 if same and 'get_context("spawn")' in str(error) else 1)
    os._exit(2)

def told(epoch, *_):
    if epoch == 2 and forked(exits=True):
        sys.exit(5)
    if epoch == 2 and forked():
        # It is to go on with what called this.
        children.append(epoch)

def slope(params, x):
    return (x @ params["w"]).std()

def trained():
    net.train([x], callbacks=told, **hyper, **written, **snapshots)

def minimized():
    theanets.minimize(slope, {"w": np.ones((4, 1))}, [x], callbacks=told, **hyper,
                      **written)

calm = theanets.Autoencoder([4, 3, 4])
children, nets = [], [theanets.Autoencoder([4, 3, 4]) for _ in range(2)]
for net, work in (nets[0], trained), (None, minimized):
    try:
        work()
    except ConcurrencyError:
        os._exit(5 if children else 1)
    assert not children
    os.unlink("run")
plain = calm.itertrain([x], **hyper)
next(plain)
steps = nets[1].itertrain([x], **hyper, **written, **snapshots)
for epoch in range(3):
    next(steps)
    if epoch == 1:
        if forked():
            refused(lambda: next(plain))
        if forked():
            refused(lambda: next(steps))
        if forked():
            steps.close()
            refused(lambda: nets[1].predict(x))
        if forked():
            del steps
            os._exit(5)
        if forked(exits=True):
            sys.exit(5)
steps.close()
calm = theanets.Autoencoder([4, 3, 4])
calm.train([x], **hyper)
for net in nets:
    for one, other in zip(net.params, calm.params):
        assert np.array_equal(one, other)
"""


def test_a_forked_process_leaves_the_training_to_its_parent(tmp_path):
    found = subprocess.run(
        [sys.executable, "-c", FORKED, tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    assert sorted(x.name for x in tmp_path.iterdir()) == ["run", "snapshot"]


LEFT_OPEN = """
import sys
import numpy as np, theanets
x = np.random.default_rng(0).normal(size=(40, 4)).astype("f4")
net = theanets.Autoencoder([4, 3, 4])
steps = net.itertrain([x], progress=False, checkpoint=sys.argv[1])
next(steps)
next(steps)
"""


def test_a_training_that_is_open_when_the_program_ends_is_closed(tmp_path):
    found = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, tmp_path / "run"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert found.stderr == ""
    facts = theanets.serialization.files.read(tmp_path / "run")[0]["training"]
    assert facts["progress"]["epoch"] == 2
    assert [x.name for x in tmp_path.iterdir()] == ["run"]
