"""Signals that end a program while it trains.

An interrupt can come between any two lines. So a resource that has to be released
belongs to an object that releases itself: a file object rather than a number, a member
of a weak set. The next training copes with what is left over: it takes over a lock file
without a lock, and a handler of SIGTERM that is no longer needed passes the signal on.
`tests/injection.py` raises an exception at each line in turn.
"""

import signal
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar
from weakref import WeakSet

T = TypeVar("T")


def until_interrupted(pairs: Iterator[T]) -> Generator[T, None, None]:
    """Pass on what a training yields, until it ends or Ctrl-C ends it.

    By then the training has put its best parameters back and written its files. If a
    second interrupt came meanwhile, it is raised.
    """
    try:
        yield from pairs
    except KeyboardInterrupt as error:
        earlier = error.__context__
        while earlier is not None:
            if isinstance(earlier, KeyboardInterrupt):
                raise
            earlier = earlier.__context__


class Terminable:
    """Lets SIGTERM raise SystemExit in a training, so that it can clean up.

    The exit status is the one that the signal would have given. Nothing changes in a
    program that handles the signal itself, or that trains in another thread than the
    main one, where Python takes no signals.
    """

    # No generator: contextlib sets the traceback of each exception, and an exception
    # of the user may refuse that.
    def __enter__(self) -> None:
        if not _in_main_thread():
            return
        handler = signal.getsignal(signal.SIGTERM)
        if handler in (signal.SIG_DFL, _leave):
            _inside.add(self)
            signal.signal(signal.SIGTERM, _leave)

    def __exit__(self, *error: object) -> None:
        _inside.discard(self)
        # Trainings may take turns, and a generator may be closed in another thread
        # than it began in.
        if (
            not _inside
            and _in_main_thread()
            and signal.getsignal(signal.SIGTERM) is _leave
        ):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


_inside: WeakSet[Terminable] = WeakSet()
"""Weak references, so that an object that an interrupt has lost does not stay."""


def _leave(number: int, frame: object) -> None:
    if _inside:
        raise SystemExit(128 + number)
    # The last one ended in another thread, which cannot remove the handler, or an
    # interrupt kept it from doing so.
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
