"""Products of the Hessian of a loss with a vector."""

from collections.abc import Callable
from typing import Any

import jax

from theanets.types import Array, PyTree


def hessian_vector(
    loss_fn: Callable[[PyTree], Array], params: PyTree, v: PyTree
) -> PyTree:
    """Return ∂²L/∂p² v_p for each parameter p of a loss L(params).

    Blocks of the Hessian that join two parameters are left out.

    Examples
    --------
    >>> def loss(params):
    ...     return params["a"] ** 3 * params["b"]
    >>> hv = hessian_vector(loss, {"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 1.0})
    >>> float(hv["a"]), float(hv["b"])
    (12.0, 0.0)
    """
    tree: Any
    leaves, tree = jax.tree.flatten(params)

    def block(i: int, direction: Array) -> PyTree:
        def loss_of(leaf: Array) -> Array:
            return loss_fn(tree.unflatten([*leaves[:i], leaf, *leaves[i + 1 :]]))

        return jax.jvp(jax.grad(loss_of), (leaves[i],), (direction,))[1]

    directions = tree.flatten_up_to(v)
    return tree.unflatten([block(i, d) for i, d in enumerate(directions)])
