"""What a checkpoint holds of a network, and a network as a checkpoint holds it."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from theanets.config import widened
from theanets.data.loading import MOST_BATCHES
from theanets.graph.objective import Objective
from theanets.models.parameters import to_device
from theanets.models.parts import Part
from theanets.models.saving import columns_of, describe
from theanets.models.state import ModelState
from theanets.optimizers import Updater
from theanets.training.checkpoint import Saved
from theanets.training.history import BestRow, History, unpacked
from theanets.training.options import Controls
from theanets.training.programs import Values
from theanets.training.state import Progress, Reads
from theanets.utils.checks import check_int


class RunPosition(NamedTuple):
    """Where a run stands among others.

    Attributes
    ----------
    part : int
        The part of the network that it trains.
    base : int
        Epochs of the network before it.
    begun : int
        Those of them whose random streams it does not go on.
    done : int
        Its own epochs when it was written.
    earlier : tuple of Reads
        What the runs of the parts before it have read.
    """

    part: int = 0
    base: int = 0
    begun: int = 0
    done: int = 0
    earlier: tuple[Reads, ...] = ()

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "RunPosition":
        """Return what the facts of a checkpoint say; zeros where they say nothing."""
        names = ("part", "base", "begun")
        found = [*(facts.get(n, 0) for n in names), facts["progress"]["epoch"]]
        earlier = tuple(Reads(*counts) for counts in facts.get("earlier", ()))
        part, base, begun, done = (check_int(x, "a part, or epoch,", 0) for x in found)
        if len(earlier) != part or begun > base:
            raise ValueError(f"part {part} comes after {len(earlier)}, {begun}, {base}")
        # What was read is read again, so it is no more than was trained.
        if sum(check_int(x.epochs, "epochs read", 0) for x in earlier) > base - begun:
            raise ValueError(f"earlier parts have read more than {base} epochs")
        for read in earlier:
            check_int(read.batches, "batches read", 0, below=MOST_BATCHES)
            check_int(read.validations, "validations", 0, below=read.epochs + 2)
        return cls(part, base, begun, done, earlier)


class HistoryWriter:
    """Writes the epochs of one run into the history of a network."""

    def __init__(self, model: ModelState, place: RunPosition) -> None:
        self.model, self.place = model, place
        self.added: dict[int, int] = {}

    def __call__(self, at: Progress) -> None:
        """Write the monitors of an epoch; again, if they change."""
        history = self.model.history
        if at.epoch > self.place.done and at.epoch not in self.added:
            # Not simply behind the one before: runs may take turns.
            self.added[at.epoch] = history.epochs + 1
        history.write(self._number(at.epoch), at.row)
        history.best = best_row(history, self.place, at, self._number)

    def _number(self, epoch: int) -> int:
        """Return the number among the network's epochs of one of this run."""
        return self.added.get(epoch, self.place.base + epoch)


def best_row(
    history: History, place: RunPosition, at: Progress, number: Callable[[int], int]
) -> BestRow | None:
    """Return the best epoch once a run stands somewhere.

    ``number`` gives the number among the network's epochs of one of the run.
    """
    known, best = history.best, at.best
    if best is None:
        return known
    epoch = number(best.epoch)
    if best.epoch == 0 and place.part == 0 and known and known.epoch <= epoch:
        # The run began with the parameters of that epoch, and none was better.
        epoch = known.epoch
    return BestRow(epoch, *best.monitors)


def identity(
    model: ModelState,
    algo: Any,
    optimizer: Updater,
    controls: Controls,
    whole: Objective,
    learned: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Return what makes two runs the same, beside their data.

    ``learned`` are parameters such as the optimizer moves.
    """
    changing = ("epochs", "frozen", "columns")
    facts = {name: x for name, x in describe(model).items() if name not in changing}
    # Whether it is the network or this training that froze them.
    frozen = sorted(whole.topology.frozen)
    return {
        "model": facts,
        "algo": algo if isinstance(algo, str) else type(algo).__name__,
        **optimizer.identity(learned),
        **controls.identity(),
        "rng": seed,
        "regularizers": [r.identity() for r in whole.regularizers],
        "class_weight": list(whole.class_weights),
        "monitors": [monitor.name for monitor in whole.monitors],
        **({"frozen": frozen} if frozen else {}),
        **({"stateful": True} if whole.stateful else {}),
    }


def described(
    model: ModelState,
    parts: Sequence[Part],
    place: RunPosition,
    best: Values,
    at: Progress,
) -> Saved:
    """Return what a checkpoint holds of a network, and of where it is trained."""
    count = place.base + at.epoch
    facts = {**describe(model), "epochs": count}
    values = {**model.arrays.now(), **parts[place.part].in_network(best)}
    found = best_row(model.history, place, at, lambda epoch: place.base + epoch)
    history = model.history.until(count, at.row if at.epoch else None, found)
    table, columns = history.packed()
    run = {
        "part": place.part,
        "base": place.base,
        "begun": place.begun,
        "earlier": [list(counts) for counts in place.earlier],
        **table,
    }
    own = {
        f"own/{i}/{name}": np.asarray(array)
        for i, arrays in enumerate(_own(parts))
        for name, array in arrays.items()
    }
    return Saved((facts, values), run, {**columns, **own})


def restore(
    model: ModelState, parts: Sequence[Part], saved: Saved, place: RunPosition
) -> None:
    """Be as the network was when a checkpoint was written.

    Raises
    ------
    LookupError, TypeError, ValueError
        If nothing has written such a checkpoint.
    """
    if place.part >= len(parts):
        raise ValueError(f"part {place.part} of {len(parts)}")
    history = unpacked(saved.facts, saved.arrays)
    history.check(place.base, place.done)
    description, arrays = saved.model
    columns = columns_of(description.get("columns", {}), model)
    values = _alike(model.arrays.now(), arrays)
    owned = [
        (own, _alike(own, saved.under(f"own/{i}/")))
        for i, own in enumerate(_own(parts))
    ]
    model.columns.restore(columns)
    model.arrays.commit(values)
    for own, found in owned:
        own.update(found)
    model.history = history


def _own(parts: Sequence[Part]) -> list[MutableMapping[str, Any]]:
    """Return the arrays that parts have beside the network's, each once."""
    return list({id(part.own): part.own for part in parts}.values())


def _alike(known: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return arrays of a file by the names, and of the shapes, of those known."""
    alike = {name: widened(found[name], x.dtype) for name, x in known.items()}
    for name, array in known.items():
        came = alike[name]
        if (came.shape, came.dtype) != (array.shape, array.dtype):
            raise ValueError(f'"{name}" is {came.dtype}{came.shape}')
    return {name: to_device(np.array(array)) for name, array in alike.items()}
