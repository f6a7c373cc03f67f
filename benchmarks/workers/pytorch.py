"""PyTorch, eager or compiled (option 'compile').

Everything stays in memory as tensors, and each batch is picked by a slice of
`torch.randperm`: no DataLoader, no copies. The loss is not read back. Model and
loss are compiled as one function; compiling the optimizer's step as well was slower.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.data import Digits
from benchmarks.workers.protocol import (
    LEARNING_RATE,
    MOMENTUM,
    Model,
    Worker,
    main,
    timed,
)


def network() -> nn.Sequential:
    """Return the page's model; its last layer gives logits."""
    return nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))


class PyTorch(Model):
    def __init__(
        self, digits: Digits, batch: int, threads: int, compiled: bool
    ) -> None:
        self.images = torch.from_numpy(digits.images)
        self.labels = torch.from_numpy(digits.labels.astype(np.int64))
        self.batch, self.threads = batch, threads
        torch.set_num_threads(threads)
        self.model = network()
        self.optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=LEARNING_RATE,
            momentum=MOMENTUM,
            nesterov=True,
            fused=True,
        )
        self.loss = self.plain_loss
        self.apply = self.model
        if compiled:
            self.loss = torch.compile(self.plain_loss, dynamic=False)
            self.apply = torch.compile(self.model, dynamic=False)

    def plain_loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(self.model(x), y)

    def epoch(self) -> float:
        torch.set_num_threads(self.threads)
        return timed(self.train)

    def train(self) -> None:
        for rows in torch.randperm(len(self.images)).split(self.batch):
            x = self.images.index_select(0, rows)
            y = self.labels.index_select(0, rows)
            self.optimizer.zero_grad(set_to_none=True)
            self.loss(x, y).backward()
            self.optimizer.step()

    def predict(self, images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self.apply(torch.from_numpy(images)).argmax(1).numpy()

    def predictors(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        return {"model(x).argmax(1)": self.predict}


class PyTorchWorker(Worker):
    def variants(self, digits: Digits, batch: int) -> dict[str, Callable[[], Model]]:
        torch.manual_seed(13)
        compiled = self.option == "compile"
        # A fresh process takes the first: what PyTorch does when told nothing.
        counts = dict.fromkeys((torch.get_num_threads(), 1, os.cpu_count() or 1))
        return {
            f"{n} thread{'s' * (n > 1)}": (
                lambda n=n: PyTorch(digits, batch, n, compiled)
            )
            for n in counts
        }


if __name__ == "__main__":
    main(PyTorchWorker)
