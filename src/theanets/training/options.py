"""The keywords that control a training, checked before anything is compiled."""

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from theanets import optimizers
from theanets.data.loading import MOST_BATCHES, checked_size
from theanets.errors import ConfigurationError
from theanets.training.callbacks import Callback, as_callbacks
from theanets.utils.checks import MOST, check_bool, check_int, number, shown
from theanets.utils.registry import choice, join_names

Guard = Literal["raise", "skip", "ignore"]
GUARDS: tuple[str, ...] = get_args(Guard)
OnInterrupt = Literal["return", "raise"]
ON_INTERRUPT: tuple[str, ...] = get_args(OnInterrupt)


@dataclass(frozen=True)
class Controls:
    """How long to train, on how much data at a time, and what to report.

    Attributes
    ----------
    batch_size : int or None
        Examples in a minibatch; None or -1 for all the data at once. By default 32,
        or all for an algorithm that needs exact gradients.
    train_batches, valid_batches : int, optional
        Batches in an epoch, and in a validation; by default all.
    validate_every : int
        Epochs between validations.
    patience : int
        Validations without improvement that are allowed; one more ends the training.
    min_improvement : float
        How much lower (or higher, where more is better) than the best value a new
        one has to be, as a fraction of it.
    monitor : str
        The validation monitor that decides which parameters are the best: ``"loss"``,
        ``"acc"``, ``"auc"``, or one of your own.
    mode : str, optional
        ``"min"`` or ``"max"``: whether less or more of it is better.
    max_epochs, max_updates : int, optional
        Upper bounds of epochs and of gradient updates.
    rng : int, optional
        Seed of the shuffling and the noise; by default the model's seed, and each call
        to train continues the random streams of the call before.
    monitor_gradients : bool
        Report the norm of each parameter's gradient.
    callbacks : sequence of Callback
        What is called while it trains, see `theanets.callbacks`. ``train`` also takes
        functions f(epoch, training, validation), called after each epoch; one that
        returns False stops the training.
    progress : bool, optional
        False: print nothing.
    on_nonfinite : str
        What happens if a loss or a gradient is not finite: ``"raise"`` ends the
        training with a NonFiniteError, ``"skip"`` drops the batch's update and counts
        it in the monitor ``skipped``, ``"ignore"`` goes on.
    on_interrupt : str
        What Ctrl-C does: ``"return"`` ends the training with the best parameters in
        place, says so in one line, and the script goes on; ``"raise"`` does the same
        and then raises the KeyboardInterrupt. A second one is always raised.
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
    on_nonfinite: Guard = "raise"
    on_interrupt: OnInterrupt = "return"

    @classmethod
    def take(cls, given: dict[str, Any]) -> "Controls":
        """Make controls from checked keywords, and remove these from ``given``."""
        taken = {name: given.pop(name) for name in keywords() if name in given}
        for name, least in _WHOLE.items():
            optional = cls.__dataclass_fields__[name].default is None
            if name in taken and not (optional and taken[name] is None):
                below = MOST_BATCHES if name.endswith("_batches") else MOST
                taken[name] = check_int(taken[name], name, least, below=below)
        if "batch_size" in taken:
            taken["batch_size"] = checked_size(taken["batch_size"], ConfigurationError)
        if "min_improvement" in taken:
            taken["min_improvement"] = number(
                taken["min_improvement"],
                "min_improvement",
                "a number from 0 on, such as 0.01 for one part in a hundred",
                lambda part: part >= 0,
            )
        if "monitor_gradients" in taken:
            taken["monitor_gradients"] = check_bool(
                taken["monitor_gradients"], "monitor_gradients"
            )
        for name, choices in {
            "on_nonfinite": GUARDS,
            "on_interrupt": ON_INTERRUPT,
        }.items():
            if name in taken:
                taken[name] = choice(taken[name], name, choices)
        if "monitor" in taken or taken.get("mode") is not None:
            name, mode = taken.get("monitor", "loss"), taken.get("mode")
            taken["monitor"], taken["mode"] = name, _mode(name, mode)
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
        others = (
            *(("monitor", "mode") if self.monitor == "loss" else ()),
            "max_epochs",
            "max_updates",
            "rng",
            "callbacks",
            "progress",
            "on_interrupt",
        )
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in others
        }


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


BETTER = {
    "loss": "min",
    "err": "min",
    "unweighted": "min",
    "acc": "max",
    "auc": "max",
}
"""Whether less or more of a monitor is better."""


def keywords() -> list[str]:
    """Return every keyword of ``train`` that is a control."""
    return [field.name for field in fields(Controls)]


def own_keywords(algo: object) -> list[str]:
    """Return the keywords of an algorithm that not every training takes.

    Raises
    ------
    ConfigurationError
        If an algorithm of the user's own takes a keyword of every training.
    """
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
