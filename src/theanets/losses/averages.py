"""Means of errors, weighted if there are weights."""

import jax.numpy as jnp

from theanets.types import Array


def mean(errors: Array, weights: Array | None = None) -> Array:
    """Return the mean of errors, weighted if there are weights; 0 if they are all 0.

    Weights may lack the last axes of the errors; each then counts for all of its
    elements. Truth values say which errors count, at least one of them.

    >>> float(mean(jnp.array([1.0, 4.0]), jnp.array([2.0, 1.0])))
    2.0
    """
    if weights is None:
        return errors.mean()
    if weights.dtype == bool:
        # One sum, as without weights: a product with zeros and ones takes two.
        count = weights.sum(dtype=errors.dtype) * (errors.size // weights.size)
        return jnp.where(with_axes(weights, errors.ndim), errors, 0).sum() / count
    weights = with_axes(weights.astype(errors.dtype), errors.ndim)
    weights = jnp.broadcast_to(weights, errors.shape)
    total = weights.sum()
    return (weights * errors).sum() / jnp.where(total == 0, 1, total)


def with_axes(weights: Array, ndim: int) -> Array:
    """Return weights with the last axes that they lack, of length 1.

    >>> with_axes(jnp.ones(3), 2).shape
    (3, 1)
    """
    return jnp.expand_dims(weights, range(weights.ndim, ndim))
