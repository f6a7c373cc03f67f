"""Rules that give each entry its own rate, by the size of its gradients."""

from typing import ClassVar

import jax.numpy as jnp

from theanets.optimizers.base import Hyperparam, Numbers, Optimizer, State, halflife
from theanets.types import Array

REGULARIZER = Hyperparam(1e-8, above=0)
"""Keeps a division by the size of a gradient finite."""
RMS = {"rms_halflife": halflife(14.0, "decay"), "rms_regularizer": REGULARIZER}


def blend(decay: Array, old: Array, new: Array) -> Array:
    """Return a running mean after one more value."""
    return decay * old + (1 - decay) * new


class AdaGrad(Optimizer):
    """u = αG/√(ΣG²+ε).

    Source: J. Duchi, E. Hazan, Y. Singer (2011), Adaptive Subgradient Methods for
    Online Learning and Stochastic Optimization.
    """

    learning_rate = 0.01
    hyperparams: ClassVar = {"rms_regularizer": REGULARIZER}
    slots: ClassVar = {"squares": 0.0}
    elementwise = True

    def step(self, g: Array, state: State, param: Array, n: Numbers) -> Array:
        state["squares"] += g * g
        root = jnp.sqrt(state["squares"] + n["rms_regularizer"])
        return n["learning_rate"] * g / root


class RMSProp(Optimizer):
    """u = αG/√(E[G²]−E[G]²+ε).

    Source: A. Graves (2013), Generating Sequences With Recurrent Neural Networks.
    """

    hyperparams: ClassVar = RMS
    slots: ClassVar = {"mean": 0.0, "square": 0.0}
    elementwise = True

    def step(self, g: Array, state: State, param: Array, n: Numbers) -> Array:
        state["mean"] = blend(n["decay"], state["mean"], g)
        state["square"] = blend(n["decay"], state["square"], g * g)
        # Rounding can make the variance of a steady gradient negative.
        variance = jnp.maximum(state["square"] - state["mean"] ** 2, 0)
        return n["learning_rate"] * g / jnp.sqrt(variance + n["rms_regularizer"])


class AdaDelta(Optimizer):
    """u = G√(E[u²]+ε)/√(E[G²]+ε).

    Source: M. D. Zeiler (2012), ADADELTA: An Adaptive Learning Rate Method.
    """

    learning_rate = 1.0
    hyperparams: ClassVar = RMS
    slots: ClassVar = {"square": 0.0, "step": 0.0}
    elementwise = True

    def step(self, g: Array, state: State, param: Array, n: Numbers) -> Array:
        state["square"] = blend(n["decay"], state["square"], g * g)
        travelled = jnp.sqrt(state["step"] + n["rms_regularizer"])
        u = g * travelled / jnp.sqrt(state["square"] + n["rms_regularizer"])
        state["step"] = blend(n["decay"], state["step"], u * u)
        return u


class ESGD(Optimizer):
    """u = αG/(√E[(Hv)²]+ε), for a random vector v.

    Source: Y. N. Dauphin, H. de Vries, Y. Bengio (2015), Equilibrated Adaptive
    Learning Rates for Non-Convex Optimization.
    """

    hyperparams: ClassVar = RMS
    slots: ClassVar = {"square": 0.0}
    elementwise = True
    needs_curvature = True

    def step(self, g: Array, state: State, param: Array, n: Numbers) -> Array:
        state["square"] = blend(n["decay"], state["square"], n["curvature"] ** 2)
        root = jnp.sqrt(state["square"]) + n["rms_regularizer"]
        return n["learning_rate"] * g / root
