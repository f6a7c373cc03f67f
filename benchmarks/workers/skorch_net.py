"""skorch: `NeuralNetClassifier.partial_fit` for one epoch.

By default batches come from skorch's own DataLoader, one example at a time or by a
batch sampler, whichever is quicker. Option 'lean' replaces it by a loader that
indexes the tensors directly, and switches skorch's callbacks off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch.utils.data import BatchSampler, RandomSampler

from benchmarks.data import Digits
from benchmarks.workers.protocol import (
    LEARNING_RATE,
    MOMENTUM,
    Model,
    Worker,
    main,
    timed,
)
from benchmarks.workers.pytorch import network


class DirectLoader:
    """Shuffled batches by indexing the tensors of a skorch dataset."""

    def __init__(self, dataset: Any, batch_size: int) -> None:
        self.images, self.labels = dataset.X, dataset.y
        self.batch = batch_size

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for rows in torch.randperm(len(self.images)).split(self.batch):
            yield self.images.index_select(0, rows), self.labels.index_select(0, rows)


class Skorch(Model):
    def __init__(self, digits: Digits, batch: int, **settings: Any) -> None:
        self.images = torch.from_numpy(digits.images)
        self.labels = torch.from_numpy(digits.labels.astype(np.int64))
        self.net = NeuralNetClassifier(
            network(),
            classes=list(range(10)),
            criterion=torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.SGD,
            lr=LEARNING_RATE,
            optimizer__momentum=MOMENTUM,
            optimizer__nesterov=True,
            optimizer__fused=True,
            batch_size=batch,
            max_epochs=1,
            train_split=None,
            verbose=0,
            **settings,
        )

    def epoch(self) -> float:
        return timed(lambda: self.net.partial_fit(self.images, self.labels))

    def predictors(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        return {"predict": self.net.predict}


class SkorchWorker(Worker):
    def variants(self, digits: Digits, batch: int) -> dict[str, Callable[[], Model]]:
        torch.manual_seed(13)
        if self.option == "lean":
            ways = {
                "hand-written loader": {
                    "iterator_train": DirectLoader,
                    "callbacks": "disable",
                }
            }
        else:
            order = RandomSampler(range(len(digits.images)))
            ways = {
                "DataLoader": {"iterator_train__shuffle": True},
                "DataLoader with a BatchSampler": {
                    "iterator_train__sampler": BatchSampler(order, batch, False),
                    "iterator_train__batch_size": None,
                },
            }
        return {
            name: (lambda way=way: Skorch(digits, batch, **way))
            for name, way in ways.items()
        }


if __name__ == "__main__":
    main(SkorchWorker)
