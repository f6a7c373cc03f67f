"""Further models, each a task that theanets, PyTorch and Keras train alike.

The data are drawn at random, but for the images: what is compared is the time of a
training step, and that does not depend on the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import data

KERAS = 0.7
"""Largest ratio to Keras that the project accepts, for every task."""


@dataclass(frozen=True)
class Task:
    """A model to train.

    Attributes
    ----------
    key : str
        Short name, for the command line and the JSON file.
    title : str
        Name in the tables.
    batch : int
        Examples per update.
    updates : int
        Updates that are timed as one sample.
    goals : mapping of str to float
        Largest accepted ratio of theanets to each peer.
    steps, inputs, units, outputs : int
        Of recurrent models: time steps, and the sizes of the layers.
    """

    key: str
    title: str
    batch: int
    updates: int
    goals: Mapping[str, float]
    steps: int = 0
    inputs: int = 0
    units: int = 0
    outputs: int = 10

    @property
    def cell(self) -> str:
        """The kind of recurrent layer; the first word of the key."""
        return self.key.partition("-")[0]


@dataclass(frozen=True)
class Arrays:
    """The training set of a task."""

    inputs: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)


TASKS = (
    Task(
        "autoencoder",
        "autoencoder 784-256-64-256-784",
        batch=64,
        updates=200,
        goals={"pytorch": 0.5, "keras": KERAS},
    ),
    Task(
        "rnn",
        "RNN, 64 units, 28 steps",
        batch=64,
        updates=60,
        goals={"pytorch": 0.3, "keras": KERAS},
        steps=28,
        inputs=28,
        units=64,
    ),
    Task(
        "gru",
        "GRU, 64 units, 28 steps",
        batch=64,
        updates=60,
        goals={"pytorch": 0.3, "keras": KERAS},
        steps=28,
        inputs=28,
        units=64,
    ),
    Task(
        "lstm",
        "LSTM, 64 units, 28 steps",
        batch=64,
        updates=60,
        goals={"pytorch": 1.5, "keras": KERAS},
        steps=28,
        inputs=28,
        units=64,
    ),
    Task(
        "lstm-long",
        "LSTM, 256 units, 100 steps",
        batch=32,
        updates=8,
        goals={"pytorch": 1.5, "keras": KERAS},
        steps=100,
        inputs=64,
        units=256,
    ),
    Task(
        "convolution",
        "two 5x5 convolutions, 16 and 32 filters",
        batch=64,
        updates=30,
        goals={"pytorch": 2.2, "keras": KERAS},
    ),
)

BY_KEY = {task.key: task for task in TASKS}


def load(task: Task, folder: Path) -> Arrays:
    """Return the training set of a task: so many examples as are timed at once."""
    count = task.batch * task.updates
    if task.steps:
        rng = np.random.default_rng(13)
        shape = (count, task.steps)
        return Arrays(
            rng.standard_normal((*shape, task.inputs), np.float32),
            rng.standard_normal((*shape, task.outputs), np.float32),
        )
    digits = data.load(folder)
    images = digits.images[:count]
    if task.key == "autoencoder":
        return Arrays(images, images)
    return Arrays(images.reshape(-1, 28, 28, 1), digits.labels[:count])
