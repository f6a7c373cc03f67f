"""The measurements: each takes its samples from all competitors in turn.

One sample of everybody, then the next round, each round starting with another
competitor: a machine that grows slower or faster does so for all.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.competitors import SAFEGUARDS, TASK_PEERS, Competitor
from benchmarks.data import TRAIN
from benchmarks.processes import ROOT, WorkerFailed, WorkerProcess, environment
from benchmarks.tasks import Task

Item = TypeVar("Item")

PAUSE = 0.1
"""Seconds between two samples, so that the last one's threads have gone to sleep."""

STRETCH = 16
"""Epochs of one sample of `overheads`: some seconds, with a checkpoint in each."""

IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter()-t)"


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes
    ----------
    rounds : int
        Epochs timed per competitor and batch size, after warm-up.
    starts : int
        Fresh processes per competitor for start-up; twice as many for imports, a
        third for memory.
    rows : int
        Examples per epoch of the peers; fewer than all are scaled up.
    batches : tuple of int
        Batch sizes.
    """

    rounds: int = 9
    starts: int = 7
    rows: int = TRAIN
    batches: tuple[int, ...] = (32, 128)


@dataclass
class Log:
    """What went wrong, by competitor, and a line to standard error for each step."""

    failures: dict[str, str] = field(default_factory=dict)

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def failed(self, key: str, error: Exception) -> None:
        self.failures[key] = str(error)
        self.note(f"  {key} failed: {error}")


def rounds(items: Sequence[Item], count: int) -> Iterator[Item]:
    """Yield all items `count` times, each round beginning one further on."""
    for i in range(count):
        shift = i % len(items) if items else 0
        yield from (*items[shift:], *items[:shift])


class Crew:
    """The long-lived workers; whoever fails leaves, and the others go on."""

    def __init__(self, folder: Path, log: Log) -> None:
        self.folder, self.log = folder, log
        self.workers: dict[Competitor, WorkerProcess] = {}

    def hire(
        self, who: Competitor, rows: int | None, batches: Sequence[int]
    ) -> dict[str, Any] | None:
        """Start a worker, on so many rows if not all, and warm it up for batch sizes.

        Returns
        -------
        dict or None
            Batch size (a string) to the chosen way and the times of all that were
            tried; None if the worker failed.
        """
        worker = self.workers[who] = WorkerProcess(who, self.folder)
        try:
            worker.answer()
            if rows is not None:
                worker.ask("restrict", rows=rows)
            return {str(n): worker.ask("prepare", batch=n) for n in batches}
        except WorkerFailed as error:
            self.dismiss(who, error)
            return None

    def ask(self, who: Competitor, do: str, **fields: Any) -> dict[str, Any] | None:
        """Return the worker's answer, None if it has failed now or before."""
        if who not in self.workers:
            return None
        try:
            return self.workers[who].ask(do, **fields)
        except WorkerFailed as error:
            self.dismiss(who, error)
            return None

    def dismiss(self, who: Competitor, error: WorkerFailed) -> None:
        self.log.failed(who.key, error)
        self.workers.pop(who).close()

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers.values():
            worker.close()


def epochs_and_predictions(
    competitors: Sequence[Competitor], folder: Path, plan: Plan, log: Log
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Time epochs and `predict` in long-lived workers.

    Returns
    -------
    epochs : dict
        Batch size (a string) to key to ``{'seconds': [...], 'variant': ...,
        'tried': {...}, 'rows': ..., 'accuracy': ...}``, seconds per full epoch.
    predictions : dict
        Number of digits (a string) to key to ``{'seconds': [...], 'tried': ...}``.
    """
    with closing(Crew(folder, log)) as crew:
        table: dict[str, Any] = {str(batch): {} for batch in plan.batches}
        for who in competitors:
            if "epoch" not in who.measures:
                continue
            log.note(f"warming up: {who.title}")
            rows = min(plan.rows, TRAIN) if who.scalable else TRAIN
            for batch, answer in (crew.hire(who, rows, plan.batches) or {}).items():
                table[batch][who.key] = {"rows": rows, "seconds": [], **answer}
        for batch in plan.batches:
            log.note(f"timing epochs, batch {batch}: {plan.rounds} rounds")
            epochs(crew, batch, plan, table[str(batch)])
        log.note("timing predict")
        return table, {
            str(rows): predictions(crew, rows, repeats, plan)
            for rows, repeats in ((1, 200), (10_000, 5))
        }


def epochs(crew: Crew, batch: int, plan: Plan, table: dict[str, Any]) -> None:
    """Time epochs in turn, then see what accuracy they led to."""
    everybody = list(crew.workers)
    for who in rounds(everybody, plan.rounds):
        time.sleep(PAUSE)
        if answer := crew.ask(who, "epoch", batch=batch):
            scale = -(-TRAIN // batch) / answer["batches"]
            table[who.key]["seconds"].append(answer["seconds"] * scale)
    for who in everybody:
        if answer := crew.ask(who, "accuracy", batch=batch):
            table[who.key]["accuracy"] = answer["accuracy"]


def predictions(crew: Crew, rows: int, repeats: int, plan: Plan) -> dict[str, Any]:
    """Time `predict` of `rows` digits, NumPy array in, labels out."""
    table: dict[str, Any] = {}
    able = [who for who in crew.workers if "predict" in who.measures]
    command = {"batch": plan.batches[0], "rows": rows, "repeats": repeats}
    for who in rounds(able, plan.rounds):
        time.sleep(PAUSE)
        if answer := crew.ask(who, "predict", **command):
            entry = table.setdefault(who.key, {"seconds": [], **answer["ways"]})
            entry["seconds"] += answer["seconds"]
    return table


def updates(
    tasks: Sequence[Task], folder: Path, plan: Plan, log: Log
) -> dict[str, Any]:
    """Time updates of further models, one task after the other.

    Returns
    -------
    dict
        Task to peer to ``{'seconds': [...], 'variant': ..., 'tried': {...}}``,
        seconds per update.
    """
    table: dict[str, Any] = {}
    for task in tasks:
        log.note(f"timing updates: {task.title}")
        entries = table[task.key] = {}
        peers = [replace(peer, option=task.key) for peer in TASK_PEERS]
        with closing(Crew(folder, log)) as crew:
            for who in peers:
                if answer := crew.hire(who, None, [task.batch]):
                    entries[who.key] = {"seconds": [], **answer[str(task.batch)]}
            for who in rounds(list(crew.workers), plan.rounds):
                time.sleep(PAUSE)
                if answer := crew.ask(who, "epoch", batch=task.batch):
                    seconds = answer["seconds"] / answer["batches"]
                    entries[who.key]["seconds"].append(seconds)
    return table


def overheads(folder: Path, plan: Plan, log: Log) -> dict[str, Any]:
    """Time theanets with and without its safeguards, some epochs at a time.

    Returns
    -------
    dict
        Key of `SAFEGUARDS` to ``{'seconds': [...], ...}``, seconds per epoch, a sample
        each round.
    """
    batch = plan.batches[0]
    with closing(Crew(folder, log)) as crew:
        table: dict[str, Any] = {}
        for who in SAFEGUARDS:
            if answer := crew.hire(who, None, [batch]):
                table[who.key] = {"seconds": [], **answer[str(batch)]}
        log.note(f"timing overheads: {plan.rounds} rounds")
        for who in rounds(list(crew.workers), plan.rounds):
            time.sleep(PAUSE)
            if answer := crew.ask(who, "epoch", batch=batch, count=STRETCH):
                table[who.key]["seconds"].append(answer["seconds"])
    return table


def fresh(
    competitors: Sequence[Competitor], folder: Path, plan: Plan, log: Log, mode: str
) -> dict[str, Any]:
    """Measure with a fresh process per sample.

    Mode 'startup' gives seconds from the start of the process to the end of its
    first epoch, reading the data included; 'memory' gives bytes at the peak of two
    epochs over the process after its imports, the user's arrays included.
    """
    log.note(f"measuring {mode} in fresh processes")
    able = [who for who in competitors if mode in who.measures]
    failed: set[Competitor] = set()
    table: dict[str, Any] = {}
    repeats = plan.starts if mode == "startup" else max(1, plan.starts // 3)
    for who in rounds(able, repeats):
        if who in failed:
            continue
        time.sleep(PAUSE)
        with WorkerProcess(who, folder, mode) as worker:
            try:
                answer = worker.answer()
            except WorkerFailed as error:
                log.failed(who.key, error)
                failed.add(who)
                continue
            seconds = time.perf_counter() - worker.started
        if mode == "startup":
            table.setdefault(who.key, {"seconds": []})["seconds"].append(seconds)
        else:
            table.setdefault(who.key, {"bytes": []})["bytes"].append(answer["bytes"])
    return table


def imports(plan: Plan, log: Log) -> dict[str, Any]:
    """Time `import jax` and `import theanets` in fresh processes, in turn."""
    log.note("timing imports in fresh processes")
    table: dict[str, Any] = {}
    for name in rounds(("jax", "theanets"), 1 + 2 * plan.starts):
        result = subprocess.run(
            [sys.executable, "-c", IMPORT.format(name)],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
        )
        if result.returncode:
            last = result.stderr.strip().splitlines()[-1:]
            log.failed(f"import {name}", WorkerFailed("".join(last)))
            return {}
        table.setdefault(name, {"seconds": []})["seconds"].append(float(result.stdout))
    for entry in table.values():
        del entry["seconds"][0]  # read from disk, not from the file cache
    return table
