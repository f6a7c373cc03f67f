"""Each example runs as a user starts it, at a tiny size."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def cifar(folder):
    """Write pictures in the binary form of CIFAR-10."""
    folder.mkdir()
    records = np.random.default_rng(0).integers(0, 256, (40, 3073), np.uint8)
    records.tofile(folder / "data_batch_1.bin")


# The script, its arguments, a part of what it prints, and the files that it writes.
# "FOLDER" is one of the test's own, which begins as the function makes it.
TABLE = [
    (
        "recurrent_memory.py",
        "--length 6 --examples 64 --epochs 1 --units 4",
        "mean squared error",
        [],
        None,
    ),
    (
        "addition.py",
        "--length 6 --examples 64 --epochs 1 --units 4",
        "mean squared error",
        [],
        None,
    ),
    (
        "sinusoids.py",
        "--length 20 --epochs 2 --units 7 --out FOLDER",
        "clockwork",
        ["sinusoids.png"],
        None,
    ),
    (
        "text_generation.py",
        "--units 8 --steps 5 --batches 2 --epochs 1 --characters 20",
        "bits per character",
        [],
        None,
    ),
    (
        "cifar_autoencoder.py",
        "FOLDER --units 8 --epochs 1 --out FOLDER",
        "R²",
        ["cifar-autoencoder.png"],
        cifar,
    ),
    (
        "phonemes.py",
        "FOLDER --make-demo --units 8 --epochs 1",
        "of all moments",
        ["utterance000.labels.npy"],
        None,
    ),
    (
        "mnist_autoencoder.py",
        "--units 9 --examples 256 --epochs 1 --out FOLDER",
        "R²",
        ["autoencoder-features.png", "autoencoder-digits.png"],
        None,
    ),
    (
        "deep_autoencoder.py",
        "--sizes 9 4 --examples 256 --stage-epochs 1 --epochs 1 --out FOLDER",
        "after the layerwise training",
        ["deep-autoencoder.png"],
        None,
    ),
    (
        "deep_classifier.py",
        "--sizes 9 4 --examples 256 --labelled 64 --stage-epochs 1 --epochs 1"
        " --out FOLDER",
        "without pretraining",
        ["deep-classifier.png"],
        None,
    ),
    (
        "reconstruction_ica.py",
        "--units 9 --side 4 --directions 8 --patches 256 --epochs 1 --out FOLDER",
        "R²",
        ["reconstruction-ica.png"],
        None,
    ),
    ("xor.py", "--epochs 3", "1 xor 1", [], None),
    (
        "weighted_classification.py",
        "--examples 256 --epochs 1",
        "with weights",
        [],
        None,
    ),
]


def run(script, *arguments, folder):
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / script), *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(EXAMPLES.parent / "src"), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.mark.parametrize(
    ("script", "arguments", "words", "files", "make"), TABLE, ids=[x[0] for x in TABLE]
)
def test_runs(script, arguments, words, files, make, tmp_path):
    folder = tmp_path / "data"
    if make:
        make(folder)
    given = [str(folder) if x == "FOLDER" else x for x in arguments.split()]
    done = run(script, *given, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    for name in files:
        assert (folder / name).stat().st_size > 0


@pytest.mark.parametrize("script", [row[0] for row in TABLE])
def test_help(script, tmp_path):
    done = run(script, "--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
