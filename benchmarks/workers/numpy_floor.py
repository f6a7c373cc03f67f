"""The arithmetic floor: what NumPy's BLAS needs for the bare large operations.

Per batch: x @ w of the first layer, the gradient x.T @ d of its weights, and the
Nesterov update of those weights, all into buffers made before. The learning rate is
folded into d, so that the update is three passes: v *= mu^2, v += g, w += v. Batches
are consecutive slices of the images, read in order: no shuffling, no gathering, no
bias, no second layer, no loss.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.data import Digits
from benchmarks.workers.protocol import (
    LEARNING_RATE,
    MOMENTUM,
    Model,
    Worker,
    main,
    timed,
)


class Floor(Model):
    def __init__(self, digits: Digits, batch: int) -> None:
        random = np.random.default_rng(13)
        images = digits.images
        starts = range(0, len(images), batch)
        # Slices are taken before the clock starts: they are Python's cost.
        self.batches = [images[i : i + batch] for i in starts]
        scale = -(1 + MOMENTUM) * LEARNING_RATE * 1e-3
        self.delta = random.normal(0, 1, (batch, 100)).astype(np.float32)
        self.delta *= np.float32(scale)
        self.weights = random.normal(0, 0.03, (784, 100)).astype(np.float32)
        self.velocity = np.zeros_like(self.weights)
        self.gradient = np.empty_like(self.weights)
        self.hidden = np.empty((batch, 100), np.float32)

    def epoch(self) -> float:
        return timed(self.run)

    def run(self) -> None:
        weights, velocity, gradient = self.weights, self.velocity, self.gradient
        decay = np.float32(MOMENTUM**2)
        for x in self.batches:
            rows = len(x)
            np.matmul(x, weights, out=self.hidden[:rows])
            np.matmul(x.T, self.delta[:rows], out=gradient)
            np.multiply(velocity, decay, out=velocity)
            np.add(velocity, gradient, out=velocity)
            np.add(weights, velocity, out=weights)


class FloorWorker(Worker):
    def variants(self, digits: Digits, batch: int) -> dict[str, Callable[[], Model]]:
        return {"NumPy": lambda: Floor(digits, batch)}


if __name__ == "__main__":
    main(FloorWorker)
