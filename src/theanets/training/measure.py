"""What is measured in training: monitors, their means, and how many batches a call."""

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
"""Of a monitor: its value in each batch, and how much each of them counts; and so on
for each further part of it."""

# A compiled program cannot be interrupted, so none is asked to run much longer.
_SECONDS_PER_CALL = 0.5


class Monitors(dict[str, float]):
    """What was measured in one epoch or validation, by name.

    Attributes
    ----------
    stage : str
        The part of a training that has several, such as ``"layerwise hid1"``;
        else empty.
    """

    def __init__(self, values: Mapping[str, float] | None = None, stage: str = ""):
        super().__init__(values or {})
        self.stage = stage


Pair = tuple[Monitors, Monitors]


@dataclass(frozen=True)
class Sums:
    """Monitors of the batches so far, for their means over the examples.

    A batch counts by its examples, or by what the monitor says, as where examples
    have weights.
    """

    parts: tuple[dict[str, Column], ...] = ()
    batches: int = 0
    examples: int = 0
    skipped: int = 0
    """Batches that were left out; they have no monitors."""

    def plus(self, record: Record, start: int, stop: int, rows: int) -> "Sums":
        """Return the sums with batches start to stop of a record, of so many rows."""
        # Of a long epoch cut into many calls, only what each one has written is kept.
        written = {}
        for name, columns in jax.device_get(record).items():
            if name == HIDDEN:
                continue
            cut = [np.array(column[start:stop], "f8") for column in columns]
            counts = [] if len(cut) > 1 else [np.full(stop - start, float(rows))]
            written[name] = (*cut, *counts)
        if self.parts and _forms(self.parts[0]) != _forms(written):
            # Those before are from a file, which may say anything.
            raise CheckpointError(
                f"the checkpoint holds the monitors {shown(list(self.parts[0]))} of an "
                f"epoch, and this run has {shown(list(written))}: it is of another "
                "run. Give another checkpoint, or resume=False to start over."
            )
        return replace(
            self,
            parts=(*self.parts, written),
            batches=self.batches + stop - start,
            examples=self.examples + (stop - start) * rows,
        )

    def without(self, rows: int) -> "Sums":
        """Return the sums with one more batch, of so many rows, that was left out."""
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
        """Whether there is a loss none of whose errors counts."""
        loss = self.columns().get("loss", ())
        return any(not np.any(counts) for counts in loss[1::2])

    def means(self, order: tuple[str, ...] = ()) -> dict[str, float]:
        """Return each monitor's mean; those of some names first, in their order."""
        columns = self.columns()
        names = [*(name for name in order if name in columns), *columns]
        return {name: _mean(*columns[name]) for name in dict.fromkeys(names)}


def _forms(columns: Mapping[str, Column]) -> dict[str, int]:
    return {name: len(column) for name, column in columns.items()}


def _mean(*column: np.ndarray) -> float:
    """Return the mean of a monitor, or the sum of the means of its parts."""
    found = 0.0
    for values, counts in zip(column[::2], column[1::2], strict=True):
        total = math.fsum(counts)
        found += math.fsum(values * counts) / total if total else 0.0
    return found


class Pace:
    """Cuts a run of batches into calls that each take about as long as wanted."""

    def __init__(self) -> None:
        self._per_batch: float | None = None

    def steps(self, start: int, count: int) -> Iterator[tuple[int, int]]:
        """Yield from which batch to which each call goes."""
        compiled = self._per_batch is not None
        while start < count:
            stop = min(start + self._size(count - start, compiled), count)
            begun = time.perf_counter()
            yield start, stop
            if compiled:
                seconds = (time.perf_counter() - begun) / (stop - start)
                # The least, since calls that compile take longer.
                self._per_batch = min(seconds, self._per_batch or seconds)
            compiled = True
            start = stop

    def _size(self, left: int, compiled: bool) -> int:
        if self._per_batch is None:
            # The first call compiles, the second tells the speed.
            return 32 if compiled else 1
        size = int(_SECONDS_PER_CALL / max(self._per_batch, 1e-9))
        return left if left < 2 * size else max(size, 1)
