"""Keras on JAX: `Model.fit`, with steps_per_execution 1 or its best (option 'best').

An epoch is timed inside `fit`, from the start of the epoch to its end, so that what
`fit` does before and after is not counted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np

from benchmarks.data import Digits
from benchmarks.workers.protocol import (
    LEARNING_RATE,
    MOMENTUM,
    Model,
    Worker,
    main,
)


class Clock(keras.callbacks.Callback):
    """Holds the seconds of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds = time.perf_counter() - self.start


class Batches(keras.utils.PyDataset):
    """Shuffled batches of arrays held in memory."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, batch: int) -> None:
        super().__init__()
        self.images, self.labels, self.batch = images, labels, batch
        self.random = np.random.default_rng(13)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[index * self.batch : (index + 1) * self.batch]
        return self.images[rows], self.labels[rows]

    def on_epoch_end(self) -> None:
        self.order = self.random.permutation(len(self.images))


class Keras(Model):
    def __init__(self, digits: Digits, batch: int, steps: int, dataset: bool) -> None:
        labels = digits.labels.astype(np.int32)
        if dataset:
            self.data = {"x": Batches(digits.images, labels, batch)}
        else:
            self.data = {"x": digits.images, "y": labels, "batch_size": batch}
        self.model = keras.Sequential(
            [
                keras.Input((784,)),
                keras.layers.Dense(100, "relu"),
                keras.layers.Dense(10),
            ]
        )
        self.model.compile(
            keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM, nesterov=True),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            steps_per_execution=steps,
        )

    def epoch(self) -> float:
        clock = Clock()
        self.model.fit(**self.data, epochs=1, verbose=0, callbacks=[clock])
        return clock.seconds

    def predictors(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        model = self.model
        return {
            "predict_on_batch": lambda x: model.predict_on_batch(x).argmax(1),
            "predict": lambda x: model.predict(x, len(x), verbose=0).argmax(1),
            "model(x)": lambda x: np.asarray(model(x, training=False)).argmax(1),
        }


class KerasWorker(Worker):
    def variants(self, digits: Digits, batch: int) -> dict[str, Callable[[], Model]]:
        keras.utils.set_random_seed(13)
        full = -(-len(digits.images) // batch)
        ways = {"steps_per_execution=1": (1, False)}
        if self.option == "best":
            ways = {f"steps_per_execution={k}": (k, False) for k in (10, 50, 200)}
            ways[f"steps_per_execution={full} (whole epoch)"] = (full, False)
            ways["steps_per_execution=50, PyDataset"] = (50, True)
            ways["steps_per_execution=200, PyDataset"] = (200, True)
        return {
            name: (lambda way=way: Keras(digits, batch, *way))
            for name, way in ways.items()
        }


if __name__ == "__main__":
    main(KerasWorker)
