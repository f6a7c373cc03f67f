"""How good predictions are, in one number."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import DTypeLike

from theanets.data.arrays import as_array
from theanets.data.checks import check
from theanets.data.expected import Expected
from theanets.data.kinds.base import DataArray
from theanets.data.shapes import reshaped
from theanets.errors import DataError
from theanets.types import Shape

Part = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Targets of some examples, their predictions, and weights of the target's shape."""


def checked_target(
    y: object,
    shape: Shape,
    leading: tuple[int, ...],
    dtype: DTypeLike,
    classes: int | None = None,
) -> DataArray:
    """Return targets, or with ``classes`` labels, checked; sparse ones stay sparse.

    ``shape`` is the shape of one example's target. ``leading`` holds the number of
    examples, or nothing for a single one.
    """
    role = "target" if classes is None else "labels"
    slot = Expected("y", role, shape, classes)
    array = as_array(y, "y", role == "labels")
    batch: DataArray = reshaped(array if leading else array[None], slot, "score")
    if leading and batch.shape[:1] != leading:
        raise DataError(
            f"y has the shape {array.shape}, but x has {leading[0]} examples: the "
            f"target needs the shape {(*leading, *shape)}."
        )
    check([batch], [slot], "score", dtype)
    return batch if leading else batch[0]


def checked_weights(w: object, shape: tuple[int, ...]) -> np.ndarray:
    """Return weights of a target's shape, given for its first axes or not at all."""
    if w is None:
        return np.broadcast_to(1.0, shape)
    weights = np.asarray(as_array(w, "w"), "f8")
    if weights.shape == (*shape, 1):
        weights = weights.reshape(shape)
    if weights.shape != shape[: weights.ndim]:
        raise DataError(
            f"w has the shape {weights.shape}; weights need the shape of the target, "
            f"{shape}, or one entry for each example."
        )
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not (weights >= 0).all() or not 0 < total < np.inf:
        raise DataError(
            f"w holds values from {weights.min():g} to {weights.max():g}; weights have "
            "to be finite, as their sum, 0 or more, and some of them more than 0."
        )
    extra = (1,) * (len(shape) - weights.ndim)
    return np.broadcast_to(weights.reshape(*weights.shape, *extra), shape)


def accuracy(parts: Iterable[Part]) -> float:
    """Return the weighted part of labels that are predicted right.

    >>> labels, predicted = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])
    >>> accuracy([(labels, predicted, np.ones(4))])
    0.75
    """
    right = weight = 0.0
    for y, predicted, weights in parts:
        _check_shapes(y, predicted)
        right += float(weights[y == predicted].sum())
        weight += float(weights.sum())
    return right / weight


def all_right(part: Part) -> Part:
    """Return a part with one entry for each example: whether all of its are right.

    >>> y, w = np.array([[1, 0], [1, 1]]), np.ones((2, 2))
    >>> accuracy([all_right((y, np.array([[1, 0], [0, 1]]), w))])
    0.5
    """
    y, predicted, weights = part
    _check_shapes(y, predicted)
    right = (y == predicted).all(axis=-1)
    return np.ones(right.shape), right, weights.mean(axis=-1)


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def r2(parts: Iterable[Part]) -> float:
    """Return R² of each output, averaged, as scikit-learn's ``r2_score`` does.

    The last axis of each part holds the outputs. Means and variances of the parts are
    put together as in Chan, Golub and LeVeque, "Updating formulae and a pairwise
    algorithm for computing sample variances" (1982).

    >>> y = np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> whole = r2([(y, y + 0.5, np.ones((4, 1)))])
    >>> round(whole, 6), round(r2((y[i : i + 2],) * 3 for i in (0, 2)), 6)
    (0.8, 1.0)
    """
    weight = center = total = residual = np.zeros(())
    finite = True
    for y, predicted, weights in parts:
        _check_shapes(y, predicted)
        finite = finite and bool(np.isfinite(predicted).all())
        outputs = predicted.shape[-1]
        w, true, answer = (
            array.reshape(-1, outputs).astype("f8") for array in (weights, y, predicted)
        )
        residual = residual + (w * np.square(true - answer)).sum(axis=0)
        here = w.sum(axis=0)
        both = weight + here
        mean = (w * true).sum(axis=0) / np.where(here > 0, here, 1)
        total = total + (w * np.square(true - mean)).sum(axis=0)
        share = here / np.where(both > 0, both, 1)
        total += np.square(mean - center) * weight * share
        center = center + (mean - center) * share
        weight = both
    # A target that never changes: perfect or worthless, as scikit-learn has it.
    constant = np.where(residual == 0, 1.0, 0.0)
    scores = np.where(total > 0, 1 - residual / np.where(total > 0, total, 1), constant)
    if finite and not np.isfinite(total + residual).all():
        raise DataError(
            "R² needs the squares of these targets, predictions and weights, which "
            "float64 cannot hold. Scale them."
        )
    return float(scores[weight > 0].mean())


def auc(parts: Iterable[Part]) -> float:
    """Return the area under the ROC curve, as scikit-learn's ``roc_auc_score`` does.

    It is the probability that a positive example has a higher score than a negative
    one. Of more than two classes it is the mean over the classes, each against all
    others. The last axis of the predictions holds the classes' probabilities.

    >>> labels, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> auc([(labels, np.stack([1 - p, p], axis=1), np.ones(4))])
    0.75
    """
    rows = [(y.ravel(), p.reshape(-1, p.shape[-1]), w.ravel()) for y, p, w in parts]
    y, p, w = map(np.concatenate, zip(*rows, strict=True))
    classes = range(1, 2) if p.shape[1] == 2 else range(p.shape[1])
    areas = [_area(y == label, p[:, label], w, label) for label in classes]
    return float(np.mean(areas))


def _area(positive: np.ndarray, score: np.ndarray, w: np.ndarray, label: int) -> float:
    _, rank = np.unique(score, return_inverse=True)
    ups = np.bincount(rank, w * positive)
    downs = np.bincount(rank, w * ~positive)
    if not ups.sum() or not downs.sum():
        raise DataError(
            f"the monitor auc compares examples of class {label} with others, but the "
            "validation data do not hold both. Give more validation data."
        )
    below = np.cumsum(downs) - downs
    return float((ups * (below + downs / 2)).sum() / (ups.sum() * downs.sum()))


def _check_shapes(y: np.ndarray, predicted: np.ndarray) -> None:
    # Lengths that a model leaves open are known only now.
    if y.shape != predicted.shape:
        raise DataError(
            f"y has the shape {y.shape}, but the predictions for x have "
            f"{predicted.shape}. Give one entry for each prediction."
        )
