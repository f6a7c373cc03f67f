"""Where a run of training stands, and the same as a file can hold it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from theanets.config import widened
from theanets.errors import CheckpointError
from theanets.training.history import Row, monitors, plain
from theanets.training.measure import Monitors, Pair, Sums
from theanets.training.programs import State, Values


class Best(NamedTuple):
    """The best validation so far, by the monitor that tells, and what it was of.

    Attributes
    ----------
    epoch : int
        The epoch after which it was made; 0: before the first.
    value : float
        Its value of the monitor that tells.
    values : Values
        The parameters, and what goes along with them.
    monitors : pair of Monitors
        Of the training data in that epoch (of those that a run begins with in its
        first, which has begun with them), and of this validation.
    """

    epoch: int
    value: float
    values: Values
    monitors: Pair


class Reads(NamedTuple):
    """What a run has read of its data.

    Attributes
    ----------
    epochs : int
        Whole epochs.
    batches : int
        Batches of one more.
    validations : int
        How often it has read what it validates with.
    """

    epochs: int
    batches: int
    validations: int


@dataclass(frozen=True)
class Progress:
    """Where a run stands. It is replaced as a whole, so an interrupt finds it whole.

    Attributes
    ----------
    state : State
        Parameters, the optimizer's state, the number of updates.
    epoch : int
        Epochs that are done.
    sums : Sums
        The monitors of the epoch that is not done, whose batches it counts.
    training, validation : Monitors
        The latest of both.
    validated_at : int
        The epoch of the latest validation; -1: there was none.
    validations, best_validation : int
        How many there were, and the number of the best of them.
    best : Best, optional
        The best parameters.
    """

    state: State
    epoch: int = 0
    sums: Sums = field(default_factory=Sums)
    training: Monitors = field(default_factory=Monitors)
    validation: Monitors = field(default_factory=Monitors)
    validated_at: int = -1
    validations: int = 0
    best_validation: int = 0
    best: Best | None = None

    @property
    def row(self) -> Row:
        """What a history keeps of the latest epoch."""
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
        f"{name}/{i}": _on_host(leaf)
        for name, tree in trees.items()
        for i, leaf in enumerate(jax.tree.leaves(tree))
    }
    for name, column in at.sums.columns().items():
        arrays[f"sums/{name}"] = np.stack(column)
    return facts, arrays


def unpacked(
    facts: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    like: State,
    stage: str = "",
) -> Progress:
    """Return the place in training that `packed` has described.

    Parameters
    ----------
    facts, arrays
        What `packed` has returned.
    like : State
        A state of the same run, whose shapes it has.
    stage : str
        What the monitors belong to.

    Raises
    ------
    CheckpointError
        If the arrays are not those of such a state.
    """
    values = Values(
        _tree("learned", arrays, like.values.learned),
        _tree("carried", arrays, like.values.carried),
    )
    optimizer = _tree("optimizer", arrays, like.optimizer)
    best = None
    if facts["best"] is not None:
        # Older files have no monitors there.
        epoch, value, training, validation = (*facts["best"], {}, {})[:4]
        pair = monitors(training, stage), monitors(validation, stage)
        best_values = Values(
            _tree("best learned", arrays, like.values.learned),
            _tree("best carried", arrays, like.values.carried),
        )
        best = Best(int(epoch), float(value), best_values, pair)
    columns = {
        name.removeprefix("sums/"): tuple(column)
        for name, column in arrays.items()
        if name.startswith("sums/")
    }
    validations, epoch = int(facts["validations"]), int(facts["epoch"])
    if not 0 <= validations <= epoch + 1:
        raise ValueError(f"{validations} validations in {epoch} epochs")
    counts = [int(facts[name]) for name in ("batches", "examples", "skipped")]
    batches, _, skipped = counts
    if any(len(column) % 2 for column in columns.values()):
        raise ValueError("a monitor has a mean without its weight")
    if min(counts) < 0 or {len(c[0]) for c in columns.values()} - {batches - skipped}:
        raise ValueError(f"monitors of {batches} batches, {skipped} left out")
    return Progress(
        State(values, optimizer, np.int32(int(facts["updates"]))),
        int(facts["epoch"]),
        Sums((columns,) if columns else (), *counts),
        monitors(facts["training"], stage),
        monitors(facts["validation"], stage),
        int(facts["validated_at"]),
        int(facts["validations"]),
        int(facts["best_validation"]),
        best,
    )


def _tree(name: str, arrays: Mapping[str, np.ndarray], like: Any) -> Any:
    """Return a tree of arrays of the shapes that another has."""
    leaves, shape = jax.tree.flatten(like)
    found = []
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
        found.append(moved)
    return jax.tree.unflatten(shape, found)


def _on_host(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(
        leaf.dtype, jax.dtypes.prng_key
    )
