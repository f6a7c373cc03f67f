"""The catalogue of update rules: what each computes, keeps and is set to at first.

A rule is a function of one gradient, its state and the numbers; ``optimizers``
puts it together with momentum, limits and precision.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import jax.numpy as jnp
from jax import Array

Numbers: TypeAlias = Mapping[str, Array]
Rule: TypeAlias = Callable[[Array, dict[str, Array], Numbers], Array]


@dataclass(frozen=True)
class Algorithm:
    """One row of the catalogue: a rule, its state and its defaults.

    Parameters
    ----------
    rule : callable
        (gradient, state, numbers) -> step u, with the entries of ``state``
        replaced by the new ones. None for an algorithm of optax, which takes no
        keywords.
    summary : str
        What it computes, in one line.
    learning_rate : float
        Default learning rate.
    keywords : mapping
        The further keywords it takes, with their defaults.
    slots : mapping
        The arrays of state per parameter, with what fills them at first.
    momentum, nesterov : float, bool
        Defaults of the momentum that can be put on any rule.
    full_batch : bool
        Whether it needs the gradient over all data, not over a minibatch.
    needs_curvature : bool
        Whether ``update`` needs Hessian-vector products.
    """

    rule: Rule | None
    summary: str
    learning_rate: float
    keywords: Mapping[str, float] = field(default_factory=dict)
    slots: Mapping[str, float] = field(default_factory=dict)
    momentum: float = 0.0
    nesterov: bool = False
    full_batch: bool = False
    needs_curvature: bool = False


def _sgd(g: Array, state: dict[str, Array], n: Numbers) -> Array:
    return n["learning_rate"] * g


def _adagrad(g: Array, state: dict[str, Array], n: Numbers) -> Array:
    state["squares"] += g * g
    return n["learning_rate"] * g / jnp.sqrt(state["squares"] + n["rms_regularizer"])


def _rmsprop(g: Array, state: dict[str, Array], n: Numbers) -> Array:
    state["mean"] = _blend(n["decay"], state["mean"], g)
    state["square"] = _blend(n["decay"], state["square"], g * g)
    # Rounding can make the variance of a steady gradient negative.
    variance = jnp.maximum(state["square"] - state["mean"] ** 2, 0)
    return n["learning_rate"] * g / jnp.sqrt(variance + n["rms_regularizer"])


def _adadelta(g: Array, state: dict[str, Array], n: Numbers) -> Array:
    state["square"] = _blend(n["decay"], state["square"], g * g)
    travelled = jnp.sqrt(state["step"] + n["rms_regularizer"])
    u = g * travelled / jnp.sqrt(state["square"] + n["rms_regularizer"])
    state["step"] = _blend(n["decay"], state["step"], u * u)
    return u


def _adam(g: Array, state: dict[str, Array], n: Numbers) -> Array:
    state["mean"] = _blend(n["b1"], state["mean"], g)
    state["square"] = _blend(n["b2"], state["square"], g * g)
    mean = state["mean"] / (1 - n["b1"] ** n["age"])
    square = state["square"] / (1 - n["b2"] ** n["age"])
    return n["learning_rate"] * mean / (jnp.sqrt(square) + n["rms_regularizer"])


def _esgd(g: Array, state: dict[str, Array], n: Numbers) -> Array:
    state["square"] = _blend(n["decay"], state["square"], n["curvature"] ** 2)
    return n["learning_rate"] * g / (jnp.sqrt(state["square"]) + n["rms_regularizer"])


def _rprop(g: Array, state: dict[str, Array], n: Numbers) -> Array:
    # The first step is the learning rate, which is not known when states begin.
    step = jnp.where(state["step"] < 0, n["learning_rate"], state["step"])
    agreement = g * state["gradient"]
    grown = jnp.minimum(step * n["rprop_increase"], n["rprop_max_step"])
    shrunk = jnp.maximum(step * n["rprop_decrease"], n["rprop_min_step"])
    step = jnp.where(agreement > 0, grown, jnp.where(agreement < 0, shrunk, step))
    g = jnp.where(agreement < 0, 0, g)
    state["step"], state["gradient"] = step, g
    return jnp.sign(g) * step


def _blend(decay: Array, old: Array, new: Array) -> Array:
    return decay * old + (1 - decay) * new


_RMS = {"rms_halflife": 14.0, "rms_regularizer": 1e-8}

ALGORITHMS: dict[str, Algorithm] = {
    "sgd": Algorithm(_sgd, "u = αG", 0.05),
    "nag": Algorithm(_sgd, "sgd, Nesterov momentum", 0.01, momentum=0.9, nesterov=True),
    "rprop": Algorithm(
        _rprop,
        "iRprop⁻: signs of gradients, one step size per entry (Igel, Hüsken 2000)",
        0.001,
        keywords={
            "rprop_increase": 1.01,
            "rprop_decrease": 0.99,
            "rprop_min_step": 0.0,
            "rprop_max_step": 100.0,
        },
        slots={"step": -1.0, "gradient": 0.0},
        full_batch=True,
    ),
    "adagrad": Algorithm(
        _adagrad,
        "u = αG/√(ΣG²+ε) (Duchi, Hazan, Singer 2011)",
        0.01,
        keywords={"rms_regularizer": 1e-8},
        slots={"squares": 0.0},
    ),
    "rmsprop": Algorithm(
        _rmsprop,
        "u = αG/√(E[G²]−E[G]²+ε) (Graves 2013)",
        0.001,
        keywords=_RMS,
        slots={"mean": 0.0, "square": 0.0},
    ),
    "adadelta": Algorithm(
        _adadelta,
        "u = G√(E[u²]+ε)/√(E[G²]+ε) (Zeiler 2012)",
        1.0,
        keywords=_RMS,
        slots={"square": 0.0, "step": 0.0},
    ),
    "esgd": Algorithm(
        _esgd,
        "u = αG/(√E[(Hv)²]+ε) (Dauphin, de Vries, Bengio 2015)",
        0.001,
        keywords=_RMS,
        slots={"square": 0.0},
        needs_curvature=True,
    ),
    "adam": Algorithm(
        _adam,
        "bias-corrected moments (Kingma, Ba 2015)",
        0.001,
        keywords={
            "beta1_halflife": 7.0,
            "beta2_halflife": 69.0,
            "rms_regularizer": 1e-8,
        },
        slots={"mean": 0.0, "square": 0.0},
    ),
    "lbfgs": Algorithm(
        None,
        "limited-memory BFGS with a line search (Liu, Nocedal 1989)",
        1.0,
        full_batch=True,
    ),
}
