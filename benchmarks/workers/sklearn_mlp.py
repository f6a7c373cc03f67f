"""scikit-learn's MLPClassifier: one `partial_fit` is one epoch.

Checking 50 000 images for NaN at each call would count against it, which a single
long `fit` does only once: those checks are off (`assume_finite`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from benchmarks.data import Digits
from benchmarks.workers.protocol import (
    LEARNING_RATE,
    MOMENTUM,
    Model,
    Worker,
    main,
    timed,
)


class Sklearn(Model):
    def __init__(self, digits: Digits, batch: int) -> None:
        self.digits = digits
        self.classes = np.arange(10)
        self.model = MLPClassifier(
            hidden_layer_sizes=(100,),
            activation="relu",
            solver="sgd",
            alpha=0.0,
            batch_size=batch,
            learning_rate_init=LEARNING_RATE,
            momentum=MOMENTUM,
            nesterovs_momentum=True,
            shuffle=True,
            random_state=13,
        )

    def epoch(self) -> float:
        images, labels = self.digits.images, self.digits.labels
        fit = self.model.partial_fit
        return timed(lambda: fit(images, labels, classes=self.classes))

    def predictors(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        return {"predict": self.model.predict}


class SklearnWorker(Worker):
    def variants(self, digits: Digits, batch: int) -> dict[str, Callable[[], Model]]:
        sklearn.set_config(assume_finite=True)
        return {"partial_fit": lambda: Sklearn(digits, batch)}


if __name__ == "__main__":
    main(SklearnWorker)
