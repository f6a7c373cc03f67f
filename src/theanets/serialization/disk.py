"""Replace files on a disk, whole or not at all."""

import contextlib
import errno
import glob
import os
import secrets
import shutil
import stat
import time
import warnings
from functools import partial
from itertools import tee
from pathlib import Path

_STALE = 3600
"""Seconds after which a temporary file is taken to be left by a killed process."""


def replace_file(path: Path, content: bytes, keep: int) -> None:
    """Write beside the target, flush to the disk, and only then take its place.

    ``keep`` is the number of older files to keep.
    """
    mode = path.stat().st_mode if path.exists() else None
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    if mode is not None and not stat.S_ISREG(mode):
        # A device or a pipe: there is nothing to replace.
        with open(path, "wb") as device:
            device.write(content)
        return
    _remove_stale(path)
    # The permissions are never wider than those of the old file, not for a moment.
    allowed = 0o666 if mode is None else stat.S_IMODE(mode)
    with _Temporary(path) as temporary:
        with open(temporary, "xb", opener=partial(os.open, mode=allowed)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, allowed)
            _keep_older(path, keep)
        os.replace(temporary, path)
    _flush_folder(path.parent)


def _keep_older(path: Path, keep: int) -> None:
    """Increment the numbers of older files, and link the current one as the first."""
    names = [path.with_name(f"{path.name}.{n}") for n in range(1, keep + 1)]
    if not names or (names[0].exists() and path.samefile(names[0])):
        # The second: a save that was stopped after this has already done it.
        return
    free = next((n for n, name in enumerate(names) if not name.exists()), keep - 1)
    for number in range(free, 0, -1):
        os.replace(names[number - 1], names[number])
    with _Temporary(path) as temporary:
        try:
            os.link(path, temporary)
        except OSError:
            # Not every file system has links. The copy starts as a private file, and
            # ends with the permissions of the original.
            with open(temporary, "xb", opener=partial(os.open, mode=0o600)):
                shutil.copy2(path, temporary)
        os.replace(temporary, names[0])


class _Temporary:
    """An unused name in the same folder, whose file is removed after an error."""

    # No generator: contextlib sets the traceback of each exception, and an exception
    # of the user may refuse that.
    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.tmp")

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.path)


def _remove_stale(path: Path) -> None:
    """Remove what killed processes left when they wrote this file."""
    # Exactly as `_Temporary` names them: a user's file may look much the same.
    pattern = f".{glob.escape(path.name[:40])}.{'[0-9a-f]' * 16}.tmp"
    with contextlib.suppress(OSError):
        for left in path.parent.glob(pattern):
            if time.time() - left.stat().st_mtime > _STALE:
                left.unlink()


def _flush_folder(folder: Path) -> None:
    """Flush a new name to the disk too; the file is written in any case."""
    if os.name != "posix":
        return
    # Opened, flushed and closed by one call: a signal handler that raises an exception
    # in between would leave the handle open.
    handle, same = tee(map(os.open, [folder], [os.O_RDONLY]))
    try:
        list(zip(map(os.fsync, handle), map(os.close, same), strict=True))
    except OSError as error:
        # Some folders can be written to but not listed, and some file systems cannot
        # flush a folder.
        if error.errno in (errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP):
            return
        warnings.warn(
            f"the file is written, but its folder {folder} could not be flushed to "
            f"the disk, so a power cut soon could undo that: {error}",
            RuntimeWarning,
            stacklevel=4,
        )
    finally:
        # Unless it is closed already.
        list(map(os.close, same))
