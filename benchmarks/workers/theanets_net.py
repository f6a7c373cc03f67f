"""theanets: `Classifier.itertrain`, the way its users train.

Option 'again' may find its programs on the disk. Option 'page' reads the images by
`theanets.datasets.load_mnist`; option 'uint8' gives them as bytes, with a learning rate
that suits pixels from 0 to 255. Options 'ignore' and 'skip' are those of
`on_nonfinite`; 'checkpoint' writes one each second.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax  # noqa: F401  (memory is counted from after this import)
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

NEVER = 10**9


class Theanets(Model):
    def __init__(self, digits: Digits, batch: int, rate: float, **more: Any) -> None:
        import theanets

        self.net = theanets.Classifier(layers=[784, 100, 10])
        self.steps = self.net.itertrain(
            (digits.images, digits.labels),
            (digits.valid_images, digits.valid_labels),
            algo="nag",
            learning_rate=rate,
            momentum=MOMENTUM,
            batch_size=batch,
            validate_every=NEVER,
            progress=False,
            max_epochs=NEVER,
            **more,
        )

    def epoch(self) -> float:
        return timed(lambda: next(self.steps))

    def predictors(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        # One digit is given as the page gives it: without a batch axis.
        return {"predict": lambda x: self.net.predict(x[0] if len(x) == 1 else x)}


class TheanetsWorker(Worker):
    def __init__(self, option: str = "") -> None:
        super().__init__(option)
        self.dtype = "uint8" if option == "uint8" else "float32"

    def load(self, folder: Path) -> Digits:
        self.folder = folder
        if self.option != "page":
            return super().load(folder)
        import theanets

        train, valid, test = theanets.datasets.load_mnist()
        return Digits(*train, *valid, *test)

    def variants(self, digits: Digits, batch: int) -> dict[str, Callable[[], Model]]:
        rate = LEARNING_RATE / 255**2 if self.dtype == "uint8" else LEARNING_RATE
        more: dict[str, Any] = {}
        if self.option in ("ignore", "skip"):
            more = {"on_nonfinite": self.option}
        if self.option == "checkpoint":
            file = self.folder / "training.safetensors"
            more = {"checkpoint": file, "checkpoint_every": 1 / 60}
        return {"itertrain": lambda: Theanets(digits, batch, rate, **more)}


if __name__ == "__main__":
    main(TheanetsWorker)
