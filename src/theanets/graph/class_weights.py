"""How much each class counts in training, where some are rare."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from theanets.checks import is_whole, level
from theanets.datasets.batches import Dataset
from theanets.datasets.unpack import unpacked
from theanets.errors import ConfigurationError, DataError
from theanets.graph.expected import Expectations
from theanets.graph.objective import Objective
from theanets.graph.slots import output_shape
from theanets.registry import suggest


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
        counts = np.bincount(_labels(objective, train), minlength=classes)[:classes]
        balanced = counts.sum() / ((counts > 0).sum() * np.maximum(counts, 1))
        return tuple(np.where(counts > 0, balanced, 1.0).tolist())
    if not isinstance(given, Mapping):
        hint = suggest(given, ["balanced"]) if isinstance(given, str) else ""
        raise ConfigurationError(
            f'class_weight is {given!r}; it has to be "balanced", or a dict from '
            f"labels to weights, such as {{0: 1, 1: 5}}.{hint}"
        )
    weights = [1.0] * classes
    for label, weight in given.items():
        if not is_whole(label, 0) or label >= classes:
            raise ConfigurationError(
                f"class_weight names the label {label!r}; the model has {classes} "
                f"classes, 0 to {classes - 1}."
            )
        weights[label] = level(weight, f"class_weight of label {label}")
    return tuple(weights)


def _labels(objective: Objective, train: Any) -> np.ndarray:
    """Return all labels of the training data, as whole numbers in one row."""
    loss, expect = objective.classifying, Expectations(objective)
    data = train.inputs if isinstance(train, Dataset) else train
    arrays = unpacked(data, "train", expect.names)
    if arrays is None:
        raise DataError(
            'class_weight="balanced" counts the labels of the training data, which '
            "cannot be done where these come batch by batch. Give arrays, or the "
            "weights themselves, such as class_weight={0: 1, 1: 5}."
        )
    assert loss is not None
    place = expect.names.index(loss.target)
    if len(arrays) <= place:
        raise DataError(
            f"train holds {len(arrays)} array(s); the model expects "
            f"{', '.join(expect.names)}."
        )
    labels = np.asarray(arrays[place]).ravel()
    known = output_shape(objective.topology, loss.output_name)[-1] or 0
    # What is no label is left out here; the check of the data tells of it.
    return labels[(labels >= 0) & (labels < known)].astype(np.int64)
