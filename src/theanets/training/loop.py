"""The loop over epochs: train, validate, keep the best, call back, stop."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

import jax

from theanets.data.chunks import Chunk
from theanets.data.loading import Loader
from theanets.errors import NonFiniteError
from theanets.serialization import files
from theanets.training import nonfinite
from theanets.training.callbacks import Callbacks
from theanets.training.checkpoint import Checkpoint, Saved
from theanets.training.measure import Monitors, Pace, Pair, figures
from theanets.training.options import Controls
from theanets.training.problem import Problem
from theanets.training.programs import Values
from theanets.training.report import Report
from theanets.training.state import Progress, Reads, packed
from theanets.training.steps import Steps
from theanets.training.validation import closed, validated
from theanets.utils.checks import counted
from theanets.utils.forks import forked

LOG = logging.getLogger("theanets")


class Run:
    """One run of training: where it stands is ``at``, replaced step by step."""

    def __init__(
        self,
        problem: Problem,
        train: Loader,
        valid: Loader,
        controls: Controls,
        checkpoint: Checkpoint | None,
        at: Progress | None,
    ) -> None:
        self.problem, self.controls, self.checkpoint = problem, controls, checkpoint
        self.train, self.valid = train, valid
        self.callbacks = Callbacks(controls.callbacks)
        self.steps = Steps(problem, controls)
        self.pace = Pace()
        self.reason, self.broken = "", False
        nothing = Monitors(stage=problem.stage)
        self.at = at or Progress(problem.state(), training=nothing, validation=nothing)
        self.final: Progress | None = None
        """Where it stands after a validation made only because it ended."""
        self.began = time.perf_counter()
        """When the epoch began."""
        self._validated = partial(validated, problem, controls, valid, Pace())
        if at is not None:
            problem.commit(at.state.values)

    @property
    def latest(self) -> Progress:
        """Where it stands, with the validation at its end."""
        return self.final or self.at

    def epochs(self, earlier: Sequence[Reads]) -> Iterator[Pair]:
        """Train epoch by epoch, until there is a reason to stop."""
        stopped = False
        # An epoch that goes on is read from its beginning, one that was cut is not.
        reads = self.reads()
        before = (*earlier, reads if self._bound() else reads._replace(batches=0))
        self.train.replay([(x.epochs, x.batches) for x in before])
        self.valid.replay([(x.validations, 0) for x in before])
        # A run that was interrupted in a validation makes it now.
        if self.at.validated_at < 0 or self._due():
            self._validate()
        self.callbacks.call(
            "on_batches", lambda: replace(self.report(validated=True), seconds=0.0)
        )
        while True:
            if self._bound() or stopped:
                # Also if it had reached its end before it was resumed.
                self._finish()
                self.reason = self._bound() or "stopped by a callback"
                return
            if self._patience_left() < 0:
                validations = counted(self.controls.patience + 1, "validation")
                self.reason = f"no improvement in {validations}"
                return
            stopped = not self._epoch()
            self._adopt()
            if stopped:
                self._finish()
            at = self.latest
            try:
                yield at.training, Monitors(at.validation, self.problem.stage)
            finally:
                self._adopt()
            # Only once the caller is done with the epoch, and has made its changes:
            # after a crash before that, it makes them again.
            if self.checkpoint and self.checkpoint.interval.due(self.at.epoch):
                files.or_warn(self._writing(), "the checkpoint")

    def _epoch(self) -> bool:
        """Train an epoch, and validate if that is due; return whether to go on."""
        self.began = time.perf_counter()
        batches, examples = self._train_epoch()
        validated = self._due()
        if validated:
            self._validate()
        else:
            self._record(self.at)
        if self._bound():
            self._finish()
        seconds = time.perf_counter() - self.began

        def report() -> Report:
            return replace(
                self.report(validated=validated or self.final is not None),
                batches=batches,
                examples=examples,
                seconds=seconds,
            )

        return self.callbacks.epoch(report)

    def _train_epoch(self) -> tuple[int, int]:
        """Train what is left of an epoch; return its batches and examples."""
        self._adopt()
        self.steps.begin_epoch()
        left = self._last_batch()
        skip, cut = self.at.sums.batches, False
        if self.problem.states is not None and not skip:
            state = self.at.state
            carried = self.problem.states.restarted(state.values.carried)
            begun = state.values._replace(carried=carried)
            self.at = replace(self.at, state=state._replace(values=begun))
        # Read nothing beyond a cut: later runs may go on in the same source.
        most = None if left == self.train.batches else left
        # Closing ends the thread of a stream, whatever happens.
        with closing(
            self.train.chunks(self.problem.past + self.at.epoch, most)
        ) as chunks:
            for chunk in self.problem.parts(chunks):
                begin = min(skip, chunk.count)
                skip -= begin
                if begin < chunk.count:
                    self._train_chunk(chunk, begin, left)
                if self.at.sums.batches == left:
                    # The rest of the epoch is for a run with a later bound.
                    cut = left != self.train.batches
                    break
        done = self.at.sums
        if not cut:
            self.at = closed(self.problem, self.controls, self.at)
        return done.batches, done.examples

    def _train_chunk(self, chunk: Chunk, begin: int, left: int | None) -> None:
        count = chunk.count
        if self.problem.states is not None:
            self.problem.states.check(self.at.state.values.carried, chunk.rows)
        if left is not None:
            count = min(count, begin + left - self.at.sums.batches)
        for start, stop in self.pace.steps(begin, count):
            for at in self.steps.train(self.at, chunk, start, stop):
                self.at = at
                self.problem.commit(at.state.values)
            if self.callbacks.call("on_batches", self.report):
                self._adopt()
            if self.checkpoint and self.checkpoint.interval.due():
                files.or_warn(self._writing(), "the checkpoint")

    # When it validates and when it ends, and which parameters it then leaves.

    def _due(self) -> bool:
        """Return whether a validation is still to be made after the epochs so far."""
        at, every = self.at, self.controls.validate_every
        return not (at.epoch % every or at.sums.batches or at.validated_at == at.epoch)

    def _patience_left(self) -> int:
        """Return how many more validations may pass without a better one."""
        at = self.at
        return self.controls.patience - (at.validations - 1 - at.best_validation)

    def _bound(self) -> str:
        """Return which bound is reached, in words, or an empty string."""
        epochs, updates = self.controls.max_epochs, self.controls.max_updates
        if epochs is not None and self.at.epoch >= epochs:
            return f"reached max_epochs={epochs}"
        if updates is not None and int(self.at.state.updates) >= updates:
            return f"reached max_updates={updates}"
        return ""

    def _last_batch(self) -> int | None:
        """Return after how many batches of this epoch ``max_updates`` is reached."""
        most = self.controls.max_updates
        if most is None:
            return None
        return most - int(self.at.state.updates) + self.at.sums.batches

    def _best_values(self) -> Values | None:
        """Return the best values; None if it was not validated after it began.

        If its numbers went bad, the values that it began with count too.
        """
        at = self.latest
        return (
            at.best.values if at.best and (at.validated_at > 0 or self.broken) else None
        )

    def _outcome(self) -> str:
        """Return in words which parameters the end leaves."""
        best = self.latest.best
        if best is None or self._best_values() is None:
            return "nothing was validated yet, so the last parameters stay"
        valid = f"valid {figures(best.monitors[1])}"
        if best.epoch == 0:
            return f"no epoch was better than what it began with, {valid}"
        return f"the best parameters, of epoch {best.epoch}, are in place, {valid}"

    def reads(self) -> Reads:
        """Return what was read of the data so far."""
        return Reads(self.at.epoch, self.at.sums.batches, self.latest.validations)

    def _record(self, at: Progress) -> None:
        if at.epoch:
            self.problem.record(at)

    def _adopt(self) -> None:
        """Take over parameters that a callback or the caller has changed."""
        values = self.problem.read()
        pairs = zip(*map(jax.tree.leaves, (values, self.at.state.values)), strict=True)
        if any(now is not before for now, before in pairs):
            self.at = replace(self.at, state=self.at.state._replace(values=values))

    def report(self, validated: bool = False) -> Report:
        """Return the report for callbacks."""
        at, optimizer = self.latest, self.problem.optimizer
        return Report(
            model=self.problem.model(),
            stage=self.problem.stage,
            epoch=at.epoch,
            training=at.training,
            validation=at.validation,
            validated=validated,
            best=at.best[:2] if at.best else None,
            patience_left=max(self._patience_left(), 0),
            batches=at.sums.batches,
            examples=at.sums.examples,
            batches_per_epoch=self.train.batches,
            seconds=time.perf_counter() - self.began,
            updates=int(at.state.updates),
            rate=optimizer.schedule or optimizer.values.get("learning_rate"),
            max_epochs=self.controls.max_epochs,
            last=self.problem.last,
        )

    def _validate(self) -> None:
        self.at = self._validated(self.at)
        self._record(self.at)

    def _finish(self) -> None:
        """Validate once more, since the last epochs count.

        A run with a later bound would not do so. So ``at`` stays as it is, for a run
        that goes on from here; also where the bound cuts an epoch short.
        """
        at = self.at
        if at.sums.batches:
            at = closed(self.problem, self.controls, at)
        if at.epoch not in (at.validated_at, self.final and self.final.epoch):
            self.final = self._validated(at)
            self._record(self.final)
        loss = self.latest.validation["loss"]
        if self.controls.on_nonfinite == "raise" and not math.isfinite(loss):
            raise nonfinite.validation_error(self.latest.epoch, loss)

    def end_by(self, error: BaseException) -> None:
        """End after an exception."""
        reason, then = f"stopped by {type(error).__name__}", ""
        if isinstance(error, KeyboardInterrupt):
            reason = f"interrupted in epoch {self.at.epoch + 1}"
            if self.controls.on_interrupt == "return":
                then = '; the script goes on (on_interrupt="raise" ends it)'
                if self.controls.progress is False:
                    # Say so even where no progress is shown.
                    LOG.warning("Training was %s: %s%s.", reason, self._outcome(), then)
        self.broken = isinstance(error, NonFiniteError)
        self.end(reason, then, error)

    def end(
        self,
        reason: str,
        then: str = "",
        error: BaseException | None = None,
        last: bool = True,
    ) -> None:
        """Put the best parameters back, write the checkpoint, call the callbacks."""
        if forked():
            # The training belongs to the process that began it.
            return
        try:
            best = self._best_values()
            if best is not None:
                self.problem.commit(best)
            self._record(self.latest)
            if self.checkpoint is not None:
                files.or_note(self._writing(), "the checkpoint", error)
        finally:
            reason = f"{reason}: {self._outcome()}{then}"
            self.callbacks.finish(
                lambda: replace(self.report(), reason=reason, error=error, last=last)
            )

    def _writing(self) -> Callable[[], None]:
        """Return what writes the checkpoint as the run stands now."""
        assert self.checkpoint is not None
        best = self._best_values() or self.at.state.values
        described = self.problem.describe(best, self.at)
        facts, arrays = packed(self.at)
        saved = Saved(
            described.model,
            {**described.facts, "progress": facts},
            {**described.arrays, **arrays},
        )
        return partial(self.checkpoint.write, saved)
