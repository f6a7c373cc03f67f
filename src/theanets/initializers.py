"""Initial parameters: random matrices and vectors, and the streams they come from.

Everything here is NumPy, in float64; a model rounds the result to its own precision.

Initial values, shuffling and noise each draw from a stream of their own, by name. So
another layer, monitor or regularizer does not change the numbers of the others, and a
second training continues the stream from the number of epochs so far.
"""

import hashlib
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theanets.errors import ConfigurationError
from theanets.utils.checks import check_int, check_nonnegative, is_whole, shown
from theanets.utils.registry import choice

FloatArray = npt.NDArray[np.float64]
Numbers = float | Sequence[float] | FloatArray


@dataclass(frozen=True)
class Param:
    """A parameter of a layer: its local name, its shape, and its initial values.

    Parameters
    ----------
    name : str
        Name within its layer, such as ``"w"``.
    shape : tuple of int
        Shape of the array.
    init : callable
        Called with a random generator, returns an array of that shape.
    learned : bool
        Whether gradients change it.
    wide : bool
        Whether the layer reads it in at least float32, whatever the model's precision.
    """

    name: str
    shape: tuple[int, ...]
    init: Callable[[np.random.Generator], npt.NDArray[np.floating]]
    learned: bool = True
    wide: bool = False

    def __reduce__(self) -> tuple[object, ...]:
        # ``init`` may be a closure, which no pickle can hold; it has drawn already.
        return Param, (self.name, self.shape, _drawn, self.learned, self.wide)

    def __copy__(self) -> "Param":
        return self

    def __deepcopy__(self, memo: object) -> "Param":
        return self


def draw(param: Param, seed: int, layer: str) -> np.ndarray:
    """Return the first value of a layer's parameter, if there is memory for it."""
    size = 8 * math.prod(param.shape)
    try:
        if size > sys.maxsize:
            raise MemoryError
        np.empty(param.shape)  # Fails before any work if there is no memory.
        return param.init(stream(seed, layer, param.name))
    except MemoryError:
        raise ConfigurationError(
            f'layer "{layer}": its array "{param.name}" of shape {param.shape} does '
            f"not fit into memory: drawing it takes {size // 10**9:,} GB. Use a "
            "smaller size, here or in the layer before."
        ) from None
    except ConfigurationError as error:
        raise ConfigurationError(f'layer "{layer}": {error}') from None


def _drawn(rng: np.random.Generator) -> npt.NDArray[np.floating]:
    raise ConfigurationError(
        "this layer comes from a pickle, which does not hold how its parameters were "
        "drawn. Make a new layer to draw others."
    )


INITS: dict[str, Callable[[int, int], float]] = {
    "glorot": lambda rows, cols: (2 / (rows + cols)) ** 0.5,
    "he": lambda rows, cols: (2 / rows) ** 0.5,
    "lecun": lambda rows, cols: (1 / rows) ** 0.5,
    "orthogonal": lambda rows, cols: 1.0,
}
"""Named initializations: the standard deviation for each shape, or the scale."""


def check_init(init: object, what: str) -> None:
    """Check an initialization: None, or a name in ``INITS``."""
    if init is not None:
        choice(init, what, INITS)


def random_matrix(
    rng: np.random.Generator,
    rows: int,
    cols: int,
    mean: Numbers = 0.0,
    std: Numbers | None = None,
    sparsity: Numbers = 0.0,
    radius: float = 0.0,
    diagonal: Numbers = 0.0,
    init: str | None = None,
) -> FloatArray:
    """Return a matrix of normal numbers; sparse, rescaled or diagonal on request.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of the numbers.
    rows, cols : int
        Shape of the matrix.
    mean, std : float, or sequence of float, (cols,)
        Mean and standard deviation of the entries, or of the entries of each column.
        ``std`` is by default 1 / sqrt(rows + cols).
    sparsity : float, or sequence of float, (cols,)
        Probability, below 1, that an entry off the main diagonal is set to 0.
    radius : float
        If positive, singular values are rescaled so that the largest is this.
    diagonal : float, or sequence of float, (cols,)
        If not 0, the result is this times the identity, whatever the other arguments.
    init : str, optional
        How the entries are drawn, instead of ``std``: normal with the variance
        2 / (rows + cols) for "glorot", 2 / rows for "he", 1 / rows for "lecun"; or
        "orthogonal", a matrix whose rows or columns, whichever are fewer, are
        orthonormal. ``mean`` is added, ``sparsity`` and ``radius`` come after.

    Returns
    -------
    array of float64, (rows, cols)

    Raises
    ------
    ConfigurationError
        If a number is outside its range, or there is not one for each column.

    Notes
    -----
    The default variance is half of "glorot", by X. Glorot and Y. Bengio (2010),
    Understanding the Difficulty of Training Deep Feedforward Neural Networks: they keep
    activations and gradients at about the same scale from layer to layer. Sources of
    the others: K. He et al. (2015), Delving Deep into Rectifiers; Y. LeCun et al.
    (1998), Efficient BackProp; A. M. Saxe et al. (2014), Exact Solutions to the
    Nonlinear Dynamics of Learning.

    Examples
    --------
    >>> rng = np.random.default_rng(13)
    >>> random_matrix(rng, 784, 100).shape
    (784, 100)
    >>> random_matrix(rng, 2, 3, diagonal=0.5)
    array([[0.5, 0. , 0. ],
           [0. , 0.5, 0. ]])
    """
    check_init(init, "init")
    if std is not None and init is not None:
        raise ConfigurationError(
            f"std {shown(std)} and init {shown(init)} were both given. Give one of "
            "them."
        )
    if init is not None:
        std = INITS[init](rows, cols)
    elif std is None:
        std = float(1 / np.sqrt(rows + cols))
    std, radius = _each(std, "std", cols, 0), check_nonnegative(radius, "radius")
    sparsity = _each(sparsity, "sparsity", cols, 0, 1)
    mean, diagonal = _each(mean, "mean", cols), _each(diagonal, "diagonal", cols)
    if np.any(diagonal):
        return diagonal * np.eye(rows, cols)
    drawn = rng.standard_normal((rows, cols))
    if init == "orthogonal":
        drawn = _orthogonal(drawn)
    matrix = mean + std * drawn
    if np.any(sparsity):
        mask = rng.random((rows, cols)) < 1 - sparsity
        np.fill_diagonal(mask, True)
        matrix *= mask
    if radius > 0:
        matrix *= radius / (np.linalg.norm(matrix, ord=2) or 1.0)
    return matrix


def _each(
    given: Numbers,
    what: str,
    count: int,
    least: float = -math.inf,
    limit: float = math.inf,
) -> FloatArray:
    """Return a finite number, or one for each of ``count`` units, checked."""
    try:
        numbers: FloatArray = np.ma.asarray(given, float).filled(math.nan)
    except (TypeError, ValueError):
        numbers = np.asarray(math.nan)
    inside = np.isfinite(numbers) & (numbers >= least) & (numbers < limit)
    if numbers.shape not in ((), (count,)) or not inside.all():
        bounds = f" from {least:g} on" if math.isfinite(least) else ""
        bounds += f" and below {limit:g}" if math.isfinite(limit) else ""
        raise ConfigurationError(
            f"{what} is {shown(given)}; it has to be a number{bounds}, or {count} of "
            "them, one for each unit."
        )
    return numbers


def _orthogonal(normal: FloatArray) -> FloatArray:
    """Return the orthonormal rows or columns that normal numbers span."""
    tall = normal if normal.shape[0] >= normal.shape[1] else normal.T
    q, r = np.linalg.qr(tall)
    # With the signs of r's diagonal, every such matrix is equally likely.
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return q if tall is normal else q.T


def random_vector(
    rng: np.random.Generator, size: int, mean: Numbers = 0.0, std: Numbers = 0.0
) -> FloatArray:
    """Return a vector of normal numbers of float64; all are ``mean`` if ``std`` is 0.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of the numbers.
    size : int
        Length of the vector.
    mean, std : float, or sequence of float, (size,)
        Mean and standard deviation of the entries, or of each. A negative ``std``, or
        a wrong number of them, raises a ConfigurationError.

    Examples
    --------
    >>> random_vector(np.random.default_rng(13), 3, mean=1)
    array([1., 1., 1.])
    """
    center, scale = _each(mean, "mean", size), _each(std, "std", size, 0)
    return center + scale * rng.standard_normal(size)


def as_seed(rng: object, where: str) -> int:
    """Return a seed: an int as it is, or one drawn from a NumPy generator."""
    if isinstance(rng, np.random.RandomState):
        return int(rng.randint(0, 2**31 - 1))
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(0, 2**31 - 1))
    if is_whole(rng, 0):
        return int(rng)
    raise ConfigurationError(
        f"{where} is {shown(rng)}; it has to be a whole number from 0 on, or a NumPy "
        "RandomState or Generator to draw one from."
    )


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the random generator that belongs to a seed and a path of names.

    Equal seeds and names give equal numbers on every machine; other names give an
    independent stream.

    Parameters
    ----------
    seed : int
        At least 0; anything else raises a ConfigurationError.
    *names : str
        What the numbers are for, such as ``"hid1"``, ``"w"``.

    Examples
    --------
    >>> first, again = stream(13, "hid1", "w"), stream(13, "hid1", "w")
    >>> bool(first.random() == again.random())
    True
    >>> bool(first.random() == stream(13, "hid2", "w").random())
    False
    """
    seed = check_int(seed, "the random seed", 0)
    # Python's own hash of a text differs from one process to the next.
    digests = (hashlib.blake2b(name.encode(), digest_size=16) for name in names)
    words = tuple(
        int(word) for d in digests for word in np.frombuffer(d.digest(), "<u4")
    )
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=words))
