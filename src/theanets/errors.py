"""What theanets raises on purpose: every type here derives from TheanetsError.

An error message says what happened, what was expected, what came, and what to
do about it. Misuse of a model or of its keywords is a ConfigurationError, data
that does not fit is a DataError, a file that cannot be trusted a ModelFileError, a
checkpoint that is not of this run a CheckpointError. Numbers gone bad in training are a
NonFiniteError, what threads or processes cannot do at once is a ConcurrencyError.
"""

from typing import Any


class TheanetsError(Exception):
    """The base of every error that theanets raises on purpose."""


class ConfigurationError(TheanetsError, ValueError):
    """A model, or a keyword given to one, is not valid."""


class DataError(TheanetsError, ValueError):
    """Arrays or batches do not fit the model, each other, or their purpose."""


class ModelFileError(TheanetsError):
    """The content of a model file is damaged, foreign, or too new."""


class CheckpointError(TheanetsError):
    """A checkpoint is of another run, or another process is writing it."""


class NonFiniteError(TheanetsError, ArithmeticError):
    """A loss, a gradient or a parameter became infinite or not a number.

    Attributes
    ----------
    epoch : int or None
        The epoch, counted from 1; None if it is not known.
    batch : int or None
        The batch within the epoch, counted from 0.
    name : str
        The first output of a layer, parameter or gradient that is not finite.
    rows : array of int or None
        The rows of the data that the batch held; None of data without rows.
    """

    def __init__(
        self,
        message: str,
        *,
        epoch: int | None = None,
        batch: int | None = None,
        name: str = "",
        rows: Any = None,
    ) -> None:
        super().__init__(message)
        self.epoch, self.batch, self.name, self.rows = epoch, batch, name, rows


class ConcurrencyError(TheanetsError, RuntimeError):
    """Several threads or processes want what only one can do, or not after a fork."""


class UnknownNameError(TheanetsError, KeyError):
    """A layer or parameter was looked up that the model does not have."""

    # KeyError shows the repr of its argument, which makes a sentence unreadable.
    __str__ = Exception.__str__
