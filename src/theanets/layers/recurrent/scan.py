"""The one loop over time that all recurrent layers run in."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array
State = dict[str, Array]
"""What a layer hands from one time step to the next, (batch, ...) each, by name."""
Step = Callable[[State, Any], tuple[State, dict[str, Array]]]
"""(state before, this step's values) -> (state after, further outputs)."""


def scan(
    step: Step,
    state: State,
    xs: Any,
    *,
    reverse: bool = False,
    valid: Array | None = None,
    limit: int | None = None,
) -> tuple[State, State, dict[str, Array]]:
    """Run a step over time.

    Parameters
    ----------
    step : callable
        Computes one time step.
    state : dict of str to array
        The state before the first step.
    xs : array or tree of arrays, (time, ...)
        What each step is given.
    reverse : bool
        Whether to begin with the last step; results stay in the order of ``xs``.
    valid : array of bool, (time, batch), optional
        Where False, a step leaves the state of an example as it is.
    limit : int, optional
        Derivatives flow through this many valid steps, those processed last.

    Returns
    -------
    last : dict of str to array
        The state after the last step.
    states : dict of str to array, (time, ...)
        The state after each step.
    outputs : dict of str to array, (time, ...)
        What the steps return besides.
    """
    now = (xs, valid, _kept(xs, valid, limit, reverse))

    def body(state: State, now: Any) -> tuple[State, Any]:
        x, valid, kept = now
        new, outputs = step(state, x)
        if valid is not None:
            new = jax.tree.map(lambda a, b: _where(valid, a, b), new, state)
        if kept is not None:
            new, outputs = jax.tree.map(
                lambda a: _where(kept, a, lax.stop_gradient(a)), (new, outputs)
            )
        return new, (new, outputs)

    last, (states, outputs) = lax.scan(body, state, now, reverse=reverse)
    return last, states, outputs


def _kept(
    xs: Any, valid: Array | None, limit: int | None, reverse: bool
) -> Array | None:
    """Return which steps are among the last valid ones, (time, batch or 1)."""
    if limit is None:
        return None
    if valid is None:
        valid = jnp.ones((len(jax.tree.leaves(xs)[0]), 1), bool)
    following = lax.cumsum(valid.astype("int32"), axis=0, reverse=not reverse)
    return following <= limit


def _where(condition: Array, a: Array, b: Array) -> Array:
    """Choose by a condition for each example."""
    return jnp.where(condition.reshape(-1, *(1,) * (a.ndim - 1)), a, b)
