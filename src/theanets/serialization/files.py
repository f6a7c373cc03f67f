"""Model files on a disk: written whole or not at all, with older ones beside them.

Nothing in a file is run: layers, losses and activations are looked up by name among
the classes that the program already has.
"""

import contextlib
import errno
import io
import os
import stat
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike

from theanets.errors import ConfigurationError
from theanets.serialization.compression import MAGIC, compressed, expanded
from theanets.serialization.disk import replace_file
from theanets.serialization.format import packed, unpacked
from theanets.types import Json
from theanets.utils.checks import check_int, shown

File = str | os.PathLike[str] | BinaryIO
Source = File | bytes | bytearray | memoryview

_REASONS = {
    errno.ENOENT: "there is no such folder; make it first",
    errno.ENOTDIR: "a part of its path is no folder",
    errno.EACCES: "its folder cannot be written to; choose another",
    errno.EPERM: "its folder cannot be written to; choose another",
    errno.EROFS: "its disk cannot be written to; choose another",
    errno.ENOSPC: "the disk is full; make room, or choose another",
    errno.EDQUOT: "your part of the disk is full; make room, or choose another",
    errno.EFBIG: "it would be larger than a file can be here",
    errno.EISDIR: "that is a folder; give the name of a file in it",
    errno.ENAMETOOLONG: "its name is too long",
}


def check_target(file: str | os.PathLike[str], what: str) -> None:
    """Check that a file can be written later on; ``what`` begins the messages."""
    path = named(file, what)
    _warn_of_name(file)
    try:
        if not _is_folder(path.parent):
            raise ConfigurationError(
                f'{what} is "{file}", but there is no folder "{path.parent}". Make it '
                "first."
            )
        if _is_folder(path):
            raise ConfigurationError(
                f'{what} is "{file}", which is a folder. Give the name of a file in it.'
            )
    except OSError as error:
        raise plainly(error, f"{what} cannot be written", file) from error


def named(file: str | os.PathLike[str], what: str) -> Path:
    """Return a path, if a file can have such a name; ``what`` begins the message."""
    path = Path(file)
    with contextlib.suppress(UnicodeEncodeError):
        if b"\0" not in os.fsencode(path):
            return path
    raise ConfigurationError(
        f"{what} is {str(path)!r}, with a character that no name of a file can hold. "
        "Leave it out."
    )


def check_object(file: object, what: str) -> None:
    """Check, before anything is written, that a file object is open and takes bytes."""
    if not _allows(file, what, "writable", "write"):
        raise ConfigurationError(
            f"{what} is {shown(file)}; it has to be a path, or a file opened to write "
            'bytes, as open(path, "wb") does.'
        )


def write(
    file: File,
    description: Mapping[str, Json],
    arrays: Mapping[str, ArrayLike],
    *,
    keep: int = 0,
) -> None:
    """Write a model file, whole or not at all; see `packed` for what it holds.

    A path is replaced only once the new file is complete and on the disk; if it is a
    link, the file that it names is replaced. If the name ends in ``.gz``, the file is
    compressed. ``keep`` is how many older files stay: ``NAME.1``, the newest of them,
    to ``NAME.keep``. After an OSError, what was there before is untouched.
    """
    keep = check_int(keep, "keep", 0, ", of older files to keep")
    if isinstance(file, str | os.PathLike):
        _warn_of_name(file)
        path = Path(os.path.realpath(named(file, "the file")))
        content = packed(description, arrays)
        if os.fspath(file).lower().endswith(".gz"):
            content = compressed(content)
        try:
            replace_file(path, content, keep)
        except OSError as error:
            raise plainly(error, "the file was not written", file) from error
        return
    check_object(file, "the file")
    if keep:
        raise ConfigurationError(
            f"keep is {keep}, but {shown(file)} is no path: older files need names. "
            "Give a path, or leave keep out."
        )
    _pour(file, packed(description, arrays))


def read(file: Source) -> tuple[dict[str, Json], dict[str, np.ndarray]]:
    """Return the description and the arrays, read-only, of a file or of its bytes.

    A file object is read from its position to its end. The first bytes say whether the
    file is compressed, whatever its name.
    """
    content: object = None
    if isinstance(file, bytes | bytearray | memoryview):
        content = file
    elif isinstance(file, str | os.PathLike):
        path = named(file, "the file")
        try:
            content = path.read_bytes()
        except OSError as error:
            if error.errno not in (errno.EISDIR, errno.ENAMETOOLONG):
                raise
            raise plainly(error, "the file was not read", file) from error
    elif _allows(file, "the file", "readable", "read"):
        content = file.read()
    if not isinstance(content, bytes | bytearray | memoryview):
        raise ConfigurationError(
            f"the file is {shown(file)}; it has to be a path, the bytes of a file, or "
            'a file opened to read bytes, as open(path, "rb") does.'
        )
    content, where = bytes(content), called(file)
    if content.startswith(MAGIC):
        content = expanded(content, where)
    return unpacked(content, where)


def called(file: Source) -> str:
    """Return how messages call a file.

    >>> called("model.safetensors"), called(io.BytesIO())
    ('model file "model.safetensors"', 'the model file')
    """
    name = getattr(file, "name", None)
    if isinstance(file, str | os.PathLike):
        name = os.fspath(file)
    return f'model file "{name}"' if isinstance(name, str) else "the model file"


def or_warn(write: Callable[[], None], what: str) -> None:
    """Write a file of a training that goes on if that fails, with a warning."""
    try:
        write()
    except OSError as error:
        warnings.warn(
            f"{what} could not be written, training goes on: {error}",
            RuntimeWarning,
            stacklevel=3,
        )


def or_note(
    write: Callable[[], None], what: str, first: BaseException | None = None
) -> None:
    """Write a file at the end of a training; note a failure on the error that ended it.

    Without such an error, the failure is raised.
    """
    try:
        write()
    except OSError as error:
        if first is None:
            raise
        first.add_note(f"Also, {what} could not be written: {error}")


def _warn_of_name(file: str | os.PathLike[str]) -> None:
    """Warn of a name that promises another kind of file."""
    name = os.fspath(file)
    plain = name[:-3] if name.lower().endswith(".gz") else name
    stem, suffix = os.path.splitext(plain)
    if suffix.lower() in (".pkl", ".pickle"):
        zipped = name[len(plain) :]
        warnings.warn(
            f"{name} is written as safetensors{' and compressed' if zipped else ''}, "
            "not as a pickle: theanets.load reads it, pickle does not. A better name: "
            f"{stem}.safetensors{zipped}.",
            UserWarning,
            stacklevel=4,
        )


def _allows(file: object, what: str, method: str, action: str) -> bool:
    """Return whether a file object, if it is open, can read or write bytes."""
    if getattr(file, "closed", False) is True:
        raise ConfigurationError(
            f"{what} is {shown(file)}, which is closed. Give a path, or an open file."
        )
    if isinstance(file, io.TextIOBase) or not hasattr(file, action):
        return False
    kind = type(file)
    if getattr(kind, method, None) is getattr(io.IOBase, method):
        # A user's class that leaves the method out inherits one that says no.
        return getattr(kind, action, None) is not getattr(io.BufferedIOBase, action)
    return not hasattr(file, method) or bool(getattr(file, method)())


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _pour(file: BinaryIO, content: bytes) -> None:
    """Write everything to a file object, which may take a part at a time."""
    while content:
        written: int | None = file.write(content)
        if written is None and not isinstance(file, io.RawIOBase):
            # Not every object counts.
            written = len(content)
        if not written:
            raise BlockingIOError(errno.EAGAIN, f"{file!r} takes no more bytes")
        content = content[written:]
    if hasattr(file, "flush"):
        file.flush()


def plainly(error: OSError, what: str, file: str | os.PathLike[str]) -> OSError:
    """Return an error of the same number and type, with a plain reason."""
    if error.errno is None:
        return error
    reason = _REASONS.get(error.errno, error.strerror or str(error))
    return OSError(error.errno, f"{what}: {reason}", os.fspath(file))
