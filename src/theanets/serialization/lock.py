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
    """A lock that ends with this object, and with its process, however that ends.

    While it lasts, a file ``.NAME.lock`` beside the locked one holds the number of the
    process.
    """

    # If an interrupt loses the file object, it closes itself, which ends the lock.
    _file: FileIO | None = None
    _locked = False

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f".{path.name}.lock")

    def take(self) -> None:
        """Take the lock, or raise `Locked`, which names the process that has it."""
        try:
            while not self._locked:
                self.release()
                self._file = FileIO(self.path, "a+")
                _lock(self._file)
                # The last owner may have removed the file after we opened it.
                self._locked = _same(self._file, self.path)
            assert self._file
            self._file.truncate(0)
            self._file.write(str(os.getpid()).encode())
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Release the lock and remove its file; a forked process has no lock."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            if self._locked and not forked() and _same(self._file, self.path):
                os.unlink(self.path)
        self._locked = False
        self._file.close()


def _lock(file: FileIO) -> None:
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        import msvcrt

        windows: Any = msvcrt
        # The locked byte lies behind the number of the process.
        file.seek(64)
        windows.locking(file.fileno(), windows.LK_NBLCK, 1)
    except OSError:
        file.seek(0)
        owner = file.read(32).decode("ascii", "replace").strip()
        raise Locked(f"process {owner}" if owner else "a process") from None


def _same(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
