"""Targets and labels in other shapes than a model's, where the meaning is clear."""

import numpy as np

from theanets.data.blocks import blocks
from theanets.data.expected import Expected, agree
from theanets.data.kinds.base import DataArray, LazyArray
from theanets.data.kinds.cells import NUMBERED
from theanets.errors import DataError


def reshaped(array: DataArray, wanted: Expected, what: str) -> DataArray:
    """Return an array in the shape that a model expects, where the meaning is clear.

    Targets may lack a last axis of length 1. Labels and weights may have one more, and
    labels may be one-hot. Everything else is left to `check`.

    >>> labels = Expected("target", "labels", (), classes=3)
    >>> reshaped(np.array([[0, 0, 1], [1, 0, 0]]), labels, "train")
    array([2, 0])
    >>> reshaped(np.array([[2], [0]]), labels, "train")
    array([2, 0])
    >>> reshaped(np.array([0.5, 2]), Expected("target", "target", (1,)), "train")
    array([[0.5],
           [2. ]])
    """
    shape = tuple(array.shape[1:])
    if wanted.role not in ("labels", "weights"):
        single = wanted.role == "target" and wanted.shape[-1:] == (1,)
        if single and agree(shape, wanted.shape[:-1]):
            return np.reshape(np.asarray(array), (*array.shape, 1))
        return array
    if len(shape) == len(wanted.shape) + 1 and agree(shape[:-1], wanted.shape):
        if shape[-1] == 1:
            array = np.reshape(np.asarray(array), array.shape[:-1])
        elif wanted.role == "labels" and shape[-1] == wanted.classes:
            array = _from_one_hot(array)
    if wanted.role == "labels" and array.dtype == bool:
        raise DataError(
            f'{what}: "{wanted.name}" holds truth values, which do not say what number '
            f"each class has. {NUMBERED}"
        )
    return array


def _from_one_hot(array: DataArray) -> DataArray:
    """Return the labels of one-hot rows, of zeros and a single 1; others unchanged."""
    labels = []
    for _, block in blocks(array):
        ones = block == 1
        if not ((ones.sum(axis=-1) == 1).all() and (ones | (block == 0)).all()):
            return array
        labels.append(ones.argmax(axis=-1))
    whole = np.concatenate(labels)
    return whole.astype(np.int32) if isinstance(array, LazyArray) else whole
