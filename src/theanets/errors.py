"""What theanets raises on purpose: every type here derives from TheanetsError.

A message says what happened, what was expected, what came, and what to do about it.
A missing file is a ``FileNotFoundError``, and a full disk or a forbidden folder another
``OSError``, as everywhere in Python. An exception that a user's function raises, such
as a callback or a source of data, reaches the caller unchanged.
"""

import numpy as np

_LONGEST = 4000
"""Characters of a message, which may quote very long names from a file."""


def _shortened(message: object) -> object:
    if not isinstance(message, str) or len(message) <= _LONGEST:
        return message
    return f"{message[: _LONGEST // 2]} ... {message[-_LONGEST // 4 :]}"


class TheanetsError(Exception):
    """The base of every error that theanets raises on purpose.

    Examples
    --------
    >>> import theanets
    >>> try:
    ...     net = theanets.Regressor([4, (3, "tahn"), 2])
    ... except theanets.TheanetsError as error:
    ...     print(str(error).partition(" Known")[0])
    layer "hid1": unknown activation 'tahn'.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*map(_shortened, args))


class ConfigurationError(TheanetsError, ValueError):
    """A model, or a keyword of a function, is not valid; also a ``ValueError``.

    Raised when a model is made or changed and when ``train``, ``predict`` or another
    function is called, before anything is compiled: a layer without a size, inputs
    whose shapes do not fit, an unknown name, a number out of its range, a function
    that leaves JAX. The message names the layer, loss or keyword.
    """


class DataError(TheanetsError, ValueError):
    """Arrays or batches do not fit the model or each other; also a ``ValueError``.

    Raised before training or prediction begins; for batches of a callable or an
    iterable, when they are read. Examples are another number of columns, labels from 1
    instead of 0, NaN, text. The message names the data set, the array and the batch.
    """


class ModelFileError(TheanetsError):
    """The content of a model file is damaged, foreign, or too new.

    Raised by ``load``, and by ``train`` for its checkpoint: a byte has changed, the
    file is a pickle or a text, a newer theanets has written it, or it names a class
    that this program has not defined. Nothing in the file was run.
    """


class CheckpointError(TheanetsError):
    """A checkpoint is of another run, or another process uses it.

    Raised by ``train``, ``itertrain`` and ``minimize`` with ``checkpoint=``. If the
    model, algorithm, a setting or the data set differs, the message lists every
    difference. A model file without a training is no checkpoint either.
    """


class NonFiniteError(TheanetsError, ArithmeticError):
    """A loss, gradient or parameter is infinite or NaN; also an ``ArithmeticError``.

    Raised by training, unless ``on_nonfinite`` is "skip" or "ignore", and by
    `theanets.minimize`: most often the learning rate is too high. The network then has
    the best parameters so far.

    Attributes
    ----------
    epoch : int or None
        The epoch, counted from 1; None if it is not known.
    batch : int or None
        The batch within the epoch, counted from 0.
    name : str
        The first output of a layer, parameter or gradient that is not finite.
    rows : array of int or None
        The rows of the data in the batch; None if the data have no rows.
    """

    def __init__(
        self,
        message: str,
        *,
        epoch: int | None = None,
        batch: int | None = None,
        name: str = "",
        rows: np.ndarray | None = None,
    ) -> None:
        super().__init__(message)
        self.epoch, self.batch, self.name, self.rows = epoch, batch, name, rows


class ConcurrencyError(TheanetsError, RuntimeError):
    """Two threads train a network, or a forked process computes.

    Also a ``RuntimeError``. Raised for a network that another thread is training, and
    by everything that computes in a process that was forked after a model was made.
    """


class UnknownNameError(TheanetsError, KeyError):
    """The model has no layer or parameter of this name; also a ``KeyError``.

    Raised by ``find``, ``encode`` and ``decode``. The message lists the known names and
    suggests the nearest.
    """

    # KeyError shows the repr of its argument, which makes a sentence unreadable.
    __str__ = Exception.__str__
