"""What a person sees while a model trains.

A terminal shows a live display, a pipe or a log file one line per validation.
Everything goes to the standard error stream, so that the standard output stays
the script's own.
"""

import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from theanets.errors import ConfigurationError
from theanets.utils.checks import shown

if TYPE_CHECKING:
    from rich.live import Live as RichLive

REDRAWS_PER_SECOND = 10


class Reporter:
    """Hears how training goes, and says nothing. Subclass it to show something.

    The training loop calls `start` once, `batches` some times a second, `epoch`
    after every epoch, and `finish` once, however training ends; before all of them
    `note`, if there is something to tell.
    """

    def note(self, text: str) -> None:
        """Take note of what a user should know before training begins."""

    def start(self, *, max_epochs: int | None, patience: int, stage: str = "") -> None:
        """Take note that training begins, or a stage of one that has several.

        Parameters
        ----------
        max_epochs : int or None
            Its bound, if it has one.
        patience : int
            Validations without improvement that it bears.
        stage : str
            The name of the stage, such as ``"layerwise hid1"``, or nothing.
        """

    def batches(self, epoch: int, done: int, total: int | None, examples: int) -> None:
        """Take note of the batches and examples of an epoch that are done so far."""

    def epoch(
        self,
        epoch: int,
        training: Mapping[str, float],
        validation: Mapping[str, float],
        *,
        seconds: float,
        examples: int,
        validated: bool,
        best: tuple[int, float] | None,
        patience_left: int | None,
    ) -> None:
        """Take note of an epoch that is done.

        Parameters
        ----------
        epoch : int
            Its number.
        training, validation : mapping of str to float
            The monitors of both sets; those of validation are the latest ones.
        seconds : float
            How long the epoch took.
        examples : int
            How many examples it saw.
        validated : bool
            Whether the validation monitors are new.
        best : (int, float), optional
            The epoch and validation loss of the best parameters so far.
        patience_left : int, optional
            Validations without improvement that are left.
        """

    def finish(self, reason: str) -> None:
        """Take note that training is over, and why."""


class Plain(Reporter):
    """Writes one line per validation, and one for the end."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._stage = ""

    def note(self, text: str) -> None:
        self._write(text)

    def start(self, *, max_epochs: int | None, patience: int, stage: str = "") -> None:
        self._stage = stage

    def epoch(
        self,
        epoch: int,
        training: Mapping[str, float],
        validation: Mapping[str, float],
        *,
        seconds: float,
        examples: int,
        validated: bool,
        best: tuple[int, float] | None,
        patience_left: int | None,
    ) -> None:
        if validated:
            parts = (
                self._stage,
                f"epoch {epoch}",
                _both(training, validation, best),
                _rate(examples, seconds),
                _patience(patience_left),
            )
            self._write("  ".join(filter(None, parts)))

    def finish(self, reason: str) -> None:
        self._write(reason)

    def _write(self, line: str) -> None:
        print(line, file=self.stream, flush=True)


class Live(Reporter):
    """Keeps two lines of a terminal up to date: a bar, and the figures."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self.console = Console(file=stream)
        self._display: RichLive | None = None
        self._number = 1
        self._max_epochs: int | None = None
        self._stage = ""
        self._done = 0
        self._total: int | None = None
        self._rate = "compiling"
        self._patience = ""
        self._figures = ""
        self._epoch_began = 0.0
        self._drawn = {"batches": 0.0, "epoch": 0.0}

    def start(self, *, max_epochs: int | None, patience: int, stage: str = "") -> None:
        from rich.live import Live as RichLive

        self._max_epochs, self._stage = max_epochs, stage
        self._patience = _patience(patience)
        self._epoch_began = time.monotonic()
        # Redrawn by our calls, not by a thread of its own, which would take
        # time from training. What a callback prints goes above the display,
        # unless the standard output leads elsewhere.
        self._display = RichLive(
            self._view(),
            console=self.console,
            auto_refresh=False,
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        self._display.start(refresh=True)

    def batches(self, epoch: int, done: int, total: int | None, examples: int) -> None:
        self._number, self._done, self._total = epoch, done, total
        self._rate = _rate(examples, time.monotonic() - self._epoch_began)
        self._draw("batches")

    def epoch(
        self,
        epoch: int,
        training: Mapping[str, float],
        validation: Mapping[str, float],
        *,
        seconds: float,
        examples: int,
        validated: bool,
        best: tuple[int, float] | None,
        patience_left: int | None,
    ) -> None:
        self._number = epoch
        self._done = self._total or self._done
        self._rate = _rate(examples, seconds)
        self._patience = _patience(patience_left)
        self._figures = _both(training, validation, best)
        self._epoch_began = time.monotonic()
        self._draw("epoch")

    def note(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)

    def finish(self, reason: str) -> None:
        display, self._display = self._display, None
        if display is not None:
            display.update(self._view())
            display.stop()
        self.console.print(reason, markup=False, highlight=False)

    def _draw(self, what: str) -> None:
        # One clock for each, so that the end of an epoch is seen although its
        # last batches were drawn just before.
        now = time.monotonic()
        due = now - self._drawn[what] >= 1 / REDRAWS_PER_SECOND
        if self._display is not None and due:
            self._drawn[what] = now
            self._display.update(self._view(), refresh=True)

    def _view(self) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        of = f"/{self._max_epochs}" if self._max_epochs else ""
        batches = f"{self._done}/{self._total}" if self._total else f"{self._done}"
        bar = Table.grid(padding=(0, 1))
        for _ in range(3):
            bar.add_column(no_wrap=True)
        bar.add_row(
            f"{self._stage}  epoch {self._number}{of}".strip(),
            ProgressBar(self._total or 1, self._done if self._total else 0, width=24),
            f"{batches} batches  {self._rate}  {self._patience}",
        )
        return Group(bar, Text(self._figures, no_wrap=True, overflow="ellipsis"))


def reporter(progress: "bool | Reporter | None" = None) -> Reporter:
    """Return what reports on a training run.

    Parameters
    ----------
    progress : bool or Reporter, optional
        None or True: a live display if the standard error stream is a terminal,
        plain lines otherwise. False: nothing. A reporter: that one.

    Raises
    ------
    ConfigurationError
        If it is something else.

    Examples
    --------
    >>> type(reporter(False)).__name__
    'Reporter'
    """
    if isinstance(progress, Reporter):
        return progress
    known = progress is None or isinstance(progress, bool | np.bool_)
    if not known and not (isinstance(progress, int) and progress in (0, 1)):
        raise ConfigurationError(
            f"progress is {shown(progress)}; expected True, False, None or a Reporter."
        )
    stream = sys.stderr
    if stream is None or not (progress is None or progress):
        return Reporter()
    # Some terminals cannot move their cursor: they are given lines.
    able = os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
    return Live(stream) if able and stream.isatty() else Plain(stream)


def figures(monitors: Mapping[str, float]) -> str:
    """Return monitors as text: loss, accuracy, and those that the user added.

    "err" is left out: it is the loss without the regularizers.

    Examples
    --------
    >>> figures({'loss': 0.12345, 'err': 0.12, 'acc': 0.9625})
    'loss 0.1235 acc 0.9625'
    """
    first = [name for name in ("loss", "acc") if name in monitors]
    others = [name for name in monitors if name not in ("loss", "err", "acc")]
    return " ".join(f"{name} {monitors[name]:.4g}" for name in first + others)


def _both(
    training: Mapping[str, float],
    validation: Mapping[str, float],
    best: tuple[int, float] | None,
) -> str:
    valid = f"valid {figures(validation)}" if validation else ""
    if best:
        valid += f" best {best[1]:.4g} @ {best[0]}"
    return " | ".join(filter(None, (figures(training), valid)))


def _rate(examples: int, seconds: float) -> str:
    return f"{examples / seconds:.0f} ex/s" if seconds > 0 else ""


def _patience(left: int | None) -> str:
    return f"patience {left}" if left is not None else ""
