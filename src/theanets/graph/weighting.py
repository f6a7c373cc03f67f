"""How much examples and classes count in training, and that on average."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from theanets.data.dataset import Dataset, named_arrays
from theanets.data.shapes import reshaped
from theanets.errors import ConfigurationError, DataError
from theanets.graph.expected import Expectations, expected_labels
from theanets.graph.objective import Objective
from theanets.graph.slots import output_shape, weights_name
from theanets.losses import Loss
from theanets.utils.checks import check_nonnegative, is_whole, number, shown
from theanets.utils.registry import suggest


def class_weights(given: Any, objective: Objective, train: Any) -> tuple[float, ...]:
    """Return the weight of each class, as the keyword ``class_weight`` asks for.

    Parameters
    ----------
    given : "balanced", or mapping of int to float
        "balanced": examples / (classes * examples of this class), of the classes that
        occur, as scikit-learn has it. A mapping gives the weight of each label; those
        it does not name have 1.
    objective : Objective
        The model with its losses.
    train : object
        The training data as the user gave them, for "balanced".

    Raises
    ------
    ConfigurationError
        If the model has no loss of labels, or this is no such weight.
    DataError
        If the labels have to be counted and cannot be.
    """
    if objective.classifying is None:
        raise ConfigurationError(
            "class_weight is for classifiers: the model has no loss of labels on its "
            "last layer. For other errors, give weights with the data (weighted=True)."
        )
    classes = output_shape(objective.topology, objective.classifying.output_name)[-1]
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
            raise DataError(
                f"train holds {len(arrays)} array(s); the model expects "
                f"{', '.join(slot.name for slot in objective.slots)}."
            )
        labels, weights = _labelled(objective, objective.classifying, arrays)
        counts = np.bincount(labels, weights, minlength=classes)[:classes]
        there = counts > 0
        balanced = counts.sum() / (there.sum() * np.where(there, counts, 1))
        return tuple(np.where(there, balanced, 1.0).tolist())
    if not isinstance(given, Mapping):
        hint = suggest(given, ["balanced"]) if isinstance(given, str) else ""
        raise ConfigurationError(
            f'class_weight is {shown(given)}; it has to be "balanced", or a dict from '
            f"labels to weights, such as {{0: 1, 1: 5}}.{hint}"
        )
    named = [1.0] * classes
    for label, weight in given.items():
        if not is_whole(label, 0) or label >= classes:
            raise ConfigurationError(
                f"class_weight names the label {shown(label)}; the model has {classes} "
                f"classes, 0 to {classes - 1}. Give the weights by number: "
                "{0: 1, 1: 3}."
            )
        named[label] = check_nonnegative(weight, f"class_weight of label {label}")
    if not any(named):
        raise ConfigurationError(
            "class_weight gives all classes the weight 0, so no example counts. Give "
            "those that count a weight more than 0."
        )
    return tuple(named)


def mean_weights(objective: Objective, train: Any) -> tuple[float, ...]:
    """Return how much an error of each loss counts on average in the training data.

    Class weights are part of it. It is 0 where it is not known: of data that come
    batch by batch, unless their `Dataset` tells.
    """
    given = train.mean_weight if isinstance(train, Dataset) else None
    counting = [
        loss.weighted or bool(objective.class_weights and loss is objective.classifying)
        for loss in objective.losses
    ]
    if given is not None:
        mean = number(given, "train: mean_weight", *_POSITIVE)
        return (mean,) * len(counting)
    arrays = _arrays(objective, train) if any(counting) else None
    if arrays is None or len(arrays) < len(objective.slots):
        # What is missing is for the check of the data to tell.
        return (0.0,) * len(counting)
    return tuple(
        _mean_weight(objective, loss, arrays) if counts else 0.0
        for loss, counts in zip(objective.losses, counting, strict=True)
    )


_POSITIVE = ("a number more than 0, or None where it is not known", lambda x: x > 0)


Arrays = Mapping[str, Callable[[], Any]]


def _mean_weight(objective: Objective, loss: Loss, arrays: Arrays) -> float:
    if objective.class_weights and loss is objective.classifying:
        labels, weights = _labelled(objective, loss, arrays)
        found = weights * np.asarray(objective.class_weights)[labels]
    else:
        found = np.asarray(arrays[weights_name(loss)](), "f8")
    if found.size and not found.any():
        raise DataError(
            "train: all examples have the weight 0, by the data or by class_weight, so "
            "none counts. Give those that count a weight more than 0."
        )
    # What is no weight is left to the check of the data.
    mean = float(found.mean()) if found.size else 0.0
    return mean if np.isfinite(mean) and mean > 0 else 0.0


def _labelled(
    objective: Objective, loss: Loss, arrays: Arrays
) -> tuple[np.ndarray, np.ndarray]:
    """Return all labels of a data set in one row, and the weight of each."""
    slot = expected_labels(objective.topology, loss)
    labels = np.asarray(reshaped(arrays[loss.target](), slot, "train"))
    weights = np.ones(labels.shape)
    if loss.weighted:
        given = np.asarray(arrays[weights_name(loss)](), "f8")
        given = np.asarray(reshaped(given, replace(slot, role="weights"), "train"))
        if given.shape == labels.shape[: given.ndim]:
            extra = (1,) * (labels.ndim - given.ndim)
            weights = np.broadcast_to(given.reshape(*given.shape, *extra), labels.shape)
    # What is no label is left out here; the check of the data tells of it.
    there = (labels >= 0) & (labels < (slot.classes or 0))
    return labels[there].astype(np.int64), weights[there]


def _arrays(objective: Objective, train: Any) -> Arrays | None:
    """Return the arrays of a data set by name, None if it comes batch by batch.

    Each is converted when it is asked for, since most are not looked at.
    """
    expect = Expectations(objective)
    return named_arrays(train, "train", expect.names, expect.labels)
