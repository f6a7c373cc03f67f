"""A part of the training data that is held out for validation."""

from copy import copy
from typing import Any

import numpy as np

from theanets.data.dataset import Dataset, named_arrays
from theanets.data.expected import Expected
from theanets.data.shapes import reshaped
from theanets.errors import ConfigurationError, DataError
from theanets.initializers import stream
from theanets.utils.checks import is_number, shown


def held_out(
    train: object,
    valid: Any,
    seed: int,
    names: tuple[str, ...] = (),
    labels: Expected | None = None,
) -> tuple[object, object]:
    """Return training and validation data, where ``valid`` may be a fraction.

    A fraction of the training data is drawn with a seed. With ``labels``, what is
    expected of that array among ``names``, it is the same fraction of each class, as
    nearly as possible. No array is copied.

    >>> train, valid = held_out([np.eye(6), np.array([0, 0, 0, 0, 1, 1])], 0.5, 13,
    ...     ("in", "target"), Expected("target", "labels", (), 2))
    >>> train.rows, valid.rows
    (array([0, 2, 5]), array([1, 3, 4]))
    """
    if not is_number(valid):
        return train, valid
    if not 0 < valid < 1:
        raise ConfigurationError(
            f"valid is {shown(valid)}; it has to be data, or the part of the training "
            "data to hold out, such as 0.1."
        )
    places = {names.index(labels.name)} if labels else ()
    arrays = named_arrays(train, "train", names, places)
    if arrays is None:
        raise DataError(
            f"valid is {shown(valid)}, but the training data come batch by batch, so "
            "no part of them can be held out. Give arrays, or validation data."
        )
    count = len(next(iter(arrays.values()))())
    if count < 2:
        raise DataError(f"train has {count} example, of which none can be held out.")
    classes = np.zeros(count, int)
    if labels and labels.name in arrays:
        values = np.asarray(reshaped(arrays[labels.name](), labels, "train"))
        classes = values if values.shape == (count,) else classes
    chosen = _chosen(classes, valid, stream(seed, "held out"))
    data = train if isinstance(train, Dataset) else Dataset(train, name="train")
    rows = np.arange(count) if data.rows is None else np.asarray(data.rows)
    # The length of a mask was checked when its arrays were made.
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    train, valid = copy(data), copy(data)
    train.rows, valid.rows, valid.name = rows[~chosen], rows[chosen], "valid"
    return train, valid


def _chosen(
    classes: np.ndarray, fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Return whether each example is held out, the same fraction of each class.

    The examples of a class are placed at equal distances between 0 and 1, in random
    order, and the lowest places are chosen.
    """
    count = len(classes)
    _, members, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    order = rng.permutation(count)
    by_class = order[np.argsort(members[order], kind="stable")]
    ranks = np.empty(count)
    ranks[by_class] = np.arange(count) - (np.cumsum(sizes) - sizes)[members[by_class]]
    places = (ranks + 0.5) / sizes[members]
    total = min(max(round(fraction * count), 1), count - 1)
    chosen = np.zeros(count, bool)
    chosen[np.lexsort((rng.random(count), places))[:total]] = True
    return chosen
