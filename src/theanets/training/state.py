"""Where a run of training stands, and the same in a form that a file can hold.

`Progress` is replaced as a whole, in one assignment, after every call of a program. So
after an interrupt anywhere there is a place that a run can go on from, and a checkpoint
is that record in a file, together with the model. A validation that is made only
because the run ends is not in it: a run with a later bound would not make it.

`Values` are the arrays that the optimizer moves, and those that layers may update, such
as running statistics. Best parameters, commits and interrupts handle the pair, so that
statistics and their parameters stay together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from theanets.config import widened
from theanets.errors import CheckpointError
from theanets.training.checkpoint import under
from theanets.training.history import Row, monitors, plain
from theanets.training.measure import Column, MetricAccumulator, Monitors, Pair
from theanets.training.programs import State, Values
from theanets.types import PyTree
from theanets.utils.checks import MOST, check_int, shown


class Best(NamedTuple):
    """The best validation so far, and the parameters it was made with."""

    epoch: int
    """The epoch after which it was made; 0: before the first."""
    value: float
    """Its value of the monitor that decides."""
    values: Values
    """The parameters, and the arrays that layers update."""
    monitors: Pair
    """Of the training data in that epoch, and of this validation. The parameters that a
    run begins with have the training monitors of its first epoch."""


class Reads(NamedTuple):
    """What a run has read of its data: epochs, and batches of one more."""

    epochs: int
    batches: int
    validations: int
    """How often it has read the validation data."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands; never changed, only replaced as a whole."""

    state: State
    epoch: int = 0
    """Epochs that are done."""
    sums: MetricAccumulator = field(default_factory=MetricAccumulator)
    """The batches of the epoch that is not done, and their monitors."""
    training: Monitors = field(default_factory=Monitors)
    """The latest, as is ``validation``."""
    validation: Monitors = field(default_factory=Monitors)
    validated_at: int = -1
    """The epoch of the latest validation; -1: there was none."""
    validations: int = 0
    """How many there were."""
    best_validation: int = 0
    """Which of them was the best."""
    best: Best | None = None

    @property
    def row(self) -> Row:
        """The row of the latest epoch in a history."""
        stage = self.training.stage
        measured = None
        if self.validated_at == self.epoch:
            measured = Monitors(self.validation, stage)
        return Row(Monitors(self.training, stage), measured)


def packed(at: Progress) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a place in training as facts that JSON holds, and arrays by name."""
    trees = {
        "learned": at.state.values.learned,
        "carried": at.state.values.carried,
        "optimizer": at.state.optimizer,
    }
    facts: dict[str, Any] = {
        "epoch": at.epoch,
        "updates": int(at.state.updates),
        "batches": at.sums.batches,
        "examples": at.sums.examples,
        "skipped": at.sums.skipped,
        "training": plain(at.training),
        "validation": plain(at.validation),
        "validated_at": at.validated_at,
        "validations": at.validations,
        "best_validation": at.best_validation,
        "best": None,
    }
    if at.best is not None:
        value = plain({"value": at.best.value})["value"]
        facts["best"] = [at.best.epoch, value, *map(plain, at.best.monitors)]
        trees["best learned"] = at.best.values.learned
        trees["best carried"] = at.best.values.carried
    arrays = {
        f"progress/{name}/{i}": _on_host(leaf)
        for name, tree in trees.items()
        for i, leaf in enumerate(jax.tree.leaves(tree))
    }
    for name, column in at.sums.columns().items():
        arrays[f"progress/sums/{name}"] = np.stack(column)
    return facts, arrays


def unpacked(
    facts: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    like: State,
    stage: str,
    batches_below: int,
) -> Progress:
    """Return the place in training that `packed` has described.

    The names of arrays come without "progress/". ``like`` is a state of the same run,
    for the shapes; an epoch has fewer than ``batches_below`` batches.
    """

    # A file may say anything, so check counts before anything is made of them.
    def count(name: str, least: int = 0, below: int = MOST) -> int:
        return check_int(facts[name], name, least, below=below)

    epoch = count("epoch")
    validations = count("validations", below=epoch + 2)
    batches = count("batches", below=batches_below)
    examples = count("examples")
    skipped = count("skipped", below=batches + 1)
    columns = {
        name: _sums(name, array, batches - skipped)
        for name, array in under("sums/", arrays).items()
    }
    if batches > skipped and "loss" not in columns:
        raise ValueError(f"{batches} batches have no loss")
    values = Values(
        _tree("learned", arrays, like.values.learned),
        _tree("carried", arrays, like.values.carried),
    )
    optimizer = _tree("optimizer", arrays, like.optimizer)
    best = None
    if facts["best"] is not None:
        # Older files have no monitors there.
        best_epoch, value, training, validation = (*facts["best"], {}, {})[:4]
        pair = monitors(training, stage), monitors(validation, stage)
        best_values = Values(
            _tree("best learned", arrays, like.values.learned),
            _tree("best carried", arrays, like.values.carried),
        )
        at = check_int(best_epoch, "the best epoch", 0, below=epoch + 1)
        best = Best(at, float(value), best_values, pair)
    return Progress(
        State(values, optimizer, np.int32(count("updates"))),
        epoch,
        MetricAccumulator((columns,) if columns else (), batches, examples, skipped),
        monitors(facts["training"], stage),
        monitors(facts["validation"], stage),
        count("validated_at", -1, epoch + 1),
        validations,
        count("best_validation", below=validations + 1),
        best,
    )


def _sums(name: str, array: np.ndarray, batches: int) -> Column:
    """Return the columns of a monitor: values and counts of all batches."""
    parts = len(array) if array.ndim == 2 else 0
    if parts < 2 or parts % 2 or array.shape[1] != batches or array.dtype.kind != "f":
        raise ValueError(
            f"{shown(name)} is {array.dtype}{array.shape}, of {batches} batches"
        )
    return tuple(array)


def _tree(name: str, arrays: Mapping[str, np.ndarray], like: PyTree) -> PyTree:
    """Return a tree of arrays with the shapes of another."""
    leaves, shape = jax.tree.flatten(like)
    loaded = []
    for i, leaf in enumerate(leaves):
        wanted, array = _on_host(leaf), arrays.get(f"{name}/{i}")
        array = None if array is None else widened(array, wanted.dtype)
        if array is None or (array.shape, array.dtype) != (wanted.shape, wanted.dtype):
            came = "is missing" if array is None else f"is {array.dtype}{array.shape}"
            raise CheckpointError(
                f'the checkpoint\'s array "{name}/{i}" {came}, where this run has '
                f"{wanted.dtype}{wanted.shape}: it is of another run. Give another "
                "checkpoint, or resume=False to start over."
            )
        moved = jax.device_put(np.array(array))
        if _is_key(leaf):
            moved = jax.random.wrap_key_data(moved, impl=jax.random.key_impl(leaf))
        loaded.append(moved)
    return jax.tree.unflatten(shape, loaded)


def _on_host(leaf: PyTree) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _is_key(leaf: PyTree) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(
        leaf.dtype, jax.dtypes.prng_key
    )
