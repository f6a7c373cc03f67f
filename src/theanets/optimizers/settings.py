"""From an algorithm's name and keywords to the updater of the parameters."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from theanets.errors import ConfigurationError
from theanets.optimizers.base import ALGORITHMS, LIMITS, Hyperparam, Optimizer
from theanets.optimizers.optax import of_optax
from theanets.optimizers.updater import Updater
from theanets.types import Array
from theanets.utils import checks
from theanets.utils.checks import check_bool, shown
from theanets.utils.registry import join_names, suggest

COMMON = {
    "learning_rate": Hyperparam(
        None, least=0, expected="a number of at least 0, or a schedule"
    ),
    "momentum": Hyperparam(None, least=0, below=1, expected="at least 0 and below 1"),
    **dict.fromkeys(
        LIMITS,
        Hyperparam(None, least=0, expected="a positive number, or 0 for no limit"),
    ),
}
"""Keywords of every rule; the defaults of some are the rule's."""


def resolve(
    algo: object,
    hyper: dict[str, object],
    keyword: str = "algo",
    others: Iterable[str] = (),
) -> Updater:
    """Return the updater of an algorithm, taking its keywords out of ``hyper``.

    Parameters
    ----------
    algo : str or optax.GradientTransformation
        A name in ``ALGORITHMS``, or a transformation, which brings its own learning
        rate and momentum.
    hyper : dict
        Keywords. Those that the algorithm takes are removed, others stay. ``adadelta``
        takes a learning rate, which has no effect.
    keyword : str
        What messages call ``algo``.
    others : iterable of str
        Further names that the caller knows, for messages.

    Raises
    ------
    ConfigurationError
        If there is no such algorithm, or a number is outside its range.

    Examples
    --------
    >>> hyper = {"learning_rate": 0.1, "batch_size": 64}
    >>> nag = resolve("nag", hyper)
    >>> nag.values, nag.nesterov
    ({'learning_rate': 0.1, 'momentum': 0.9}, True)
    >>> hyper
    {'batch_size': 64}
    """
    known = [*ALGORITHMS, *others]
    if not isinstance(algo, str):
        if not (hasattr(algo, "init") and hasattr(algo, "update")):
            kind = algo if isinstance(algo, type) else type(algo)
            hint = " Call it first, as in optax.sgd(0.1)." if callable(algo) else ""
            if issubclass(kind, Optimizer):
                hint = f' Give its name: {keyword}="{ALGORITHMS.label(kind)}".'
            raise ConfigurationError(
                f"{keyword} is {shown(algo)}; it has to be an "
                f"optax.GradientTransformation or one of {join_names(known)}.{hint}"
            )
        return Updater("optax", _limits(hyper), transformation=algo)
    algo = algo.lower()
    if algo not in ALGORITHMS:
        raise ConfigurationError(
            f"unknown {keyword} {shown(algo)}. Known: {join_names(known)}."
            + (of_optax(keyword, algo) or suggest(algo, known))
        )
    algorithm = ALGORITHMS[algo]()
    if (transformation := algorithm.transformation()) is not None:
        return Updater(algo, {}, algorithm, transformation=transformation)

    values: dict[str, float] = {}
    schedule: Any = None
    rate = hyper.pop("learning_rate", algorithm.learning_rate)
    if callable(rate):
        schedule = rate
        _check_schedule(schedule)
    else:
        values["learning_rate"] = COMMON["learning_rate"].read(rate, "learning_rate")
    given = hyper.pop("momentum", algorithm.momentum)
    momentum = COMMON["momentum"].read(given, "momentum")
    nesterov = check_bool(hyper.pop("nesterov", algorithm.nesterov), "nesterov")
    if momentum > 0:
        values["momentum"] = momentum
    values |= _hyperparams(algorithm, hyper)
    algorithm.check(values)
    nesterov = nesterov and momentum > 0
    return Updater(algo, values | _limits(hyper), algorithm, nesterov, schedule)


def keywords(algo: object) -> list[str]:
    """Return the keywords that ``resolve`` takes for an algorithm; none if unknown.

    Examples
    --------
    >>> keywords("sgd")
    ['max_gradient_elem', 'max_gradient_norm', 'learning_rate', 'momentum', 'nesterov']
    """
    if not isinstance(algo, str):
        return [*LIMITS]
    return ALGORITHMS[algo].keywords() if algo in ALGORITHMS else []


def _hyperparams(algorithm: Optimizer, hyper: dict[str, object]) -> dict[str, float]:
    """Return a rule's own hyperparameters, and remove their keywords from ``hyper``."""
    values: dict[str, float] = {}
    given: dict[str, str] = {}
    for keyword, hyperparam in algorithm.hyperparams.items():
        if keyword in hyper:
            name, value = hyperparam.name or keyword, hyper.pop(keyword)
            if name in given:
                raise ConfigurationError(
                    f"{given[name]} and {keyword} is {shown(value)}: they are two ways "
                    "to say the same. Give one of them."
                )
            given[name] = f"{keyword} is {shown(value)}"
            values[name] = hyperparam.read(value, keyword)
    for keyword, default in algorithm.defaults().items():
        name = algorithm.hyperparams[keyword].name or keyword
        if name not in values:
            values[name] = algorithm.hyperparams[keyword].read(default, keyword)
    return values


def _check_schedule(schedule: Callable[[Array], Any]) -> None:
    def rate(count: Array) -> Array:
        rate = schedule(count)
        traced = isinstance(rate, Array) and rate.shape == ()
        if not (traced or checks.is_number(rate)):
            raise ConfigurationError(
                f"learning_rate is a schedule that returned {shown(rate)}; it has to "
                "return a number for a number of updates."
            )
        return jnp.asarray(rate)

    with checks.compilable("learning_rate"):
        jax.eval_shape(rate, np.int32(0))


def _limits(hyper: dict[str, object]) -> dict[str, float]:
    """Return the limits of gradients that are in use, without their keywords."""
    given = {name: hyper.pop(name, None) for name in LIMITS}
    limits = {n: COMMON[n].read(x, n) for n, x in given.items() if x is not None}
    return {name: limit for name, limit in limits.items() if limit > 0}
