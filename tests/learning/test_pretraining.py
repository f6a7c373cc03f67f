"""What training in stages is good for, on digits: medians over three seeds."""

import numpy as np
import pytest

import theanets

SEEDS = (1, 2, 3)
QUIET = {"algo": "adam", "batch_size": 64, "progress": False}
STAGED = {**QUIET, "subalgo": "adam"}


@pytest.fixture(scope="module")
def digits():
    return theanets.datasets.load_mnist()


def test_layerwise_training_is_a_better_start(digits):
    images = digits[0][0][:4000]
    held = digits[1][0][:1000]

    def start(seed, layerwise):
        hidden = [(size, "logistic") for size in (128, 32)]
        net = theanets.Autoencoder(
            [784, *hidden, ("tied", "logistic"), "tied"], rng=seed
        )
        if layerwise:
            given = {**STAGED, "algo": "layerwise", "max_epochs": 2}
            net.train([images], [held], **given)
        # The loss before any joint step: that of a run whose steps have no length.
        training, _ = net.train([images], **QUIET, learning_rate=0.0, max_epochs=1)
        return training["loss"]

    random, layerwise = (np.median([start(s, x) for s in SEEDS]) for x in (False, True))
    assert layerwise < 0.6 * random


def test_pretraining_helps_where_labels_are_few(digits):
    (images, labels), (held, _), test = digits
    labelled = images[:1000], labels[:1000]

    def accuracy(seed, pretrained):
        hidden = [(size, "logistic") for size in (128, 64, 32)]
        net = theanets.Classifier([784, *hidden, 10], rng=seed)
        if pretrained:
            given = {**STAGED, "algo": "pretrain", "max_epochs": 3}
            net.train([images[:8000]], [held[:1000]], learning_rate=0.003, **given)
        net.train(labelled, **{**QUIET, "batch_size": 32}, max_epochs=40)
        return net.score(*test)

    plain, pretrained = (
        np.median([accuracy(s, x) for s in SEEDS]) for x in (False, True)
    )
    assert pretrained > plain


def test_noise_makes_a_better_code(digits):
    (images, labels), (held, held_labels), (test, test_labels) = digits

    def accuracy(seed, noise):
        net = theanets.Autoencoder([784, (128, "logistic"), "tied"], rng=seed)
        given = {"input_noise": noise} if noise else {}
        net.train([images[:10000]], [held[:1000]], **QUIET, max_epochs=10, **given)
        linear = theanets.Classifier([128, 10], rng=seed)
        code = net.encode(images[:2000]), labels[:2000]
        valid = net.encode(held[:1000]), held_labels[:1000]
        linear.train(code, valid, **QUIET, learning_rate=0.01, max_epochs=40)
        return linear.score(net.encode(test), test_labels)

    plain, denoising = (np.median([accuracy(s, x) for s in SEEDS]) for x in (0, 0.5))
    assert denoising > plain
