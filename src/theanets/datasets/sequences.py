"""Windows cut from long sequences."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from theanets.checks import is_whole, whole
from theanets.datasets.arrays import as_array
from theanets.errors import DataError

Rng = int | np.random.RandomState | np.random.Generator | None
Batches = Callable[[], tuple[np.ndarray, ...]]


def batches(
    arrays: Any, steps: int = 100, batch_size: int = 64, rng: Rng = None
) -> Batches:
    """Return a callable that cuts a batch of random windows from long sequences.

    Parameters
    ----------
    arrays : array, or sequence of arrays
        One or more sequences of equal length, time on the first axis: (time, values),
        or (time,) as labels are. A window is cut from all at the same place.
    steps : int
        Length of a window.
    batch_size : int
        Windows in a batch.
    rng : int, numpy.random.RandomState or numpy.random.Generator, optional
        Seed or source of the places; without it they differ from run to run.

    Returns
    -------
    callable
        Gives ``train`` a new batch with each call: for each array one of the shape
        (batch_size, steps, ...). Every window is equally probable, the last one too.

    Raises
    ------
    DataError
        If the arrays differ in length, or are shorter than a window.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> positions, speeds = np.zeros((1000, 3)), np.zeros((1000, 1))
    >>> cut = theanets.recurrent.batches([positions, speeds], steps=20, rng=1)
    >>> [array.shape for array in cut()]
    [(64, 20, 3), (64, 20, 1)]
    """
    several = isinstance(arrays, tuple | list) and any(
        hasattr(part, "shape") or isinstance(part, tuple | list) for part in arrays
    )
    given: Sequence[Any] = arrays if several else [arrays]
    series = [as_array(part, f"arrays[{i}]") for i, part in enumerate(given)]
    for i, part in enumerate(series):
        if part.ndim == 0:
            raise DataError(f"arrays[{i}] is one number; it has to be a sequence.")
    lengths = [len(part) for part in series]
    if len(set(lengths)) > 1:
        raise DataError(
            f"the arrays differ in length: {', '.join(map(str, lengths))}. Each needs "
            "one entry for each time step."
        )
    draw = window_starts(lengths[0], steps, batch_size, rng, "the arrays have")
    return partial(_cut, series, steps, draw)


def _cut(
    series: Sequence[Any], steps: int, draw: Callable[[], np.ndarray]
) -> tuple[np.ndarray, ...]:
    places = draw()[:, None] + np.arange(steps)
    return tuple(np.asarray(part[places]) for part in series)


def window_starts(
    length: int, steps: Any, batch_size: Any, rng: Rng, what: str
) -> Callable[[], np.ndarray]:
    """Return a function that draws the first places of a batch of windows."""
    for name, value in {"steps": steps, "batch_size": batch_size}.items():
        whole(value, name, error=DataError)
    if length < steps:
        raise DataError(
            f"{what} {length} steps, fewer than the {steps} of a window. Give a longer "
            "sequence, or fewer steps."
        )
    places = length - steps + 1
    source = _generator(rng)
    draw: Any = source.integers if hasattr(source, "integers") else source.randint
    return partial(draw, places, size=batch_size)


def _generator(rng: Any) -> np.random.RandomState | np.random.Generator:
    if isinstance(rng, np.random.RandomState | np.random.Generator):
        return rng
    if rng is not None and not (is_whole(rng, 0) and rng < 2**32):
        raise DataError(
            f"rng is {rng!r}; it has to be a whole number from 0 on, or a generator of "
            "numpy.random."
        )
    return np.random.RandomState(rng)
