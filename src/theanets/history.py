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


def upto(history: Mapping[str, Any], length: int) -> dict[str, Any]:
    """Return a copy of the first rows."""
    return {
        name: {monitor: column[:length] for monitor, column in history[name].items()}
        for name in SETS
    } | {"stage": history["stage"][:length]}


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


def packed(history: Mapping[str, Any]) -> tuple[Any, dict[str, np.ndarray]]:
    """Return a table as what JSON holds, and arrays by name.

    The stages are told as runs: each with the number of its epochs.
    """
    stages = [[stage, len(list(run))] for stage, run in groupby(history["stage"])]
    arrays = {}
    for name in SETS:
        for monitor, column in history[name].items():
            arrays[f"{name}/{monitor}"] = np.array(
                [np.nan if value is None else value for value in column], "f8"
            )
            missing = [value is None for value in column]
            if any(missing):
                arrays[f"{name} missing/{monitor}"] = np.array(missing)
    names = {name: list(history[name]) for name in SETS}
    return {**names, "stages": stages}, arrays


def unpacked(facts: Any, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the table that `packed` has described."""
    columns = [arrays[f"{name}/{m}"] for name in SETS for m in facts[name]]
    length = max(map(len, columns), default=0)
    if sum(count for _, count in facts["stages"]) != length:
        raise ValueError(f"the stages are not those of {length} epochs")
    found: dict[str, Any] = {
        "stage": [stage for stage, count in facts["stages"] for _ in range(count)]
    }
    for name in SETS:
        found[name] = {}
        for monitor in facts[name]:
            column = arrays[f"{name}/{monitor}"].tolist()
            missing = arrays.get(f"{name} missing/{monitor}")
            if missing is not None:
                column = [
                    None if gone else value
                    for value, gone in zip(column, missing, strict=True)
                ]
            found[name][monitor] = column
    return {
        "training": found["training"],
        "validation": found["validation"],
        "stage": found["stage"],
    }
