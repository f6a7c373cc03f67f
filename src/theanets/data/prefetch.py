"""Items of an iterator, prepared by a thread while earlier ones are in use."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_READING: dict[threading.Thread, object] = {}
"""The running threads that read a user's object, and that object."""
_POLL = 0.1
_GRACE = 1.0
"""Seconds to wait for a thread to end; one that waits for its source ends later."""


def prefetched(
    make: Callable[[threading.Event], Iterator[T]],
    reads: object = None,
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[T]:
    """Yield what an iterator yields, the next item prepared by a thread meanwhile.

    ``make`` takes an event and returns the iterator, which may end once the event is
    set. ``reads`` is the object that the iterator reads; two threads never read it at
    once. ``waiting`` is called now and then while an item is waited for; an error that
    it raises ends the waiting.

    An error in the thread is raised here, the same object. The thread ends when this
    generator is closed or used up. If it is busy then, nothing waits for it: it ends
    when it is done, and with the program at the latest.
    """
    ready: queue.Queue[Any] = queue.Queue(maxsize=1)
    stopped = threading.Event()
    done = object()

    def work() -> None:
        try:
            for item in make(stopped):
                ready.put(item)
                if stopped.is_set():
                    return
            ready.put(done)
        except BaseException as error:
            ready.put(error)
        finally:
            _READING.pop(thread, None)

    # A daemon, so that a source that never returns does not keep the program alive.
    thread = threading.Thread(target=work, name="theanets-prefetch", daemon=True)
    try:
        for other in [t for t, data in list(_READING.items()) if data is reads]:
            while other.is_alive():
                other.join(_POLL)
                waiting()
        if reads is not None:
            _READING[thread] = reads
        thread.start()
        while (item := _next(ready, waiting)) is not done:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        item = None
        stopped.set()
        # This makes room for an item that the thread waits to hand over.
        with suppress(queue.Empty):
            ready.get_nowait()
        if thread.is_alive():
            thread.join(_GRACE)
        else:
            _READING.pop(thread, None)


def _next(ready: queue.Queue[Any], waiting: Callable[[], None]) -> Any:
    # Not one long wait: on some systems Ctrl-C does not interrupt that.
    while True:
        try:
            return ready.get(timeout=_POLL)
        except queue.Empty:
            waiting()
