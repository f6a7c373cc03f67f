"""Terms that are added to a loss."""

from typing import Any

import jax
import jax.numpy as jnp

from theanets.regularizers.base import Evaluation, Regularizer

Array = jax.Array


class WeightL2(Regularizer):
    """Mean of the squares of each weight array, averaged over the arrays.

    Parameters of rank 1, the biases, do not count.
    """

    aliases = ("weight_l2", "weight_decay")
    default_pattern = "*"
    over_params = True

    def penalty(self, evaluation: Evaluation) -> Array | float:
        """Return the mean of squares."""
        return _mean(jnp.square(w) for w in _weights(self, evaluation))


class WeightL1(Regularizer):
    """Mean of the magnitudes of each weight array, averaged over the arrays.

    Parameters of rank 1, the biases, do not count.
    """

    aliases = ("weight_l1", "weight_sparsity")
    default_pattern = "*"
    over_params = True

    def penalty(self, evaluation: Evaluation) -> Array | float:
        """Return the mean of magnitudes."""
        return _mean(jnp.abs(w) for w in _weights(self, evaluation))


class HiddenL1(Regularizer):
    """Mean of the magnitudes of hidden outputs, averaged over the layers."""

    aliases = ("hidden_l1", "hidden_sparsity")
    default_role = "hidden"

    def penalty(self, evaluation: Evaluation) -> Array | float:
        """Return the mean of magnitudes."""
        names = self.targets(evaluation.outputs, evaluation.roles)
        return _mean(jnp.abs(evaluation.outputs[name]) for name in names)


def _weights(regularizer: Regularizer, evaluation: Evaluation) -> list[Array]:
    names = regularizer.targets(evaluation.params, evaluation.roles)
    weights = [evaluation.params[name] for name in names]
    return [w for w in weights if w.ndim > 1]


def _mean(arrays: Any) -> Array | float:
    means = [array.mean() for array in arrays]
    return sum(means[1:], means[0]) / len(means) if means else 0.0
