"""What theanets raises on purpose: every type here derives from TheanetsError.

An error message says what happened, what was expected, what came, and what to
do about it. Misuse of a model or of its keywords is a ConfigurationError, data
that does not fit is a DataError, a file that cannot be trusted a ModelFileError,
what threads or processes cannot do at once a ConcurrencyError.
"""


class TheanetsError(Exception):
    """The base of every error that theanets raises on purpose."""


class ConfigurationError(TheanetsError, ValueError):
    """A model, or a keyword given to one, is not valid."""


class DataError(TheanetsError, ValueError):
    """Arrays or batches do not fit the model, each other, or their purpose."""


class ModelFileError(TheanetsError):
    """The content of a model file is damaged, foreign, or too new."""


class NonFiniteError(TheanetsError, ArithmeticError):
    """A loss or a parameter became infinite or not a number."""


class ConcurrencyError(TheanetsError, RuntimeError):
    """Several threads or processes want what only one can do, or not after a fork."""


class UnknownNameError(TheanetsError, KeyError):
    """A layer or parameter was looked up that the model does not have."""

    # KeyError shows the repr of its argument, which makes a sentence unreadable.
    __str__ = Exception.__str__
