"""Losses of labels."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from theanets.activations import largest
from theanets.losses.base import Loss
from theanets.losses.probabilities import EPSILON, FromLogits
from theanets.types import Array, Outputs


class CrossEntropy(FromLogits):
    """Mean of -log(p[label]), for an output p of probabilities of the classes.

    If the output's layer has a softmax activation, the logarithm is computed from its
    pre-activation, exactly however small it is; otherwise probabilities below 1e-8
    count as 1e-8. An output without an activation counts as the pre-activation of a
    softmax.
    """

    aliases = ("xe",)
    integer_target = True
    has_accuracy = True
    output_activation = "softmax"

    @property
    def scores_name(self) -> str:
        # They have the same order, and then nothing may need the softmax.
        return self.logits_name or self.output_name

    def terms(self, outputs: Outputs, target: Array) -> Array:
        if self.logits_name is None:
            p = _at(outputs[self.output_name], target)
            return -jnp.log(jnp.maximum(p, EPSILON))
        logits = outputs[self.logits_name]
        return jax.nn.logsumexp(logits, axis=-1) - _at(logits, target)


class BinaryCrossEntropy(FromLogits):
    """Mean of -t log(p) - (1 - t) log(1 - p): each output decides yes or no.

    For labels that do not exclude each other: the target t has the shape of the output
    p, each entry 0, 1 or a probability between. If the output's layer has a logistic
    activation, the logarithms are computed from its pre-activation, exactly; otherwise
    probabilities below 1e-8 count as 1e-8. An output without an activation counts as
    the pre-activation of a logistic one.

    Examples
    --------
    >>> outputs = {"out:out": jnp.array([0.5, 0.25])}
    >>> round(float(Loss.build("bce")(outputs, jnp.array([1, 0]))), 4)
    0.4904
    """

    example: ClassVar = {"output_name": "out:pre"}
    aliases = ("bce",)
    output_activation = "logistic"
    probabilities = ("rect:minmax",)
    target_range = (0.0, 1.0)

    def terms(self, outputs: Outputs, target: Array) -> Array:
        if self.logits_name is not None:
            logits = outputs[self.logits_name]
            return jax.nn.softplus(logits) - target.astype(logits.dtype) * logits
        p = outputs[self.output_name]
        t = target.astype(p.dtype)
        yes, no = (jnp.log(jnp.maximum(q, EPSILON)) for q in (p, 1 - p))
        return -t * yes - (1 - t) * no


class Hinge(Loss):
    """Mean of max(0, max_k q_k - q[label]), for an output q of scores.

    Where several scores are largest they share the derivative.
    """

    aliases = ("hinge",)
    integer_target = True
    has_accuracy = True

    def terms(self, outputs: Outputs, target: Array) -> Array:
        scores = outputs[self.output_name]
        return jax.nn.relu(largest(scores) - _at(scores, target))


def _at(values: Array, labels: Array) -> Array:
    """Return the value of each label's class; NaN if there is none."""
    labels, classes = labels.astype(jnp.int32), values.shape[-1]
    # Unlike a gather and its derivative, a comparison fuses with its neighbours.
    chosen = labels[..., None] == jnp.arange(classes)
    value = jnp.where(chosen, values, 0).sum(axis=-1)
    return jnp.where((labels >= 0) & (labels < classes), value, jnp.nan)
