"""Trains in processes that are killed, and goes on until the end; prints what it did.

    python killed.py SCENARIO KILLS FOLDER

A process that has imported theanets, but has not computed, forks others that train.
Each is killed by SIGKILL: after some time, or at a step of a save. The last line is
JSON: how many were killed, how many of them in a save, and whether parameters,
history and file are those of a run that nobody disturbed.
"""

import json
import os
import pickle
import random
import signal
import sys
import threading
import traceback
from pathlib import Path

import jax
import numpy as np

import theanets
from theanets.serialization import files

EPOCHS = 24


def arrays(*shape, classes=0):
    rng = np.random.default_rng(len(shape))
    x = rng.normal(size=(90, *shape)).astype("f4")
    if classes:
        return x, (x.reshape(90, -1)[:, 0] > 0).astype("i4")
    return x, x[..., :1] * 2 - 1


def feedforward():
    net = theanets.Classifier([5, 7, 2])
    return net, [arrays(5, classes=2)], {"algo": "nag", "weight_l2": 1e-3}


def lstm():
    net = theanets.recurrent.Regressor([3, (6, "lstm"), 1])
    hyper = {"algo": "adam", "hidden_dropout": 0.2, "input_noise": 0.1}
    return net, [arrays(4, 3)], hyper


def batchnorm():
    net = theanets.Regressor([5, 7, "batchnorm", 1])
    return net, [arrays(5)], {"algo": "esgd", "learning_rate": 0.01}


def layerwise():
    net = theanets.Classifier([5, 7, 6, 2])
    hyper = {"algo": "layerwise", "subalgo": "rmsprop", "max_epochs": EPOCHS // 2}
    return net, [arrays(5, classes=2)], hyper


def streamed():
    net = theanets.Regressor([5, 7, 1])
    rng = np.random.default_rng(4)

    def batch():
        x = rng.normal(size=(8, 5)).astype("f4")
        return x, x[:, :1]

    hyper = {"algo": "adam", "train_batches": 11, "valid_batches": 3}
    return net, [batch], hyper


SCENARIOS = {f.__name__: f for f in (feedforward, lstm, batchnorm, layerwise, streamed)}


def train(make, file, callback=None):
    """Train to the end, and leave what came of it beside the file."""
    net, data, hyper = make()
    controls = {"max_epochs": EPOCHS, "validate_every": 3, "patience": 50}
    net.train(
        *data,
        **controls | hyper,
        batch_size=32,
        checkpoint=file,
        checkpoint_every=1,
        callbacks=callback,
        progress=False,
    )
    values = {name: np.asarray(value) for name, value in net._state.arrays.items()}
    Path(f"{file}.result").write_bytes(pickle.dumps((values, net.history)))


def die():
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()


def doomed(make, file, rng, inside_save, log):
    """Train until killed: in a save, or some time after some epochs."""
    steps = [rng.randint(1, 5)]

    def count():
        steps[0] -= 1
        if steps[0] == 0:
            os.write(log, b"s" if inside_save else b"t")
            if inside_save:
                die()
            threading.Timer(rng.random() * 0.02, die).start()

    if inside_save:
        for name in ("open", "fsync", "replace", "write", "stat"):
            real = getattr(os, name)

            def killing(*args, _real=real, **kwargs):
                count()
                return _real(*args, **kwargs)

            setattr(files.os, name, killing)
    train(make, file, None if inside_save else [lambda *_: count()])


def child(work):
    """Run something in a fork, and return the status it ended with."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(name, kills, folder):
    make, rng = SCENARIOS[name], random.Random(name)
    jax.config.update("jax_compilation_cache_dir", f"{folder}/programs")
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    calm, torn = f"{folder}/calm", f"{folder}/torn"
    assert child(lambda: train(make, calm)) == 0
    reader, log = os.pipe()
    killed = finished = 0
    while killed < kills:
        inside = killed % 2 == 1
        status = child(lambda inside=inside: doomed(make, torn, rng, inside, log))
        rng.random()
        assert status in (0, -signal.SIGKILL), status
        killed += status != 0
        if status == 0:
            # It came to its end; the next one begins anew.
            finished += 1
            check(calm, torn)
            os.unlink(torn)
    assert child(lambda: train(make, torn)) == 0
    check(calm, torn)
    saves = os.read(reader, 1 << 16).count(b"s")
    left = [x.name for x in Path(folder).iterdir() if x.name.endswith(".lock")]
    print(json.dumps({"killed": killed, "in saves": saves, "left": left}))


def check(calm, torn):
    assert Path(calm).read_bytes() == Path(torn).read_bytes()
    (a, history), (b, other) = (
        pickle.loads(Path(f"{file}.result").read_bytes()) for file in (calm, torn)
    )
    assert history == other
    assert a.keys() == b.keys()
    assert all(a[name].tobytes() == b[name].tobytes() for name in a)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
