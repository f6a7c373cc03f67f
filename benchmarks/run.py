"""Runs the measurements, prints the tables, writes the files.

    python -m benchmarks                     everything, about fifteen minutes
    python -m benchmarks --quick             a first look, about three minutes
    python -m benchmarks --only theanets,pytorch
    python -m benchmarks --write-docs        also renders docs/benchmarks.md
    python -m benchmarks --from-json --write-docs    renders the last run again

Run it from the project's root in an environment that has theanets, torch and
`benchmarks/requirements.txt` installed, on a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import data, machine, measure, report, tasks
from benchmarks.competitors import COMPETITORS, Competitor
from benchmarks.processes import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "latest.json"
PAGE = ROOT / "docs" / "benchmarks.md"

MEASUREMENTS = ("epoch", "updates", "overheads", "startup", "memory", "imports")

QUICK = measure.Plan(rounds=3, starts=2, rows=10_000)


def chosen(only: str | None) -> list[Competitor]:
    """Return the competitors named in `only`, all of them for None."""
    known = {who.key: who for who in COMPETITORS}
    names = only.split(",") if only else list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(
            f"--only: unknown {', '.join(unknown)}; there are {', '.join(known)}"
        )
    return [known[name] for name in known if name in names]


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure theanets against its peers, all in one run.",
    )
    add = parser.add_argument
    add("--only", metavar="A,B", help="only these competitors (keys, comma between)")
    add(
        "--measure",
        metavar="A,B",
        default=",".join(MEASUREMENTS),
        help="only these: epoch (and predict), updates (of further models), "
        "overheads (of checkpoints and checks), startup, memory, imports",
    )
    add("--rounds", type=int, help="timed epochs of each")
    add("--starts", type=int, help="fresh processes of each")
    add("--rows", type=int, help="examples per epoch of the peers, then scaled")
    add("--quick", action="store_true", help="few rounds, peers on 10 000 examples")
    add("--data", type=Path, help="folder of MNIST's IDX files (default: packaged)")
    add("--json", type=Path, default=RESULTS, help="where the results go")
    add("--write-docs", action="store_true", help="also render docs/benchmarks.md")
    add("--from-json", action="store_true", help="render the results of the last run")
    options = parser.parse_args(argv)
    unknown = set(options.measure.split(",")) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"--measure: unknown {', '.join(sorted(unknown))}")
    return options


def planned(options: argparse.Namespace) -> measure.Plan:
    """Return how much to measure, from the command line."""
    changes = {
        name: value
        for name in ("rounds", "starts", "rows")
        if (value := getattr(options, name)) is not None
    }
    if any(value < 1 for value in changes.values()):
        raise SystemExit("--rounds, --starts and --rows must be 1 or more")
    return dataclasses.replace(QUICK if options.quick else measure.Plan(), **changes)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Take all samples."""
    plan, log = planned(options), measure.Log()
    competitors = chosen(options.only)
    wanted = options.measure.split(",")
    results: dict[str, Any] = {
        "machine": machine.facts(),
        "plan": dataclasses.asdict(plan),
    }
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data.write(options.data or data.packaged_root(), folder)
        if "epoch" in wanted:
            tables = measure.epochs_and_predictions(competitors, folder, plan, log)
            results["epoch"], results["predict"] = tables
        if "updates" in wanted:
            results["updates"] = measure.updates(tasks.TASKS, folder, plan, log)
        if "overheads" in wanted:
            results["overheads"] = measure.overheads(folder, plan, log)
        for mode in ("startup", "memory"):
            if mode in wanted:
                results[mode] = measure.fresh(competitors, folder, plan, log, mode)
        if "imports" in wanted:
            results["imports"] = measure.imports(plan, log)
    results["failures"] = log.failures
    results["seconds"] = time.perf_counter() - start
    return results


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return 1 if any competitor failed."""
    options = arguments(argv)
    if options.from_json:
        results = json.loads(options.json.read_text())
    else:
        results = run(options)
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    print(report.text(results))
    if options.write_docs:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(report.markdown(results))
    return 1 if results["failures"] else 0
