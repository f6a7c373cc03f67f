"""Programs on the disk spare the next process the compiling, and change nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from theanets.utils import disk_cache

SCRIPT = """
import hashlib, json, jax, numpy as np, theanets
missed = []
jax.monitoring.register_event_listener(
    lambda event, **_: missed.append(event) if event.endswith("cache_misses") else None)
x = np.random.default_rng(0).normal(size=(70, 4))
net = theanets.Classifier([4, 8, 3], rng=1)
net.train((x, np.arange(70) % 3), max_epochs=2, progress=False)
net.predict(x)
found = b"".join(param.get_value().tobytes() for param in net.params)
folder = jax.config.jax_compilation_cache_dir
print(json.dumps([hashlib.sha256(found).hexdigest(), len(missed), folder]))
"""


def run(**environment):
    """Return the checksum of a trained model, misses of the cache, and its folder."""
    names = ("THEANETS_CACHE", "XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR")
    inherited = {k: v for k, v in os.environ.items() if k not in names}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


def test_a_second_process_compiles_nothing_and_has_the_same_bits(tmp_path):
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    bits, missed, folder = run(**home)
    assert missed
    assert Path(folder).is_relative_to(tmp_path)
    assert run(**home) == [bits, 0, folder]
    assert run(THEANETS_CACHE="") == [bits, 0, None]


def test_a_folder_that_is_given_to_jax_is_kept(tmp_path):
    _, _, folder = run(JAX_COMPILATION_CACHE_DIR=str(tmp_path / "own"))
    assert folder == str(tmp_path / "own")


@pytest.fixture
def at(tmp_path, monkeypatch):
    """Return the folder that is used below a given one, None if none is."""
    found = []
    monkeypatch.setattr(
        disk_cache.jax.config, "update", lambda name, value: found.append(value)
    )

    def enabled(root=tmp_path):
        monkeypatch.setenv("THEANETS_CACHE", str(root))
        found.clear()
        disk_cache.enable.__wrapped__()
        return Path(found[-1]) if found else None

    return enabled


def test_nobody_else_can_write_there(at, tmp_path):
    folder = at()
    assert folder.parent == tmp_path
    if os.name == "posix":
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o777)
        assert at() is None


def test_without_a_place_nothing_is_kept(at, tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert at(tmp_path / "file") is None


def test_the_oldest_go_when_there_are_too_many(at, monkeypatch):
    folder = at()
    for age in range(5):
        (folder / str(age)).write_bytes(bytes(100))
        os.utime(folder / str(age), (1e9 - age, 1e9 - age))
    monkeypatch.setattr(disk_cache, "_MOST_BYTES", 250)
    at()
    assert {path.name for path in folder.iterdir()} == {"0", "1"}
