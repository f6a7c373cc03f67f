"""Lightning: `Trainer.fit`, timed inside, from the start of the epoch to its end.

By default batches come from a DataLoader, one example at a time or by a batch
sampler, whichever is quicker. Option 'lean' replaces it by a loader that indexes the
tensors directly, and strips the trainer (`barebones=True`).
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import lightning
import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from benchmarks.data import Digits
from benchmarks.workers.protocol import (
    LEARNING_RATE,
    MOMENTUM,
    Model,
    Worker,
    main,
)
from benchmarks.workers.pytorch import network


class Module(lightning.LightningModule):
    """The page's model; also holds the seconds of the last epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        x, y = batch
        return functional.cross_entropy(self.net(x), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            self.parameters(),
            lr=LEARNING_RATE,
            momentum=MOMENTUM,
            nesterov=True,
            fused=True,
        )

    def on_train_epoch_start(self) -> None:
        self.start = time.perf_counter()

    def on_train_epoch_end(self) -> None:
        self.seconds = time.perf_counter() - self.start


class DirectLoader:
    """Shuffled batches by indexing tensors."""

    def __init__(self, dataset: TensorDataset, batch: int) -> None:
        self.images, self.labels = dataset.tensors
        self.batch = batch

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for rows in torch.randperm(len(self.images)).split(self.batch):
            yield self.images.index_select(0, rows), self.labels.index_select(0, rows)


class Lightning(Model):
    def __init__(self, loader: Iterable[Any], **settings: Any) -> None:
        self.loader, self.settings = loader, settings
        self.module = Module()

    def epoch(self) -> float:
        trainer = lightning.Trainer(
            max_epochs=1, accelerator="cpu", devices=1, **self.settings
        )
        trainer.fit(self.module, self.loader)
        return self.module.seconds

    def predict(self, images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self.module.net(torch.from_numpy(images)).argmax(1).numpy()

    def predictors(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        return {"net(x).argmax(1)": self.predict}


class LightningWorker(Worker):
    def variants(self, digits: Digits, batch: int) -> dict[str, Callable[[], Model]]:
        warnings.filterwarnings("ignore")
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        torch.manual_seed(13)
        images = torch.from_numpy(digits.images)
        labels = torch.from_numpy(digits.labels.astype(np.int64))
        dataset = TensorDataset(images, labels)
        if self.option == "lean":
            loader = DirectLoader(dataset, batch)
            return {"hand-written loader": lambda: Lightning(loader, barebones=True)}
        by_batch = BatchSampler(RandomSampler(dataset), batch, False)
        loaders = {
            "DataLoader": DataLoader(dataset, batch, shuffle=True),
            "DataLoader with a BatchSampler": DataLoader(
                dataset, sampler=by_batch, batch_size=None
            ),
        }
        quiet = dict.fromkeys(
            (
                "logger",
                "enable_checkpointing",
                "enable_progress_bar",
                "enable_model_summary",
            ),
            False,
        )
        return {
            name: (lambda loader=loader: Lightning(loader, **quiet))
            for name, loader in loaders.items()
        }


if __name__ == "__main__":
    main(LightningWorker)
