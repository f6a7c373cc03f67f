"""Networks in forked and spawned workers: right answers or an error, never a wait."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

import theanets
from theanets.utils import forks

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


REFUSED = {
    "predict": "net.predict(x)",
    "predict one": "net.predict(x[0])",
    "predict with noise": "net.predict(x, hidden_noise=1)",
    "predict on": "speller.predict(np.zeros((2, 3, 5)), return_state=True)",
    "predict_proba": "net.predict_proba(x)",
    "predict_logit": "net.predict_logit(x)",
    "feed_forward": "net.feed_forward(x)",
    "score": "net.score(x, y)",
    "encode": "auto.encode(x, sample=True)",
    "decode": "auto.decode(x[:, :2], hidden_noise=0.1)",
    "predict_sequence": "speller.predict_sequence([0, 3], steps=7)",
    "go on with predict_sequence": "next(drawn)",
    "train": "net.train([x, y])",
    "itertrain": "net.itertrain([x, y])",
    "begin an itertrain": "next(steps)",
    "begin one of several": "next(several)",
    "go on with an itertrain": "next(begun)",
    "minimize": "theanets.minimize(lambda p, x: 0, 0.0, [x])",
    "functional": "net.functional()",
    "apply": "apply(params, x)",
    "apply in training": "learning(learned, state, x, 0)",
    "make": "theanets.Regressor([4, 2])",
    "make by an experiment": "theanets.Experiment(theanets.Classifier, [4, 3])",
    "add_layer": "net.add_layer(3)",
    "add_loss": "net.add_loss(lambda a, b: a - b)",
    "replace": "net.replace('hid1', size=3)",
    "save": "net.save(path)",
    "load": "theanets.load(path)",
    "get_value": "w.get_value()",
    "set_value": "w.set_value(np.zeros((4, 8)))",
    "draw": "theanets.plotting.features(w)",
    "as an array": "np.asarray(w)",
    "pickle": "pickle.dumps(net)",
    "unpickle and predict": "pickle.loads(sent).predict(x)",
    "copy and predict": "copy.deepcopy(net).predict(x)",
}
ALLOWED = {
    "print": "str(net), repr(net), repr(w)",
    "look": "net.find('hid1.w').shape, net.num_params, net.history, net.layers",
    "freeze": "net.freeze('hid1'), net.unfreeze()",
    "set_loss": "net.set_loss('xe')",
    "copy": "copy.deepcopy(net)",
    "unpickle": "pickle.loads(sent)",
    "close": "begun.close(), steps.close(), drawn.close()",
}


def test_a_forked_process_refuses_at_once_what_needs_jax():
    """Before anything of JAX is asked, and what needs none goes on."""
    run(f"""
        import copy, pickle
        import jax
        import theanets.plotting
        from jax._src import xla_bridge
        from jax._src.array import ArrayImpl
        x, y = points, np.arange(50) % 3
        auto = theanets.Autoencoder([4, (2, "logistic"), 4])
        speller = theanets.recurrent.Classifier([5, (6, "gru"), 5])
        drawn = speller.predict_sequence([0, 3], steps=7)
        next(drawn)
        options = {{"progress": False, "max_epochs": 3}}
        steps = net.itertrain([x, y], **options)
        several = net.itertrain([x, y], algo=["sgd", "adam"], **options)
        begun = auto.itertrain([x], **options)
        next(begun)
        apply, params = net.functional()
        learning, learned, state = net.functional(train=True)
        path = os.path.join(tempfile.mkdtemp(), "net")
        net.save(path)
        sent, w = pickle.dumps(net), net.find("hid1.w")

        def reached(*_, **__):
            raise AssertionError("JAX is reached")

        def work():
            xla_bridge.get_backend = xla_bridge.backends = reached
            jax.device_put = jax.eval_shape = reached
            ArrayImpl._value, ArrayImpl.__array__ = property(reached), reached
            for use in {[*REFUSED.values()]}:
                raises(lambda: eval(use, globals()), 'get_context("spawn")')
            for use in {[*ALLOWED.values()]}:
                eval(use, globals())
            # And so it is in a child of the child.
            in_child(lambda: raises(lambda: net.predict(x), "forked"))

        in_child(work)
        net.predict(x)
        next(begun)
    """)


def test_locks_that_other_threads_hold_during_a_fork_are_waited_for_by_nobody():
    run("""
        import threading
        from theanets.models import state
        from theanets.data.device import DEVICE_CACHE
        from theanets.training.programs import PROGRAMS
        data = [points.copy(), np.arange(50) % 3]
        net.train(data, max_epochs=1, progress=False)
        taken, forked = threading.Event(), threading.Event()

        def hold():
            with DEVICE_CACHE._lock, PROGRAMS._lock, state._LOCK:
                taken.set()
                forked.wait()

        def work():
            data.clear()
            raises(lambda: net.predict(points, hidden_noise=1), "forked")
            raises(lambda: net.train([points], progress=False), "forked")
            raises(lambda: list(steps), "forked")

        steps = net.itertrain(data, progress=False)
        thread = threading.Thread(target=hold)
        thread.start()
        taken.wait()
        try:
            in_child(work)
        finally:
            forked.set()
    """)


def test_a_forked_process_of_a_busy_one_is_refused_too():
    run("""
        import threading
        ended = threading.Event()

        def answer():
            while not ended.is_set():
                net.predict_proba(points, hidden_noise=0.1)

        threads = [threading.Thread(target=answer) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(50):
                in_child(lambda: raises(lambda: net.predict(points), "forked"))
        finally:
            ended.set()
    """)


def test_a_pool_of_forked_workers_hands_the_error_on():
    run("""
        with multiprocessing.get_context("fork").Pool(1) as pool:
            job = pool.apply_async(net.predict, [points])
            raises(lambda: job.get(60), 'get_context("spawn")')
    """)


def test_a_process_forked_before_jax_was_used_computes_by_itself():
    run(
        """
        from theanets.utils import forks

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
    forks.refuse_forked()
