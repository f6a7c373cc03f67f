"""Tables of the results, as plain text and as the page `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median, quantiles
from typing import Any

from benchmarks.competitors import (
    COMPETITORS,
    IMPORT_GOAL,
    MEMORY_GOAL,
    OURS,
    PREDICT_GOAL,
    SAFEGUARDS,
    STARTUP_GOAL,
    TASK_PEERS,
    WITHOUT,
    Competitor,
)
from benchmarks.data import TRAIN
from benchmarks.tasks import BY_KEY, Task

Row = tuple[str, ...]

WORDS = frozenset({"", "goal", "way", "to"})
"""Columns that hold words: set to the left."""

RESTLESS = 1.3
"""Largest ratio of third quarter to first among the epochs of a quiet machine."""


def middle(entry: dict[str, Any] | None, field: str = "seconds") -> float | None:
    """Return the median of an entry's samples, None where there are none."""
    samples = (entry or {}).get(field)
    return median(samples) if samples else None


def short(value: float | None) -> str:
    """Return a number with three figures, '-' for None."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def extent(samples: Sequence[float]) -> str:
    """Return the least and the largest sample."""
    return f"{short(min(samples))} .. {short(max(samples))}" if samples else "-"


def verdict(value: float | None, goal: float | None) -> str:
    """Return the goal and whether it is met."""
    if goal is None or value is None:
        return ""
    return f"<= {goal:g}: {'met' if value <= goal else 'MISSED'}"


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """Return ours / theirs, None where either is missing."""
    return ours / theirs if ours is not None and theirs else None


def present(table: dict[str, Any]) -> list[Competitor]:
    """Return the competitors that have an entry, in the order of the tables."""
    return [who for who in COMPETITORS if who.key in table]


def epoch_rows(table: dict[str, Any], batch: int) -> list[Row]:
    """Return time per epoch and per update, ratio, goal, chosen way, accuracy."""
    ours = middle(table.get(OURS))
    rows: list[Row] = [
        (
            "",
            "s / epoch",
            "least .. most",
            "us / update",
            "theanets / it",
            "goal",
            "accuracy",
            "way",
        )
    ]
    for who in present(table):
        entry = table[who.key]
        seconds = middle(entry)
        part = ratio(ours, seconds)
        way = entry["variant"]
        if entry["rows"] < TRAIN:
            way += f" (scaled from {entry['rows'] / TRAIN:.0%})"
        rows.append(
            (
                who.title,
                short(seconds),
                extent(entry["seconds"]),
                short(seconds and seconds / -(-TRAIN // batch) * 1e6),
                short(part),
                verdict(part, who.goal if batch == 32 else None),
                short(entry.get("accuracy")),
                way,
            )
        )
    return rows


def update_rows(table: dict[str, Any], task: Task) -> list[Row]:
    """Return time per update, ratio, goal and chosen way for one task."""
    ours = middle(table.get(OURS))
    rows: list[Row] = [
        ("", "ms / update", "least .. most", "theanets / it", "goal", "way")
    ]
    for who in TASK_PEERS:
        if entry := table.get(who.key):
            milliseconds = [seconds * 1e3 for seconds in entry["seconds"]]
            part = ratio(ours, middle(entry))
            rows.append(
                (
                    who.title,
                    short(median(milliseconds)),
                    extent(milliseconds),
                    short(part),
                    verdict(part, task.goals.get(who.key)),
                    entry["variant"],
                )
            )
    return rows


def plain_rows(
    table: dict[str, Any], unit: str, scale: float, goals: dict[str, float], field: str
) -> list[Row]:
    """Return medians in `unit` (`scale` per second or byte), range, ratio, goal."""
    ours = middle(table.get(OURS), field)
    rows: list[Row] = [("", unit, "least .. most", "theanets / it", "goal")]
    for who in present(table):
        samples = [value * scale for value in table[who.key][field]]
        value = middle(table[who.key], field)
        rows.append(
            (
                who.title,
                short(value * scale),
                extent(samples),
                short(ratio(ours, value)),
                verdict(value * scale, goals.get(who.key)),
            )
        )
    return rows


def overhead_rows(table: dict[str, Any]) -> list[Row]:
    """Return time per epoch, and the ratio to the one without the safeguard.

    Ratios are taken within each round, so that a machine that changes its speed later
    does not count; shown are their median and their quarters.
    """
    titles = {who.key: who.title for who in SAFEGUARDS}
    rows: list[Row] = [
        ("", "s / epoch", "least .. most", "ratio", "quarters", "to", "goal", "way")
    ]
    for who in SAFEGUARDS:
        samples = table.get(who.key, {}).get("seconds", [])
        without = WITHOUT.get(who.key, "")
        others = table.get(without, {}).get("seconds", [])
        parts = [a / b for a, b in zip(samples, others, strict=False)]
        part = median(parts) if parts else None
        low, _, high = quantiles(parts, n=4) if len(parts) > 1 else (part,) * 3
        if samples:
            rows.append(
                (
                    who.title,
                    short(median(samples)),
                    extent(samples),
                    f"{part:.3f}" if part else "-",
                    f"{low:.3f} .. {high:.3f}" if part else "-",
                    titles.get(without, ""),
                    verdict(part, who.goal),
                    who.how,
                )
            )
    return rows


def import_rows(table: dict[str, Any]) -> list[Row]:
    """Return the two import times and their difference."""
    jax, ours = middle(table.get("jax")), middle(table.get("theanets"))
    more = ours - jax if ours is not None and jax is not None else None
    return [
        ("", "s", "goal"),
        ("import jax", short(jax), ""),
        ("import theanets", short(ours), ""),
        ("theanets over jax", short(more), verdict(more, IMPORT_GOAL)),
    ]


def sections(results: dict[str, Any]) -> list[tuple[str, list[Row]]]:
    """Return (title, rows) of every table that has samples; row 0 is the head."""
    found = [
        (f"Time per epoch, batch {batch}", epoch_rows(table, int(batch)))
        for batch, table in results.get("epoch", {}).items()
    ]
    found += [
        (
            f"Time per update: {BY_KEY[key].title}, batch {BY_KEY[key].batch}",
            update_rows(table, BY_KEY[key]),
        )
        for key, table in results.get("updates", {}).items()
    ]
    found.append(
        (
            "Safeguards: time per epoch, batch 32",
            overhead_rows(results.get("overheads", {})),
        )
    )
    for rows, table in results.get("predict", {}).items():
        if rows == "1":
            goals = {OURS: PREDICT_GOAL * 1e6}
            lines = plain_rows(table, "us", 1e6, goals, "seconds")
            found.append(("`predict` of one digit", lines))
        else:
            lines = plain_rows(table, "ms", 1e3, {}, "seconds")
            found.append((f"`predict` of {int(rows):,} digits", lines))
    start = {OURS: STARTUP_GOAL, "theanets-page": STARTUP_GOAL}
    found += [
        (
            "Process start to the end of the first epoch",
            plain_rows(results.get("startup", {}), "s", 1.0, start, "seconds"),
        ),
        (
            "Peak memory of training, over the process after its imports",
            plain_rows(
                results.get("memory", {}),
                "MB",
                1e-6,
                {"theanets-uint8": MEMORY_GOAL / 1e6},
                "bytes",
            ),
        ),
    ]
    if results.get("imports"):
        found.append(("Import", import_rows(results["imports"])))
    return [(title, rows) for title, rows in found if len(rows) > 1]


def text_table(rows: Sequence[Row]) -> str:
    """Align the columns for a terminal: names left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: Row) -> str:
        cells = [
            cell.ljust(width) if rows[0][i] in WORDS else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    head, *body = map(line, rows)
    return "\n".join([head, "-" * sum(w + 2 for w in widths), *body])


def markdown_table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table, figures to the right."""

    def line(row: Row) -> str:
        return "| " + " | ".join(row) + " |"

    rule = tuple("---" if name in WORDS else "---:" for name in rows[0])
    return "\n".join([line(rows[0]), line(rule), *map(line, rows[1:])])


def doubts(results: dict[str, Any]) -> list[str]:
    """Return what speaks against the numbers: a busy machine, wide samples, errors."""
    found = []
    load = results["machine"]["load_before"]
    if load is not None and load > 0.5:
        found.append(f"The machine was not idle before the run: its load was {load:g}.")
    for batch, table in results.get("epoch", {}).items():
        for who in present(table):
            entry = table[who.key]
            seconds, right = sorted(entry["seconds"]), entry.get("accuracy")
            quarter = len(seconds) // 4
            if seconds and seconds[-1 - quarter] > RESTLESS * seconds[quarter]:
                spread = seconds[-1 - quarter] / seconds[quarter]
                found.append(
                    f"{who.title}, batch {batch}: epochs differ by a factor of "
                    f"{spread:.2g} between the quarters of the samples."
                )
            if right is not None and right < 0.6:
                found.append(
                    f"{who.title}, batch {batch}: accuracy {right:.2g}, it has not "
                    "learned."
                )
    found += [f"{who} failed: {why}" for who, why in results["failures"].items()]
    return found


def conditions(results: dict[str, Any]) -> str:
    """Return machine, versions and plan in one paragraph."""
    machine, plan = results["machine"], results["plan"]
    versions = ", ".join(
        f"{name} {number}" for name, number in machine["versions"].items()
    )
    return (
        f"{machine['date'][:10]}, {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}; {versions}. "
        f"{plan['rounds']} rounds of epochs, {plan['starts']} fresh processes each."
    )


def render(
    results: dict[str, Any], table: Callable[[Sequence[Row]], str], mark: str
) -> str:
    """Return all tables one below the other, their titles after `mark`."""
    parts = [
        f"{mark}{title if mark else title.replace('`', '')}\n\n{table(rows)}"
        for title, rows in sections(results)
    ]
    if lines := [f"- {line}" for line in doubts(results)]:
        parts.append(f"{mark}Doubts\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def text(results: dict[str, Any]) -> str:
    """Return everything for a terminal."""
    return f"{render(results, text_table, '')}\n\n{conditions(results)}"


def markdown(results: dict[str, Any]) -> str:
    """Return the page `docs/benchmarks.md`."""
    ways = [f"- **{who.title}**: {who.how}." for who in COMPETITORS]
    ways += [f"- **{who.title}, further models**: {who.how}." for who in TASK_PEERS]
    return (
        "\n\n".join(
            [
                "# Benchmarks",
                "Written by `python -m benchmarks --write-docs`; `make bench` measures "
                "again. All figures are medians of one run; a ratio below 1 means that "
                "theanets needs less. The goals are the project's own.",
                conditions(results),
                render(results, markdown_table, "## "),
                HOW,
                "## What each one runs\n\n" + "\n".join(ways),
            ]
        )
        + "\n"
    )


HOW = """## How it is measured

The model is 784-100-10, relu, softmax with cross-entropy, on MNIST's 50 000 training
images as float32 in [0, 1]; stochastic gradient descent with Nesterov momentum 0.9
and learning rate 0.001, every example once an epoch in an order shuffled anew, the
short last batch included. Everything runs on the processor.

- **Alternation.** Every competitor lives in a process of its own. After warm-up, which
  takes in all compilation, each in turn trains one epoch while the others sleep; then
  the next round, begun by another. What slows the machine slows all alike.
- **Ways.** Where a library can be run in several ways (threads, batches per call,
  loaders), its worker times each during warm-up and goes on with the quickest, named
  in the table; `benchmarks/results/latest.json` holds them all. Rows called
  hand-written loader replace a library's data loading by a few lines of ours.
- **Time per epoch.** Validation is off for all, and so are progress bars, logging and
  snapshots. theanets keeps its monitors (loss, error, accuracy), Keras and
  scikit-learn their loss; the PyTorch loops read nothing back. Keras and Lightning are
  timed inside `fit`, from the start of the epoch to its end.
- **Time per update** of the further models is taken in the same way, over as many
  updates as make a sample of some tenths of a second; data in memory, Nesterov
  momentum, mean squared error, or cross-entropy for the images.
- **Safeguards.** theanets alone, alternating as above, but a sample is sixteen epochs
  in a row: some seconds, so that several checkpoints fall into each. Their file is
  flushed to the disk of the folder for temporary files (`TMPDIR` names another). A
  ratio is taken within each round; shown are the median of the rounds and their
  quarters.
- **Scaled rows** were measured on the first examples only, and multiplied by the
  number of batches.
- **Floor.** It leaves out what training needs beside (picking the batch's rows, biases,
  the second layer, the loss, monitors), so 1 cannot be reached.
- **Accuracy** is on the 10 000 test images after the epochs of this run: proof that
  each one trains, not a contest (the numbers of epochs differ).
- **`predict`** takes a NumPy array and gives a NumPy array of labels.
- **Start.** A fresh process: interpreter, imports, reading the arrays, building the
  model, compiling, one epoch of batch 32. The arrays are `.npy` files for all; one
  row reads the packaged, compressed images instead.
- **Memory.** A fresh process: peak resident memory during two epochs, less the resident
  memory after the imports (for theanets: after `import jax`). The user's own arrays
  are counted.
- **Import.** Seconds around the statement in fresh processes, the first of each not
  counted."""
