import ast
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError
from theanets.training.interrupts import Terminable

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
    facts = theanets.files.read(tmp_path / "run")[0]["training"]
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
        if where == "data" and net._epochs == 3:
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
        monkeypatch.setattr(theanets.files.os, "replace", interrupted)
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
# What JAX says of every fork.
warnings.simplefilter("ignore")
x = np.random.default_rng(0).normal(size=(40, 4)).astype("f4")
net = theanets.Autoencoder([4, 3, 4])
path = sys.argv[1]
options = {"progress": False, "checkpoint": path + "/run", "checkpoint_every": 1}
options["save_progress"] = path + "/snapshot"
for epoch, _ in enumerate(net.itertrain([x], max_epochs=3, **options)):
    if epoch == 1:
        before = {name: os.stat(f"{path}/{name}") for name in os.listdir(path)}
        if os.fork() == 0:
            sys.exit(0)
        # JAX may end such a process by a signal.
        os.wait()
        after = {name: os.stat(f"{path}/{name}") for name in os.listdir(path)}
        for stats in before, after:
            print({n: (s.st_ino, s.st_mtime_ns, s.st_size) for n, s in stats.items()})
"""


def test_a_forked_process_leaves_the_training_to_its_parent(tmp_path):
    found = subprocess.run(
        [sys.executable, "-c", FORKED, tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    before, after = map(ast.literal_eval, found.stdout.splitlines())
    assert before == after
    assert sorted(before) == [".run.lock", "run"]
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
    facts = theanets.files.read(tmp_path / "run")[0]["training"]
    assert facts["progress"]["epoch"] == 2
    assert [x.name for x in tmp_path.iterdir()] == ["run"]
