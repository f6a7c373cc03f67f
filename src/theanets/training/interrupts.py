"""Signals that end a program while it trains."""

import signal
import threading
from typing import Any, NoReturn


class Terminable:
    """Lets SIGTERM end what runs inside as an exception does, so that it can clean up.

    It raises SystemExit with the status that the signal would have given. A program
    that handles the signal itself goes on doing so, and so does one that trains in
    another thread than its main one, where Python takes no signals.
    """

    # No generator: contextlib sets the traceback of what passes through, and an
    # exception of the user may refuse that.
    def __enter__(self) -> None:
        self._ours = (
            _in_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        )
        if self._ours:
            signal.signal(signal.SIGTERM, _leave)

    def __exit__(self, *error: object) -> None:
        # A generator may be closed in another thread than it was begun in.
        if (
            self._ours
            and _in_main_thread()
            and signal.getsignal(signal.SIGTERM) is _leave
        ):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave(number: int, frame: Any) -> NoReturn:
    raise SystemExit(128 + number)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
