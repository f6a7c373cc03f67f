"""A file that one process at a time may use."""

import contextlib
import os
from pathlib import Path
from typing import Any

from theanets.forks import forked

try:
    import fcntl
except ImportError:  # Windows has locks of another kind.
    fcntl = None  # type: ignore[assignment]


class Locked(Exception):
    """Another process, or another training of this one, has the lock."""


class Lock:
    """A lock that ends with its holder, however that ends.

    A file ``.NAME.lock`` beside the one in question holds the number of the process
    that has it, and is gone when the lock is released.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f".{path.name}.lock")
        self._handle: int | None = None

    def take(self) -> None:
        """Take the lock.

        Raises
        ------
        Locked
            If somebody has it; the message says who.
        OSError
            If the folder cannot be written to.
        """
        while self._handle is None:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                _lock(handle)
            except OSError:
                holder = os.read(handle, 32).decode("ascii", "replace").strip()
                os.close(handle)
                raise Locked(f"process {holder}" if holder else "a process") from None
            if _same(handle, self.path):
                self._handle = handle
            else:
                # Whoever had it removed the file after we opened it.
                os.close(handle)
        os.ftruncate(self._handle, 0)
        os.write(self._handle, str(os.getpid()).encode())

    def release(self) -> None:
        """Let go of the lock, and remove its file; a forked process has none."""
        handle, self._handle = self._handle, None
        if handle is not None:
            if not forked():
                with contextlib.suppress(OSError):
                    os.unlink(self.path)
            os.close(handle)


def _lock(handle: int) -> None:
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    import msvcrt

    windows: Any = msvcrt
    # The byte that is locked lies behind those that say who has it.
    os.lseek(handle, 64, os.SEEK_SET)
    windows.locking(handle, windows.LK_NBLCK, 1)
    os.lseek(handle, 0, os.SEEK_SET)


def _same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
