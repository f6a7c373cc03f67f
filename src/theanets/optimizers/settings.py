"""From an algorithm's name and its keywords to what moves the parameters."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from theanets.errors import ConfigurationError
from theanets.optimizers.optax import of_optax
from theanets.optimizers.rules import ALGORITHMS
from theanets.optimizers.updater import Optimizer
from theanets.utils import checks
from theanets.utils.checks import flag, shown
from theanets.utils.registry import listing, suggest

# What a keyword's number has to satisfy, in a test and in words.
RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "learning_rate": (lambda x: x >= 0, "a number of at least 0, or a schedule"),
    "momentum": (lambda x: 0 <= x < 1, "at least 0 and below 1"),
    "max_gradient_norm": (lambda x: x >= 0, "a positive number, or 0 for no limit"),
    "max_gradient_elem": (lambda x: x >= 0, "a positive number, or 0 for no limit"),
    "rms_halflife": (lambda x: x > 0, "a positive number of updates"),
    "beta1_halflife": (lambda x: x > 0, "a positive number of updates"),
    "beta2_halflife": (lambda x: x > 0, "a positive number of updates"),
    "rms_regularizer": (lambda x: x > 0, "a positive number"),
    "rprop_increase": (lambda x: x >= 1, "a factor of at least 1"),
    "rprop_decrease": (lambda x: 0 < x <= 1, "a factor above 0, at most 1"),
    "rprop_min_step": (lambda x: x >= 0, "a number of at least 0"),
    "rprop_max_step": (lambda x: x > 0, "a positive number"),
}


LIMITS = ("max_gradient_elem", "max_gradient_norm")


# A running mean with this half-life is kept by the factor of this name.
HALFLIVES = {"rms_halflife": "decay", "beta1_halflife": "b1", "beta2_halflife": "b2"}


def resolve(
    algo: Any, hyper: dict[str, Any], keyword: str = "algo", others: Iterable[str] = ()
) -> Optimizer:
    """Return the optimizer of an algorithm, taking its keywords out of ``hyper``.

    Parameters
    ----------
    algo : str or optax.GradientTransformation
        A name in ``ALGORITHMS``, or a transformation, which brings its own
        learning rate and momentum.
    hyper : dict
        Keywords. The ones that the algorithm uses are removed, others stay.
        The learning rate of ``adadelta`` is taken and has no effect.
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
            hint = " Call it first, as in optax.sgd(0.1)." if callable(algo) else ""
            raise ConfigurationError(
                f"{keyword} is {shown(algo)}; it has to be an "
                f"optax.GradientTransformation or one of {listing(known)}.{hint}"
            )
        return Optimizer("optax", _limits(hyper), transformation=algo)
    algo = algo.lower()
    algorithm = ALGORITHMS.get(algo)
    if algorithm is None:
        raise ConfigurationError(
            f"unknown {keyword} {shown(algo)}. Known: {listing(known)}."
            + (of_optax(keyword, algo) or suggest(algo, known))
        )
    if algorithm.rule is None:
        import optax

        return Optimizer(algo, {}, algorithm, transformation=optax.lbfgs())

    values, schedule = {}, None
    if callable(hyper.get("learning_rate")):
        schedule = hyper.pop("learning_rate")
        _check_schedule(schedule)
    else:
        values["learning_rate"] = _number(
            hyper, "learning_rate", algorithm.learning_rate
        )
    momentum = _number(hyper, "momentum", algorithm.momentum)
    nesterov = flag(hyper.pop("nesterov", algorithm.nesterov), "nesterov")
    nesterov = nesterov and momentum > 0
    if momentum > 0:
        values["momentum"] = momentum
    for name, default in algorithm.keywords.items():
        number = _number(hyper, name, default)
        if name in HALFLIVES:
            values[HALFLIVES[name]] = math.exp(-math.log(2) / number)
        else:
            values[name] = number
    if values.get("rprop_min_step", 0) > values.get("rprop_max_step", 0):
        raise ConfigurationError(
            f"rprop_min_step is {shown(values['rprop_min_step'])}; it has to be at "
            f"most rprop_max_step, which is {shown(values['rprop_max_step'])}."
        )
    return Optimizer(algo, values | _limits(hyper), algorithm, nesterov, schedule)


def keywords(algo: Any) -> list[str]:
    """Return the keywords that ``resolve`` takes for an algorithm; none if unknown.

    Examples
    --------
    >>> keywords("sgd")
    ['max_gradient_elem', 'max_gradient_norm', 'learning_rate', 'momentum', 'nesterov']
    """
    if not isinstance(algo, str):
        return [*LIMITS]
    algorithm = ALGORITHMS.get(algo.lower())
    if algorithm is None or algorithm.rule is None:
        return []
    return [*LIMITS, "learning_rate", "momentum", "nesterov", *algorithm.keywords]


def _check_schedule(schedule: Callable[[Any], Any]) -> None:
    def rate(count: Any) -> Array:
        found = schedule(count)
        traced = isinstance(found, Array) and found.shape == ()
        if not (traced or checks.is_number(found)):
            raise ConfigurationError(
                f"learning_rate is a schedule that returned {shown(found)}; it has to "
                "return a number for a number of updates."
            )
        return jnp.asarray(found)

    with checks.compilable("learning_rate"):
        jax.eval_shape(rate, np.int32(0))


def _number(hyper: dict[str, Any], name: str, default: float) -> float:
    given = hyper.pop(name, default)
    valid, expected = RANGES[name]
    return checks.number(given, name, expected, valid)


def _limits(hyper: dict[str, Any]) -> dict[str, float]:
    """Return the limits of gradients that are in use."""
    given = [name for name in LIMITS if hyper.get(name, 0) is not None]
    numbers = {name: _number(hyper, name, 0) for name in given}
    for name in LIMITS:
        hyper.pop(name, None)
    return {name: number for name, number in numbers.items() if number > 0}
