"""What every worker process speaks: JSON lines in, JSON lines out.

A worker is started as `python -m benchmarks.workers.NAME FOLDER OPTION MODE`.
FOLDER holds the arrays of `benchmarks.data`; MODE is one of

``serve``
    live on and answer commands, asleep in between;
``startup``
    train one epoch at once, say so, end: the caller takes the time;
``memory``
    train two epochs, report the peak memory above that after the imports.

Standard output belongs to the protocol alone: whatever a library prints goes to
standard error.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import data

LEARNING_RATE = 1e-3
MOMENTUM = 0.9

TRIALS = 3
"""Epochs timed for each way of running a library before the quickest is kept."""


class Model(ABC):
    """One network in training, run in one particular way."""

    @abstractmethod
    def epoch(self) -> float:
        """Train one epoch and return the seconds it took, set-up excluded."""

    def predictors(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        """Return the ways to get labels (n,) from images (n, 784), by name."""
        return {}


class Worker(ABC):
    """One library. The subclass's module imports the library at its top."""

    dtype = "float32"

    def __init__(self, option: str = "") -> None:
        self.option = option

    def load(self, folder: Path) -> data.Digits:
        """Return the arrays to train on."""
        return data.load(folder, self.dtype)

    @abstractmethod
    def variants(
        self, digits: data.Digits, batch: int
    ) -> dict[str, Callable[[], Model]]:
        """Return the ways worth trying to run this library, the plainest first."""


def timed(call: Callable[[], Any]) -> float:
    """Return the seconds that `call()` takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def memory() -> tuple[int, int]:
    """Return this process's resident memory now, and its peak so far, in bytes.

    Linux keeps `ru_maxrss` across `exec`, so a small child of a large parent would
    report its parent's peak: VmHWM is the same figure for this program alone.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        return peak, peak
    fields = dict(line.split(":", 1) for line in lines)
    return tuple(int(fields[key].split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))


class Server:
    """Answers the commands of one caller."""

    def __init__(self, worker: Worker, folder: Path) -> None:
        self.worker = worker
        self.digits = worker.load(folder)
        self.rows = len(self.digits)
        self.models: dict[int, Model] = {}
        self.predictors: dict[int, Callable[[np.ndarray], np.ndarray]] = {}

    def restrict(self, rows: int) -> dict[str, Any]:
        """Train on the first `rows` examples only."""
        self.rows = min(rows, self.rows)
        digits = vars(self.digits)
        part = {key: digits[key][: self.rows] for key in ("images", "labels")}
        self.digits = data.Digits(**digits | part)
        return {}

    def prepare(self, batch: int) -> dict[str, Any]:
        """Build every variant, warm it up, keep the quickest.

        The first epoch of each, with whatever it compiles, is thrown away.
        """
        tried: dict[str, float] = {}
        best: Model | None = None
        variants = self.worker.variants(self.digits, batch)
        for name, make in variants.items():
            model = make()
            model.epoch()
            trials = TRIALS if len(variants) > 1 else 1
            seconds = statistics.median(model.epoch() for _ in range(trials))
            if not tried or seconds < min(tried.values()):
                best = model
            tried[name] = seconds
            del model
            gc.collect()
        assert best is not None
        self.models[batch] = best
        return {"variant": min(tried, key=tried.__getitem__), "tried": tried}

    def epoch(self, batch: int, count: int = 1) -> dict[str, Any]:
        """Train some epochs; report the seconds and the number of batches of one."""
        seconds = sum(self.models[batch].epoch() for _ in range(count)) / count
        return {"seconds": seconds, "batches": -(-self.rows // batch)}

    def accuracy(self, batch: int) -> dict[str, Any]:
        """Report the test accuracy reached so far, None where nothing predicts."""
        for predict in self.models[batch].predictors().values():
            right = predict(self.digits.test_images) == self.digits.test_labels
            return {"accuracy": float(np.mean(right))}
        return {"accuracy": None}

    def predict(self, batch: int, rows: int, repeats: int) -> dict[str, Any]:
        """Time `predict` on `rows` test images, `repeats` times."""
        tried: dict[str, float] = {}
        if rows not in self.predictors:
            ways = self.models[batch].predictors()
            for name, way in ways.items():
                trial = self.time_predictions(way, rows, repeats)
                tried[name] = statistics.median(trial[len(trial) // 3 :])
            self.predictors[rows] = ways[min(tried, key=tried.__getitem__)]
        return {
            "seconds": self.time_predictions(self.predictors[rows], rows, repeats),
            "ways": {"tried": tried} if tried else {},
        }

    def time_predictions(
        self, predict: Callable[[np.ndarray], np.ndarray], rows: int, repeats: int
    ) -> list[float]:
        """Return the seconds of each call, another part of the test set each time."""
        images = self.digits.test_images
        starts = [(i * rows) % (len(images) - rows + 1) for i in range(repeats)]
        parts = [images[start : start + rows] for start in starts]
        predict(parts[0])
        return [timed(lambda part=part: predict(part)) for part in parts]


def main(make: Callable[[str], Worker]) -> None:
    """Run one worker process as the command line says."""
    resident, _ = memory()
    # A copy of standard output is kept for the protocol; descriptor 1 then points
    # to standard error, so that no library can write between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**fields: Any) -> None:
        print(json.dumps(fields), file=answers, flush=True)

    folder, option, mode = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    worker = make(option)
    if mode == "serve":
        server = Server(worker, folder)
        say(ready=True)
        for line in sys.stdin:
            command = json.loads(line)
            say(**getattr(server, command.pop("do"))(**command))
        return

    digits = worker.load(folder)
    model = next(iter(worker.variants(digits, 32).values()))()
    model.epoch()
    if mode == "memory":
        model.epoch()
        _, peak = memory()
        say(bytes=peak - resident)
    else:
        say(done=True)
