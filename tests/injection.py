"""Exceptions at a chosen line of the library, as Ctrl-C or a signal raises them."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
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
        last of them nothing is raised.
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

    >>> count_lines(lambda: theanets.config.floatX, ["config.py"]) > 0
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
        if event == "line":
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
