"""Networks in forked and spawned workers: right answers, and errors, never a wait."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

import theanets
from theanets import forks

from .helpers import blobs

TIMEOUT = 120

CHILD = """
import multiprocessing, os, sys, tempfile, warnings
import numpy as np
import theanets
from theanets.errors import ConcurrencyError

# What JAX says of every fork.
warnings.simplefilter("ignore")
points = np.random.default_rng(0).normal(size=(50, 4)).astype("f4")
net = theanets.Classifier([4, (8, "tanh"), 3], rng=3)

def in_child(work, *args):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(*args)
            status = 0
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0

def equal(first, second):
    assert np.array_equal(first, second), (first, second)

def raises(work, words):
    try:
        work()
    except ConcurrencyError as error:
        assert words in str(error), str(error)
    else:
        raise AssertionError("no error")

"""


def run(script, begin=CHILD):
    """Run a script in a process of its own, and see that it ends well."""
    done = subprocess.run(
        [sys.executable, "-c", begin + textwrap.dedent(script)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_forked_process_gives_right_answers():
    run("""
        auto = theanets.Autoencoder([4, (2, "logistic"), 4])
        speller = theanets.recurrent.Classifier([5, (6, "gru"), 5])
        wanted = [
            net.predict(points), net.predict_proba(points),
            net.predict_proba(points[0]),
            net.feed_forward(points)["hid1:pre"],
            net.score(points, np.arange(50) % 3),
            auto.encode(points), auto.decode(points[:, :2]),
            auto.encode(points, sample=True),
            list(speller.predict_sequence([0, 3], steps=7, rng=1)),
        ]
        noisy = [net.predict_proba(points, hidden_noise=1) for _ in range(2)]
        net._draws, auto._draws = 0, 0

        def work():
            found = [
                net.predict(points), net.predict_proba(points),
                net.predict_proba(points[0]), net.feed_forward(points)["hid1:pre"],
                net.score(points, np.arange(50) % 3),
                auto.encode(points), auto.decode(points[:, :2]),
                auto.encode(points, sample=True),
                list(speller.predict_sequence([0, 3], steps=7, rng=1)),
            ]
            for mine, other in zip(found, wanted, strict=True):
                equal(mine, other)
            for value in noisy:
                equal(net.predict_proba(points, hidden_noise=1), value)

        in_child(work)
    """)


def test_a_forked_process_can_load_make_and_change_networks():
    run("""
        other = theanets.Regressor([4, (6, "relu"), 2], rng=9)
        wanted = net.predict_proba(points), other.predict(points)
        layers = [4, (6, "relu"), 2]
        path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
        net.save(path)

        def work():
            equal(theanets.load(path).predict_proba(points), wanted[0])
            equal(theanets.Regressor(layers, rng=9).predict(points), wanted[1])
            net.find("out", "w").set_value(np.zeros((8, 3)))
            np.testing.assert_allclose(net.predict_proba(points), 1 / 3)
            net.save(path)
            # A child of the child has a helper of its own.
            in_child(lambda: equal(net.predict(points), np.zeros(50)))

        in_child(work)
        equal(theanets.load(path).find("out", "w"), np.zeros((8, 3)))
        equal(net.predict_proba(points), wanted[0])
    """)


def test_a_forked_process_of_a_busy_one_gives_right_answers():
    run("""
        import threading
        wanted = net.predict_proba(points)
        ended = threading.Event()

        def answer():
            while not ended.is_set():
                net.predict_proba(points, hidden_noise=0.1)

        threads = [threading.Thread(target=answer) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(5):
                in_child(lambda: equal(net.predict_proba(points), wanted))
        finally:
            ended.set()
    """)


def test_reading_parameters_after_a_fork_of_a_busy_process_waits_for_nobody():
    run("""
        import pickle, threading
        ended = threading.Event()

        def answer():
            while not ended.is_set():
                net.predict_proba(points, hidden_noise=0.1)

        def work():
            values = net._values
            assert all(type(array) is np.ndarray for array in values.values())
            pickle.loads(pickle.dumps(net))

        threads = [threading.Thread(target=answer) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(50):
                in_child(work)
            assert not any(type(x) is np.ndarray for x in net._values.values())
        finally:
            ended.set()
    """)


def test_a_process_forked_before_jax_was_used_computes_by_itself():
    run(
        """
        from theanets import forks

        def work():
            assert not forks.forked()
            mine = theanets.Classifier([4, 3])
            mine.train([points, np.arange(50) % 3], max_epochs=1, progress=False)
            assert mine.predict(points).shape == (50,)

        in_child(work)
        theanets.Classifier([4, 3])
        assert not forks.forked()
        in_child(lambda: forks.forked() or os._exit(1))
    """,
        CHILD.replace("net = theanets", "# net = theanets"),
    )


def test_a_forked_process_says_at_once_what_it_cannot():
    run("""
        class Doubled(theanets.Layer):
            def transform(self, params, inputs):
                return 2 * inputs[self.input_name]

        own = theanets.Regressor([4, "doubled", 2])

        def work():
            data = [points, np.arange(50) % 3]
            raises(lambda: net.train(data, progress=False), "training is not possible")
            raises(lambda: net.itertrain(data), 'get_context("spawn")')
            raises(lambda: theanets.minimize(lambda p, x: 0, 0.0, data), "training is")
            raises(lambda: own.predict(points), "move it to a module")
            # Wrong data are told as ever, and do no harm.
            try:
                net.predict(points[:, :3])
            except theanets.DataError as error:
                assert "3" in str(error)
            else:
                raise AssertionError("no error")
            from theanets import forks
            net.predict(points)
            forks._here.computer._process.kill()
            raises(lambda: net.predict(points), "has ended, with the status -9")

        in_child(work)
    """)


def test_the_process_that_computes_ends_with_the_one_it_computes_for():
    run("""
        import time
        from theanets import forks
        reading, writing = os.pipe()

        def work():
            net.predict(points)
            os.write(writing, str(forks._here.computer._process.pid).encode())

        in_child(work)
        helper = int(os.read(reading, 20))
        for _ in range(100):
            try:
                os.kill(helper, 0)
            except ProcessLookupError:
                break
            # Ended, though nobody has asked for its status.
            if os.path.exists("/proc") and ") Z" in open(f"/proc/{helper}/stat").read():
                break
            time.sleep(0.1)
        else:
            raise AssertionError("it is still there")
    """)


METHODS = [m for m in multiprocessing.get_all_start_methods() if m != "fork"]


@pytest.mark.parametrize("method", METHODS)
def test_spawned_workers_give_right_answers(method, tmp_path):
    net = theanets.Classifier([4, (8, "tanh"), 3])
    points = blobs()[0]
    net.save(tmp_path / "net.safetensors")
    with warnings.catch_warnings():
        # What JAX says of every fork; that of the fork server has used none.
        warnings.simplefilter("ignore")
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            jobs = [
                pool.map_async(net.predict_proba, [points, points[0]]),
                pool.apply_async(theanets.load, [tmp_path / "net.safetensors"]),
            ]
            (many, one), loaded = (job.get(TIMEOUT) for job in jobs)
    np.testing.assert_array_equal(many, net.predict_proba(points))
    np.testing.assert_array_equal(one, net.predict_proba(points[0]))
    np.testing.assert_array_equal(loaded.predict_proba(points), many)


def test_a_process_that_was_not_forked_is_none():
    assert not forks.forked()
    forks.refuse_forked("anything")
