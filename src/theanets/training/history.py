"""The monitors of a network's training: one row for each epoch."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, overload

import numpy as np

from theanets.errors import UnknownNameError
from theanets.training.measure import Monitors, Pair
from theanets.utils.checks import is_whole, shown
from theanets.utils.registry import join_names, suggest

SETS = ("training", "validation")


class Row(NamedTuple):
    """The monitors of an epoch; validation is None where there was none after it."""

    training: Monitors
    validation: Monitors | None


class BestRow(NamedTuple):
    """The epoch whose parameters a training left in a network, and their monitors."""

    epoch: int
    training: Monitors
    validation: Monitors


class History(Sequence[dict[str, Any]]):
    """What was measured after each epoch of training.

    A sequence with a dict for each epoch; ``pandas.DataFrame(net.history)`` makes a
    table of it: ``epoch`` (counted from 1), ``stage``, ``train_loss`` and the other
    monitors of the training data, and, in the epochs that end with a validation,
    ``valid_loss`` and the other monitors of the validation data.

    ``net.history[name]`` gives one of these columns as a list, with None where there
    is no value; ``"training"`` and ``"validation"`` give dicts of all columns of a set.

    Attributes
    ----------
    before : int
        Epochs that the network was trained before the first row, for instance before
        it was saved.
    best : BestRow or None
        The epoch whose parameters the last training left in the network.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> net = theanets.Regressor([1, 8, 1])
    >>> _ = net.train((x, x**2), max_epochs=20, progress=False)
    >>> len(net.history), net.history.best_epoch
    (20, 20)
    >>> net.history.best_loss == net.history[-1]["valid_loss"]
    True
    >>> [i + 1 for i, row in enumerate(net.history) if "valid_loss" in row]
    [10, 20]
    >>> net.history["valid_loss"] == net.history["validation"]["loss"]
    True
    """

    def __init__(self, before: int = 0) -> None:
        self.before = before
        self.best: BestRow | None = None
        self._rows: list[Row] = []

    @property
    def epochs(self) -> int:
        """How many epochs the network was trained."""
        return self.before + len(self)

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose parameters the network has; 0: before the first epoch.

        None until there was a validation.
        """
        return None if self.best is None else self.best.epoch

    @property
    def best_loss(self) -> float | None:
        """The validation loss of those parameters; None until there was one."""
        return None if self.best is None else self.best.validation["loss"]

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: slice) -> list[dict[str, Any]]: ...
    @overload
    def __getitem__(self, key: str) -> Any: ...
    def __getitem__(self, key: int | slice | str) -> Any:
        if isinstance(key, str) and key in SETS:
            rows = [getattr(row, key) or {} for row in self._rows]
            names = dict.fromkeys(name for row in rows for name in row)
            return {name: [row.get(name) for row in rows] for name in names}
        if isinstance(key, str):
            names = dict.fromkeys(name for row in self for name in row)
            if key not in names and key != "stage":
                raise UnknownNameError(
                    f'the history has no "{key}". It has {join_names([*SETS, *names])}.'
                    + suggest(key, [*SETS, *names])
                )
            return [row.get(key) for row in self]
        if isinstance(key, slice):
            return [self[place] for place in range(*key.indices(len(self)))]
        place = range(len(self))[key]
        training, validation = self._rows[place]
        return {
            "epoch": self.before + place + 1,
            "stage": training.stage,
            **{f"train_{name}": value for name, value in training.items()},
            **{f"valid_{name}": value for name, value in (validation or {}).items()},
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and vars(self) == vars(other)

    def __repr__(self) -> str:
        text = f"history of {len(self)} epochs"
        if self.best is None:
            return f"<{text}>"
        return f"<{text}; the best: {self.best_epoch}, valid loss {self.best_loss:.4g}>"

    def write(self, epoch: int, row: Row) -> None:
        """Add the row of the next epoch, or replace the row of an earlier one."""
        place = epoch - self.before - 1
        # In one step, so that an interrupt leaves no part of a row.
        self._rows[place : place + 1] = [row]

    def until(self, epoch: int, row: Row | None, best: BestRow | None) -> "History":
        """Return a copy up to an epoch, which has ``row`` if that is given."""
        copy = History(self.before)
        copy._rows = self._rows[: epoch - self.before]
        copy.best = best
        if row is not None:
            copy.write(epoch, row)
        return copy

    def check(self, base: int, done: int) -> None:
        """Raise a ValueError unless it fits a run of ``done`` epochs after ``base``."""
        if self.epochs != base + done or self.before > base:
            raise ValueError(f"the history has {self.epochs} epochs")

    def result(self) -> Pair:
        """Return the monitors of the best epoch, or of the last one if none is best."""
        if self.best is not None:
            return self.best.training, self.best.validation
        training, validation = self._rows[-1] if self._rows else (Monitors(), None)
        return training, validation or Monitors(stage=training.stage)

    def packed(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the table in a form that JSON holds, and arrays by name.

        Each stage is followed by the number of its epochs.
        """
        stages = [[stage, len(list(run))] for stage, run in groupby(self["stage"])]
        facts: dict[str, Any] = {"stages": stages, "before": self.before}
        arrays = {}
        for name in SETS:
            columns = self[name]
            facts[name] = list(columns)
            for monitor, column in columns.items():
                missing = [value is None for value in column]
                arrays[f"history/{name}/{monitor}"] = np.array(
                    [np.nan if value is None else value for value in column], "f8"
                )
                if any(missing):
                    arrays[f"history/{name} missing/{monitor}"] = np.array(missing)
        if self.best is not None:
            epoch, *pair = self.best
            facts["best"] = [epoch, *map(plain, pair), pair[0].stage]
        return {"history": facts}, arrays


def unpacked(facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> History:
    """Return the history that `History.packed` has put into these facts and arrays."""
    table = facts["history"]
    # A file may say any number, so check them before anything is made of them.
    counts = [count for _, count in table["stages"]]
    if not all(is_whole(count, 1) for count in counts):
        raise ValueError(f"a stage has {shown(counts)} epochs")
    length = sum(counts)
    if length and "loss" not in table["training"]:
        raise ValueError(f"{length} epochs have no loss")
    history = History(table.get("before", 0))
    if not is_whole(history.before, 0):
        raise ValueError(f"there were {shown(history.before)} epochs before the first")
    rows = zip(
        *(_rows(name, table[name], arrays, length) for name in SETS), strict=True
    )
    stages = [stage for stage, count in table["stages"] for _ in range(count)]
    for stage, (training, validation) in zip(stages, rows, strict=True):
        measured = Monitors(validation, stage) if validation else None
        history.write(history.epochs + 1, Row(Monitors(training, stage), measured))
    if (best := table.get("best")) is not None:
        epoch, training, validation, stage = best
        if not is_whole(epoch, 0) or epoch > history.epochs or "loss" not in validation:
            raise ValueError(f"the best of {history.epochs} epochs is {epoch}")
        pair = monitors(training, stage), monitors(validation, stage)
        history.best = BestRow(int(epoch), *pair)
    return history


def plain(monitors: Mapping[str, float]) -> dict[str, float | str]:
    """Return monitors as JSON holds them, which has no infinity and no NaN."""
    return {
        name: value if np.isfinite(value) else str(float(value))
        for name, value in monitors.items()
    }


def monitors(described: Mapping[str, float | str], stage: str) -> Monitors:
    """Return the monitors that `plain` has described."""
    return Monitors({name: float(value) for name, value in described.items()}, stage)


def _rows(
    name: str, names: list[str], arrays: Mapping[str, np.ndarray], length: int
) -> list[dict[str, float]]:
    """Return the monitors of a set after each epoch."""
    columns = {}
    for monitor in names:
        values = arrays[f"history/{name}/{monitor}"]
        nothing = np.zeros(values.shape, bool)
        missing = arrays.get(f"history/{name} missing/{monitor}", nothing)
        if values.shape != (length,) or missing.shape != (length,):
            raise ValueError(f"{shown(monitor)} has other than {length} epochs")
        columns[monitor] = values.tolist(), missing.tolist()
    return [
        {
            monitor: float(values[place])
            for monitor, (values, missing) in columns.items()
            if not missing[place]
        }
        for place in range(length)
    ]
