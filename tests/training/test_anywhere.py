"""Whatever line of a training an exception or a signal comes at, nothing is lost.

Each time, the run is then resumed: it has to end with the bits of one that nobody
disturbed, and no lock, handle, thread or signal handler may be left behind.
"""

import gc
import os
import random
import signal
import threading
import time
import traceback

import numpy as np
import pytest

import theanets
from theanets.training import interrupts

from ..injection import count_lines, inject

# A file object that an exception keeps from its owner is closed by Python.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings(
        "ignore:.*FileIO:pytest.PytestUnraisableExceptionWarning"
    ),
]

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
LINES = 2000 if NIGHTLY else 80
SIGNALS = 200 if NIGHTLY else 20

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 4)).astype("f4")
DATA = (X, (X[:, 0] > 0).astype("i4"))


def train(folder, epochs=4):
    """Train, or go on, and return all that there is to know of the outcome."""
    net = theanets.Classifier([4, 3, 2])
    pair = net.train(
        DATA,
        0.25,
        algo="adam",
        max_epochs=epochs,
        validate_every=2,
        monitors={"hid1:out": [x / 10 for x in range(20)]},
        checkpoint=folder / "run",
        checkpoint_every=1,
        save_progress=folder / "best",
        save_every=1,
        on_interrupt="raise",
        progress=False,
    )
    values = {param.name: param.get_value().tobytes() for param in net.params}
    return values, net.history, pair


def resume(folder):
    return train(folder)


def left_behind():
    # Files of earlier tests that nobody holds are closed now, not in between.
    gc.collect()
    handler = signal.getsignal(signal.SIGTERM)
    if handler is interrupts._leave and not interrupts._inside:
        # An exception kept the default from coming back: it now does the same.
        handler = signal.SIG_DFL
    return (
        len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0,
        threading.active_count(),
        handler,
        signal.getsignal(signal.SIGINT),
    )


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """Return what comes of a run that nobody disturbs; from now on all is compiled."""
    found = train(tmp_path_factory.mktemp("calm"))
    folder = tmp_path_factory.mktemp("resumed")
    train(folder, 2)
    assert resume(folder) == found
    return found


def check(folder, calm, before):
    """Check that nothing is left behind, and that the run goes on to the same end.

    The file of the lock may stay, which nobody has then: the next run removes it.
    """
    assert {x.name for x in folder.glob(".*")} <= {".run.lock"}
    assert left_behind() == before
    assert resume(folder) == calm
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("begun", [False, True], ids=["new", "resumed"])
def test_an_exception_at_any_line(tmp_path, calm, begun):
    chance = random.Random(f"lines {begun}")

    def folder(name):
        made = tmp_path / str(name)
        made.mkdir()
        if begun:
            train(made, 2)
        return made

    counted = folder("counted")
    lines = count_lines(lambda: train(counted))
    for number in range(LINES // 2):
        here = folder(number)
        kind = chance.choice([KeyboardInterrupt, SystemExit, RuntimeError])
        error, place, before = kind("injected"), chance.randrange(lines), left_behind()
        try:
            inject(lambda here=here: train(here), at=place, error=error)
            raise AssertionError(f"line {place} of {lines} was not reached")
        except (kind, theanets.ConfigurationError) as raised:
            # What fails in a layer is told as an error of the layer.
            assert raised is error or raised.__cause__ is error
        where = traceback.extract_tb(error.__traceback__)[-2]
        error.__traceback__ = None
        try:
            check(here, calm, before)
        except BaseException as failure:
            failure.add_note(f"{kind.__name__} at {where.filename}:{where.lineno}")
            raise


class Signalled(BaseException):
    """What the handler of a signal raises, such as that of a soft time limit."""


# Python ignores what a handler raises in the callback of a weak reference, and says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_real_signals(tmp_path, calm):
    def handler(number, frame):
        raise Signalled

    chance = random.Random(5)
    folder = tmp_path / "timed"
    folder.mkdir()
    began = time.perf_counter()
    train(folder)
    seconds = time.perf_counter() - began
    for number in range(SIGNALS):
        here = tmp_path / str(number)
        here.mkdir()
        kind = chance.choice([signal.SIGALRM, signal.SIGTERM, signal.SIGINT])
        known = signal.signal(kind, handler)
        before = left_behind()
        try:
            timer = threading.Timer(
                chance.random() * seconds, os.kill, (os.getpid(), kind)
            )
            try:
                # The signal may come before `start` returns.
                timer.start()
                train(here)
                # The signal may come later than the end.
                timer.join()
                time.sleep(0.01)
            except Signalled:
                timer.join()
            check(here, calm, before)
        finally:
            signal.signal(kind, known)
