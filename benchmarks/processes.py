"""Worker processes: starting, asking, ending them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.competitors import Competitor

ROOT = Path(__file__).resolve().parent.parent

LIMIT = 300
"""Seconds after which a worker that does not answer is ended."""

UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Settings that pin NumPy's BLAS to kernels for another processor."""


class WorkerFailed(Exception):
    """A worker ended, or did not answer in time; the message holds its last words."""


def environment(programs: Path | None = None) -> dict[str, str]:
    """Return the environment of every process measured.

    `programs` is the folder for compiled programs of theanets; None: it keeps none.
    """
    settings = {key: value for key, value in os.environ.items() if key not in UNSET}
    settings["THEANETS_CACHE"] = str(programs or "")
    paths = [str(ROOT), settings.get("PYTHONPATH", "")]
    settings["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return settings


class WorkerProcess:
    """One competitor in its own process, closed at the end of a `with` block."""

    def __init__(
        self, competitor: Competitor, folder: Path, mode: str = "serve"
    ) -> None:
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by close)
        module = f"benchmarks.workers.{competitor.module}"
        again = competitor.option == "again"
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(folder), competitor.option, mode],
            cwd=ROOT,
            env=environment(folder / "programs" if again else None),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def answer(self) -> dict[str, Any]:
        """Wait for the worker's next line."""
        timer = threading.Timer(LIMIT, self.process.kill)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            self.process.wait()
            self.log.seek(0)
            last = [text.strip() for text in self.log if text.strip()][-1:]
            code = self.process.returncode
            raise WorkerFailed(f"exit code {code}: {''.join(last) or 'no message'}")
        return json.loads(line)

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send one command and wait for its answer."""
        with suppress(BrokenPipeError):  # answer() tells why the worker ended
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        """End the worker: it leaves when its input ends, or is made to."""
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
