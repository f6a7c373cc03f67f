"""The keywords that steer a run of training, checked before anything is compiled."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import numpy as np

from theanets import optimizers
from theanets.data.loading import MOST_BATCHES, checked_size
from theanets.errors import ConfigurationError
from theanets.optimizers import ALGORITHMS
from theanets.utils.checks import MOST, check_call, flag, number, shown, whole
from theanets.utils.forks import refuse_forked
from theanets.utils.registry import choice, listing, suggest
from theanets.utils.renamed import answer

Guard = Literal["raise", "skip", "ignore"]
GUARDS: tuple[str, ...] = get_args(Guard)
OnInterrupt = Literal["return", "raise"]
ON_INTERRUPT: tuple[str, ...] = get_args(OnInterrupt)
Callback = Callable[[int, Mapping[str, float], Mapping[str, float]], Any]


@dataclass(frozen=True)
class Controls:
    """How long to train, on how much at a time, and whom to tell.

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
        Validations without improvement that are borne; one more ends the training.
    min_improvement : float
        Part of the best value by which another has to be lower (or higher, where
        more is better) to be better.
    monitor : str
        Name of the validation's monitor that tells which parameters are the best: the
        loss that is minimized, ``"acc"``, ``"auc"``, or one of the user's.
    mode : str, optional
        ``"min"`` or ``"max"``: whether less or more of it is better.
    max_epochs, max_updates : int, optional
        Bounds: epochs, and gradient updates.
    rng : int, optional
        Seed of the shuffling and the noise; by default the model's, and each call
        to train goes on where the one before stopped.
    monitor_gradients : bool
        Report the norm of each parameter's gradient.
    callbacks : sequence of callable
        Called as f(epoch, training, validation) after each epoch, counted from 1;
        one that returns False stops the training.
    progress : bool, optional
        False: print nothing.
    on_nonfinite : str
        What becomes of a loss or a gradient that is not finite: ``"raise"`` ends the
        training with a NonFiniteError, ``"skip"`` drops the batch's update and counts
        it in the monitor ``skipped``, ``"ignore"`` goes on with whatever comes.
    on_interrupt : str
        What Ctrl-C does: ``"return"`` ends the training with the best parameters in
        place, says so in one line, and goes on behind it; ``"raise"`` lets the
        KeyboardInterrupt through, after the same. A second one always comes through.
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
        """Make controls from the keywords that are theirs, and remove those.

        Raises
        ------
        ConfigurationError
            If a value is not valid.
        """
        taken = {name: given.pop(name) for name in keywords() if name in given}
        for name, least in _WHOLE.items():
            optional = cls.__dataclass_fields__[name].default is None
            if name in taken and not (optional and taken[name] is None):
                below = MOST_BATCHES if name.endswith("_batches") else MOST
                taken[name] = whole(taken[name], name, least, below=below)
        if "batch_size" in taken:
            taken["batch_size"] = checked_size(taken["batch_size"], ConfigurationError)
        if "min_improvement" in taken:
            taken["min_improvement"] = number(
                taken["min_improvement"],
                "min_improvement",
                "a number from 0 on, such as 0.01 for one part in a hundred",
                lambda part: part >= 0,
            )
        wanted = taken.get("monitor_gradients", False)
        taken["monitor_gradients"] = flag(wanted, "monitor_gradients")
        for name, choices in (
            ("on_nonfinite", GUARDS),
            ("on_interrupt", ON_INTERRUPT),
        ):
            taken[name] = choice(taken.get(name, choices[0]), name, choices)
        if "monitor" in taken or taken.get("mode") is not None:
            name, mode = taken.get("monitor", "loss"), taken.get("mode")
            taken["monitor"], taken["mode"] = name, _mode(name, mode)
        taken["callbacks"] = _callbacks(taken.get("callbacks"))
        return cls(**taken)

    def tell(
        self, epoch: int, training: Mapping[str, float], validation: Mapping[str, float]
    ) -> bool:
        """Call every callback after an epoch; return whether to go on.

        Raises
        ------
        ConfigurationError
            If one raises StopIteration, which ends a generator, not a training.
        ConcurrencyError
            In the child of one that forked, which is not to train on.
        """
        try:
            answers = [f(epoch, training, validation) for f in self.callbacks]
        except StopIteration as error:
            raise ConfigurationError(
                f"a callback raised StopIteration in epoch {epoch}. To stop the "
                "training, let it return False."
            ) from error
        refuse_forked()
        return all(answer for answer in answers if isinstance(answer, bool | np.bool_))

    def better(self, value: float, best: float) -> bool:
        """Return whether a value of the monitor is better than the best so far."""
        if not (math.isfinite(value) and math.isfinite(best)):
            return math.isfinite(value)
        gain = value - best if self.mode == "max" else best - value
        return gain > abs(best) * self.min_improvement

    def check_mode(self) -> None:
        """Refuse a monitor of which it is not known whether less or more is better."""
        if self.mode is None and self.monitor not in BETTER:
            raise ConfigurationError(
                f'monitor is "{self.monitor}", of which it is not known whether less '
                'or more is better. Say so: mode="min", or mode="max".'
            )

    def identity(self) -> dict[str, Any]:
        """Return what makes two runs the same, without the bounds of how long."""
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


def _mode(name: Any, given: Any) -> str | None:
    """Return whether less or more of a monitor is better, None if it is not known.

    Raises
    ------
    ConfigurationError
        If it is not what it is known to be.
    """
    if not isinstance(name, str):
        raise ConfigurationError(
            f'monitor is {shown(name)}; it has to be the name of one, such as "acc".'
        )
    if given is not None:
        given = choice(given, "mode", ("min", "max"))
    known = BETTER.get(name)
    if None not in (given, known) and given != known:
        raise ConfigurationError(
            f'mode is "{given}", but of "{name}" the {known} is the best. Leave it out.'
        )
    return given or known


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


def own_keywords(algo: Any) -> list[str]:
    """Return the keywords of an algorithm, not those that every training takes.

    Raises
    ------
    ConfigurationError
        If an algorithm of the user's own takes one that belongs to every training.
    """
    found = optimizers.keywords(algo)
    if twice := set(found) & set(keywords()):
        raise ConfigurationError(
            f"algo {shown(algo)}: its keyword {listing(twice)} is one of every "
            "training. Give it another name in the class's hyperparams."
        )
    return found


SYNONYMS = {
    "gradient_clip": "max_gradient_elem",
    "iteration_size": "train_batches",
    "max_gradient_clip": "max_gradient_elem",
}
"""Keywords of the original that mean the same as one of today's."""
_ALGO = 'The algorithm is algo="rmsprop", the third argument of train.'
ANSWERS = {
    "algorithm": _ALGO,
    "optimize": _ALGO,
    "optimizer": _ALGO,
    "num_updates": "It is max_updates, or max_epochs for passes over the data.",
    "cg_batches": "The algorithm hf is gone; lbfgs takes all data at once.",
    "initial_lambda": "The algorithm hf is gone; lbfgs takes all data at once.",
    "activity": "Watch outputs by monitors, such as monitors={'hid1:out': 0.1}.",
    "tied_weights": "Tie layers in the model: [784, 100, ('tied', 784)].",
    "decode_from": "Name the inputs of the output layer in the model.",
    "preconditioner": "Give algo='esgd', which estimates one.",
}
"""Keywords that are gone, and what takes their place."""


def translated(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return keywords of ``train`` with the original's names replaced by today's.

    Raises
    ------
    ConfigurationError
        If one is given by both names.

    Examples
    --------
    >>> translated({"gradient_clip": 1.0, "patience": 3})
    {'max_gradient_elem': 1.0, 'patience': 3}
    """
    twice = [name for name, now in SYNONYMS.items() if {name, now} <= given.keys()]
    twice += ["gradient_clip"] * (
        {"gradient_clip", "max_gradient_clip"} <= given.keys()
    )
    if twice:
        raise ConfigurationError(
            f"{twice[0]} and another name of {SYNONYMS[twice[0]]} were both given, and "
            f"they mean the same. Give {SYNONYMS[twice[0]]} alone."
        )
    return {SYNONYMS.get(name, name): value for name, value in given.items()}


def refuse(left: Iterable[str], known: Iterable[str]) -> None:
    """Raise an error for keywords that no stage has taken, all of them at once.

    Raises
    ------
    ConfigurationError
        If any are left, with the nearest valid name for each.
    """
    unknown, known = sorted(left), sorted(known)
    if unknown:
        advice = {name: _advice(name, known) for name in unknown}
        text = "".join(f' Unknown keyword "{x}".{advice[x]}' for x in unknown)
        # The whole list is long; whoever is told the right name needs it not.
        if not all(advice.values()):
            few = len(known) > _MOST_LISTED
            listed = [name for name in known if name in _COMMON] if few else known
            more = "; the user guide lists them all" * few
            text += f" Known: {listing(listed)}{more}."
        raise ConfigurationError(f"u{text[2:]}")


_MOST_LISTED = 40
_COMMON = (
    "batch_size",
    "callbacks",
    "checkpoint",
    "class_weight",
    "hidden_dropout",
    "input_noise",
    "learning_rate",
    "max_epochs",
    "momentum",
    "monitor",
    "monitors",
    "patience",
    "progress",
    "rng",
    "weight_l2",
)
"""Keywords of ``train`` that a long list comes down to."""


def _advice(name: str, known: list[str]) -> str:
    if name in ANSWERS:
        return f" {ANSWERS[name]}"
    if found := answer("train", name):
        return found
    owners = [algo for algo in ALGORITHMS if name in optimizers.keywords(algo)]
    if owners:
        return f" It belongs to algo {' or '.join(owners)}, not to the one chosen."
    return suggest(name, known)


_WHOLE = {
    "train_batches": 1,
    "valid_batches": 1,
    "validate_every": 1,
    "patience": 0,
    "max_epochs": 1,
    "max_updates": 1,
}


def _callbacks(given: Any) -> tuple[Callback, ...]:
    listed = isinstance(given, list | tuple | set | Iterator)
    found = tuple(given) if listed else () if given is None else (given,)
    for callback in found:
        if not callable(callback):
            raise ConfigurationError(
                f"callbacks holds {shown(callback)}; it has to be a list of functions "
                "f(epoch, training, validation)."
            )
        check_call(callback, "epoch, training, validation", "callbacks holds")
    return found
