"""The original's sixteen examples in its style, each for a few updates.

`examples/README.md` tells what they come to at their full size.
"""

import runpy
import sys
from pathlib import Path

import pytest
from matplotlib import pyplot

import theanets

FOLDER = Path(__file__).parent / "examples"

PRINTS = {
    "cifar_autoencoder": "R2 on valid: ",
    "lstm_chime": "accuracy on valid: ",
    "mnist_autoencoder": "squared error on valid: ",
    "mnist_classifier": "accuracy on test: ",
    "mnist_convolution": "accuracy on valid: ",
    "mnist_deep_autoencoder": "squared error on valid: ",
    "mnist_deep_classifier": "accuracy on test: ",
    "mnist_rica": "R2 on valid: ",
    "recurrent_addition": "of the mean 0.167",
    "recurrent_autoencoder": "R2: ",
    "recurrent_memory": "mean squared error: ",
    "recurrent_phase": "R2: ",
    "recurrent_sinusoid": "R2: ",
    "recurrent_text": "clockwork: ",
    "weighted_classification": "confusion matrix",
    "xor_classifier": "predictions: ",
}


def test_all_are_here():
    found = {path.stem for path in FOLDER.glob("*.py")} - {"data"}
    assert found == set(PRINTS) and len(found) == 16
    table = (FOLDER / "README.md").read_text()
    assert all(f"`{name}.py`" in table for name in found)


@pytest.mark.parametrize("name", PRINTS)
def test_example(name, monkeypatch, capsys):
    itertrain = theanets.Network.itertrain
    few = {"max_epochs": 1, "train_batches": 2, "valid_batches": 2, "progress": False}

    def briefly(self, *args, **keywords):
        return itertrain(self, *args, **keywords | few)

    monkeypatch.setattr(theanets.Network, "itertrain", briefly)
    monkeypatch.setattr(pyplot, "show", lambda: pyplot.close("all"))
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.delitem(sys.modules, "data", raising=False)
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    pyplot.close("all")
    assert PRINTS[name] in capsys.readouterr().out
