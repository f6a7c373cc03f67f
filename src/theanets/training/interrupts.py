"""Signals that end a program while it trains."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM end what runs inside as an exception does, so that it can clean up.

    It raises SystemExit with the status that the signal would have given. A program
    that handles the signal itself goes on doing so, and so does one that trains in
    another thread than its main one, where Python takes no signals.
    """

    def leave(number: int, frame: Any) -> NoReturn:
        raise SystemExit(128 + number)

    term = signal.SIGTERM
    ours = _in_main_thread() and signal.getsignal(term) is signal.SIG_DFL
    if ours:
        signal.signal(term, leave)
    try:
        yield
    finally:
        # A generator may be closed in another thread than it was begun in.
        if ours and _in_main_thread() and signal.getsignal(term) is leave:
            signal.signal(term, signal.SIG_DFL)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
