"""Keras on JAX on a task of `benchmarks.tasks`: `Model.fit`, at its best."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers

from benchmarks import tasks
from benchmarks.workers.keras_jax import Clock
from benchmarks.workers.protocol import (
    LEARNING_RATE,
    MOMENTUM,
    Model,
    Worker,
    main,
)

CELLS = {"rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}
ACTIVATIONS = {"rnn": "relu", "gru": "relu", "lstm": "tanh"}


def network(task: tasks.Task) -> keras.Model:
    """Return the task's model."""
    if task.key == "autoencoder":
        return keras.Sequential(
            [
                keras.Input((784,)),
                *(layers.Dense(n, "relu") for n in (256, 64, 256)),
                layers.Dense(784),
            ]
        )
    if task.key == "convolution":
        return keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Conv2D(16, 5, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(32, 5, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(10),
            ]
        )
    cell = CELLS[task.cell]
    options = {"activation": ACTIVATIONS[task.cell], "return_sequences": True}
    return keras.Sequential(
        [
            keras.Input((task.steps, task.inputs)),
            cell(task.units, **options),
            layers.Dense(task.outputs),
        ]
    )


class Keras(Model):
    def __init__(self, task: tasks.Task, arrays: tasks.Arrays, steps: int) -> None:
        labels = arrays.targets.ndim == 1
        self.data = {
            "x": arrays.inputs,
            "y": arrays.targets.astype(np.int32) if labels else arrays.targets,
            "batch_size": task.batch,
        }
        crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model = network(task)
        self.model.compile(
            keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM, nesterov=True),
            crossentropy if labels else "mse",
            steps_per_execution=steps,
        )

    def epoch(self) -> float:
        clock = Clock()
        self.model.fit(**self.data, epochs=1, verbose=0, callbacks=[clock])
        return clock.seconds


class KerasTasks(Worker):
    def load(self, folder: Path) -> tasks.Arrays:
        return tasks.load(tasks.BY_KEY[self.option], folder)

    def variants(
        self, arrays: tasks.Arrays, batch: int
    ) -> dict[str, Callable[[], Model]]:
        keras.utils.set_random_seed(13)
        task = tasks.BY_KEY[self.option]
        counts = dict.fromkeys((1, min(10, task.updates), task.updates))
        return {
            f"steps_per_execution={n}": lambda n=n: Keras(task, arrays, n)
            for n in counts
        }


if __name__ == "__main__":
    main(KerasTasks)
