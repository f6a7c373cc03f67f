"""The host's part of training: when to validate, what was best, when to stop."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from theanets.datasets.batches import source
from theanets.datasets.sources import ArraySource, Chunk, Expect, StreamSource
from theanets.errors import DataError, NonFiniteError
from theanets.optimizers import Optimizer
from theanets.progress import Reporter, reporter
from theanets.training.controls import Controls
from theanets.training.programs import (
    Objective,
    Record,
    State,
    Values,
    evaluate_program,
    noise_key,
    train_program,
)

Source = ArraySource | StreamSource


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

# A compiled program cannot be interrupted, so none is asked to run much longer.
_SECONDS_PER_CALL = 0.5


@dataclass
class Problem:
    """What to minimize, and where its parameters live.

    Attributes
    ----------
    objective : callable
        (learned, carried, batch, numbers, key or None) -> (loss, monitors, carried);
        pure. See `Values`.
    key : hashable
        The identity of the objective.
    optimizer : Optimizer
        The update rule.
    numbers : callable
        Returns numbers and arrays for the objective, which may change without
        compiling.
    read : callable
        Returns the current values: parameters, and what goes along with them.
    commit : callable
        Takes new values; called before anyone else gets to see them.
    stage : str
        What the monitors of this run say they belong to; for runs that are a part
        of something larger.
    """

    objective: Objective
    key: Any
    optimizer: Optimizer
    numbers: Callable[[], Mapping[str, Any]]
    read: Callable[[], Values]
    commit: Callable[[Values], None]
    stage: str = ""


def run(
    problem: Problem,
    train: Any,
    valid: Any,
    *,
    expect: Expect,
    dtype: Any,
    controls: Controls,
    seed: int,
    past: int = 0,
) -> Iterator[Pair]:
    """Check the data, move them to where they are needed, and train; see `iterate`.

    Parameters
    ----------
    problem : Problem
        What to minimize.
    train, valid : object
        What a user gives as data; without ``valid`` the training set serves.
    expect : Expect
        What the problem expects of data.
    dtype : dtype
        The precision to compute in.
    controls : Controls
        How long to train, and on how much at a time.
    seed : int
        Of shuffling and noise.
    past : int
        Epochs of earlier runs, whose random streams this one goes on.

    Returns
    -------
    iterator of (training, validation)
        The monitors after each epoch; nothing is computed before it is asked.
    """
    full = problem.optimizer.full_batch
    batches, validation = sources(train, valid, expect, dtype, controls, seed, full)
    return iterate(problem, batches, validation, controls, seed, past)


def sources(
    train: Any,
    valid: Any,
    expect: Expect,
    dtype: Any,
    controls: Controls,
    seed: int,
    full_batch: bool = False,
) -> tuple[Source, Source]:
    """Return checked data of both sets, as batches; see `run`.

    ``full_batch`` says that all the data are one batch, unless controls say otherwise.
    """
    if valid is None and isinstance(train, Iterator):
        raise DataError(
            "train is an iterator, which can be read once, so it cannot serve for "
            "validation too. Give valid, or an iterable that starts anew."
        )
    size = controls.batch_size
    if size == "default":
        size = None if full_batch else 32
    common: dict[str, Any] = {
        "expect": expect,
        "dtype": dtype,
        "batch_size": size,
        "seed": seed,
    }
    batches = source(
        train, name="train", batches=controls.train_batches, shuffle=True, **common
    )
    validation = source(
        train if valid is None else valid,
        name="train" if valid is None else "valid",
        batches=controls.valid_batches,
        shuffle=False,
        **common,
    )
    return batches, validation


def iterate(
    problem: Problem,
    train: Source,
    valid: Source,
    controls: Controls,
    seed: int,
    past: int = 0,
) -> Iterator[Pair]:
    """Train, and yield the monitors of both sets after every epoch.

    ``past`` counts the epochs of earlier runs, whose random streams this one goes on.

    However it ends, the best validated parameters are committed; parameters that
    were never validated after training began stay as they are.
    """
    shown = reporter(controls.progress)
    run = _Run(problem, train, valid, controls, shown, seed, past)
    shown.start(
        max_epochs=controls.max_epochs, patience=controls.patience, stage=problem.stage
    )
    reason = "stopped by the caller"
    try:
        yield from run.epochs()
        reason = run.reason
    except GeneratorExit:
        raise
    except BaseException as error:
        reason = f"stopped by {type(error).__name__}"
        run.broken = isinstance(error, NonFiniteError)
        raise
    finally:
        run.restore_best()
        shown.finish(reason)


def measure(problem: Problem, data: Source, pace: "_Pace | None" = None) -> Monitors:
    """Return the monitors of a data set at the current values, without noise."""
    evaluate = evaluate_program(problem.objective, problem.key)
    values, numbers = problem.read(), problem.numbers()
    pace, sums = pace or _Pace(), _Sums()
    with closing(data.chunks(0)) as chunks:
        for chunk in chunks:
            for start, stop in pace.steps(chunk.count):
                found = evaluate(
                    values,
                    chunk.data,
                    chunk.order,
                    start,
                    stop,
                    numbers,
                    layout=chunk.layout,
                )
                sums.add(jax.block_until_ready(found), start, stop, chunk.rows)
    return Monitors(sums.means(), problem.stage)


class _Run:
    """One run of training; its fields are what an interrupted run would need."""

    def __init__(
        self,
        problem: Problem,
        train: Source,
        valid: Source,
        controls: Controls,
        shown: Reporter,
        seed: int,
        past: int,
    ) -> None:
        self.problem, self.train, self.valid = problem, train, valid
        self.controls, self.shown = controls, shown
        self.reason, self.broken = "", False
        self.program = train_program(
            problem.objective,
            problem.key,
            problem.optimizer,
            controls.monitor_gradients,
        )
        self.past = past
        self.root = noise_key(seed, "noise", str(past))
        values = problem.read()
        optimizer_state = problem.optimizer.init(values.learned)
        self.state = State(values, optimizer_state, np.int32(0))
        self.numbers: Mapping[str, Any] = {}
        self.pace, self.valid_pace = _Pace(), _Pace()
        self.best: tuple[int, float, Values] | None = None
        self.validations = 0
        self.best_validation = 0
        self.validation = Monitors(stage=problem.stage)
        self.validated_at = -1

    def epochs(self) -> Iterator[Pair]:
        controls = self.controls
        self.validate(0)
        self.show(0, Monitors(), 0.0, 0, validated=True)
        epoch = 0
        while self.patience_left >= 0:
            begun = time.perf_counter()
            training, examples = self.train_epoch(epoch)
            epoch += 1
            bound = self.bound(epoch)
            due = bool(bound) or epoch % controls.validate_every == 0
            if due:
                self.validate(epoch)
            if bound and not math.isfinite(self.validation["loss"]):
                raise NonFiniteError(
                    f"the validation loss is {self.validation['loss']} at the end, "
                    f"after epoch {epoch}. The best parameters so far are back in "
                    "place. A smaller learning_rate or a max_gradient_norm usually "
                    "helps."
                )
            self.show(epoch, training, time.perf_counter() - begun, examples, due)
            answers = [f(epoch, training, self.validation) for f in controls.callbacks]
            stopped = any(
                isinstance(answer, bool | np.bool_) and not answer for answer in answers
            )
            if stopped and not due:
                self.validate(epoch)
            yield training, Monitors(self.validation, self.problem.stage)
            if bound or stopped:
                self.reason = bound or "stopped by a callback"
                return
        self.reason = f"no improvement in {controls.patience + 1} validations"

    @property
    def patience_left(self) -> int:
        """How many more validations may pass without a better one."""
        return self.controls.patience - (self.validations - 1 - self.best_validation)

    def bound(self, epoch: int) -> str:
        """Return which bound is reached after so many epochs, or nothing."""
        controls = self.controls
        if epoch == controls.max_epochs:
            return f"reached max_epochs={epoch}"
        updates = controls.max_updates
        if updates is not None and int(self.state.updates) >= updates:
            return f"reached max_updates={updates}"
        return ""

    def show(
        self,
        epoch: int,
        training: Monitors,
        seconds: float,
        examples: int,
        validated: bool,
    ) -> None:
        self.shown.epoch(
            epoch,
            training,
            self.validation,
            seconds=seconds,
            examples=examples,
            validated=validated,
            best=self.best[:2] if self.best else None,
            patience_left=max(self.patience_left, 0),
        )

    def train_epoch(self, epoch: int) -> tuple[Monitors, int]:
        # Whoever was shown the last epoch may have changed parameters since.
        self.state = self.state._replace(values=self.problem.read())
        values = dict(self.problem.optimizer.values)
        self.numbers = {**self.problem.numbers(), "optimizer": values}
        limit = self.controls.max_updates
        left = None if limit is None else limit - int(self.state.updates)
        sums = _Sums()
        # Closed whatever happens, which ends the thread of a stream.
        with closing(self.train.chunks(self.past + epoch)) as chunks:
            for chunk in chunks:
                self.train_chunk(chunk, epoch, sums, left)
                if sums.batches == left:
                    break
        training = Monitors(sums.means(), self.problem.stage)
        if not math.isfinite(training["loss"]):
            raise NonFiniteError(
                f"the training loss became {training['loss']} in epoch {epoch + 1}. "
                "The best parameters so far are back in place. A smaller "
                "learning_rate or a max_gradient_norm usually helps."
            )
        return training, sums.examples

    def train_chunk(
        self, chunk: Chunk, epoch: int, sums: "_Sums", left: int | None
    ) -> None:
        count = chunk.count if left is None else min(chunk.count, left - sums.batches)
        for start, stop in self.pace.steps(count):
            self.state, found = self.advance(chunk, start, stop)
            sums.add(found, start, stop, chunk.rows)
            self.problem.commit(self.state.values)
            self.shown.batches(
                epoch + 1, sums.batches, self.train.batches, sums.examples
            )

    def advance(self, chunk: Chunk, start: int, stop: int) -> tuple[State, Record]:
        state, found = self.program(
            self.state.values,
            self.state.optimizer,
            self.state.updates,
            chunk.data,
            chunk.order,
            start,
            stop,
            self.root,
            self.numbers,
            layout=chunk.layout,
        )
        # One call at a time, so that an interrupt finds a state that is whole.
        jax.block_until_ready(found)
        return state, found

    def validate(self, epoch: int) -> None:
        values = self.problem.read()
        self.validation = measure(self.problem, self.valid, self.valid_pace)
        self.validated_at = epoch
        loss = self.validation["loss"]
        if self.best is None or self.improves(loss, self.best[1]):
            self.best = (epoch, loss, values)
            self.best_validation = self.validations
        self.validations += 1

    def improves(self, loss: float, best: float) -> bool:
        if not (math.isfinite(loss) and math.isfinite(best)):
            return math.isfinite(loss)
        return best - loss > abs(best) * self.controls.min_improvement

    def restore_best(self) -> None:
        """Commit the best parameters, unless only those from before are known."""
        if self.best is not None and (self.validated_at > 0 or self.broken):
            self.problem.commit(self.best[2])


class _Pace:
    """Cuts a run of batches into calls that each take about as long as wanted."""

    def __init__(self) -> None:
        self._per_batch: float | None = None

    def steps(self, count: int) -> Iterator[tuple[int, int]]:
        start = 0
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


class _Sums:
    """Monitors of batches, for their means over the examples.

    A batch counts by its examples, or by what the monitor says, as where examples
    have weights.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[dict[str, tuple[np.ndarray, ...]], int]] = []
        self.batches = 0
        self.examples = 0

    def add(self, record: Record, start: int, stop: int, rows: int) -> None:
        # Of a long epoch cut into many calls, only what each one has written is kept.
        written = {
            name: tuple(np.array(column[start:stop], "f8") for column in columns)
            for name, columns in jax.device_get(record).items()
        }
        self._parts.append((written, rows))
        self.batches += stop - start
        self.examples += (stop - start) * rows

    def means(self) -> dict[str, float]:
        return {name: self._mean(name) for name in self._parts[0][0]}

    def _mean(self, name: str) -> float:
        values, counts = [], []
        for written, rows in self._parts:
            value, *count = written[name]
            values.append(value)
            counts.append(count[0] if count else np.full(len(value), float(rows)))
        all_values, all_counts = np.concatenate(values), np.concatenate(counts)
        total = math.fsum(all_counts)
        return math.fsum(all_values * all_counts) / total if total else 0.0
