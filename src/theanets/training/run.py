"""From what a user gives as data to a run of the engine."""

import json
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from typing import Any

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

_NOT_HELD_OUT = (
    "no validation data: the training data serve instead; valid=0.1 holds a tenth of "
    "them out"
)


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
        How long to train, on how much at a time, and whom to call.
    seed : int
        Of shuffling and noise.
    past : int
        Epochs of earlier runs, whose random streams this one continues.
    checkpoint : Checkpoint, optional
        Where to write the training.
    saved : Saved, optional
        What was written of this run, to go on with.
    earlier : sequence of Reads
        What runs before this one have read of the same data.
    hint : bool
        Whether to point out what may be wrong: that the training data serve to
        validate, and numbers that a model learns from badly.

    Returns
    -------
    generator of (training, validation)
        The monitors after each epoch; nothing is computed before it is asked for
        them. Its value is what it has read.
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
        # What has no names belongs to no model, and may be meant to be large.
        warn=hint and bool(expect.names),
    )
    at = None
    if checkpoint is not None:
        data = {"train": batches.identity(), "valid": validation.identity()}
        checkpoint.run = json.loads(json.dumps({**checkpoint.run, **data}))
        if saved is not None:
            checkpoint.compare(saved)
            # Now, before anything of it has taken effect.
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
    """Return checked training and validation data as batches; see `run`.

    Parameters
    ----------
    full_batch : bool
        Whether all the data are one batch, unless the controls say otherwise.
    consecutive : bool
        Whether each batch goes on where the one before it ended.
    warn : bool
        Whether to warn of training data that a model learns from badly.

    Raises
    ------
    DataError
        If the data are not what is expected.
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
