"""From the user's data to a run of the engine."""

import json
from collections.abc import Generator, Iterator, Sequence
from functools import partial

import numpy as np

from theanets.data.loading import MOST_BATCHES, Loader, loader
from theanets.data.prepare import Expect
from theanets.errors import DataError
from theanets.training.checkpoint import Checkpoint, Saved
from theanets.training.loop import iterate
from theanets.training.measure import Pair
from theanets.training.options import Controls
from theanets.training.problem import Problem
from theanets.training.programs import State
from theanets.training.state import Progress, Reads, unpacked
from theanets.types import DType

_NOT_HELD_OUT = (
    "no validation data: the training data serve instead; valid=0.1 holds a tenth of "
    "them out"
)


def run(
    problem: Problem,
    train: object,
    valid: object,
    *,
    expect: Expect,
    dtype: str | DType,
    controls: Controls,
    seed: int,
    past: int = 0,
    checkpoint: Checkpoint | None = None,
    saved: Saved | None = None,
    earlier: Sequence[Reads] = (),
    hint: bool = True,
) -> Generator[Pair, None, Reads]:
    """Check the data, move them to the device, and train; see `iterate`.

    Parameters
    ----------
    problem : Problem
        What to minimize.
    train, valid : object
        The user's data; without ``valid`` the training set serves.
    expect : Expect
        What the problem expects of data.
    dtype : dtype
        The precision to compute in.
    controls : Controls
        How long to train, on how much at a time, and what to call.
    seed : int
        The seed of shuffling and noise.
    past : int
        Epochs of earlier runs, whose random streams this one continues.
    checkpoint : Checkpoint, optional
        Where to write the training.
    saved : Saved, optional
        What was written of this run, to go on with.
    earlier : sequence of Reads
        What earlier runs have read of the same data.
    hint : bool
        Whether to point out that the training data serve to validate, and numbers
        that a model learns from badly.

    Returns
    -------
    generator of (training, validation)
        The monitors after each epoch; nothing is computed before the first is asked
        for. Its return value is what it has read.
    """
    batches, validation = loaders(
        train,
        valid,
        expect,
        dtype,
        controls,
        seed,
        problem.optimizer.full_batch,
        consecutive=problem.states is not None,
        # Data without names belong to no model, and may be meant to be large.
        warn=hint and bool(expect.names),
    )
    at = None
    if checkpoint is not None:
        data = {"train": batches.identity(), "valid": validation.identity()}
        checkpoint.run = json.loads(json.dumps({**checkpoint.run, **data}))
        if saved is not None:
            checkpoint.compare(saved)
            # Now, before any of it has taken effect.
            at = checkpoint.parse(partial(_place, problem, saved, batches))
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
    """Return where a run stood when its checkpoint was written."""
    values = problem.read()
    like = State(values, problem.optimizer.init(values.learned), np.int32(0))
    arrays, most = saved.under("progress/"), batches.batches
    below = MOST_BATCHES if most is None else most + 1
    return unpacked(saved.facts["progress"], arrays, like, problem.stage, below)


def loaders(
    train: object,
    valid: object,
    expect: Expect,
    dtype: str | DType,
    controls: Controls,
    seed: int,
    full_batch: bool = False,
    consecutive: bool = False,
    warn: bool = False,
) -> tuple[Loader, Loader]:
    """Return checked training and validation data as batches; see `run`.

    With ``full_batch`` all data are one batch, unless the controls say otherwise. With
    ``consecutive`` each batch goes on where the one before it ended. ``warn`` says
    whether to warn of training data that a model learns from badly.
    """
    if valid is None and isinstance(train, Iterator):
        raise DataError(
            "train is an iterator, which can be read once, so it cannot serve for "
            "validation too. Give valid, or an iterable that starts anew."
        )
    size = controls.batch_size
    if size == "default":
        size = None if full_batch else 32
    load = partial(
        loader,
        expect=expect,
        dtype=dtype,
        batch_size=size,
        seed=seed,
        consecutive=consecutive,
    )
    batches = load(
        train, name="train", batches=controls.train_batches, shuffle=True, warn=warn
    )
    validation = load(
        train if valid is None else valid,
        name="train" if valid is None else "valid",
        batches=controls.valid_batches,
        shuffle=False,
    )
    return batches, validation
