"""The display of a training.

A terminal shows a live display, a pipe or a log file gets one line per validation.
Everything goes to the standard error stream, so that the standard output has only
the output of the script.
"""

import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

import numpy as np

from theanets.errors import ConfigurationError
from theanets.training.callbacks import Callback
from theanets.training.measure import figures
from theanets.training.report import Report
from theanets.utils.checks import shown

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live as RichLive

REDRAWS_PER_SECOND = 10


class Reporter(Callback):
    """A display that shows nothing. Subclass it, as any callback, to show something.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> class Count(Reporter):
    ...     def on_epoch(self, report):
    ...         print(f"{report.epoch} done")
    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> net = theanets.Regressor([1, 8, 1])
    >>> _ = net.train((x, x), max_epochs=2, progress=Count())
    1 done
    2 done
    """


class Plain(Reporter):
    """Writes one line per validation, and one for the end."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def on_start(self, report: Report) -> None:
        if report.note:
            self._write(report.note)

    def on_epoch(self, report: Report) -> None:
        if report.validated:
            epoch, patience = f"epoch {report.epoch}", _patience(report)
            parts = report.stage, epoch, _both(report), _rate(report), patience
            self._write("  ".join(filter(None, parts)))

    on_batches = on_epoch

    def on_finish(self, report: Report) -> None:
        self._write(report.reason)

    def _write(self, line: str) -> None:
        print(line, file=self.stream, flush=True)


class Live(Reporter):
    """Keeps two lines of a terminal up to date: a bar, and the figures."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self.console = Console(file=stream)
        self._display: RichLive | None = None
        self._report, self._number = Report(), 1
        self._rate = ""
        self._drawn: dict[str, float]

    def on_start(self, report: Report) -> None:
        from rich.live import Live as RichLive

        if report.note:
            self._print(report.note)
        self._report, self._number = report, report.epoch + 1
        self._rate, self._drawn = "compiling", {}
        # Redrawn by our calls, not by a thread, which would take time from training.
        # The output of callbacks goes above the display, if both are on the terminal.
        self._display = RichLive(
            self._view(),
            console=self.console,
            auto_refresh=False,
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        self._display.start(refresh=True)

    def on_batches(self, report: Report) -> None:
        self._rate = _rate(report) or self._rate
        self._draw("batches", report, report.epoch + 1)

    def on_epoch(self, report: Report) -> None:
        self._rate = _rate(report)
        self._draw("epoch", report, report.epoch)

    def on_finish(self, report: Report) -> None:
        display, self._display = self._display, None
        if display is not None:
            display.update(self._view())
            display.stop()
        self._print(report.reason)

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False)

    def _draw(self, what: str, report: Report, number: int) -> None:
        self._report, self._number = report, number
        # One clock for each, so that the end of an epoch shows although its last
        # batches were drawn just before.
        now = time.monotonic()
        due = now - self._drawn.get(what, 0.0) >= 1 / REDRAWS_PER_SECOND
        if self._display is not None and due:
            self._drawn[what] = now
            self._display.update(self._view(), refresh=True)

    def _view(self) -> "Group":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        report, total = self._report, self._report.batches_per_epoch
        bound = f"/{report.max_epochs}" if report.max_epochs else ""
        over = self._number == report.epoch
        done = total if over and total else report.batches
        batches = f"{done}/{total}" if total else f"{done}"
        bar = Table.grid(padding=(0, 1))
        for _ in range(3):
            bar.add_column(no_wrap=True)
        bar.add_row(
            f"{report.stage}  epoch {self._number}{bound}".strip(),
            ProgressBar(total or 1, done if total else 0, width=24),
            f"{batches} batches  {self._rate}  {_patience(report)}",
        )
        return Group(bar, Text(_both(report), no_wrap=True, overflow="ellipsis"))


def reporter(progress: "bool | Reporter | None" = None) -> Reporter:
    """Return what shows the progress of a training.

    That is a live display if the standard error stream is a terminal, plain lines
    otherwise, nothing for False, and ``progress`` itself if it is a reporter.

    >>> type(reporter(False)).__name__
    'Reporter'
    """
    if isinstance(progress, Reporter):
        return progress
    # 0 and 1 are taken for False and True.
    is_int = isinstance(progress, int) and progress in (0, 1)
    if not (progress is None or is_int or isinstance(progress, np.bool_)):
        raise ConfigurationError(
            f"progress is {shown(progress)}; expected True, False, None or a Reporter."
        )
    stream = sys.stderr
    if stream is None or not (progress is None or progress):
        return Reporter()
    # Terminals that cannot move their cursor get lines.
    able = os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
    return Live(stream) if able and stream.isatty() else Plain(stream)


def _both(report: Report) -> str:
    valid = f"valid {figures(report.validation)}" if report.validation else ""
    if report.best:
        epoch, value = report.best
        valid += f" best {value:.4g} @ {epoch}"
    return " | ".join(filter(None, (figures(report.training), valid)))


def _rate(report: Report) -> str:
    if not report.examples or report.seconds <= 0:
        return ""
    return f"{report.examples / report.seconds:.0f} ex/s"


def _patience(report: Report) -> str:
    left = report.patience_left
    return f"patience {left}" if left is not None else ""
