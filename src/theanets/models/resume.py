"""A network as a checkpoint holds it, and how it is restored."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import NamedTuple

import numpy as np

from theanets.config import widened
from theanets.data.loading import MOST_BATCHES
from theanets.models.parameters import to_device
from theanets.models.parts import Part
from theanets.models.saving import columns_of, describe
from theanets.models.state import ModelState
from theanets.training.checkpoint import Saved, under
from theanets.training.history import BestRow, History, unpacked
from theanets.training.programs import Values
from theanets.training.state import Progress, Reads
from theanets.types import Array, Json, Params
from theanets.utils.checks import check_int


class RunPosition(NamedTuple):
    """Where a run stands among the runs of one training."""

    part: int = 0
    """The part of the network that it trains."""
    base: int = 0
    """Epochs of the network before this run."""
    begun: int = 0
    """How many of these are of earlier trainings, with random streams of their own."""
    done: int = 0
    """Epochs of this run that the checkpoint holds."""
    earlier: tuple[Reads, ...] = ()
    """What the runs of the parts before it have read."""

    @classmethod
    def of(cls, facts: Mapping[str, Json]) -> "RunPosition":
        """Return the position in a checkpoint; it is zero where the file has none."""
        counts = [facts.get(name, 0) for name in ("part", "base", "begun")]
        counts.append(facts["progress"]["epoch"])
        part, base, begun, done = (check_int(x, "a part, or epoch,", 0) for x in counts)
        earlier = tuple(Reads(*read) for read in facts.get("earlier", ()))
        if len(earlier) != part or begun > base:
            raise ValueError(f"part {part} comes after {len(earlier)}, {begun}, {base}")
        # What was read will be read again, so it cannot be more than was trained.
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
        """Write the monitors of an epoch, or replace them."""
        history = self.model.history
        if at.epoch > self.place.done and at.epoch not in self.added:
            # Not always after this run's last epoch: runs may take turns.
            self.added[at.epoch] = history.epochs + 1
        history.write(self._number(at.epoch), at.row)
        history.best = best_row(history, self.place, at, self._number)

    def _number(self, epoch: int) -> int:
        """Return the network's number for an epoch of this run."""
        return self.added.get(epoch, self.place.base + epoch)


def best_row(
    history: History, place: RunPosition, at: Progress, number: Callable[[int], int]
) -> BestRow | None:
    """Return the best epoch so far; ``number`` maps a run's epochs to the network's."""
    known, best = history.best, at.best
    if best is None:
        return known
    epoch = number(best.epoch)
    if best.epoch == 0 and place.part == 0 and known and known.epoch <= epoch:
        # No epoch of the run was better than the parameters that it began with.
        epoch = known.epoch
    return BestRow(epoch, *best.monitors)


def described(
    model: ModelState,
    parts: Sequence[Part],
    place: RunPosition,
    best: Values,
    at: Progress,
) -> Saved:
    """Return what a checkpoint holds of a network and of the run's position."""
    count = place.base + at.epoch
    facts = {**describe(model), "epochs": count}
    values = {**model.arrays.now(), **parts[place.part].in_network(best)}
    best_so_far = best_row(model.history, place, at, lambda epoch: place.base + epoch)
    history = model.history.until(count, at.row if at.epoch else None, best_so_far)
    table, columns = history.packed()
    run = {
        "part": place.part,
        "base": place.base,
        "begun": place.begun,
        "earlier": [list(counts) for counts in place.earlier],
        **table,
    }
    for i, arrays in enumerate(_extra(parts)):
        columns |= {f"own/{i}/{name}": np.asarray(x) for name, x in arrays.items()}
    return Saved((facts, values), run, columns)


def restore(
    model: ModelState, parts: Sequence[Part], saved: Saved, place: RunPosition
) -> None:
    """Restore a network from a checkpoint, or raise what `Checkpoint.parse` expects."""
    if place.part >= len(parts):
        raise ValueError(f"part {place.part} of {len(parts)}")
    history = unpacked(saved.facts, saved.arrays)
    history.check(place.base, place.done)
    description, arrays = saved.model
    columns = columns_of(description.get("columns", {}), model)
    # Everything is checked before anything is changed.
    values = _matching(model.arrays.now(), arrays)
    of_parts = [
        _matching(x, under(f"own/{i}/", saved.arrays))
        for i, x in enumerate(_extra(parts))
    ]
    model.columns.restore(columns)
    model.arrays.commit(values)
    for extra, values in zip(_extra(parts), of_parts, strict=True):
        extra.update(values)
    model.history = history


def _extra(parts: Sequence[Part]) -> list[MutableMapping[str, Array]]:
    """Return the arrays that parts have in addition to the network's, each once."""
    return list({id(part.extra): part.extra for part in parts}.values())


def _matching(known: Params, saved: Mapping[str, np.ndarray]) -> dict[str, Array]:
    """Return a file's arrays for the names of known ones, checked to be like these."""
    arrays = {name: widened(saved[name], x.dtype) for name, x in known.items()}
    for name, array in arrays.items():
        if (array.shape, array.dtype) != (known[name].shape, known[name].dtype):
            raise ValueError(f'"{name}" is {array.dtype}{array.shape}')
    return to_device({name: np.array(array) for name, array in arrays.items()})
