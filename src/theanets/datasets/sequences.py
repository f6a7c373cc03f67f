"""Windows cut from long sequences."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias, overload

import numpy as np

from theanets.data.arrays import as_array
from theanets.data.kinds.base import DataArray, is_array
from theanets.data.names import Names, named, names_of
from theanets.errors import DataError
from theanets.utils.checks import check_bool, check_int, is_whole, shown

Rng: TypeAlias = int | np.random.RandomState | np.random.Generator | None
Batches: TypeAlias = Callable[[], tuple[np.ndarray, ...]]
Cut: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, ...]]
"""Takes the first places of windows and returns their arrays."""


@dataclass(frozen=True)
class Windows:
    """Batches of windows in which each goes on where the one before it ended.

    A long sequence is cut into as many tracks as there are windows in a batch; the
    first batch holds the beginning of each track. Each iteration begins again.
    """

    cut: Cut
    starts: np.ndarray
    """The first place of each window, (batches, batch_size)."""

    @property
    def batch_size(self) -> int:
        """Windows in a batch."""
        return int(self.starts.shape[1])

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        return map(self.cut, self.starts)


@overload
def batches(
    arrays: object,
    steps: int = ...,
    batch_size: int = ...,
    rng: Rng = ...,
    stateful: Literal[False] = ...,
) -> Batches: ...


@overload
def batches(
    arrays: object,
    steps: int = ...,
    batch_size: int = ...,
    rng: Rng = ...,
    *,
    stateful: Literal[True],
) -> Windows: ...


def batches(
    arrays: object,
    steps: int = 100,
    batch_size: int = 64,
    rng: Rng = None,
    stateful: bool = False,
) -> Batches | Windows:
    """Return a callable that cuts a batch of random windows from long sequences.

    Or, where ``stateful`` is set, the batches of windows that follow each other.

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
    stateful : bool
        Whether each window goes on where the one before it in the same row ended, for
        ``train(..., stateful=True)``. Nothing is random then: the sequences are cut
        into ``batch_size`` tracks of equal length. What is left over at the end of a
        track, less than a window, is not used.

    Returns
    -------
    callable, or iterable
        Gives ``train`` a new batch with each call: for each array one of the shape
        (batch_size, steps, ...). Every window is equally probable, the last one too.
        With ``stateful`` an iterable of such batches, from the beginning each time;
        its ``len`` is their number.

    Raises
    ------
    DataError
        If the arrays differ in length, or are shorter than a window, or than a window
        for each track.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> positions, speeds = np.zeros((1000, 3)), np.zeros((1000, 1))
    >>> cut = theanets.recurrent.batches([positions, speeds], steps=20, rng=1)
    >>> [array.shape for array in cut()]
    [(64, 20, 3), (64, 20, 1)]
    >>> tracks = theanets.recurrent.batches(
    ...     [positions, speeds], steps=20, batch_size=5, stateful=True
    ... )
    >>> len(tracks), [array.shape for array in next(iter(tracks))]
    (10, [(5, 20, 3), (5, 20, 1)])
    """
    parts: Sequence[object] = [arrays]
    if isinstance(arrays, tuple | list) and any(
        isinstance(part, tuple | list) or is_array(part) for part in arrays
    ):
        parts = arrays
    series = [as_array(part, f"arrays[{i}]") for i, part in enumerate(parts)]
    names = list(map(names_of, parts, series))
    for i, part in enumerate(series):
        if part.ndim == 0:
            raise DataError(f"arrays[{i}] is one number; it has to be a sequence.")
    lengths = list(map(len, series))
    if len(set(lengths)) > 1:
        raise DataError(
            f"the arrays differ in length: {', '.join(map(str, lengths))}. Each needs "
            "one entry for each time step."
        )
    cut = partial(_cut, series, names, steps)
    return windows(cut, lengths[0], steps, batch_size, rng, stateful, "the arrays have")


def _cut(
    series: Sequence[DataArray], names: Sequence[Names], steps: int, starts: np.ndarray
) -> tuple[np.ndarray, ...]:
    places = starts[:, None] + np.arange(steps)
    pairs = zip(series, names, strict=True)
    return tuple(named(np.asarray(part[places]), columns) for part, columns in pairs)


def windows(
    cut: Cut,
    length: int,
    steps: int,
    batch_size: int,
    rng: Rng,
    stateful: bool,
    what: str,
) -> Batches | Windows:
    """Return batches of windows, random ones or ones that follow each other.

    ``what`` begins a message about the length.
    """
    for name, value in {"steps": steps, "batch_size": batch_size}.items():
        check_int(value, name, error=DataError)
    if length < steps:
        raise DataError(
            f"{what} {length} steps, fewer than the {steps} of a window. Give a longer "
            "sequence, or fewer steps."
        )
    if not check_bool(stateful, "stateful"):
        source = _generator(rng)
        draw: Any = source.integers if hasattr(source, "integers") else source.randint
        return partial(_draw, cut, partial(draw, length - steps + 1, size=batch_size))
    if rng is not None:
        raise DataError(
            f"rng is {shown(rng)}, but with stateful=True the windows follow each "
            "other, and nothing is drawn. Leave it out."
        )
    track = length // batch_size
    if track < steps:
        raise DataError(
            f"{what} {length} steps, which make {batch_size} tracks of {track}, fewer "
            f"than the {steps} of a window. Give a smaller batch_size, or fewer steps."
        )
    places = np.arange(track // steps)[:, None] * steps + np.arange(batch_size) * track
    return Windows(cut, places)


def _draw(cut: Cut, draw: Callable[[], np.ndarray]) -> tuple[np.ndarray, ...]:
    return cut(draw())


def _generator(rng: Rng) -> np.random.RandomState | np.random.Generator:
    if isinstance(rng, np.random.RandomState | np.random.Generator):
        return rng
    if rng is not None and not (is_whole(rng, 0) and rng < 2**32):
        raise DataError(
            f"rng is {shown(rng)}; it has to be a whole number from 0 on, or a "
            "generator of numpy.random."
        )
    return np.random.RandomState(rng)
