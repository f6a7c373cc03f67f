"""On real digits every algorithm learns with its own defaults."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import theanets

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture(scope="module")
def digits():
    return theanets.datasets.load_mnist()


@pytest.mark.parametrize(
    ("algo", "epochs"),
    [
        (None, 12),
        ("sgd", 12),
        ("nag", 12),
        ("adagrad", 12),
        ("adadelta", 12),
        ("adam", 12),
        ("esgd", 12),
        # One update an epoch, over all the data.
        ("lbfgs", 60),
        ("rprop", 200),
    ],
)
def test_defaults_reach_95_percent(digits, algo, epochs):
    train, valid, (images, labels) = digits
    net = theanets.Classifier([784, 100, 10])
    chosen = {"algo": algo} if algo else {}
    net.train(train, valid, max_epochs=epochs, progress=False, **chosen)
    assert net.score(images, labels) >= 0.95


def test_bytes_train_in_little_memory():
    script = """
        import jax
        def peak():
            lines = open("/proc/self/status").read().splitlines()
            return next(int(x.split()[1]) for x in lines if x.startswith("VmHWM")) / 1e3
        before = peak()
        import numpy as np, theanets
        from theanets.datasets import idx, mnist
        folder = mnist.EMBEDDED
        images = idx.read(folder / "train-images-idx3-ubyte.gz", 3).reshape(-1, 784)
        labels = idx.read(folder / "train-labels-idx1-ubyte.gz", 1)
        net = theanets.Classifier([784, 100, 10])
        net.train((images[:50000], labels[:50000]), (images[50000:], labels[50000:]),
                  algo="nag", learning_rate=1e-5, max_epochs=1, progress=False)
        print(peak() - before)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={"PYTHONPATH": str(SOURCE), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(ran.stdout) <= 400
