"""What is called while a model trains: to show it, to log it, or to stop it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from theanets.errors import ConfigurationError
from theanets.training.report import Report
from theanets.utils.checks import check_call, shown
from theanets.utils.forks import refuse_forked
from theanets.utils.registry import join_names, suggest


class Callback:
    """What ``train(..., callbacks=...)`` calls. Override the methods that you need.

    Each method gets a `Report`. Callbacks are called in the order they are given,
    after the display and before a snapshot is written. An exception in one ends the
    training, as an error of the training itself does.

    A callback may change the parameters of the network; training goes on with them. A
    training in stages, or by a list of algorithms, calls `on_start` and `on_finish` for
    each of them.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> class Until(theanets.callbacks.Callback):
    ...     def __init__(self, loss):
    ...         self.loss = loss
    ...     def on_epoch(self, report):
    ...         return report.validation["loss"] > self.loss
    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> net = theanets.Regressor([1, 8, 1])
    >>> _, validation = net.train(
    ...     (x, x), validate_every=1, callbacks=Until(0.1), progress=False)
    >>> validation["loss"] <= 0.1
    True
    """

    def on_start(self, report: Report) -> None:
        """Begin: nothing of this run is computed yet."""

    def on_batches(self, report: Report) -> None:
        """Do something after some batches, a few times a second.

        The first call comes before the first batch, with the first validation.
        """

    def on_epoch(self, report: Report) -> object:
        """Do something after an epoch; return False to stop the run."""

    def on_finish(self, report: Report) -> None:
        """End: the run is over, even by an error, and has its best parameters.

        Called for every callback whose `on_start` has returned.
        """


HOOKS = ("on_start", "on_batches", "on_epoch", "on_finish")
_FUNCTION = "epoch, training, validation"


class FunctionCallback(Callback):
    """Calls a function f(epoch, training, validation) after each epoch."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def on_epoch(self, report: Report) -> object:
        """Call the function."""
        return self.function(report.epoch, report.training, report.validation)

    def __repr__(self) -> str:
        return repr(self.function)


def as_callbacks(given: object) -> tuple[Callback, ...]:
    """Return the value of the keyword ``callbacks``, checked, as callbacks."""
    if isinstance(given, list | tuple | set | Iterator):
        return tuple(map(_as_callback, given))
    return () if given is None else (_as_callback(given),)


def _as_callback(given: object) -> Callback:
    if isinstance(given, Callback):
        for hook in HOOKS:
            check_call(getattr(given, hook), "report", "callbacks holds")
        for name in dir(type(given)):
            if name.startswith("on_") and name not in HOOKS:
                raise ConfigurationError(
                    f"callbacks holds a {type(given).__name__} with a method {name}, "
                    f"which is never called. A callback has {join_names(HOOKS)}."
                    + suggest(name, HOOKS)
                )
        return given
    if isinstance(given, type) and issubclass(given, Callback):
        raise ConfigurationError(
            f"callbacks holds the class {given.__name__}. Give an object of it: "
            f"callbacks={given.__name__}(...)."
        )
    if not callable(given):
        raise ConfigurationError(
            f"callbacks holds {shown(given)}; it has to be a list of functions "
            f"f({_FUNCTION}), or of objects of theanets.callbacks.Callback."
        )
    check_call(given, _FUNCTION, "callbacks holds")
    return FunctionCallback(given)


class Callbacks:
    """The callbacks of one run; ``make`` makes a report if one of them reads it."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self.callbacks = callbacks
        self._started: list[Callback] = []

    def start(self, make: Callable[[], Report]) -> None:
        """Call every ``on_start``."""
        report = make() if _with(self.callbacks, "on_start") else Report()
        for callback in self.callbacks:
            _call(callback, "on_start", report)
            self._started.append(callback)

    def call(self, hook: str, make: Callable[[], Report]) -> list[object]:
        """Call a method of all that have one of their own, and return the answers."""
        if not (callbacks := _with(self.callbacks, hook)):
            return []
        report = make()
        return [_call(callback, hook, report) for callback in callbacks]

    def epoch(self, make: Callable[[], Report]) -> bool:
        """Call every ``on_epoch``; return whether to go on."""
        answers = self.call("on_epoch", make)
        return all(answer for answer in answers if isinstance(answer, bool | np.bool_))

    def finish(self, make: Callable[[], Report]) -> None:
        """Call every ``on_finish`` whose callback has started, even if one fails."""
        started, self._started = _with(self._started, "on_finish"), []
        failed = None
        report = make() if started else Report()
        for callback in started:
            try:
                _call(callback, "on_finish", report)
            except BaseException as error:
                if failed is None:
                    failed = error
        if failed is not None:
            try:
                raise failed
            finally:
                # Otherwise the frame and the traceback keep each other alive.
                del failed


def _with(callbacks: Sequence[Callback], hook: str) -> list[Callback]:
    """Return the callbacks that have a method of their own for a hook."""
    base = getattr(Callback, hook)
    return [
        x for x in callbacks if getattr(getattr(x, hook), "__func__", 0) is not base
    ]


def _call(callback: Callback, hook: str, report: Report) -> object:
    """Call a method of a callback, and refuse what would not end the training."""
    try:
        answer = getattr(callback, hook)(report)
    except StopIteration as error:  # Which would end a generator, not a training.
        stopper = "it" if isinstance(callback, FunctionCallback) else "its on_epoch"
        raise ConfigurationError(
            f"the callback {shown(callback)} raised StopIteration in epoch "
            f"{report.epoch}. To stop the training, let {stopper} return False."
        ) from error
    # If the callback has forked, only the parent trains on.
    refuse_forked()
    return answer
