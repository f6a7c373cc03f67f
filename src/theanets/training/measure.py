"""Monitors, their means over an epoch, and how many batches to compute in a call."""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import jax
import numpy as np

from theanets.errors import CheckpointError
from theanets.training.programs import HIDDEN, Record
from theanets.utils.checks import shown

Column = tuple[np.ndarray, ...]
"""A monitor's value in each batch, how much each batch counts, and the same for each
further part of the monitor."""

# A compiled program cannot be interrupted, so none is asked to run much longer.
_SECONDS_PER_CALL = 0.5


class Monitors(dict[str, float]):
    """What was measured in one epoch or validation, by name.

    Attributes
    ----------
    stage : str
        The stage of the training, such as ``"layerwise hid1"``; empty if it has none.
    """

    def __init__(self, values: Mapping[str, float] | None = None, stage: str = ""):
        super().__init__(values or {})
        self.stage = stage


Pair = tuple[Monitors, Monitors]
"""The monitors of the training data, and of the validation."""


def figures(monitors: Mapping[str, float]) -> str:
    """Return monitors as text: loss, accuracy, and those that the user added.

    "err" is left out: it is the loss without the regularizers.

    >>> figures({'loss': 0.12345, 'err': 0.12, 'acc': 0.9625})
    'loss 0.1235 acc 0.9625'
    """
    first = [name for name in ("loss", "acc") if name in monitors]
    others = [name for name in monitors if name not in ("loss", "err", "acc")]
    return " ".join(f"{name} {monitors[name]:.4g}" for name in first + others)


@dataclass(frozen=True)
class MetricAccumulator:
    """Collects the monitors of batches, for their means over (weighted) examples."""

    parts: tuple[dict[str, Column], ...] = ()
    batches: int = 0
    examples: int = 0
    skipped: int = 0
    """Batches that were left out; they have no monitors."""

    def plus(
        self, record: Record, start: int, stop: int, sizes: np.ndarray
    ) -> "MetricAccumulator":
        """Return this with batches start to stop of a record.

        ``sizes`` is how many examples are in each batch.
        """
        # A long epoch has many calls: keep only what each of them has written.
        written, rows = {}, sizes[start:stop]
        for name, columns in jax.device_get(record).items():
            if name == HIDDEN:
                continue
            cut = [np.array(column[start:stop], "f8") for column in columns]
            counts = [] if len(cut) > 1 else [rows.astype("f8")]
            written[name] = (*cut, *counts)
        if self.parts and _forms(self.parts[0]) != _forms(written):
            # The earlier monitors are from a file, which may say anything.
            raise CheckpointError(
                f"the checkpoint holds the monitors {shown(list(self.parts[0]))} of an "
                f"epoch, and this run has {shown(list(written))}: it is of another "
                "run. Give another checkpoint, or resume=False to start over."
            )
        return replace(
            self,
            parts=(*self.parts, written),
            batches=self.batches + stop - start,
            examples=self.examples + int(rows.sum()),
        )

    def without(self, rows: int) -> "MetricAccumulator":
        """Return this with one more batch of ``rows`` rows, which was left out."""
        return replace(
            self,
            batches=self.batches + 1,
            examples=self.examples + rows,
            skipped=self.skipped + 1,
        )

    def columns(self) -> dict[str, Column]:
        """Return all batches of each monitor."""
        names = self.parts[0] if self.parts else {}
        return {
            name: tuple(
                map(np.concatenate, zip(*(p[name] for p in self.parts), strict=True))
            )
            for name in names
        }

    @property
    def weightless(self) -> bool:
        """Whether there is a loss in which no error counts."""
        loss = self.columns().get("loss", ())
        return any(not np.any(counts) for counts in loss[1::2])

    def means(self, order: tuple[str, ...] = ()) -> dict[str, float]:
        """Return the mean of each monitor; those named in ``order`` come first."""
        columns = self.columns()
        names = [*(name for name in order if name in columns), *columns]
        return {name: _mean(*columns[name]) for name in dict.fromkeys(names)}


def _forms(columns: Mapping[str, Column]) -> dict[str, int]:
    return {name: len(column) for name, column in columns.items()}


def _mean(*column: np.ndarray) -> float:
    """Return the mean of a monitor, or the sum of the means of its parts."""
    mean = 0.0
    for values, counts in zip(column[::2], column[1::2], strict=True):
        total = math.fsum(counts)
        mean += math.fsum(values * counts) / total if total else 0.0
    return mean


class Pace:
    """Cuts batches into calls of a compiled program, of about half a second each."""

    def __init__(self) -> None:
        self._per_batch: float | None = None

    def steps(self, start: int, count: int) -> Iterator[tuple[int, int]]:
        """Yield the first batch of each call, and the one after its last."""
        compiled = self._per_batch is not None
        while start < count:
            stop = min(start + self._size(count - start, compiled), count)
            begun = time.perf_counter()
            yield start, stop
            if compiled:
                seconds = (time.perf_counter() - begun) / (stop - start)
                # The shortest, since calls that compile take longer.
                self._per_batch = min(seconds, self._per_batch or seconds)
            compiled = True
            start = stop

    def _size(self, left: int, compiled: bool) -> int:
        if self._per_batch is None:
            # The first call compiles, the second shows the speed.
            return 32 if compiled else 1
        size = int(_SECONDS_PER_CALL / max(self._per_batch, 1e-9))
        return left if left < 2 * size else max(size, 1)
