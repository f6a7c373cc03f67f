"""Checks of what a user gives: numbers, yes or no, functions that can be compiled.

A bool is not a number, and neither is a text such as "3". Scalars and arrays without
axes, of NumPy and JAX, count as numbers.
"""

import inspect
import math
import reprlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from numbers import Integral, Real
from typing import TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from theanets.errors import ConfigurationError, TheanetsError

MOST = 10**64
"""Whole numbers are below this: files cannot hold longer ones."""
_LARGEST = float(np.finfo("f4").max)
_MOST_SHOWN = 120


class _Short(reprlib.Repr):
    """As in reprlib, but dicts keep their order."""

    def repr_dict(self, x: dict[object, object], level: int) -> str:
        if level <= 0:
            return "{...}"
        entries = [
            f"{self.repr1(key, level - 1)}: {self.repr1(x[key], level - 1)}"
            for key in islice(x, self.maxdict)
        ]
        return f"{{{', '.join(entries + ['...'] * (len(x) > self.maxdict))}}}"


_SHORT = _Short()
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = 8
_SHORT.maxstring = _SHORT.maxother = _MOST_SHOWN


def shown(value: object) -> str:
    """Return what a message shows of a value that may be anything, on one short line.

    >>> shown("relu"), shown([1] * 1000), shown("x" * 1000)[:3]
    ("'relu'", '[1, 1, 1, 1, 1, 1, 1, 1, ...]', "'xx")
    """
    try:
        text = " ".join(_SHORT.repr(value).split())
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


def is_number(value: object) -> bool:
    """Return whether a value is a real number that is finite, in float32 too.

    >>> is_number(0.5), is_number(np.float32(0.5)), is_number(np.array(2))
    (True, True, True)
    >>> is_number(True), is_number("0.5"), is_number(np.nan), is_number(1j)
    (False, False, False, False)
    """
    return math.isfinite(_float(value))


def is_whole(
    value: object, least: int | None = None, below: int = MOST
) -> TypeGuard[int]:
    """Return whether a value is a whole number from ``least`` on and under ``below``.

    >>> is_whole(3), is_whole(np.int64(3)), is_whole(3, least=4)
    (True, True, False)
    >>> is_whole(True), is_whole(3.0), is_whole("3")
    (False, False, False)
    """
    plain = _plain(value)
    if not isinstance(plain, Integral):
        return False
    return (-below if least is None else least) <= int(plain) < below


def number(
    value: object,
    what: str,
    expected: str = "a finite number",
    valid: Callable[[float], bool] = lambda number: True,
) -> float:
    """Return a finite number for which ``valid`` holds; ``what`` begins the message.

    >>> number(np.float32(0.5), "momentum")
    0.5
    >>> number("0.5", "momentum")
    Traceback (most recent call last):
        ...
    theanets.errors.ConfigurationError: momentum is '0.5'; it has to be a finite number.
    """
    result = _float(value)
    if not (math.isfinite(result) and valid(result)):
        raise ConfigurationError(f"{what} is {shown(value)}; it has to be {expected}.")
    return result


def positive(value: object, what: str, most: float = math.inf) -> float:
    """Return a finite number above 0, checked; see `number`."""
    expected = "a finite number above 0"
    if most < math.inf:
        expected += f", at most {most:g}"
    return number(value, what, expected, lambda x: 0 < x <= most)


def check_nonnegative(value: object, what: str, limit: float = math.inf) -> float:
    """Return a finite number from 0 on and below a limit, checked; see `number`."""
    expected = "a number from 0 on"
    if limit < math.inf:
        expected += f" and below {limit:g}"
    return number(value, what, expected, lambda x: 0 <= x < limit)


def check_int(
    value: object,
    what: str,
    least: int = 1,
    also: str = "",
    error: type[TheanetsError] = ConfigurationError,
    below: int = MOST,
) -> int:
    """Return a whole number, checked; ``what`` begins the message, ``also`` ends it.

    >>> check_int(np.int8(3), "size")
    3
    >>> check_int(0, "n")
    Traceback (most recent call last):
        ...
    theanets.errors.ConfigurationError: n is 0; it has to be a whole number from 1 on.
    """
    if not is_whole(value, least, below):
        whole = _plain(value)
        large = isinstance(whole, Integral) and int(whole) >= below
        bound = f", below {shown(below)}" if large else ""
        raise error(
            f"{what} is {shown(value)}; it has to be a whole number from "
            f"{least} on{bound}{also}."
        )
    return int(value)


def check_bool(value: object, what: str) -> bool:
    """Return a bool, checked; ``what`` begins the message.

    A text such as "no" would otherwise count as True.

    >>> check_bool(np.True_, "weighted")
    True
    >>> check_bool("no", "weighted")
    Traceback (most recent call last):
        ...
    theanets.errors.ConfigurationError: weighted is 'no'; it has to be True or False.
    """
    if not isinstance(value, bool | np.bool_):
        raise ConfigurationError(
            f"{what} is {shown(value)}; it has to be True or False."
        )
    return bool(value)


def check_call(function: Callable[..., object], arguments: str, what: str) -> None:
    """Check that a function takes some arguments; ``what`` begins the message.

    >>> check_call(len, "array, level", "callbacks holds")
    Traceback (most recent call last):
        ...
    theanets.errors.ConfigurationError: callbacks holds <built-in function len>, ...
    """
    try:
        inspect.signature(function).bind(*arguments.split(","))
    except TypeError as error:
        raise ConfigurationError(
            f"{what} {shown(function)}, which cannot be called as f({arguments}): "
            f"{error}. Let it take these arguments."
        ) from None
    except ValueError:
        # Not every function written in C has a signature.
        return


@contextmanager
def compilable(what: str) -> Iterator[None]:
    """Explain the errors that JAX raises for a user's function, named by ``what``.

    >>> with compilable("the loss"):
    ...     _ = jax.eval_shape(lambda x: np.sin(x), 1.0)
    Traceback (most recent call last):
        ...
    theanets.errors.ConfigurationError: the loss uses NumPy, which cannot be compiled...
    """
    try:
        yield
    except jax.errors.TracerArrayConversionError:
        raise ConfigurationError(
            f"{what} uses NumPy, which cannot be compiled. Use the function of the "
            "same name from jax.numpy."
        ) from None
    except jax.errors.ConcretizationTypeError:
        raise ConfigurationError(
            f"{what} asks for the value of an array, as if, while, float() and int() "
            "do. There is none during compilation: use jax.numpy.where or jax.lax.cond."
        ) from None
    except Exception as error:
        if not isinstance(error, TheanetsError):
            error.add_note(f"Raised by {what}, while theanets called it.")
        raise


def counted(count: int, noun: str) -> str:
    """Return a number of things in words.

    >>> counted(1, "layer"), counted(2, "layer")
    ('1 layer', '2 layers')
    """
    return f"{count} {noun}{'s' * (count != 1)}"


def _plain(value: object) -> float | Real | None:
    """Return a number as one of Python's, None for anything else."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        return None
    if isinstance(value, np.ndarray | jax.Array) and value.ndim == 0:
        if jnp.issubdtype(value.dtype, jax.dtypes.extended):
            return None
        value = np.asarray(value)[()]
    if isinstance(value, np.generic):
        # NumPy does not count bfloat16 as a float, but counts durations as integers.
        if jnp.issubdtype(value.dtype, jnp.floating):
            return float(value)
        return int(value) if value.dtype.kind in "iu" else None
    return value if isinstance(value, Real) and not isinstance(value, bool) else None


def _float(value: object) -> float:
    """Return a number as a float, infinity beyond float32, NaN for anything else."""
    plain = _plain(value)
    try:
        result = math.nan if plain is None else float(plain)
    except OverflowError:
        return math.inf
    return math.copysign(math.inf, result) if abs(result) > _LARGEST else result
