"""From the user's data to a run of the engine."""

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial

from theanets.data.loading import MOST_BATCHES, Loader, loader
from theanets.errors import DataError
from theanets.training.checkpoint import Checkpoint, Saved, under
from theanets.training.interrupts import Terminable
from theanets.training.loop import Run
from theanets.training.measure import Pair
from theanets.training.options import Controls
from theanets.training.problem import Problem
from theanets.training.state import Progress, Reads, unpacked

_NOT_HELD_OUT = (
    "no validation data: the training data serve instead; valid=0.1 holds a tenth of "
    "them out"
)


def run(
    problem: Problem,
    train: object,
    valid: object,
    controls: Controls,
    *,
    checkpoint: Checkpoint | None = None,
    saved: Saved | None = None,
    earlier: Sequence[Reads] = (),
    hint: bool = True,
) -> Generator[Pair, None, Reads]:
    """Check the data, and return a generator that trains.

    It yields the monitors of both sets after every epoch, and returns what it has read;
    nothing is computed before the first is asked for. However it ends, the best
    validated parameters are committed; parameters that were never validated after
    training began stay as they are.

    Without ``valid`` the training set serves to validate. ``saved`` is what the
    checkpoint holds of this run, to go on with; ``earlier`` is what earlier runs have
    read of the same data. ``hint`` says whether to point out that the training data
    serve to validate, and numbers that a model learns from badly.
    """
    batches, validation = loaders(problem, train, valid, controls, hint)
    at = None
    if checkpoint is not None:
        data = {"train": batches.identity(), "valid": validation.identity()}
        checkpoint.run = json.loads(json.dumps({**checkpoint.run, **data}))
        if saved is not None:
            checkpoint.compare(saved)
            # Now, before any of it has taken effect.
            at = checkpoint.parse(partial(_place, problem, saved, batches))
    note = _NOT_HELD_OUT if hint and valid is None else ""

    def epochs() -> Generator[Pair, None, Reads]:
        problem.begin(batches)
        run = Run(problem, batches, validation, controls, checkpoint, at)
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

    return epochs()


def _place(problem: Problem, saved: Saved, batches: Loader) -> Progress:
    """Return where a run stood when its checkpoint was written."""
    most = batches.batches
    return unpacked(
        saved.facts["progress"],
        under("progress/", saved.arrays),
        problem.state(),
        problem.stage,
        MOST_BATCHES if most is None else most + 1,
    )


def loaders(
    problem: Problem, train: object, valid: object, controls: Controls, hint: bool
) -> tuple[Loader, Loader]:
    """Return checked training and validation data as batches; see `run`."""
    if valid is None and isinstance(train, Iterator):
        raise DataError(
            "train is an iterator, which can be read once, so it cannot serve for "
            "validation too. Give valid, or an iterable that starts anew."
        )
    size = controls.batch_size
    if size == "default":
        # The algorithm ``sample`` has no optimizer.
        full_batch = problem.optimizer and problem.optimizer.full_batch
        size = None if full_batch else 32
    load = partial(
        loader,
        expect=problem.expect,
        dtype=problem.dtype,
        batch_size=size,
        seed=problem.seed,
        consecutive=problem.states is not None,
    )
    batches = load(
        train,
        name="train",
        batches=controls.train_batches,
        shuffle=True,
        # Data without names belong to no model, and may be meant to be large.
        warn=hint and bool(problem.expect.names),
    )
    validation = load(
        train if valid is None else valid,
        name="train" if valid is None else "valid",
        batches=controls.valid_batches,
        shuffle=False,
    )
    return batches, validation
