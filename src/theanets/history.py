"""The table of monitors that a network keeps: one row for each epoch."""

from collections.abc import Mapping
from typing import Any

from theanets.training.measure import Monitors, Pair, as_number, as_plain

SETS = ("training", "validation")


def empty() -> dict[str, Any]:
    """Return a table without rows."""
    return {"training": {}, "validation": {}, "stage": []}


def note(history: dict[str, Any], place: int, pair: Pair) -> None:
    """Make a pair of monitors the last row, the one at a place counted from 0."""
    for name, monitors in zip(SETS, pair, strict=True):
        columns = history[name]
        for column in columns.values():
            del column[place:]
        _append(columns, place, monitors)
    del history["stage"][place:]
    history["stage"].append(pair[0].stage)


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


def plain(history: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table as JSON holds it."""
    columns = {
        name: {n: list(map(as_plain, column)) for n, column in history[name].items()}
        for name in SETS
    }
    return {**columns, "stage": list(history["stage"])}


def restored(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table that `plain` has written."""
    columns = {
        name: {n: list(map(as_number, column)) for n, column in found[name].items()}
        for name in SETS
    }
    return {**columns, "stage": list(found["stage"])}


def _append(
    columns: dict[str, list[float | None]], length: int, monitors: Mapping[str, float]
) -> None:
    """Add one row; a monitor that is new or gone has None elsewhere."""
    for name in {**columns, **monitors}:
        columns.setdefault(name, [None] * length).append(monitors.get(name))
