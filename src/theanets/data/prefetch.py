"""Items of an iterator made ready by a thread while others are in use."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_POLL = 0.1
_GRACE = 1.0
"""Seconds that a thread is given to end; one that waits for its source ends later."""


def prefetched(
    make: Callable[[threading.Event], Iterator[T]],
    reads: Any = None,
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[T]:
    """Yield what an iterator yields, the next item prepared by a thread meanwhile.

    An error of the thread is raised here, the very same object. The thread ends when
    this generator is closed, or used up. If it is in the midst of something that takes
    long by then, nobody waits for it: it ends when that does, and with the program at
    the latest.

    Parameters
    ----------
    make : callable
        Takes an event and returns the iterator, which may end early once the event
        is set, as nobody wants more of it.
    reads : object, optional
        What the iterator reads: two threads never read the same object at once.
    waiting : callable, optional
        Called now and then while an item is waited for; an error that it raises
        ends the waiting.
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

    # A daemon, so that a source that never returns does not keep a program alive.
    thread = threading.Thread(target=work, name="theanets-prefetch", daemon=True)
    thread.reads = reads  # type: ignore[attr-defined]
    try:
        for other in _readers(reads):
            while other.is_alive():
                other.join(_POLL)
                waiting()
        thread.start()
        while (item := _next(ready, waiting)) is not done:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        item = None
        stopped.set()
        # A thread that waits to hand over one item finds room for it, and ends.
        with suppress(queue.Empty):
            ready.get_nowait()
        if thread.is_alive():
            thread.join(_GRACE)


def _readers(source: Any) -> list[threading.Thread]:
    """Return the threads that still read a source for somebody who has left."""
    return [
        thread
        for thread in threading.enumerate()
        if source is not None and getattr(thread, "reads", None) is source
    ]


def _next(ready: queue.Queue[Any], waiting: Callable[[], None]) -> Any:
    # Not one long wait: on some systems Ctrl-C does not interrupt that.
    while True:
        try:
            return ready.get(timeout=_POLL)
        except queue.Empty:
            waiting()
