"""Rules by the means of a gradient and of its square, both bias-corrected."""

from typing import ClassVar

import jax.numpy as jnp

from theanets.optimizers.adaptive import REGULARIZER, blend
from theanets.optimizers.base import Hyperparam, Numbers, Optimizer, State, halflife
from theanets.types import Array


class Adam(Optimizer):
    """u = αm/(√v+ε), for running means m of G and v of G².

    ``beta1`` and ``beta2`` are the decay of the means per update; ``beta1_halflife``
    and ``beta2_halflife`` say the same in updates.
    Source: D. P. Kingma, J. Ba (2015), Adam: A Method for Stochastic Optimization.
    """

    hyperparams: ClassVar = {
        "beta1_halflife": halflife(7.0, "b1"),
        "beta2_halflife": halflife(69.0, "b2"),
        "beta1": Hyperparam(None, least=0, below=1, name="b1"),
        "beta2": Hyperparam(None, least=0, below=1, name="b2"),
        "rms_regularizer": REGULARIZER,
    }
    slots: ClassVar = {"mean": 0.0, "square": 0.0}
    counts_updates = True
    elementwise = True

    def step(self, g: Array, state: State, param: Array, n: Numbers) -> Array:
        state["mean"] = blend(n["b1"], state["mean"], g)
        state["square"] = blend(n["b2"], state["square"], g * g)
        mean = state["mean"] / (1 - n["b1"] ** n["count"])
        square = state["square"] / (1 - n["b2"] ** n["count"])
        return n["learning_rate"] * mean / (jnp.sqrt(square) + n["rms_regularizer"])


class AdamW(Adam):
    """Adam with decoupled weight decay: u = α(m/(√v+ε) + λw), λ is ``weight_decay``.

    Arrays with one axis or none, as biases and gains are, do not decay. For other
    algorithms, this keyword is the penalty ``weight_l2``.
    Source: I. Loshchilov, F. Hutter (2019), Decoupled Weight Decay Regularization.
    """

    hyperparams: ClassVar = {
        **Adam.hyperparams,
        "weight_decay": Hyperparam(0.01, least=0),
    }

    def step(self, g: Array, state: State, param: Array, n: Numbers) -> Array:
        step = super().step(g, state, param, n)
        if param.ndim < 2:
            return step
        return step + n["learning_rate"] * n["weight_decay"] * param
