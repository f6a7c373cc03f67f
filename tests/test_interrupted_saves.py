"""A save that fails, or is killed, at any step leaves a file that can be read."""

import ast
import builtins
import errno
import os
import shutil
import stat
import subprocess
import sys
import warnings
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from theanets.serialization import files

from .injection import count_lines, inject

OLD, NEW = ({"old": True}, {"w": np.arange(3)}), ({"old": False}, {"w": np.arange(4)})
STEPS = [
    (builtins, "open"),
    (os, "fsync"),
    (os, "chmod"),
    (os, "link"),
    (os, "replace"),
    (os, "open"),
    (os, "close"),
    (os, "unlink"),
    (shutil, "copy2"),
]
"""All that a save calls of the operating system, but `write`, which has its own."""
WRITING = ["serialization/files.py", "serialization/disk.py"]


def one_of(found, *expected):
    return any(
        found[0] == description
        and {n: x.tolist() for n, x in found[1].items()}
        == {n: x.tolist() for n, x in arrays.items()}
        for description, arrays in expected
    )


def failing(monkeypatch, place, name, at, error):
    """Let the call of a function that has the number ``at`` raise an error."""
    original = getattr(place, name)
    calls = []

    def fail(*args, **kwargs):
        calls.append(args)
        if len(calls) == at:
            raise error
        return original(*args, **kwargs)

    monkeypatch.setattr(place, name, fail)
    return calls


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.net"
    files.write(path, *OLD)
    return path


def test_the_list_of_steps_is_whole():
    """Of a save's calls, by name, none is missing above."""
    modules = [Path(files.__file__).with_name(n) for n in ("files.py", "disk.py")]
    source = ast.parse("\n".join(module.read_text() for module in modules))
    called = {
        f"{node.func.value.id}.{node.func.attr}"
        for node in ast.walk(source)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("os", "shutil")
    }
    harmless = {"os.fspath", "os.fsencode", "os.path"}
    known = {f"{place.__name__}.{name}" for place, name in STEPS}
    assert called - harmless <= known


@pytest.mark.parametrize("keep", [0, 2])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize(("place", "name"), STEPS)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_each_step_can_fail(path, monkeypatch, place, name, at, error, keep):
    if name == "copy2":
        failing(monkeypatch, os, "link", 1, OSError(errno.EPERM, "no links"))
    with monkeypatch.context() as patched:
        calls = failing(patched, place, name, at, error)
        try:
            with warnings.catch_warnings():
                # That its folder could not be flushed.
                warnings.simplefilter("ignore", RuntimeWarning)
                files.write(path, *NEW, keep=keep)
            done = True
        except (OSError, KeyboardInterrupt):
            done = False
    failed = not done and isinstance(error, OSError)
    possible = [NEW] if done else [OLD] if failed else [OLD, NEW]
    assert one_of(files.read(path), *possible)
    left = sorted(os.listdir(path.parent))
    allowed = [path.name, f"{path.name}.1"][: 2 if keep else 1]
    if name == "unlink":
        assert len(calls) <= 1
    assert set(left) <= set(allowed)
    for older in left[1:]:
        assert one_of(files.read(path.with_name(older)), OLD)
    # And the next save is a save like any other.
    files.write(path, *NEW, keep=keep)
    assert one_of(files.read(path), NEW)


@pytest.mark.parametrize(
    ("number", "kind", "message"),
    [
        (errno.ENOENT, FileNotFoundError, "there is no such folder; make it first"),
        (errno.EACCES, PermissionError, "its folder cannot be written to"),
        (errno.EROFS, OSError, "its disk cannot be written to"),
        (errno.ENOSPC, OSError, "the disk is full; make room"),
        (errno.EDQUOT, OSError, "your part of the disk is full"),
        (errno.EIO, OSError, "Input/output error"),
    ],
)
def test_errors_say_plainly_what_is_wrong(path, monkeypatch, number, kind, message):
    with monkeypatch.context() as patched:
        failing(patched, builtins, "open", 1, OSError(number, os.strerror(number)))
        with pytest.raises(
            kind, match=f"the file was not written: {message}"
        ) as caught:
            files.write(path, *NEW)
    assert caught.value.errno == number
    assert caught.value.filename == str(path)
    assert one_of(files.read(path), OLD)


def test_a_folder_that_cannot_be_flushed(path, monkeypatch):
    """Some file systems do not know how, and some folders cannot be opened."""
    for name, error in (
        ("open", OSError(errno.EACCES, "no")),
        ("fsync", OSError(errno.EINVAL, "no")),
    ):
        with monkeypatch.context() as patched:
            failing(patched, os, name, 2, error)
            files.write(path, *NEW)
        assert one_of(files.read(path), NEW)


@pytest.mark.parametrize("name", ["open", "fsync", "close"])
def test_a_folder_that_fails_to_be_flushed_is_told_of_a_file_that_is_written(
    path, monkeypatch, name
):
    with monkeypatch.context() as patched:
        at = 1 if name == "close" else 2
        failing(patched, os, name, at, OSError(errno.EIO, "no disk"))
        with pytest.warns(RuntimeWarning, match="the file is written, but its folder"):
            files.write(path, *NEW)
    assert one_of(files.read(path), NEW)


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400, None])
def test_nothing_is_open_to_more_than_the_file_in_place(
    path, monkeypatch, mode, linked
):
    """At no step of a save, and a new file gets what new files get."""
    seen, before = [], os.umask(0o022)
    if mode is None:
        path.unlink()
    else:
        path.chmod(mode)

    def looking(original):
        def look(*args, **kwargs):
            for file in path.parent.iterdir():
                seen.append(stat.S_IMODE(file.stat().st_mode))
            return original(*args, **kwargs)

        return look

    if not linked:
        failing(monkeypatch, os, "link", 1, OSError(errno.EPERM, "no links"))
        monkeypatch.setattr(shutil, "copystat", looking(shutil.copystat))
    for name in ("fsync", "chmod", "replace", "unlink"):
        monkeypatch.setattr(os, name, looking(getattr(os, name)))
    try:
        files.write(path, *NEW, keep=1)
    finally:
        os.umask(before)
    wanted = 0o644 if mode is None else mode
    assert seen
    assert all(found & ~(wanted | 0o600) == 0 for found in seen)
    assert {stat.S_IMODE(x.stat().st_mode) for x in path.parent.iterdir()} == {wanted}


def handles():
    return len(os.listdir("/dev/fd"))


# An interrupt may leave it to CPython to close a file, which it then says.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("linked", [True, False])
def test_an_interrupt_at_any_line_leaves_a_file_and_nothing_else(
    tmp_path, monkeypatch, linked
):
    if not linked:

        def refused(*_):
            raise OSError(errno.EPERM, "no links")

        monkeypatch.setattr(os, "link", refused)
    path, save = tmp_path / "model.net", partial(files.write, keep=1)
    files.write(path, *OLD)
    lines = count_lines(lambda: save(path, *OLD), WRITING)
    opened = handles()
    for at in range(lines):
        for name in os.listdir(tmp_path):
            os.unlink(tmp_path / name)
        files.write(path, *OLD)
        # Not by pytest.raises, which would keep alive what the error has seen.
        with suppress(KeyboardInterrupt):
            inject(lambda: save(path, *NEW), WRITING, at=at)
            raise AssertionError
        assert one_of(files.read(path), OLD, NEW)
        assert handles() == opened
        assert set(os.listdir(tmp_path)) <= {path.name, f"{path.name}.1"}
    assert lines > 40


def run(code, path, **options):
    source = (
        f"import numpy as np, os, sys\nfrom theanets.serialization import files\n{code}"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[2])}
    return subprocess.run(
        [sys.executable, "-c", source, path],
        env=environment,
        capture_output=True,
        text=True,
        **options,
    )


LIMITED = """
import resource, signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))
files.write(sys.argv[1], {}, {"w": np.zeros(100_000)}, keep=2)
"""


def test_a_file_that_becomes_too_large(path):
    ended = run(LIMITED, path)
    assert ended.returncode == 1
    assert (
        "the file was not written: it would be larger than a file can be"
        in ended.stderr
    )
    assert one_of(files.read(path), OLD)
    assert os.listdir(path.parent) == [path.name]


KILLED = """
old, new = {"w": np.arange(3)}, {"w": np.arange(4)}
target = sys.argv[1]
steps = [(os, name) for name in ("fsync", "chmod", "link", "replace", "open", "close")]
for place, name in steps:
    original = getattr(place, name)
    for at in range(1, 6):
        for part in (0, 1):
            for left in os.listdir("."):
                os.unlink(left)
            for _ in range(3):
                files.write(target, {}, old, keep=3)
            child = os.fork()
            if not child:
                calls = []

                def killed(*args, **kwargs):
                    calls.append(name)
                    if len(calls) == at and not part:
                        os.kill(os.getpid(), 9)
                    result = original(*args, **kwargs)
                    if len(calls) == at:
                        os.kill(os.getpid(), 9)
                    return result

                setattr(place, name, killed)
                files.write(target, {}, new, keep=3)
                os._exit(0)
            died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
            sizes = [len(files.read(target)[1]["w"])]
            assert sizes == [4] if not died else sizes[0] in (3, 4)
            left = os.listdir(".")
            kept = [f"{target}.{n}" for n in (1, 2, 3) if f"{target}.{n}" in left]
            assert all(len(files.read(older)[1]["w"]) == 3 for older in kept)
            assert len(kept) >= 2
            os.utime(target)
            for temporary in {*left} - {target, *kept}:
                assert temporary.endswith(".tmp") and died
                os.utime(temporary, (1, 1))
            files.write(target, {}, new, keep=3)
            assert len(files.read(target)[1]["w"]) == 4
            assert not [name for name in os.listdir(".") if name.endswith(".tmp")]
            print(name, at, part, died)
"""


def test_killed_before_and_after_each_step(tmp_path):
    """A process is gone in the middle of a save, so that nothing is cleaned up."""
    ended = run(KILLED, "model.net", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    died = {
        tuple(line.split()[:2]) for line in ended.stdout.split("\n") if "True" in line
    }
    expected = {("fsync", "1"), ("fsync", "2"), ("chmod", "1"), ("link", "1")}
    expected |= {("replace", str(n)) for n in (1, 2, 3)}
    assert expected <= died
