"""Exceptions at a chosen line of the library, as Ctrl-C or a signal raises them."""

import dis
import sys
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import CodeType
from typing import Any

import theanets

_ROOT = Path(theanets.__file__).parent


def inject(
    function: Callable[[], Any],
    files: Iterable[str] = ("",),
    *,
    at: int,
    error: BaseException | type[BaseException] = KeyboardInterrupt,
) -> Any:
    """Call a function, and raise an error before a line of the library is run.

    Parameters
    ----------
    function : callable
        What to call, without arguments.
    files : iterable of str
        Where lines count: paths within the package, or how these begin, such as
        ``"training/"``; by default everywhere.
    at : int
        Which of the lines that are run, in this thread, counted from 0. Beyond the
        last of them nothing is raised. To leave a ``with`` is no line: no signal comes
        between its last line and the call of ``__exit__``.
    error : exception, or a class of such
        What to raise, once.

    Returns
    -------
    object
        What the function returns; what it raises is raised.
    """
    return _counted(function, files, at, error)[0]


def count_lines(function: Callable[[], Any], files: Iterable[str] = ("",)) -> int:
    """Call a function, and return at how many lines `inject` could raise in it.

    >>> count_lines(lambda: theanets.Regressor([1, 1]), ["models"]) > 0
    True
    """
    return _counted(function, files, -1, None)[1]


def _counted(
    function: Callable[[], Any], files: Iterable[str], at: int, error: Any
) -> tuple[Any, int]:
    begins, count = tuple(f"{_ROOT}/{file}" for file in files), 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        # Told of every call, and of every time that a generator goes on.
        return line if frame.f_code.co_filename.startswith(begins) else None

    def line(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        if event == "line" and frame.f_lasti not in _leavings(frame.f_code):
            count += 1
            if count == at + 1:
                # Which also ends the tracing.
                raise error
        return line

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return function(), count
    finally:
        sys.settrace(before)


@cache
def _leavings(code: CodeType) -> set[int]:
    """Return the places in the code of a function where it leaves a ``with``.

    >>> def saved(file):
    ...     with file:
    ...         return 1
    >>> len(_leavings(saved.__code__)) > 1
    True
    """
    found = list(dis.get_instructions(code))
    words = [f"{x.opname} {x.argrepr}".strip() for x in found]
    pairs = zip(found, pairwise(words), strict=False)
    return {instruction.offset for instruction, pair in pairs if pair in _LEAVING}


_LEAVING = {
    ("LOAD_CONST None", "LOAD_CONST None"),
    ("SWAP", "LOAD_CONST None"),
    ("PUSH_EXC_INFO", "WITH_EXCEPT_START"),
}
