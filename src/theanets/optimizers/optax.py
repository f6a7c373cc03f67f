"""Transformations of optax, as algorithms, and the algorithm that is one."""

import hashlib
import inspect
import re
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from theanets.data.device import identity
from theanets.errors import ConfigurationError
from theanets.optimizers.base import Optimizer, Transformation
from theanets.types import Array, PyTree


class LBFGS(Optimizer):
    """Limited-memory BFGS with a line search.

    Source: D. C. Liu, J. Nocedal (1989), On the Limited Memory BFGS Method for Large
    Scale Optimization.
    """

    full_batch = True

    def transformation(self) -> Transformation:
        import optax

        return optax.lbfgs()


def of_optax(keyword: str, algo: str) -> str:
    """Return a sentence for a name that is no algorithm, but a function of optax."""
    import optax

    known = algo.isidentifier() and inspect.isfunction(getattr(optax, algo, None))
    return f" Write {keyword}=optax.{algo}(0.001)." if known else ""


def update(
    transformation: Transformation,
    grads: PyTree,
    state: PyTree,
    params: PyTree,
    value: Array | None,
    value_fn: Callable[[PyTree], Array] | None,
) -> tuple[PyTree, PyTree]:
    """Return parameters and state after one update by a transformation."""
    import optax

    def value_at(tried: PyTree) -> Array:
        # A line search from parameters in bfloat16 tries some in float32.
        assert value_fn is not None
        stored = jax.tree.map(lambda t, p: t.astype(p.dtype), tried, params)
        return value_fn(stored)

    extra = {"value": value, "grad": grads, "value_fn": value_fn and value_at}
    extra = {name: x for name, x in extra.items() if x is not None}
    full = optax.with_extra_args_support(transformation)
    try:
        steps, state = full.update(grads, state, params, **extra)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"algo: this transformation of optax cannot be used here: {error}. Its "
            "update gets the gradients, the state and the parameters, and by name "
            "value, grad and value_fn."
        ) from error
    return optax.apply_updates(params, steps), state


def traced(
    function: Callable[..., PyTree], *arguments: PyTree
) -> dict[str, str] | None:
    """Return a fingerprint of a function of arrays, None if it has none.

    It is a checksum of the operations and numbers that JAX traces in it, the same in
    every process. Nothing is compiled.
    """
    import optax

    try:
        # A new function each time, for which JAX has cached nothing.
        first, second = (
            _operations(jax.make_jaxpr(lambda *args: function(*args))(*arguments))
            for _ in range(2)
        )
    except Exception:
        # If it cannot be traced, training says so.
        return None
    versions = f"jax {jax.__version__}, optax {optax.__version__}"
    return {"content": first, "versions": versions} if first == second else None


def _operations(program: Any) -> str:
    """Return a checksum of a program's operations and of the arrays in it."""
    text = re.sub("0x[0-9a-f]+", "", str(program))
    arrays = [identity(np.asarray(array)) for array in _constants(program)]
    return hashlib.sha256(f"{text} {arrays}".encode()).hexdigest()[:16]


def _constants(program: Any) -> list[Any]:
    """Return the arrays in a program and in those that it calls."""
    arrays = list(getattr(program, "consts", ()))
    for equation in program.eqns:
        for value in jax.tree.leaves(list(equation.params.values())):
            arrays += _constants(value) if hasattr(value, "eqns") else []
    return arrays
