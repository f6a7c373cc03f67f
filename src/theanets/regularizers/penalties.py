"""Terms that are added to a loss."""

import math
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from theanets.config import stored_type
from theanets.errors import ConfigurationError
from theanets.regularizers.base import Evaluation, Regularizer, Roles, Shapes
from theanets.types import Array, PyTree
from theanets.utils.checks import check_int
from theanets.utils.registry import join_names, matching, patterns

_MOST_SAMPLES = 1 << 20
EXACT_UP_TO = 64
"""Inputs or hidden values of an example, up to which a Jacobian is computed whole."""
_CONTRACTIVE = zlib.crc32(b"contractive")


class _Mean(Regularizer, register=False):
    """The mean of some terms of each array, averaged over the arrays."""

    def penalty(self, evaluation: Evaluation) -> Array | float:
        arrays = evaluation.params if self.over_params else evaluation.outputs
        chosen = [arrays[name] for name in self.targets(arrays, evaluation.roles)]
        means = [self.terms(x).mean() for x in chosen if self.counts(x)]
        return sum(means[1:], means[0]) / len(means) if means else 0.0

    def counts(self, x: Array) -> bool:
        """Whether an array has terms; the biases have none."""
        return not self.over_params or x.ndim > 1

    def terms(self, x: Array) -> Array:
        raise NotImplementedError


class WeightL2(_Mean):
    """Mean of the squares of each weight array, averaged over the arrays.

    Parameters of rank 1, the biases, do not count.
    """

    aliases = ("weight_l2", "weight_decay")
    default_pattern = "*"
    over_params = True

    def terms(self, x: Array) -> Array:
        return jnp.square(x)


class WeightL1(_Mean):
    """Mean of the magnitudes of each weight array, averaged over the arrays.

    Parameters of rank 1, the biases, do not count.
    """

    aliases = ("weight_l1", "weight_sparsity")
    default_pattern = "*"
    over_params = True

    def terms(self, x: Array) -> Array:
        return jnp.abs(x)


class HiddenL1(_Mean):
    """Mean of the magnitudes of hidden outputs, averaged over the layers."""

    aliases = ("hidden_l1", "hidden_sparsity")
    default_role = "hidden"

    def terms(self, x: Array) -> Array:
        return jnp.abs(x)


class Contractive(Regularizer):
    """Squared Frobenius norm of the derivative of hidden outputs by the inputs.

    The sum of the squares of all ∂hidden/∂input of an example, averaged over the
    examples and over the layers. It is exact for few inputs or few hidden values, and
    else estimated without bias: for random signs v, the mean of the squared norm of
    v @ J is the squared norm of J.
    Source: S. Rifai et al. (2011), Contractive Auto-Encoders: Explicit Invariance
    During Feature Extraction; for the estimate, M. F. Hutchinson (1990).

    Parameters
    ----------
    weight, pattern, role
        As for every regularizer; by default the outputs of all hidden layers.
    wrt : str or sequence of str
        Glob over the names of the input layers to differentiate by, or of their
        outputs, such as ``"in:out"``.
    samples : int, optional
        Random vectors per example for the estimate; 0: be exact. By default 0 up to 64
        inputs or 64 hidden values, and 1 beyond.
    """

    default_role = "hidden"

    def __init__(
        self,
        *args: Any,
        wrt: str | Sequence[str] = "*",
        samples: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.wrt = patterns(wrt, f"{self.form}: wrt", "in")
        if samples is not None:
            what, also = f"{self.form}: samples", ", 0 to be exact"
            samples = check_int(samples, what, 0, also, below=_MOST_SAMPLES)
        self.samples = samples

    def check(self, shapes: Shapes, roles: Roles, indices: Collection[str]) -> None:
        super().check(shapes, roles, indices)
        inputs = [name.partition(":")[0] for name in roles["input"]]
        chosen = self._chosen(inputs)
        if not set(chosen) - set(indices):
            reason = "whole numbers alone" if chosen else "no input"
            raise ConfigurationError(
                f"{self.form}: wrt {', '.join(map(repr, self.wrt))} matches {reason}; "
                "it has to name an input that holds numbers, to differentiate by. "
                f"There are: {join_names(set(inputs) - set(indices))}."
            )

    def _chosen(self, inputs: Iterable[str]) -> list[str]:
        return [x for x in inputs if matching(self.wrt, (x, f"{x}:out"))]

    def penalty(self, evaluation: Evaluation) -> Array | float:
        names = self.targets(evaluation.outputs, evaluation.roles)
        if not names:
            return 0.0
        chosen = {
            name: evaluation.inputs[name]
            for name in self._chosen(evaluation.inputs)
            if jnp.issubdtype(evaluation.inputs[name].dtype, jnp.floating)
        }

        def hidden(inputs: Mapping[str, Array]) -> Array:
            outputs = evaluation.forward({**evaluation.inputs, **inputs})
            flat = [outputs[name].reshape(len(outputs[name]), -1) for name in names]
            return jnp.concatenate(flat, axis=1)

        value, pull = jax.vjp(hidden, chosen)
        squares = _sum_of_squares(chosen, value, pull, self.samples, evaluation.key)
        return squares / (len(value) * len(names))


class _OverTime(_Mean, register=False):
    """A penalty of how outputs (batch, time, size) change from one step to the next."""

    example: ClassVar = {"pattern": "hid2:out"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.pattern is None and self.role is None:
            raise ConfigurationError(
                f"{self.form} needs a pattern: which outputs of recurrent layers, such "
                f'as {self.form}=dict(weight=0.1, pattern="hid1:out").'
            )

    def check(self, shapes: Shapes, roles: Roles, indices: Collection[str]) -> None:
        super().check(shapes, roles, indices)
        targets = self.targets(shapes, roles)
        if not any(len(shapes[name]) == 2 for name in targets):
            outputs = ", ".join(f"{name} {shapes[name]}" for name in targets)
            raise ConfigurationError(
                f"{self.form}: none of its outputs has an axis of time: {outputs}. It "
                "needs outputs of (time, size)."
            )

    def counts(self, x: Array) -> bool:
        # A single step has no next one.
        return x.ndim == 3 and x.shape[1] > 1


class RecurrentNorm(_OverTime):
    """Mean of (|h[t]|² - |h[t-1]|²)², for outputs h of (batch, time, size).

    Averaged over the examples, the steps, and the outputs that ``pattern`` names. It
    needs a pattern; outputs without an axis of time do not count.
    Source: D. Krueger, R. Memisevic (2016), Regularizing RNNs by Stabilizing
    Activations, but with norms that are not squared.
    """

    aliases = ("recurrent_norm",)

    def terms(self, x: Array) -> Array:
        norms = jnp.square(_wide(x)).sum(axis=-1)
        return jnp.square(norms[:, 1:] - norms[:, :-1])


class RecurrentState(_OverTime):
    """Mean of (h[t] - h[t-1])², for outputs h of (batch, time, size).

    Averaged over all values, and over the outputs that ``pattern`` names. It needs a
    pattern; outputs without an axis of time do not count.
    """

    aliases = ("recurrent_state",)

    def terms(self, x: Array) -> Array:
        return jnp.square(jnp.diff(_wide(x), axis=1))


def _sum_of_squares(
    inputs: Mapping[str, Array],
    value: Array,
    pull: Callable[[Array], PyTree],
    samples: int | None,
    key: Array | None,
) -> Array:
    """Return the sum of the squares of the Jacobians J of all examples.

    ``value`` is (batch, rows); ``pull`` maps a v of this shape to v @ J per example.
    """
    batch, rows = value.shape
    columns = sum(math.prod(x.shape[1:]) for x in inputs.values())
    exact = min(rows, columns) <= EXACT_UP_TO if samples is None else samples == 0

    def squares(tree: PyTree) -> Array:
        parts = [jnp.square(_wide(x)).sum() for x in jax.tree.leaves(tree)]
        return sum(parts[1:], parts[0])

    if not exact:
        if key is None:
            # In validation: the same vectors each time keep it comparable.
            key = jax.random.key(0)
        else:
            key = jax.random.fold_in(key, _CONTRACTIVE)
        signs = jax.random.rademacher(key, (samples or 1, *value.shape), value.dtype)
        return jax.vmap(lambda v: squares(pull(v)))(signs).mean()
    if rows <= columns:
        basis = jnp.eye(rows, dtype=value.dtype)
        repeated = jnp.broadcast_to(basis[:, None], (rows, batch, rows))
        return jax.vmap(lambda v: squares(pull(v)))(repeated).sum()
    # v -> v @ J is linear, so its derivative is u -> J @ u. This way it also works for
    # layers with a reverse derivative of their own, which have no forward one.
    flat, restore = ravel_pytree(jax.tree.map(lambda x: x[0], dict(inputs)))
    push = jax.vjp(pull, jnp.zeros_like(value))[1]

    def pushed(u: Array) -> Array:
        along = jax.tree.map(
            lambda d, x: jnp.broadcast_to(d, x.shape), restore(u), dict(inputs)
        )
        return squares(push((along,)))

    return jax.vmap(pushed)(jnp.eye(len(flat), dtype=flat.dtype)).sum()


def _wide(x: Array) -> Array:
    return x.astype(stored_type(x.dtype))
