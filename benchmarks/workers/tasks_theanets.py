"""theanets on a task of `benchmarks.tasks`: `itertrain`, the way its users train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import theanets
from benchmarks import tasks
from benchmarks.workers.protocol import (
    LEARNING_RATE,
    MOMENTUM,
    Model,
    Worker,
    main,
    timed,
)

NEVER = 10**9


def network(task: tasks.Task) -> Any:
    """Return the task's model."""
    if task.key == "autoencoder":
        return theanets.Autoencoder([784, 256, 64, 256, 784])
    if task.key == "convolution":
        pool = {"form": "pool2", "pool_size": (2, 2)}
        filters = {"form": "conv2", "filter_size": (5, 5)}
        return theanets.convolution.Classifier(
            [
                (28, 28, 1),
                filters | {"size": 16},
                pool,
                filters | {"size": 32},
                pool,
                "flat",
                10,
            ]
        )
    layers = [task.inputs, (task.cell, task.units), task.outputs]
    return theanets.recurrent.Regressor(layers)


class Theanets(Model):
    def __init__(self, task: tasks.Task, arrays: tasks.Arrays) -> None:
        alone = arrays.targets is arrays.inputs
        given = [arrays.inputs] if alone else [arrays.inputs, arrays.targets]
        self.steps = network(task).itertrain(
            given,
            [array[: task.batch] for array in given],
            algo="nag",
            learning_rate=LEARNING_RATE,
            momentum=MOMENTUM,
            batch_size=task.batch,
            validate_every=NEVER,
            progress=False,
            max_epochs=NEVER,
        )

    def epoch(self) -> float:
        return timed(lambda: next(self.steps))


class TheanetsTasks(Worker):
    def load(self, folder: Path) -> tasks.Arrays:
        return tasks.load(tasks.BY_KEY[self.option], folder)

    def variants(
        self, arrays: tasks.Arrays, batch: int
    ) -> dict[str, Callable[[], Model]]:
        task = tasks.BY_KEY[self.option]
        return {"itertrain": lambda: Theanets(task, arrays)}


if __name__ == "__main__":
    main(TheanetsTasks)
