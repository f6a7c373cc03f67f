"""How good predictions are, in one number."""

from typing import Any

import numpy as np

from theanets.datasets.arrays import Expected, Shape, as_array, check
from theanets.datasets.sparse import dense
from theanets.errors import DataError


def checked_target(
    y: Any, shape: Shape, leading: tuple[int, ...], classes: int | None = None
) -> np.ndarray:
    """Return targets or labels, checked before anything is predicted.

    Parameters
    ----------
    y : array
        What a user gives.
    shape : tuple
        Shape of the target of one example.
    leading : tuple
        The number of examples of the inputs; empty for a single example.
    classes : int, optional
        Number of classes, for labels.
    """
    array = as_array(y, "y")
    single = not leading
    if not single and array.shape[:1] != leading:
        raise DataError(
            f"y has the shape {array.shape}, but x has {leading[0]} examples: the "
            f"target needs the shape {(*leading, *shape)}."
        )
    role = "target" if classes is None else "labels"
    batch = array[None] if single else array
    check([batch], [Expected("y", role, shape, classes)], "score")
    return dense(array)


def checked_weights(w: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return weights for targets of a shape, of ones if there are none.

    Weights have the shape of the target, or only its first axes.
    """
    weights = np.ones(shape) if w is None else np.asarray(as_array(w, "w"), "f8")
    fits = weights.shape == shape[: weights.ndim]
    if not fits or not (weights >= 0).all() or not weights.sum() > 0:
        raise DataError(
            f"w has the shape {weights.shape} and the sum {weights.sum():g}; weights "
            f"have the shape of the target, {shape}, or one entry for each example, "
            "are not negative, and some are more than 0."
        )
    extra = (1,) * (len(shape) - weights.ndim)
    return np.broadcast_to(weights.reshape(*weights.shape, *extra), shape)


def accuracy(y: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    """Return the weighted part of labels that are predicted right."""
    _check_shapes(y, predicted)
    return float(np.average(y == predicted, weights=weights))


def r2(y: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    """Return R² of each output, averaged, as scikit-learn's ``r2_score`` does.

    Parameters
    ----------
    y : array
        Targets, of the shape of the predictions.
    predicted : array
        Predictions; the last axis holds the outputs.
    weights : array
        Weights, of the shape of the targets.
    """
    _check_shapes(y, predicted)
    outputs = predicted.shape[-1]
    w, true, answer = (
        array.astype("f8").reshape(-1, outputs) for array in (weights, y, predicted)
    )
    center = (w * true).sum(axis=0) / w.sum(axis=0)
    residual = (w * np.square(true - answer)).sum(axis=0)
    total = (w * np.square(true - center)).sum(axis=0)
    # A target that never changes: perfect or worthless, as scikit-learn has it.
    constant = np.where(residual == 0, 1.0, 0.0)
    scores = np.where(total > 0, 1 - residual / np.where(total > 0, total, 1), constant)
    return float(scores.mean())


def _check_shapes(y: np.ndarray, predicted: np.ndarray) -> None:
    # Lengths that a model leaves open are known only now.
    if y.shape != predicted.shape:
        raise DataError(
            f"y has the shape {y.shape}, but the predictions for x have "
            f"{predicted.shape}. Give one entry for each prediction."
        )
