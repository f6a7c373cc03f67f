"""Sequences of unequal length in one array."""

from collections.abc import Sequence

import numpy as np

from theanets.data.arrays import as_array
from theanets.errors import DataError
from theanets.utils.checks import check_int


def padded(
    sequences: Sequence[object], length: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences of unequal length in one array, and which steps are valid.

    Parameters
    ----------
    sequences : sequence of array
        Each (steps, ...), with equal further axes: inputs, or labels and targets.
    length : int, optional
        Steps of all of them afterwards. By default the smallest power of two, 8 or
        more, that holds the longest: batches of many lengths then have only a few
        shapes, and each is compiled once.

    Returns
    -------
    array : array (sequences, length, ...)
        The sequences, with zeros behind their ends.
    mask : array (sequences, length)
        1 where a step is valid, 0 behind the end: for a layer's ``mask``, and for the
        weights of a loss.

    Raises
    ------
    DataError
        If there are none, one is longer than ``length``, or their axes differ.

    Examples
    --------
    >>> x, mask = padded([np.ones((2, 3)), np.ones((5, 3))])
    >>> x.shape
    (2, 8, 3)
    >>> mask.sum(axis=1)
    array([2., 5.], dtype=float32)
    """
    arrays = [as_array(x, f"sequence {i}") for i, x in enumerate(sequences)]
    if not arrays:
        raise DataError("there are no sequences to pad.")
    for number, array in enumerate(arrays):
        if array.ndim == 0 or array.shape[1:] != arrays[0].shape[1:]:
            raise DataError(
                f"sequence {number} has the shape {array.shape}, and sequence 0 "
                f"{arrays[0].shape}: each needs its steps on the first axis, and equal "
                "further axes."
            )
    longest = max(map(len, arrays))
    if length is None:
        length = max(8, 1 << (longest - 1).bit_length())
    length = check_int(length, "length", 1, error=DataError)
    if longest > length:
        raise DataError(
            f"length is {length}, but a sequence has {longest} steps. Give at least "
            "that, or cut the sequence."
        )
    dtype = np.result_type(*(array.dtype for array in arrays))
    joined = np.zeros((len(arrays), length, *arrays[0].shape[1:]), dtype)
    mask = np.zeros((len(arrays), length), np.float32)
    for row, array in enumerate(arrays):
        joined[row, : len(array)] = array
        mask[row, : len(array)] = 1
    return joined, mask
