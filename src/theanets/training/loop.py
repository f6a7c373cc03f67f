"""The loop over epochs: train, validate, keep the best, call back, stop."""

import logging
import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

import jax
import numpy as np

from theanets.data.chunks import Chunk
from theanets.data.loading import Loader
from theanets.errors import NonFiniteError
from theanets.serialization import files
from theanets.training import nonfinite
from theanets.training.callbacks import Callbacks
from theanets.training.checkpoint import Checkpoint, Saved
from theanets.training.interrupts import Terminable
from theanets.training.measure import Monitors, Pace, Pair
from theanets.training.options import Controls
from theanets.training.outcome import best_values, outcome
from theanets.training.problem import Problem
from theanets.training.programs import State
from theanets.training.report import Report
from theanets.training.schedule import (
    last_batch,
    patience_left,
    reached_bound,
    validation_is_due,
)
from theanets.training.state import Progress, Reads, packed
from theanets.training.steps import Steps
from theanets.training.validation import closed, validated
from theanets.utils.checks import counted
from theanets.utils.forks import forked

LOG = logging.getLogger("theanets")


def iterate(
    problem: Problem,
    train: Loader,
    valid: Loader,
    controls: Controls,
    seed: int,
    past: int = 0,
    checkpoint: Checkpoint | None = None,
    at: Progress | None = None,
    earlier: Sequence[Reads] = (),
    note: str = "",
) -> Generator[Pair, None, Reads]:
    """Train, and yield the monitors of both sets after every epoch.

    However it ends, the best validated parameters are committed; parameters that
    were never validated after training began stay as they are.

    `theanets.training.run.run` describes the parameters; ``at`` is the place to go on
    from, and ``note`` stands in the first report to callbacks.
    """
    problem.begin(train)
    run = _Run(problem, train, valid, controls, seed, past, checkpoint, at)
    with Terminable():
        try:
            run.callbacks.start(lambda: replace(run.report(), note=note))
            yield from run.epochs(earlier)
        except GeneratorExit:
            run.end("stopped by the caller")
            raise
        except BaseException as error:
            run.end_by(error)
            raise
        else:
            run.end(run.reason, last=problem.last)
    return run.reads()


class _Run:
    """One run of training: where it stands is ``at``, replaced step by step."""

    def __init__(
        self,
        problem: Problem,
        train: Loader,
        valid: Loader,
        controls: Controls,
        seed: int,
        past: int,
        checkpoint: Checkpoint | None,
        at: Progress | None,
    ) -> None:
        self.problem, self.train, self.valid = problem, train, valid
        self.controls, self.past, self.checkpoint = controls, past, checkpoint
        self.callbacks = Callbacks(controls.callbacks)
        self.steps = Steps(problem, controls, seed, past)
        self.pace, self.valid_pace = Pace(), Pace()
        self.reason, self.broken = "", False
        values = problem.read()
        state = State(values, problem.optimizer.init(values.learned), np.int32(0))
        nothing = Monitors(stage=problem.stage)
        self.at = Progress(state, training=nothing, validation=nothing)
        self.final: Progress | None = None
        """Where it stands after a validation made only because it ended."""
        self.began = time.perf_counter()
        """When the epoch began."""
        if at is not None:
            self.at = at
            problem.commit(at.state.values)

    def epochs(self, earlier: Sequence[Reads] = ()) -> Iterator[Pair]:
        """Train epoch by epoch, until there is a reason to stop."""
        stopped = False
        # An epoch that goes on is read from its beginning; one that was cut, no more.
        reads = self.reads() if self.bound() else self.reads()._replace(batches=0)
        before = (*earlier, reads)
        self.train.replay([(x.epochs, x.batches) for x in before])
        self.valid.replay([(x.validations, 0) for x in before])
        # A run that was interrupted in a validation makes it now.
        if self.at.validated_at < 0 or validation_is_due(self.controls, self.at):
            self.validate()
        self.callbacks.batches(
            lambda: replace(self.report(validated=True), seconds=0.0)
        )
        while True:
            if self.bound() or stopped:
                # Also if it had reached its end before it was resumed.
                self.finish()
                self.reason = self.bound() or "stopped by a callback"
                return
            if patience_left(self.controls, self.at) < 0:
                validations = counted(self.controls.patience + 1, "validation")
                self.reason = f"no improvement in {validations}"
                return
            stopped = not self.epoch()
            self.adopt()
            if stopped:
                self.finish()
            last = self.final or self.at
            try:
                yield last.training, Monitors(last.validation, self.problem.stage)
            finally:
                self.adopt()
            # Only once the caller is done with the epoch, and has made its changes:
            # after a crash before that, it makes them again.
            if self.checkpoint and self.checkpoint.interval.due(self.at.epoch):
                self.write()

    def epoch(self) -> bool:
        """Train an epoch, and validate if that is due; return whether to go on."""
        self.began = time.perf_counter()
        batches, examples = self.train_epoch()
        validated = validation_is_due(self.controls, self.at)
        if validated:
            self.validate()
        else:
            self.record(self.at)
        if self.bound():
            self.finish()
        seconds = time.perf_counter() - self.began

        def report() -> Report:
            return replace(
                self.report(validated=validated or self.final is not None),
                batches=batches,
                examples=examples,
                seconds=seconds,
            )

        return self.callbacks.epoch(report)

    def train_epoch(self) -> tuple[int, int]:
        """Train what is left of an epoch; return its batches and examples."""
        self.adopt()
        self.steps.begin_epoch()
        left = last_batch(self.controls, self.at)
        skip, cut = self.at.sums.batches, False
        if self.problem.states is not None and not skip:
            state = self.at.state
            carried = self.problem.states.restarted(state.values.carried)
            begun = state.values._replace(carried=carried)
            self.at = replace(self.at, state=state._replace(values=begun))
        # Read nothing beyond a cut: later runs may go on in the same source.
        most = None if left == self.train.batches else left
        # Closing ends the thread of a stream, whatever happens.
        with closing(self.train.chunks(self.past + self.at.epoch, most)) as chunks:
            for chunk in chunks:
                begin = min(skip, chunk.count)
                skip -= begin
                if begin < chunk.count:
                    self.train_chunk(chunk, begin, left)
                if self.at.sums.batches == left:
                    # The rest of the epoch is for a run with a later bound.
                    cut = left != self.train.batches
                    break
        done = self.at.sums
        if not cut:
            self.at = closed(self.problem, self.controls, self.at)
        return done.batches, done.examples

    def train_chunk(self, chunk: Chunk, begin: int, left: int | None) -> None:
        count = chunk.count
        if self.problem.states is not None:
            self.problem.states.check(self.at.state.values.carried, chunk.rows)
        if left is not None:
            count = min(count, begin + left - self.at.sums.batches)
        for start, stop in self.pace.steps(begin, count):
            for at in self.steps.train(self.at, chunk, start, stop):
                self.at = at
                self.problem.commit(at.state.values)
            if self.callbacks.batches(self.report):
                self.adopt()
            if self.checkpoint is not None and self.checkpoint.interval.overdue:
                self.write()

    def bound(self) -> str:
        """Return which bound is reached, or an empty string."""
        return reached_bound(self.controls, self.at)

    def reads(self) -> Reads:
        """Return what was read of the data so far."""
        last = self.final or self.at
        return Reads(self.at.epoch, self.at.sums.batches, last.validations)

    def record(self, at: Progress) -> None:
        if at.epoch:
            self.problem.record(at)

    def adopt(self) -> None:
        """Take over parameters that a callback or the caller has changed."""
        values = self.problem.read()
        pairs = zip(*map(jax.tree.leaves, (values, self.at.state.values)), strict=True)
        if any(now is not before for now, before in pairs):
            self.at = replace(self.at, state=self.at.state._replace(values=values))

    def report(self, validated: bool = False) -> Report:
        """Return the report for callbacks."""
        last = self.final or self.at
        optimizer = self.problem.optimizer
        return Report(
            model=self.problem.model(),
            stage=self.problem.stage,
            epoch=last.epoch,
            training=last.training,
            validation=last.validation,
            validated=validated,
            best=last.best[:2] if last.best else None,
            patience_left=max(patience_left(self.controls, self.at), 0),
            batches=last.sums.batches,
            examples=last.sums.examples,
            batches_per_epoch=self.train.batches,
            seconds=time.perf_counter() - self.began,
            updates=int(last.state.updates),
            rate=optimizer.schedule or optimizer.values.get("learning_rate"),
            max_epochs=self.controls.max_epochs,
            last=self.problem.last,
        )

    def validate(self) -> None:
        self.at = self.validated(self.at)
        self.record(self.at)

    def validated(self, at: Progress) -> Progress:
        return validated(self.problem, self.controls, self.valid, self.valid_pace, at)

    def finish(self) -> None:
        """Validate once more, since the last epochs count.

        A run with a later bound would not do so. So ``at`` stays as it is, for a run
        that goes on from here; also where the bound cuts an epoch short.
        """
        at = self.at
        if at.sums.batches:
            at = closed(self.problem, self.controls, at)
        if at.epoch not in (at.validated_at, self.final and self.final.epoch):
            self.final = self.validated(at)
            self.record(self.final)
        last = self.final or self.at
        loss = last.validation["loss"]
        if self.controls.on_nonfinite == "raise" and not math.isfinite(loss):
            raise nonfinite.validation_error(last.epoch, loss)

    def end_by(self, error: BaseException) -> None:
        """End after an exception."""
        reason, then = f"stopped by {type(error).__name__}", ""
        if isinstance(error, KeyboardInterrupt):
            reason = f"interrupted in epoch {self.at.epoch + 1}"
            if self.controls.on_interrupt == "return":
                then = '; the script goes on (on_interrupt="raise" ends it)'
                if self.controls.progress is False:
                    # Say so even where no progress is shown.
                    LOG.warning("Training was %s: %s%s.", reason, self.outcome(), then)
        self.broken = isinstance(error, NonFiniteError)
        self.end(reason, then, error)

    def outcome(self) -> str:
        return outcome(self.final or self.at, self.broken)

    def end(
        self,
        reason: str,
        then: str = "",
        error: BaseException | None = None,
        last: bool = True,
    ) -> None:
        """Put everything in order, and call the callbacks for the last time."""
        if forked():
            # The training belongs to the process that began it.
            return
        try:
            self.leave(error)
        finally:
            reason = f"{reason}: {self.outcome()}{then}"
            self.callbacks.finish(
                lambda: replace(self.report(), reason=reason, error=error, last=last)
            )

    def leave(self, error: BaseException | None) -> None:
        """Put the best parameters back, and write the checkpoint."""
        best = best_values(self.final or self.at, self.broken)
        if best is not None:
            self.problem.commit(best)
        self.record(self.final or self.at)
        if self.checkpoint is not None:
            files.or_note(partial(self.write, final=True), "the checkpoint", error)

    def write(self, final: bool = False) -> None:
        """Write the checkpoint; only the final one has to succeed."""
        assert self.checkpoint is not None
        at = self.at
        best = best_values(self.final or at, self.broken) or at.state.values
        described = self.problem.describe(best, at)
        facts, arrays = packed(at)
        progress = {f"progress/{name}": array for name, array in arrays.items()}
        saved = Saved(
            described.model,
            {**described.facts, "progress": facts},
            {**described.arrays, **progress},
        )
        if final:
            self.checkpoint.write(saved)
        else:
            self.checkpoint.try_to_write(saved)
