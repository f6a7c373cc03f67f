"""Every example runs, at a tiny size."""

import io
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent.parent / "examples"

# Script, arguments, a word of what it prints, and the files it writes. {data} is a
# folder with pictures in the binary form of CIFAR-10.
EXAMPLES = [
    (
        "mnist_classifier.py",
        "--epochs 1",
        "test accuracy",
        ["mnist-features.png", "mnist.safetensors"],
    ),
    (
        "table.py",
        "--epochs 1",
        "the first row is: ",
        ["table.safetensors", "table.json"],
    ),
    (
        "recurrent_memory.py",
        "--length 6 --examples 64 --epochs 1 --units 4",
        "mean squared error",
        [],
    ),
    (
        "addition.py",
        "--length 6 --examples 64 --epochs 1 --units 4",
        "mean squared error",
        [],
    ),
    (
        "sinusoids.py",
        "--length 20 --epochs 2 --units 7",
        "clockwork",
        ["sinusoids.png"],
    ),
    (
        "text_generation.py",
        "--units 8 --steps 5 --batches 2 --epochs 1 --characters 20",
        "bits per character",
        [],
    ),
    (
        "cifar_autoencoder.py",
        "{data} --units 8 --epochs 1",
        "R²",
        ["cifar-autoencoder.png"],
    ),
    (
        "convolution.py",
        "--examples 64 --epochs 1 --filters 2 2",
        "test accuracy",
        ["convolution-filters.png"],
    ),
    (
        "phonemes.py",
        "{data} --make-demo --units 8 --epochs 1",
        "of all moments",
        [],
    ),
    (
        "mnist_autoencoder.py",
        "--units 9 --examples 256 --epochs 1",
        "R²",
        ["autoencoder-features.png", "autoencoder-digits.png"],
    ),
    (
        "deep_autoencoder.py",
        "--sizes 9 4 --examples 256 --stage-epochs 1 --epochs 1",
        "after the layerwise training",
        ["deep-autoencoder.png"],
    ),
    (
        "deep_classifier.py",
        "--sizes 9 4 --examples 256 --labelled 64 --stage-epochs 1 --epochs 1",
        "without pretraining",
        ["deep-classifier.png"],
    ),
    (
        "reconstruction_ica.py",
        "--units 9 --side 4 --directions 8 --patches 256 --epochs 1",
        "R²",
        ["reconstruction-ica.png"],
    ),
    ("xor.py", "--epochs 3", "1 xor 1", []),
    (
        "weighted_classification.py",
        "--examples 256 --epochs 1",
        "with weights",
        [],
    ),
]


def test_every_example_is_here():
    assert sorted(x[0] for x in EXAMPLES) == sorted(x.name for x in FOLDER.glob("*.py"))


@pytest.fixture
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    records = np.random.default_rng(0).integers(0, 256, (40, 3073), np.uint8)
    records.tofile(folder / "data_batch_1.bin")
    return folder


@pytest.mark.parametrize(
    ("script", "arguments", "word", "files"), EXAMPLES, ids=[x[0] for x in EXAMPLES]
)
def test_example(script, arguments, word, files, data, tmp_path, monkeypatch, capsys):
    from matplotlib import pyplot

    given = [str(data) if x == "{data}" else x for x in arguments.split()]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [script, *given])
    runpy.run_path(str(FOLDER / script), run_name="__main__")
    pyplot.close("all")
    assert word in capsys.readouterr().out
    assert sorted(x.name for x in tmp_path.iterdir()) == sorted(files)


@pytest.mark.parametrize("script", [x[0] for x in EXAMPLES])
def test_help(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(FOLDER / script), run_name="__main__")
    assert ended.value.code == 0
    assert "--epochs" in capsys.readouterr().out


def array(values):
    file = io.BytesIO()
    np.save(file, np.asarray(values), allow_pickle=False)
    return file.getvalue()


FEATURES = array(np.zeros((3, 2)))
# Script, what is in its folder (None: there is none), and what it says.
FOLDERS = {
    "no folder of pictures": ("cifar_autoencoder.py", None, "Unpack the binary"),
    "no pictures": ("cifar_autoencoder.py", {}, "has no file data_batch_"),
    "other pictures": (
        "cifar_autoencoder.py",
        {"data_batch_1.bin": bytes(3000)},
        "data_batch_1.bin has 3000 bytes",
    ),
    "one picture": (
        "cifar_autoencoder.py",
        {"data_batch_1.bin": bytes(3073)},
        "has one image",
    ),
    "no folder of speech": ("phonemes.py", None, "--make-demo"),
    "no speech": ("phonemes.py", {"data_batch_1.bin": bytes(3000)}, "--make-demo"),
    "no labels": (
        "phonemes.py",
        {"a.features.npy": FEATURES},
        "a.labels.npy is missing",
    ),
    "no array": (
        "phonemes.py",
        {"a.features.npy": b"speech", "a.labels.npy": array([0, 1, 1])},
        "a.features.npy or a.labels.npy is no array",
    ),
    "labels of another length": (
        "phonemes.py",
        {"a.features.npy": FEATURES, "a.labels.npy": array([0, 1])},
        r"\(3, 2\) of float64, and its labels \(2,\)",
    ),
    "labels that are fractions": (
        "phonemes.py",
        {"a.features.npy": FEATURES, "a.labels.npy": array([0.5, 1, 1])},
        "whole numbers",
    ),
    "other features": (
        "phonemes.py",
        {
            "a.features.npy": FEATURES,
            "a.labels.npy": array([0, 1, 1]),
            "b.features.npy": array(np.zeros((3, 4))),
            "b.labels.npy": array([0, 1, 1]),
        },
        "b.features.npy has 4 features, and the files before 2",
    ),
}


@pytest.mark.parametrize(("script", "files", "words"), FOLDERS.values(), ids=FOLDERS)
def test_a_folder_of_something_else(script, files, words, tmp_path, monkeypatch):
    """One line says so, and no traceback."""
    folder = tmp_path / "data"
    if files is not None:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
    monkeypatch.setattr(sys, "argv", [script, str(folder)])
    with pytest.raises(SystemExit, match=words) as ended:
        runpy.run_path(str(FOLDER / script), run_name="__main__")
    assert "\n" not in str(ended.value)
