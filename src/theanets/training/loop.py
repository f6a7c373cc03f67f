"""The host's part of training: when to validate, what was best, when to stop."""

import json
import logging
import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from theanets.data.chunks import Chunk
from theanets.data.loading import MOST_BATCHES, Loader, loader
from theanets.data.prepare import Expect
from theanets.display.progress import Reporter, figures, reporter
from theanets.errors import DataError, NonFiniteError
from theanets.optimizers import Updater
from theanets.serialization import files
from theanets.training import nonfinite
from theanets.training.checkpoint import Checkpoint, Saved
from theanets.training.controls import Controls
from theanets.training.interrupts import Terminable
from theanets.training.measure import Monitors, Pace, Pair, Sums
from theanets.training.programs import (
    Objective,
    Record,
    State,
    Values,
    evaluate_program,
    noise_key,
    train_program,
)
from theanets.training.state import Best, Progress, Reads, packed, unpacked
from theanets.utils.checks import counted
from theanets.utils.forks import forked

LOG = logging.getLogger("theanets")


class States(Protocol):
    """What goes from batch to batch within one pass over the data."""

    def restarted(self, arrays: Any, rows: int | None = None, /) -> Any:
        """Return carried values as they are before the first batch.

        ``rows`` is the number of examples in each batch, if these are not those that
        are trained with.
        """

    def check(self, arrays: Any, rows: int, /) -> None:
        """Raise a DataError if a batch of so many examples cannot go on."""


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
    optimizer : Updater
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
    record : callable
        Takes where the run stands after each epoch; again, if there is a validation
        that only the end has made due.
    trace : callable, optional
        (values, batch, numbers, key) -> outputs of layers by name, to tell where
        numbers went bad.
    monitors : tuple of str
        Names of monitors in the order to report them; others come after.
    describe : callable
        Takes the best values and where the run stands, and returns what a checkpoint
        there holds besides the run.
    predict : callable, optional
        (values, chunk) -> what ``score`` needs of a chunk of the validation data.
    score : callable
        Takes a list of what ``predict`` has returned, and returns monitors of the
        whole set, which no mean over batches gives.
    begin : callable
        Takes the training data, before anything is computed.
    states : States, optional
        What of the carried values begins anew with each pass over the data; then
        batches follow each other, and are equally large.
    """

    objective: Objective
    key: Any
    optimizer: Updater
    numbers: Callable[[], Mapping[str, Any]]
    read: Callable[[], Values]
    commit: Callable[[Values], None]
    stage: str = ""
    record: Callable[[Progress], None] = lambda at: None
    trace: nonfinite.Trace | None = None
    monitors: tuple[str, ...] = ()
    describe: Callable[[Values, Progress], Saved] = lambda *_: Saved(({}, {}), {}, {})
    predict: Callable[[Values, Chunk], Any] | None = None
    score: Callable[[list[Any]], dict[str, float]] = lambda _: {}
    states: States | None = None
    begin: Callable[[Loader], None] = lambda _: None


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
    checkpoint: Checkpoint | None = None,
    saved: Saved | None = None,
    earlier: Sequence[Reads] = (),
    hint: bool = True,
    warn: bool = False,
) -> Generator[Pair, None, Reads]:
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
    checkpoint : Checkpoint, optional
        Where to write the training.
    saved : Saved, optional
        What was written of this run, to go on with.
    earlier : sequence of Reads
        What runs before that one had read of the same data.
    hint : bool
        Whether the display says so where the training data serve to validate.
    warn : bool
        Whether to warn of numbers in the data that are hard to learn from.

    Returns
    -------
    generator of (training, validation)
        The monitors after each epoch; nothing is computed before it is asked. Its
        value is what it has read.
    """
    full = problem.optimizer.full_batch
    batches, validation = loaders(
        train,
        valid,
        expect,
        dtype,
        controls,
        seed,
        full,
        consecutive=problem.states is not None,
        warn=warn,
    )
    at = None
    if checkpoint is not None:
        data = {"train": batches.identity(), "valid": validation.identity()}
        checkpoint.run = json.loads(json.dumps({**checkpoint.run, **data}))
        if saved is not None:
            checkpoint.compare(saved)
            # Now, before anything of it has taken effect.
            at = checkpoint.believe(partial(_place, problem, saved, batches))
    return iterate(
        problem,
        batches,
        validation,
        controls,
        seed,
        past,
        checkpoint,
        at,
        earlier,
        _NOT_HELD_OUT if hint and valid is None else "",
    )


def _place(problem: Problem, saved: Saved, batches: Loader) -> Progress:
    """Return where a run stood that a file holds."""
    values = problem.read()
    like = State(values, problem.optimizer.init(values.learned), np.int32(0))
    arrays, most = saved.under("progress/"), batches.batches
    below = MOST_BATCHES if most is None else most + 1
    return unpacked(saved.facts["progress"], arrays, like, problem.stage, below)


_NOT_HELD_OUT = (
    "no validation data: the training data serve instead; valid=0.1 holds a tenth of "
    "them out"
)


def loaders(
    train: Any,
    valid: Any,
    expect: Expect,
    dtype: Any,
    controls: Controls,
    seed: int,
    full_batch: bool = False,
    consecutive: bool = False,
    warn: bool = False,
) -> tuple[Loader, Loader]:
    """Return checked data of both sets, as batches; see `run`.

    ``full_batch`` says that all the data are one batch, unless controls say otherwise;
    ``consecutive`` that each batch goes on where the one before it ended; ``warn`` asks
    for warnings of training data that are hard to learn from.
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
        "consecutive": consecutive,
    }
    batches = loader(
        train,
        name="train",
        batches=controls.train_batches,
        shuffle=True,
        warn=warn,
        **common,
    )
    validation = loader(
        train if valid is None else valid,
        name="train" if valid is None else "valid",
        batches=controls.valid_batches,
        shuffle=False,
        **common,
    )
    return batches, validation


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

    ``past`` counts the epochs of earlier runs, whose random streams this one goes on.
    ``at`` is where it goes on, ``note`` is for the display.

    However it ends, the best validated parameters are committed; parameters that
    were never validated after training began stay as they are.
    """
    problem.begin(train)
    shown = reporter(controls.progress)
    run = _Run(problem, train, valid, controls, shown, seed, past, checkpoint, at)
    if note:
        shown.note(note)
    shown.start(
        max_epochs=controls.max_epochs, patience=controls.patience, stage=problem.stage
    )
    reason, then = "stopped by the caller", ""
    with Terminable():
        try:
            yield from run.epochs(earlier)
            reason = run.reason
        except GeneratorExit:
            run.leave()
            raise
        except BaseException as error:
            reason = f"stopped by {type(error).__name__}"
            if isinstance(error, KeyboardInterrupt):
                reason = f"interrupted in epoch {run.at.epoch + 1}"
                if controls.on_interrupt == "return":
                    then = '; the script goes on (on_interrupt="raise" ends it)'
                if controls.progress is False and controls.on_interrupt == "return":
                    # Whoever wants no progress still has to hear of an early end.
                    LOG.warning("Training was %s: %s%s.", reason, run.outcome(), then)
            run.broken = isinstance(error, NonFiniteError)
            run.leave(error)
            raise
        else:
            run.leave()
        finally:
            shown.finish(f"{reason}: {run.outcome()}{then}")
    return run.reads()


def measure(problem: Problem, data: Loader, pace: Pace | None = None) -> Monitors:
    """Return the monitors of a data set at the current values, without noise."""
    evaluate = evaluate_program(problem.objective, problem.key)
    values, numbers = problem.read(), problem.numbers()
    pace, sums, predicted = pace or Pace(), Sums(), []
    with closing(data.chunks(0)) as chunks:
        for chunk in chunks:
            if problem.states is not None:
                if not sums.batches:
                    carried = problem.states.restarted(values.carried, chunk.rows)
                    values = values._replace(carried=carried)
                problem.states.check(values.carried, chunk.rows)
            for start, stop in pace.steps(0, chunk.count):
                found, values = evaluate(
                    values,
                    chunk.data,
                    chunk.order,
                    start,
                    stop,
                    numbers,
                    layout=chunk.layout,
                )
                jax.block_until_ready(found)
                sums = sums.plus(found, start, stop, chunk.rows)
            if problem.predict is not None:
                predicted.append(problem.predict(values, chunk))
    _check_weights(sums, "the validation data")
    means = sums.means(problem.monitors)
    return Monitors({**means, **problem.score(predicted)}, problem.stage)


def _check_weights(sums: Sums, what: str) -> None:
    if sums.weightless:
        raise DataError(
            f"all weights of {what} are 0, so no example counts. Give those that count "
            "a weight more than 0."
        )


class _Run:
    """One run of training: where it stands is ``at``, replaced step by step."""

    def __init__(
        self,
        problem: Problem,
        train: Loader,
        valid: Loader,
        controls: Controls,
        shown: Reporter,
        seed: int,
        past: int,
        checkpoint: Checkpoint | None,
        at: Progress | None,
    ) -> None:
        self.problem, self.train, self.valid = problem, train, valid
        self.controls, self.shown = controls, shown
        self.checkpoint = checkpoint
        self.reason, self.broken = "", False
        self.program = train_program(
            problem.objective,
            problem.key,
            problem.optimizer,
            controls.monitor_gradients,
            controls.on_nonfinite != "ignore",
        )
        self.past = past
        self.root = noise_key(seed, "noise", str(past))
        self.numbers: Mapping[str, Any] = {}
        self.pace, self.valid_pace = Pace(), Pace()
        values = problem.read()
        state = State(values, problem.optimizer.init(values.learned), np.int32(0))
        nothing = Monitors(stage=problem.stage)
        self.at = Progress(state, training=nothing, validation=nothing)
        self.final: Progress | None = None
        """Where it stands after a validation that only the end has made due."""
        if at is not None:
            self.at = at
            problem.commit(at.state.values)

    def epochs(self, earlier: Sequence[Reads] = ()) -> Iterator[Pair]:
        controls, stopped = self.controls, False
        # An epoch that goes on is read from its beginning, one that is cut never more.
        own = self.reads() if self.bound() else self.reads()._replace(batches=0)
        before = (*earlier, own)
        self.train.replay([(x.epochs, x.batches) for x in before])
        self.valid.replay([(x.validations, 0) for x in before])
        # One that was interrupted in a validation makes up for it.
        if self.at.validated_at < 0 or self.validation_is_due:
            self.at = self.validated(self.at)
            self.note(self.at)
        self.show(0.0, 0, validated=True)
        while True:
            if self.bound() or stopped:
                # So too if it had come to its end before it was resumed.
                self.finish()
                self.reason = self.bound() or "stopped by a callback"
                return
            if self.patience_left < 0:
                validations = counted(controls.patience + 1, "validation")
                self.reason = f"no improvement in {validations}"
                return
            begun = time.perf_counter()
            examples = self.train_epoch()
            due = self.validation_is_due
            if due:
                self.at = self.validated(self.at)
            self.note(self.at)
            if self.bound():
                self.finish()
            seconds = time.perf_counter() - begun
            self.show(seconds, examples, due or self.final is not None)
            last = self.final or self.at
            stopped = not controls.tell(last.epoch, last.training, last.validation)
            self.adopt()
            if stopped:
                self.finish()
            last = self.final or self.at
            try:
                yield last.training, Monitors(last.validation, self.problem.stage)
            finally:
                self.adopt()
            # Not before whoever iterates is done with the epoch, as with its changes of
            # the parameters: killed meanwhile, they do the same once more.
            if self.checkpoint is not None and self.checkpoint.due(self.at.epoch):
                self.write()

    def reads(self) -> Reads:
        """Return what was read of the data so far."""
        last = self.final or self.at
        return Reads(self.at.epoch, self.at.sums.batches, last.validations)

    @property
    def validation_is_due(self) -> bool:
        """Whether the epochs that are done end with a validation, still to be made."""
        at = self.at
        due = at.epoch % self.controls.validate_every == 0 and not at.sums.batches
        return due and at.validated_at != at.epoch

    @property
    def patience_left(self) -> int:
        """How many more validations may pass without a better one."""
        at = self.at
        return self.controls.patience - (at.validations - 1 - at.best_validation)

    def bound(self) -> str:
        """Return which bound is reached, or nothing."""
        epochs, updates = self.controls.max_epochs, self.controls.max_updates
        if epochs is not None and self.at.epoch >= epochs:
            return f"reached max_epochs={epochs}"
        if updates is not None and int(self.at.state.updates) >= updates:
            return f"reached max_updates={updates}"
        return ""

    def finish(self) -> None:
        """Validate once more, since the last epochs count.

        A run with a later bound would not have done so; hence ``at`` stays as it is,
        for whoever goes on from here. So it does where the bound cuts an epoch short.
        """
        at = self.closed(self.at) if self.at.sums.batches else self.at
        if at.epoch not in (at.validated_at, self.final and self.final.epoch):
            self.final = self.validated(at)
            self.note(self.final)
        last = self.final or self.at
        loss = last.validation["loss"]
        if self.controls.on_nonfinite == "raise" and not math.isfinite(loss):
            raise nonfinite.validation_error(last.epoch, loss)

    def closed(self, at: Progress) -> Progress:
        """Return a place in an epoch as that after it."""
        training, best = self.epoch_monitors(at.sums), at.best
        if best is not None and best.epoch == 0 == at.epoch:
            best = best._replace(monitors=(training, best.monitors[1]))
        return replace(
            at, epoch=at.epoch + 1, sums=Sums(), training=training, best=best
        )

    def note(self, at: Progress) -> None:
        if at.epoch:
            self.problem.record(at)

    def adopt(self) -> bool:
        """Take over parameters that others have changed; tell if they have."""
        values = self.problem.read()
        pairs = zip(*map(jax.tree.leaves, (values, self.at.state.values)), strict=True)
        if all(now is before for now, before in pairs):
            return False
        self.at = replace(self.at, state=self.at.state._replace(values=values))
        return True

    def show(self, seconds: float, examples: int, validated: bool) -> None:
        last = self.final or self.at
        self.shown.epoch(
            last.epoch,
            last.training,
            last.validation,
            seconds=seconds,
            examples=examples,
            validated=validated,
            best=last.best[:2] if last.best else None,
            patience_left=max(self.patience_left, 0),
        )

    def train_epoch(self) -> int:
        """Train what is left of an epoch; return the number of examples."""
        self.adopt()
        values = dict(self.problem.optimizer.values)
        self.numbers = {**self.problem.numbers(), "optimizer": values}
        limit = self.controls.max_updates
        left = None
        if limit is not None:
            left = limit - int(self.at.state.updates) + self.at.sums.batches
        skip, cut = self.at.sums.batches, False
        if self.problem.states is not None and not skip:
            state = self.at.state
            carried = self.problem.states.restarted(state.values.carried)
            begun = state.values._replace(carried=carried)
            self.at = replace(self.at, state=state._replace(values=begun))
        # Nothing is read beyond a cut: later runs may go on in the same source.
        most = None if left == self.train.batches else left
        # Closed whatever happens, which ends the thread of a stream.
        with closing(self.train.chunks(self.past + self.at.epoch, most)) as chunks:
            for chunk in chunks:
                begin = min(skip, chunk.count)
                skip -= begin
                if begin < chunk.count:
                    self.train_chunk(chunk, begin, left)
                if self.at.sums.batches == left:
                    # What is left of the epoch is for a run with a later bound.
                    cut = left != self.train.batches
                    break
        examples = self.at.sums.examples
        if not cut:
            self.at = self.closed(self.at)
        return examples

    def train_chunk(self, chunk: Chunk, begin: int, left: int | None) -> None:
        count = chunk.count
        if self.problem.states is not None:
            self.problem.states.check(self.at.state.values.carried, chunk.rows)
        if left is not None:
            count = min(count, begin + left - self.at.sums.batches)
        for start, stop in self.pace.steps(begin, count):
            self.train_batches(chunk, start, stop)
            self.shown.batches(
                self.at.epoch + 1,
                self.at.sums.batches,
                self.train.batches,
                self.at.sums.examples,
            )
            if self.checkpoint is not None and self.checkpoint.due_inside:
                self.write()

    def train_batches(self, chunk: Chunk, start: int, stop: int) -> None:
        """Train on some batches, and see to those whose numbers go bad."""
        at_once = stop - start
        while start < stop:
            end = min(start + at_once, stop)
            before = self.at.state
            state, found, finite = self.advance(before, chunk, start, end)
            bad = None
            if self.controls.on_nonfinite != "ignore":
                bad = nonfinite.first_bad(found, start, end, finite)
            if bad is None:
                self.take(state, self.at.sums.plus(found, start, end, chunk.rows))
                start, at_once = end, 2 * at_once
                continue
            state, number = nonfinite.culprit(self.advance, before, chunk, start, bad)
            if self.controls.on_nonfinite == "raise":
                done = self.at.sums.batches + number - start
                epoch = self.at.epoch + 1
                after, *_ = self.advance(state, chunk, number, number + 1)
                look = partial(self.look, state, after)
                raise nonfinite.error(chunk, number, epoch, done, look)
            sums = self.at.sums
            if number > start:
                state, found, _ = self.advance(before, chunk, start, number)
                sums = sums.plus(found, start, number, chunk.rows)
            # The random stream goes on as if the batch had been there.
            state = state._replace(updates=np.int32(int(state.updates) + 1))
            self.take(state, sums.without(chunk.rows))
            # Bad batches come in numbers, and each costs a call.
            start, at_once = number + 1, 32

    def take(self, state: State, sums: Sums) -> None:
        """Go on to a new state."""
        self.at = replace(self.at, state=state, sums=sums)
        self.problem.commit(state.values)

    def advance(
        self, state: State, chunk: Chunk, start: int, stop: int
    ) -> tuple[State, Record, bool]:
        after, found, finite = self.program(
            state.values,
            state.optimizer,
            state.updates,
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
        return after, found, bool(finite)

    def look(
        self, state: State, after: State, batch: Any
    ) -> tuple[nonfinite.Found, float]:
        """Return what is not finite in a batch or after it, and its loss."""
        root = jax.random.wrap_key_data(jnp.asarray(self.root), impl="threefry2x32")
        key = jax.random.fold_in(root, state.updates)
        carried, numbers = state.values.carried, self.numbers

        def loss(learned: Any) -> Any:
            return self.problem.objective(learned, carried, batch, numbers, key)[0]

        arguments = (batch, numbers, key)
        return nonfinite.look_at(loss, self.problem.trace, state, after, arguments)

    def epoch_monitors(self, sums: Sums) -> Monitors:
        """Return the monitors of an epoch of which something was learned."""
        if sums.skipped == sums.batches:
            raise NonFiniteError(
                f"all {sums.batches} batches of epoch {self.at.epoch + 1} were left "
                "out, since their losses or gradients are not finite. The best "
                "parameters so far are back in place. See whether the data and the "
                "model fit each other; a smaller learning_rate may help.",
                epoch=self.at.epoch + 1,
            )
        _check_weights(sums, f"the training data of epoch {self.at.epoch + 1}")
        means = sums.means(self.problem.monitors)
        if self.controls.on_nonfinite == "skip":
            means["skipped"] = float(sums.skipped)
        return Monitors(means, self.problem.stage)

    def validated(self, at: Progress) -> Progress:
        """Return a place in training after a validation there."""
        values = self.problem.read()
        validation = measure(self.problem, self.valid, self.valid_pace)
        value = validation[self.controls.monitor]
        best, best_validation = at.best, at.best_validation
        if best is None or self.controls.better(value, best.value):
            # Those that a run begins with are known by what it first learns of them.
            training = at.training if at.epoch else Monitors(stage=self.problem.stage)
            best = Best(at.epoch, value, values, (training, validation))
            best_validation = at.validations
        return replace(
            at,
            validation=validation,
            validated_at=at.epoch,
            validations=at.validations + 1,
            best=best,
            best_validation=best_validation,
        )

    def leave(self, error: BaseException | None = None) -> None:
        """Put the best parameters back, and write the checkpoint."""
        if forked():
            # The training is the business of the process that began it.
            return
        self.restore_best()
        self.note(self.final or self.at)
        if self.checkpoint is None:
            return
        files.or_note(partial(self.write, final=True), "the checkpoint", error)

    def best_values(self) -> Values | None:
        """Return the best values; None if only those from before are known."""
        at = self.final or self.at
        known = at.best is not None and (at.validated_at > 0 or self.broken)
        return at.best.values if at.best is not None and known else None

    def outcome(self) -> str:
        """Return in words which parameters the end of a run leaves."""
        best = (self.final or self.at).best
        if best is None or self.best_values() is None:
            return "nothing was validated yet, so the last parameters stay"
        found = f"valid {figures(best.monitors[1])}"
        if best.epoch == 0:
            return f"no epoch was better than what it began with, {found}"
        return f"the best parameters, of epoch {best.epoch}, are in place, {found}"

    def restore_best(self) -> None:
        """Commit the best parameters, unless only those from before are known."""
        best = self.best_values()
        if best is not None:
            self.problem.commit(best)

    def write(self, final: bool = False) -> None:
        """Write the checkpoint; one that is not the last may fail."""
        assert self.checkpoint is not None
        at = self.at
        best = self.best_values() or at.state.values
        owned = self.problem.describe(best, at)
        facts, arrays = packed(at)
        named = {f"progress/{name}": array for name, array in arrays.items()}
        saved = Saved(
            owned.model, {**owned.facts, "progress": facts}, {**owned.arrays, **named}
        )
        if final:
            self.checkpoint.write(saved)
        else:
            self.checkpoint.try_to_write(saved)
