"""Recurrent models learn what they are for, on the tasks of the examples.

The sizes are smaller than the examples', and each test is one run; the bounds are
loose.
"""

import math
import runpy
from pathlib import Path

import numpy as np
import optax
import pytest

import theanets

EXAMPLES = Path(__file__).parents[2] / "examples"
QUIET = {"algo": "adam", "max_gradient_norm": 1, "progress": False}


def example(name):
    return runpy.run_path(str(EXAMPLES / name))


@pytest.mark.parametrize("layer", ["lstm", "gru"])
def test_gated_layers_remember(layer):
    """Three values are said again 17 steps later; saying 0 has an error of 1.

    Half of the example's epochs. With seeds 1, 2 and 3 it gave 0.010 to 0.020.
    """
    sequences = example("recurrent_memory.py")["sequences"]
    rng = np.random.default_rng(1)
    train, (inputs, targets, _) = sequences(6400, 20, rng), sequences(500, 20, rng)
    net = theanets.recurrent.Regressor([1, (32, layer, "tanh"), 1], weighted=True)
    net.train(
        train,
        **QUIET,
        learning_rate=optax.cosine_decay_schedule(0.02, 2000),
        batch_size=64,
        max_epochs=20,
    )
    error = np.square(net.predict(inputs) - targets)[:, -3:].mean()
    assert error < 0.05


def test_clockwork_keeps_time_better_than_a_plain_layer():
    """The example's wave, a fifth of its updates; with all, 0.0000 against 0.15."""
    module = example("sinusoids.py")
    inputs, targets = module["waves"](200)

    def error(**layer):
        layer = {"size": 70, "activation": "tanh", **layer}
        net = theanets.recurrent.Regressor([1, layer, 1])
        net.train([inputs, targets], **QUIET, learning_rate=0.003, max_epochs=300)
        return np.square(net.predict(inputs) - targets).mean()

    clockwork = error(form="clockwork", periods=module["PERIODS"])
    assert clockwork < 0.5 * error(form="rnn")


def test_text_is_predicted_better_than_by_trigrams():
    """All of the text; a third of the example's updates; with all, 2.0 against 2.75."""
    content = theanets.datasets.load_text()
    cut = len(content) * 9 // 10
    text = theanets.recurrent.Text(content[:cut])
    held_out = theanets.recurrent.Text(content[cut:], alpha=text.alpha)
    known, unseen = (np.array(x.encode(x.text)) for x in (text, held_out))
    size = 1 + len(text.alpha)
    trigrams = example("text_generation.py")["trigram_bits"](known, unseen, size)
    # Close to what other smoothing gives: a bad one would be easy to beat.
    assert 2.7 < trigrams < 2.8

    net = theanets.recurrent.Classifier([size, (128, "gru", "tanh"), size])
    _, validation = net.train(
        text.classifier_batches(steps=50, batch_size=32, rng=1),
        held_out.classifier_batches(steps=len(unseen) - 1, batch_size=1)(),
        **QUIET,
        learning_rate=optax.cosine_decay_schedule(0.01, 600),
        train_batches=200,
        max_epochs=3,
    )
    assert validation["err"] / math.log(2) < trigrams - 0.2
