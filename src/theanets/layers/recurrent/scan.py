"""The one loop over time that all recurrent layers run in."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from theanets.types import Array, Params, PyTree

State: TypeAlias = dict[str, Array]
"""What a layer hands from one time step to the next, (batch, ...) each, by name."""
Stepped: TypeAlias = tuple[State, dict[str, Array]]
"""What a step returns: the state after it, and further outputs by name."""
Step: TypeAlias = Callable[[Params, State, PyTree], Stepped]
"""(parameters, state before, this step's values) -> (state after, further outputs)."""
Body: TypeAlias = Callable[[PyTree, State, PyTree], tuple[State, PyTree]]
"""A step with its mask: (parameters, state, values) -> (state, (state, outputs))."""


def scan(
    step: Step,
    params: Params,
    state: State,
    xs: PyTree,
    *,
    reverse: bool = False,
    valid: Array | None = None,
    limit: int | None = None,
) -> tuple[State, State, dict[str, Array]]:
    """Run a step over time; return the last state, all states, and further outputs.

    Each step gets ``params``, the state before it, and its own part of ``xs``, (time,
    ...). With ``reverse`` the last step comes first; results stay in the order of
    ``xs``. Where ``valid``, (time, batch), is False, a step leaves the state of an
    example as it is. Derivatives flow through ``limit`` valid steps, those processed
    last.
    """

    def body(params: PyTree, state: State, now: PyTree) -> tuple[State, PyTree]:
        x, valid, kept = now
        new, outputs = step(params, state, x)
        if valid is not None:
            new = jax.tree.map(lambda a, b: _where(valid, a, b), new, state)
        if kept is not None:
            new, outputs = jax.tree.map(
                lambda a: _where(kept, a, lax.stop_gradient(a)), (new, outputs)
            )
        return new, (new, outputs)

    now = (xs, valid, _kept(xs, valid, limit, reverse))
    last, (states, outputs) = _loop(body, dict(params), state, now, reverse)
    return last, states, outputs


def _loop(
    body: Body, params: PyTree, state: State, now: PyTree, reverse: bool
) -> PyTree:
    """Scan, with the derivatives of matrices formed after the loop, in one product.

    The derivative by a matrix w of all products h[t] @ w would be summed up in the
    loop, by a small product and an addition to a whole matrix in every step. Instead,
    the loop's derivative has the h[t] @ dw of all steps as inputs, "taps", computed by
    one product before it; the transpose of that forms the gradient of w after the loop.
    """
    uses = _products(body, params, state, now)

    def run(params: PyTree, state: State, now: PyTree) -> PyTree:
        return lax.scan(partial(body, params), state, now, reverse=reverse)

    def derivative(primals: PyTree, tangents: PyTree) -> PyTree:
        (params, state, now), (d_params, d_state, d_now) = primals, tangents
        matrices = {name for name, _ in uses}

        def tapped(rest: PyTree, state: State, now: PyTree, taps: PyTree) -> PyTree:
            def step(state: State, values: PyTree) -> PyTree:
                now, taps = values
                uses: list[_Use] = []
                marked = {n: _Matrix(n, params[n], uses, taps) for n in matrices}
                new, outputs = body({**rest, **marked}, state, now)
                return new, (outputs, [use.left for use in uses])

            thrifty = jax.checkpoint(step, prevent_cse=False, policy=_is_costly)
            last, (outputs, lefts) = lax.scan(
                thrifty, state, (now, taps), reverse=reverse
            )
            return (last, outputs), lefts

        rest = {k: v for k, v in params.items() if k not in matrices}
        d_rest = {k: v for k, v in d_params.items() if k not in matrices}
        taps = [jnp.zeros((_length(now), *x.shape), x.dtype) for _, x in uses]
        result, linear, lefts = jax.linearize(
            tapped, rest, state, now, taps, has_aux=True
        )
        d_taps = [
            left @ d_params[name] for left, (name, _) in zip(lefts, uses, strict=True)
        ]
        return result, linear(d_rest, d_state, d_now, d_taps)

    if not uses:
        return run(params, state, now)
    differentiable = jax.custom_jvp(run)
    differentiable.defjvp(derivative)
    return differentiable(params, state, now)


def _is_costly(primitive: Any, *arguments: object, **parameters: object) -> bool:
    """Return whether the loop keeps a result for its derivative.

    What is cheap is computed again: to keep an array is to write and read it.
    """
    return primitive.name in ("dot_general", "tanh", "logistic")


class _Use(NamedTuple):
    """A product with a matrix: the matrix's name, the left side, and the result."""

    name: str
    left: Array
    result: Array


class _Matrix:
    """A matrix that notes each product with it, and takes its derivative from a tap."""

    def __init__(
        self, name: str, array: Array, uses: list[_Use], taps: list[Array] | None = None
    ) -> None:
        self.name, self.array, self.uses, self.taps = name, array, uses, taps

    def __rmatmul__(self, left: Array) -> Array:
        if self.taps is None:
            result = left @ self.array
        else:
            result = _product(left, self.array, self.taps[len(self.uses)])
        self.uses.append(_Use(self.name, left, result))
        return result


@jax.custom_jvp
def _product(left: Array, matrix: Array, tap: Array) -> Array:
    return left @ matrix


@_product.defjvp
def _(primals: PyTree, tangents: PyTree) -> tuple[Array, Array]:
    (left, matrix, _), (d_left, _, d_tap) = primals, tangents
    return left @ matrix, d_left @ matrix + d_tap


def _products(
    body: Body, params: Params, state: State, now: PyTree
) -> list[tuple[str, jax.ShapeDtypeStruct]]:
    """Return the name of the matrix and the result of each product in a step."""

    def traced(params: PyTree, state: State, now: PyTree) -> list[Array]:
        first = jax.tree.map(lambda x: x[0], now)
        marked = {
            name: _Matrix(name, value, uses) if value.ndim == 2 else value
            for name, value in params.items()
        }
        body(marked, state, first)
        return [use.result for use in uses]

    uses: list[_Use] = []
    try:
        results = jax.eval_shape(traced, params, state, now)
    except (TypeError, AttributeError):
        # A matrix is used in another way: its derivative is left to the loop.
        return []
    return [(use.name, result) for use, result in zip(uses, results, strict=True)]


def _length(now: PyTree) -> int:
    """Return the number of time steps."""
    return len(jax.tree.leaves(now)[0])


def _kept(
    xs: PyTree, valid: Array | None, limit: int | None, reverse: bool
) -> Array | None:
    """Return which steps are among the last valid ones, (time, batch or 1)."""
    if limit is None:
        return None
    if valid is None:
        valid = jnp.ones((_length(xs), 1), bool)
    following = lax.cumsum(valid.astype("int32"), axis=0, reverse=not reverse)
    return following <= limit


def _where(condition: Array, a: Array, b: Array) -> Array:
    """Choose by a condition for each example."""
    return jnp.where(condition.reshape(-1, *(1,) * (a.ndim - 1)), a, b)
