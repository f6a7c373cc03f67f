"""A file that one process at a time may use."""

import contextlib
import os
from io import FileIO
from pathlib import Path
from typing import Any

from theanets.utils.forks import forked

try:
    import fcntl
except ImportError:  # Windows has locks of another kind.
    fcntl = None  # type: ignore[assignment]


class Locked(Exception):
    """Another process, or another training of this one, has the lock."""


class Lock:
    """A lock that ends with its holder, however that ends, and with this object.

    A file ``.NAME.lock`` beside the one in question holds the number of the process
    that has it, and is gone when the lock is released.
    """

    # A file object closes itself, which ends the lock, if an interrupt loses it.
    _file: FileIO | None = None
    _held = False

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f".{path.name}.lock")

    def take(self) -> None:
        """Take the lock, wholly or not at all.

        Raises
        ------
        Locked
            If somebody has it; the message says who.
        OSError
            If its file cannot be written.
        """
        try:
            while not self._held:
                self.release()
                self._file = FileIO(self.path, "a+")
                _lock(self._file)
                # Whoever had it may have removed the file after we opened it.
                self._held = _same(self._file, self.path)
            assert self._file
            self._file.truncate(0)
            self._file.write(str(os.getpid()).encode())
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let go of the lock, and remove its file; a forked process has none."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            if self._held and not forked() and _same(self._file, self.path):
                os.unlink(self.path)
        self._held = False
        self._file.close()


def _lock(file: FileIO) -> None:
    """Lock a file, or raise Locked."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        import msvcrt

        windows: Any = msvcrt
        # The byte that is locked lies behind those that say who has it.
        file.seek(64)
        windows.locking(file.fileno(), windows.LK_NBLCK, 1)
    except OSError:
        file.seek(0)
        holder = file.read(32).decode("ascii", "replace").strip()
        raise Locked(f"process {holder}" if holder else "a process") from None


def _same(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
