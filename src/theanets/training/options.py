"""The keywords that control a training, checked before anything is compiled."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from theanets import optimizers
from theanets.data.loading import MOST_BATCHES, checked_size
from theanets.errors import ConfigurationError
from theanets.training.callbacks import Callback, as_callbacks
from theanets.utils.checks import MOST, check_bool, check_int, number, shown
from theanets.utils.registry import choice, join_names

BETTER = {
    "loss": "min",
    "err": "min",
    "unweighted": "min",
    "acc": "max",
    "auc": "max",
}
"""Whether less or more of a monitor is better."""


@dataclass(frozen=True)
class Controls:
    """The keywords of ``train`` that every algorithm has, with their defaults.

    `theanets.TrainOptions` describes each of them. ``batch_size`` is 32 by default, or
    all the data for an algorithm that needs exact gradients.
    """

    batch_size: Any = "default"
    train_batches: int | None = None
    valid_batches: int | None = None
    validate_every: int = 10
    patience: int = 5
    min_improvement: float = 0.0
    monitor: str = "loss"
    mode: str | None = None
    max_epochs: int | None = None
    max_updates: int | None = None
    rng: Any = None
    monitor_gradients: bool = False
    callbacks: tuple[Callback, ...] = ()
    progress: Any = None
    on_nonfinite: str = "raise"
    on_interrupt: str = "return"

    @classmethod
    def take(cls, given: dict[str, Any]) -> "Controls":
        """Make controls from checked keywords, and remove these from ``given``."""
        taken = {name: given.pop(name) for name in keywords() if name in given}
        for name, least in _WHOLE.items():
            optional = getattr(cls, name) is None
            if name in taken and not (optional and taken[name] is None):
                below = MOST_BATCHES if name.endswith("_batches") else MOST
                taken[name] = check_int(taken[name], name, least, below=below)
        for name, check in _CHECKS.items():
            if name in taken:
                taken[name] = check(taken[name])
        if "monitor" in taken or taken.get("mode") is not None:
            taken["mode"] = _mode(taken.get("monitor", "loss"), taken.get("mode"))
        taken["callbacks"] = as_callbacks(taken.get("callbacks"))
        return cls(**taken)

    def better(self, value: float, best: float) -> bool:
        """Return whether a value of the monitor is better than the best so far."""
        if not (math.isfinite(value) and math.isfinite(best)):
            return math.isfinite(value)
        gain = value - best if self.mode == "max" else best - value
        return gain > abs(best) * self.min_improvement

    def check_mode(self) -> None:
        """Refuse a monitor if it is not known whether less or more is better."""
        if self.mode is None and self.monitor not in BETTER:
            raise ConfigurationError(
                f'monitor is "{self.monitor}", and it is not known whether less or '
                'more of it is better. Say so: mode="min", or mode="max".'
            )

    def identity(self) -> dict[str, Any]:
        """Return the settings that two equal runs share, whatever their length."""
        others = {"max_epochs", "max_updates", "rng", "callbacks", "progress"}
        others |= {"on_interrupt"}
        if self.monitor == "loss":
            others |= {"monitor", "mode"}
        return {name: getattr(self, name) for name in keywords() if name not in others}


def _mode(monitor: object, mode: object) -> str | None:
    """Return whether less or more of a monitor is better, None if it is not known."""
    if not isinstance(monitor, str):
        raise ConfigurationError(
            f'monitor is {shown(monitor)}; it has to be the name of one, such as "acc".'
        )
    known = BETTER.get(monitor)
    if mode is None:
        return known
    mode = choice(mode, "mode", ("min", "max"))
    if known not in (None, mode):
        raise ConfigurationError(
            f'mode is "{mode}", but of "{monitor}" the {known} is the best. Leave it '
            "out."
        )
    return mode


def keywords() -> list[str]:
    """Return every keyword of ``train`` that is a control."""
    return [field.name for field in fields(Controls)]


def own_keywords(algo: object) -> list[str]:
    """Return the keywords of an algorithm, checked to be none of every training."""
    names = optimizers.keywords(algo)
    if twice := set(names) & set(keywords()):
        raise ConfigurationError(
            f"algo {shown(algo)}: its keyword {join_names(twice)} is one of every "
            "training. Give it another name in the class's hyperparams."
        )
    return names


_WHOLE = {
    "train_batches": 1,
    "valid_batches": 1,
    "validate_every": 1,
    "patience": 0,
    "max_epochs": 1,
    "max_updates": 1,
}
_CHECKS: dict[str, Callable[[Any], Any]] = {
    "batch_size": lambda size: checked_size(size, ConfigurationError),
    "min_improvement": lambda part: number(
        part,
        "min_improvement",
        "a number from 0 on, such as 0.01 for one part in a hundred",
        lambda x: x >= 0,
    ),
    "monitor_gradients": lambda on: check_bool(on, "monitor_gradients"),
    "on_nonfinite": lambda to_do: choice(
        to_do, "on_nonfinite", ("raise", "skip", "ignore")
    ),
    "on_interrupt": lambda to_do: choice(to_do, "on_interrupt", ("return", "raise")),
}
