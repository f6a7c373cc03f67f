"""What is no number, and what is neither True nor False."""

import io

import numpy as np

import theanets
from theanets import Autoencoder, Classifier, Network, Regressor
from theanets.errors import (
    ConfigurationError,
)

from .recurrence import sequence
from .rows import (
    X,
    classifier,
    layers,
    model,
    on,
    train,
)

NOT_A_NUMBER = {
    "a learning rate of text": (
        train(learning_rate="0.1"),
        ["learning_rate is '0.1'", "a number"],
    ),
    "a learning rate of True": (
        train(learning_rate=True),
        ["learning_rate is True", "a number"],
    ),
    "a complex learning rate": (
        train(learning_rate=np.complex64(1)),
        ["learning_rate is ", "a number"],
    ),
    "momentum of NumPy's True": (
        train(momentum=np.True_),
        ["momentum is ", "at least 0 and below 1"],
    ),
    "several learning rates": (
        train(learning_rate=np.array([0.1])),
        ["learning_rate is array([0.1])", "a number"],
    ),
    "a loss's weight of True": (
        on(classifier(), "add_loss", "mse", weight=True),
        ["mse loss", "weight is True", "a finite number"],
    ),
    "an infinite weight": (
        train(weight_l2=np.inf),
        ["weight_l2 is inf", "number from 0 on"],
    ),
    "a weight of an array": (
        train(weight_l2={"weight": np.ones(2)}),
        ["weight_l2 is array([1., 1.])", "number from 0 on"],
    ),
    "an eps of True": (
        layers("batchnorm", {"form": "batchnorm", "eps": True}),
        ['"hid2"', "eps is True", "above 0"],
    ),
    "a level of text": (
        layers({"form": "noise", "level": "0.1"}),
        ['"hid1"', "level is '0.1'", "from 0 on"],
    ),
    "a deviation of NumPy's True": (
        layers({"size": 3, "std": np.True_}),
        ['"hid1"', "std is ", "a finite number"],
    ),
    "a mean of more than any float": (
        layers({"size": 3, "mean": 10**400}),
        ['"hid1"', "mean is 1000", "a finite number"],
    ),
    "epochs of True": (train(max_epochs=True), ["max_epochs is True", "from 1 on"]),
    "a batch of True": (train(batch_size=True), ["batch_size is True", "from 1 on"]),
    "snapshots each NaN minutes": (
        train(save_progress=io.BytesIO(), save_every=np.nan),
        ["save_every is nan", "epochs", "minutes"],
    ),
    "a level of a monitor that is NaN": (
        train(monitors={"hid1:out": np.nan}),
        ["'hid1:out' has level nan", "finite number"],
    ),
    "memory of True": (
        lambda: setattr(theanets.config, "resident_bytes", True),
        ["resident_bytes is True", "whole number from 0 on, in bytes"],
    ),
    "a step of True": (
        sequence(4, (3, "rnn"), 4, steps=True),
        ["steps is True", "from 1 on"],
    ),
    "a rank of True": (
        model({"form": "input", "size": 4, "ndim": True}, 2),
        ['"in"', "ndim is True"],
    ),
}


FLAGS = {
    "weighted is a text": (
        lambda: Classifier([4, 3], weighted="no"),
        ["weighted is 'no'", "True or False"],
    ),
    "weighted is 1": (model(4, 3, weighted=1), ["weighted is 1", "True or False"]),
    "a weighted loss": (
        lambda: Regressor([4, 2]).set_loss("mse", weighted="no"),
        ["mse loss: weighted is 'no'", "True or False"],
    ),
    "nesterov is a text": (
        train(nesterov="no"),
        ["nesterov is 'no'", "True or False"],
    ),
    "monitor_gradients is a text": (
        train(monitor_gradients="no"),
        ["monitor_gradients is 'no'", "True or False"],
    ),
    "progress is a number": (train(progress=2), ["progress is 2", "True, False"]),
    "progress is an array": (
        train(progress=np.ones(2)),
        ["progress is array", "True, False, None or a Reporter"],
    ),
    "flatten is a text": (
        lambda: theanets.datasets.load_mnist(flatten="no"),
        ["flatten is 'no'", "True or False"],
    ),
    "labels is a number": (
        lambda: theanets.datasets.load_mnist(labels=0),
        ["labels is 0", "True or False"],
    ),
    "sparse is a number": (
        model({"form": "input", "size": 4, "sparse": 1}, 2),
        ['"in"', "sparse is 1", '"csr", "csc", True or False'],
    ),
    "sample is a text": (
        on(Autoencoder([4, 2, 4]), "encode", X, sample="no"),
        ["sample is 'no'", "True or False"],
    ),
    "an activation as is_output": (
        on(Network([4]), "add_layer", 3, "tanh"),
        ["is_output is 'tanh'", "True or False"],
    ),
}

SECTIONS = [
    ("flags", ConfigurationError, FLAGS),
    ("numbers", ConfigurationError, NOT_A_NUMBER),
]
