"""How much examples and classes count in training, each and on average."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from theanets.data.dataset import Dataset, named_arrays
from theanets.data.shapes import reshaped
from theanets.errors import ConfigurationError, DataError
from theanets.graph.expected import Expectations, expected_labels
from theanets.graph.objective import Objective
from theanets.graph.slots import weights_name
from theanets.losses import Loss
from theanets.utils.checks import check_nonnegative, is_whole, number, shown
from theanets.utils.registry import suggest


def class_weights(
    given: object, objective: Objective, train: object
) -> tuple[float, ...]:
    """Return the weight of each class, as the keyword ``class_weight`` asks for.

    "balanced": examples / (classes * examples of this class), for the classes that
    occur in the training data, as in scikit-learn. A mapping gives the weight of each
    label; labels that it does not name have 1.
    """
    if objective.classifying is None:
        raise ConfigurationError(
            "class_weight is for classifiers: the model has no loss of labels on its "
            "last layer. For other errors, give weights with the data (weighted=True)."
        )
    classes = objective.topology.output_shapes[objective.classifying.output_name][-1]
    assert classes is not None
    if isinstance(given, str) and given == "balanced":
        arrays = _arrays(objective, train)
        if arrays is None:
            raise DataError(
                'class_weight="balanced" counts the labels of the training data, which '
                "cannot be done where these come batch by batch. Give arrays, or the "
                "weights themselves, such as class_weight={0: 1, 1: 5}."
            )
        if len(arrays) < len(objective.slots):
            # The check of the data will say which array is missing.
            return (1.0,) * classes
        labels, weights = _labelled(objective, objective.classifying, arrays)
        counts = np.bincount(labels, weights, minlength=classes)[:classes]
        occurs = counts > 0
        balanced = counts.sum() / (occurs.sum() * np.where(occurs, counts, 1))
        return tuple(np.where(occurs, balanced, 1.0).tolist())
    if not isinstance(given, Mapping):
        hint = suggest(given, ["balanced"]) if isinstance(given, str) else ""
        raise ConfigurationError(
            f'class_weight is {shown(given)}; it has to be "balanced", or a dict from '
            f"labels to weights, such as {{0: 1, 1: 5}}.{hint}"
        )
    weights_by_class = [1.0] * classes
    for label, weight in given.items():
        if not is_whole(label, 0) or label >= classes:
            raise ConfigurationError(
                f"class_weight names the label {shown(label)}; the model has {classes} "
                f"classes, 0 to {classes - 1}. Give the weights by number: "
                "{0: 1, 1: 3}."
            )
        where = f"class_weight of label {label}"
        weights_by_class[label] = check_nonnegative(weight, where)
    if not any(weights_by_class):
        raise ConfigurationError(
            "class_weight gives all classes the weight 0, so no example counts. Give "
            "those that count a weight more than 0."
        )
    return tuple(weights_by_class)


def mean_weights(objective: Objective, train: object) -> tuple[float, ...]:
    """Return how much an error of each loss counts on average in the training data.

    Class weights are part of it. It is 0 where it is not known: for data that come
    batch by batch, unless their `Dataset` gives it.
    """
    mean_weight = train.mean_weight if isinstance(train, Dataset) else None
    weighted = [
        loss.weighted or bool(objective.class_weights and loss is objective.classifying)
        for loss in objective.losses
    ]
    if mean_weight is not None:
        expected = "a number more than 0, or None where it is not known"
        mean = number(mean_weight, "train: mean_weight", expected, lambda x: x > 0)
        return (mean,) * len(weighted)
    arrays = _arrays(objective, train) if any(weighted) else None
    if arrays is None or len(arrays) < len(objective.slots):
        # The check of the data will say which array is missing.
        return (0.0,) * len(weighted)
    return tuple(
        _mean_weight(objective, loss, arrays) if counts else 0.0
        for loss, counts in zip(objective.losses, weighted, strict=True)
    )


Arrays = Mapping[str, Callable[[], Any]]
"""Functions that convert the user's arrays, by name."""


def _mean_weight(objective: Objective, loss: Loss, arrays: Arrays) -> float:
    if objective.class_weights and loss is objective.classifying:
        labels, weights = _labelled(objective, loss, arrays)
        weights = weights * np.asarray(objective.class_weights)[labels]
    else:
        weights = np.asarray(arrays[weights_name(loss)](), "f8")
    if weights.size and not weights.any():
        raise DataError(
            "train: all examples have the weight 0, by the data or by class_weight, so "
            "none counts. Give those that count a weight more than 0."
        )
    # The check of the data will refuse values that are no weights.
    mean = float(weights.mean()) if weights.size else 0.0
    return mean if np.isfinite(mean) and mean > 0 else 0.0


def _labelled(
    objective: Objective, loss: Loss, arrays: Arrays
) -> tuple[np.ndarray, np.ndarray]:
    """Return all labels of a data set in one row, and the weight of each."""
    slot = expected_labels(objective.topology, loss)
    labels = np.asarray(reshaped(arrays[loss.target](), slot, "train"))
    weights = np.ones(labels.shape)
    if loss.weighted:
        raw = np.asarray(arrays[weights_name(loss)](), "f8")
        raw = np.asarray(reshaped(raw, replace(slot, role="weights"), "train"))
        if raw.shape == labels.shape[: raw.ndim]:
            extra = (1,) * (labels.ndim - raw.ndim)
            weights = np.broadcast_to(raw.reshape(*raw.shape, *extra), labels.shape)
    # Left out here: values that are no labels. The check of the data will refuse them.
    valid = (labels >= 0) & (labels < (slot.classes or 0))
    return labels[valid].astype(np.int64), weights[valid]


def _arrays(objective: Objective, train: object) -> Arrays | None:
    """Return the arrays of a data set by name, None if it comes batch by batch.

    Each is converted when it is called, since most are never read.
    """
    expect = Expectations(objective)
    return named_arrays(train, "train", expect.names, expect.labels)
