"""Compiled programs on the disk, so that the next process need not compile them.

JAX writes and reads them, and knows which one is for which program, version and option.
Here is where they are, and how many. They are machine code: the folder belongs to the
user alone, and there is one for each kind of processor. ``THEANETS_CACHE`` names
another folder, or turns this off if it is empty. A folder given to JAX is left alone.
"""

import contextlib
import hashlib
import os
import platform
import stat
import sys
from functools import cache
from pathlib import Path

import jax

_MOST_BYTES = 256 << 20
"""The oldest programs go when a process finds more than this."""


@cache
def enable() -> None:
    """Let JAX keep programs on the disk, if there is a place for them."""
    given = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if given or not (root := _root()):
        return
    folder = root / _machine()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(folder):
            return
        _prune(folder)
    except OSError:
        # No place to write to: programs are compiled each time.
        return
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_compilation_cache_dir", str(folder))


def _root() -> Path | None:
    """Return the folder of all our programs, None if they are not to be kept."""
    named = os.environ.get("THEANETS_CACHE")
    if named is not None:
        return Path(named) if named else None
    with contextlib.suppress(RuntimeError):
        home = Path.home()
        usual = {"win32": "AppData/Local", "darwin": "Library/Caches"}
        base = os.environ.get("XDG_CACHE_HOME") or home / usual.get(
            sys.platform, ".cache"
        )
        return Path(base) / "theanets"
    return None


def _machine() -> str:
    """Return a name for this kind of processor.

    A folder may be on several machines, and programs of one can crash on another.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        facts = sorted({x for x in lines if x.startswith(("model name", "flags"))})
    except OSError:
        facts = [*platform.uname()]
    text = "\n".join([platform.machine(), *facts])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_private(folder: Path) -> bool:
    """Return whether nobody else can write to a folder, and this process can."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    if os.name != "posix":
        return True
    facts = folder.stat()
    others = stat.S_IWGRP | stat.S_IWOTH
    return facts.st_uid == os.geteuid() and not facts.st_mode & others


def _prune(folder: Path) -> None:
    """Remove the oldest programs if there are too many."""
    found = []
    for entry in os.scandir(folder):
        # Another process may remove it now too.
        with contextlib.suppress(OSError):
            facts = entry.stat()
            found.append((facts.st_mtime, facts.st_size, entry.path))
    size = sum(each for _, each, _ in found)
    for _, each, path in sorted(found):
        if size <= _MOST_BYTES:
            return
        with contextlib.suppress(OSError):
            os.unlink(path)
        size -= each
