"""The table of monitors that a network keeps: one row for each epoch."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import numpy as np

from theanets.training.measure import Monitors, Pair

SETS = ("training", "validation")


def empty() -> dict[str, Any]:
    """Return a table without rows."""
    return {"training": {}, "validation": {}, "stage": []}


def note(history: dict[str, Any], place: int, pair: Pair) -> None:
    """Write a pair of monitors into a row, counted from 0; one behind the last adds it.

    A monitor that is new or gone has None elsewhere.
    """
    stages = history["stage"]
    length = len(stages)
    added = place == length
    for name, monitors in zip(SETS, pair, strict=True):
        columns = history[name]
        for monitor in {**columns, **monitors}:
            column = columns.setdefault(monitor, [None] * length)
            if added:
                column.append(None)
            column[place] = monitors.get(monitor)
    if added:
        stages.append(None)
    stages[place] = pair[0].stage


def until(history: Mapping[str, Any], length: int, pair: Pair | None) -> dict[str, Any]:
    """Return a copy of the first rows, the last of which is a pair, if there is one."""
    rows: dict[str, Any] = {
        name: {monitor: column[:length] for monitor, column in history[name].items()}
        for name in SETS
    }
    rows["stage"] = history["stage"][:length]
    if pair is not None:
        note(rows, length - 1, pair)
    return rows


def last(history: Mapping[str, Any]) -> Pair:
    """Return the last row."""
    stage = history["stage"][-1] if history["stage"] else ""
    training, validation = (
        Monitors(
            {n: column[-1] for n, column in history[name].items() if column}, stage
        )
        for name in SETS
    )
    return training, validation


def packed(
    history: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a table as what JSON holds, and arrays by name.

    The stages are told as runs: each with the number of its epochs.
    """
    stages = [[stage, len(list(run))] for stage, run in groupby(history["stage"])]
    arrays = {}
    for name in SETS:
        for monitor, column in history[name].items():
            arrays[f"history/{name}/{monitor}"] = np.array(
                [np.nan if value is None else value for value in column], "f8"
            )
            missing = [value is None for value in column]
            if any(missing):
                arrays[f"history/{name} missing/{monitor}"] = np.array(missing)
    names = {name: list(history[name]) for name in SETS}
    return {"history": {**names, "stages": stages}}, arrays


def unpacked(
    facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Return the table that `packed` has described, among other things.

    Raises
    ------
    LookupError, TypeError, ValueError
        If nothing of that form has.
    """
    told, found = facts["history"], empty()
    for name in SETS:
        for monitor in told[name]:
            column = arrays[f"history/{name}/{monitor}"].tolist()
            gone = arrays.get(
                f"history/{name} missing/{monitor}", [False] * len(column)
            )
            found[name][monitor] = [
                None if missing else value
                for value, missing in zip(column, gone, strict=True)
            ]
    length = max((len(c) for name in SETS for c in found[name].values()), default=0)
    # Counted first, since a file may name any number.
    if sum(count for _, count in told["stages"]) != length:
        raise ValueError(f"the stages are not those of {length} epochs")
    found["stage"] = [stage for stage, count in told["stages"] for _ in range(count)]
    return found
