"""Gradient descent, as it is or by signs alone."""

from collections.abc import Mapping
from typing import ClassVar

import jax.numpy as jnp

from theanets.errors import ConfigurationError
from theanets.optimizers.base import Hyperparam, Numbers, Optimizer, State
from theanets.types import Array
from theanets.utils.checks import shown


class SGD(Optimizer):
    """u = αG."""

    learning_rate = 0.05
    elementwise = True

    def step(self, g: Array, state: State, param: Array, n: Numbers) -> Array:
        return n["learning_rate"] * g


class NAG(SGD):
    """Descent with Nesterov's momentum."""

    learning_rate = 0.01
    momentum = 0.9
    nesterov = True


class RProp(Optimizer):
    """iRprop⁻: the signs of gradients, and for each entry its own step size.

    Source: C. Igel, M. Hüsken (2000), Improving the Rprop Learning Algorithm.
    """

    hyperparams: ClassVar = {
        "rprop_increase": Hyperparam(1.01, least=1),
        "rprop_decrease": Hyperparam(0.99, above=0, most=1),
        "rprop_min_step": Hyperparam(0.0, least=0),
        "rprop_max_step": Hyperparam(100.0, above=0),
    }
    slots: ClassVar = {"step": -1.0, "gradient": 0.0}
    elementwise = True
    full_batch = True
    hides_nonfinite = True

    def check(self, hyperparams: Mapping[str, float]) -> None:
        low, high = hyperparams["rprop_min_step"], hyperparams["rprop_max_step"]
        if low > high:
            raise ConfigurationError(
                f"rprop_min_step is {shown(low)}; it has to be at most "
                f"rprop_max_step, which is {shown(high)}."
            )

    def step(self, g: Array, state: State, param: Array, n: Numbers) -> Array:
        # The first step is the learning rate, which `init` does not know.
        step = jnp.where(state["step"] < 0, n["learning_rate"], state["step"])
        agreement = g * state["gradient"]
        grown = jnp.minimum(step * n["rprop_increase"], n["rprop_max_step"])
        shrunk = jnp.maximum(step * n["rprop_decrease"], n["rprop_min_step"])
        step = jnp.where(agreement > 0, grown, jnp.where(agreement < 0, shrunk, step))
        g = jnp.where(agreement < 0, 0, g)
        state["step"], state["gradient"] = step, g
        return jnp.sign(g) * step
