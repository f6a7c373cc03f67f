import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import time
from dataclasses import replace
from fcntl import ioctl

import pytest

from theanets.display import progress
from theanets.display.progress import Live, Plain, Reporter, reporter
from theanets.errors import ConfigurationError
from theanets.training.report import Report

TRAINING = {"loss": 0.25, "err": 0.2, "acc": 0.9}
VALIDATION = {"loss": 0.3, "err": 0.3, "acc": 0.875}


def report(to, epochs=4, every=2):
    """Give a reporter the reports of a short training run."""
    known = Report(max_epochs=epochs, patience_left=5, batches_per_epoch=100)
    to.on_start(known)
    for epoch in range(1, epochs + 1):
        for done in (40, 80):
            within = {"batches": done, "examples": 32 * done, "validated": False}
            to.on_batches(replace(known, epoch=epoch - 1, **within))
        known = replace(
            known,
            epoch=epoch,
            training=TRAINING,
            validation=VALIDATION if epoch >= every else {},
            seconds=0.5,
            batches=100,
            examples=3200,
            validated=epoch % every == 0,
            best=(every, 0.3) if epoch >= every else None,
            patience_left=5 - epoch // every,
        )
        to.on_epoch(known)
    to.on_finish(replace(known, reason="stopped: all epochs are done"))


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def test_plain_writes_a_line_per_validation_and_the_reason():
    stream = io.StringIO()
    report(Plain(stream))
    assert stream.getvalue().splitlines() == [
        "epoch 2  loss 0.25 acc 0.9 | valid loss 0.3 acc 0.875 best 0.3 @ 2  "
        "6400 ex/s  patience 4",
        "epoch 4  loss 0.25 acc 0.9 | valid loss 0.3 acc 0.875 best 0.3 @ 2  "
        "6400 ex/s  patience 3",
        "stopped: all epochs are done",
    ]


def test_plain_leaves_out_what_is_not_known():
    stream = io.StringIO()
    monitors = {"loss": 123456.0, "hid1:out<0.5": 0.25}
    Plain(stream).on_epoch(
        Report(epoch=1, training={"loss": 1e-9}, validation=monitors, validated=True)
    )
    assert stream.getvalue() == (
        "epoch 1  loss 1e-09 | valid loss 1.235e+05 hid1:out<0.5 0.25\n"
    )


def test_live_shows_everything(terminal, monkeypatch):
    monkeypatch.setattr(progress, "REDRAWS_PER_SECOND", float("inf"))
    report(Live(terminal))
    text = plain_text(terminal.getvalue())
    for part in (
        "compiling",
        "epoch 4/4",
        "80/100 batches",
        "100/100 batches",
        "loss 0.25 acc 0.9 | valid loss 0.3 acc 0.875 best 0.3 @ 2",
        "6400 ex/s",
        "patience 3",
    ):
        assert part in text
    assert text.rstrip().endswith("stopped: all epochs are done")


def test_live_gives_the_cursor_back(terminal):
    report(Live(terminal))
    shown, hidden = (terminal.getvalue().rfind(f"\x1b[?25{c}") for c in "hl")
    assert shown > hidden >= 0


def test_live_puts_the_streams_back(terminal):
    before = sys.stdout, sys.stderr
    report(Live(terminal))
    assert (sys.stdout, sys.stderr) == before


def test_live_redraws_some_times_a_second_only(terminal):
    live = Live(terminal)
    live.on_start(Report(patience_left=5))
    began = time.monotonic()
    before = len(terminal.getvalue())
    live.on_batches(Report(batches=1, examples=32, seconds=0.1))
    one = len(terminal.getvalue()) - before
    for done in range(2, 500):
        live.on_batches(Report(batches=done, examples=32 * done, seconds=0.1 * done))
    redraws = 2 + progress.REDRAWS_PER_SECOND * (time.monotonic() - began)
    assert one <= len(terminal.getvalue()) - before <= one * redraws * 2
    live.on_finish(Report(reason="done"))
    assert "499 batches" in plain_text(terminal.getvalue())


def test_live_shows_the_end_of_an_epoch(terminal):
    live = Live(terminal)
    known = Report(max_epochs=1, patience_left=5, batches_per_epoch=100, seconds=0.5)
    live.on_start(known)
    live.on_batches(replace(known, batches=99, examples=3168))
    live.on_epoch(
        replace(known, epoch=1, training=TRAINING, batches=100, examples=3200)
    )
    shown = plain_text(terminal.getvalue())
    live.on_finish(Report(reason="done"))
    assert "100/100 batches" in shown


@pytest.mark.parametrize("kind", [Live, Plain])
def test_finish_without_start(terminal, kind):
    kind(terminal).on_finish(Report(reason="nothing was trained [0]"))
    assert plain_text(terminal.getvalue()) == "nothing was trained [0]\n"


def test_live_fits_narrow_terminals(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    report(Live(terminal))
    assert max(map(len, plain_text(terminal.getvalue()).splitlines())) <= 40


@pytest.mark.parametrize("choice", [False, 0])
def test_silent(terminal, monkeypatch, choice):
    monkeypatch.setattr(sys, "stderr", terminal)
    report(reporter(choice))
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("choice", [None, True])
def test_choice_by_terminal(terminal, monkeypatch, choice):
    monkeypatch.setattr(sys, "stderr", terminal)
    assert isinstance(reporter(choice), Live)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(reporter(choice), Plain)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(reporter(choice), Plain)
    monkeypatch.setattr(sys, "stderr", None)
    assert type(reporter(choice)) is Reporter


def test_own_reporter_is_used():
    own = Reporter()
    assert reporter(own) is own


@pytest.mark.parametrize("choice", ["yes", 2, object])
def test_unknown_choice(choice):
    with pytest.raises(ConfigurationError, match="expected True, False, None or a R"):
        reporter(choice)


SCRIPT = """
import signal, sys, time
from dataclasses import replace
from theanets.display.progress import reporter
from theanets.training.report import Report

# Whoever is started in the background ignores interrupts, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("stdout of the script")
to = reporter(None)
known = Report(patience_left=5, batches_per_epoch=100)
try:
    to.on_start(known)
    for epoch in range(1, {epochs} + 1):
        to.on_batches(replace(known, epoch=epoch - 1, batches=50, examples=1600))
        time.sleep(0.02)
        to.on_epoch(replace(
            known, epoch=epoch, training=dict(loss=0.25), validation=dict(loss=0.3),
            seconds=0.02, batches=100, examples=3200, validated=epoch % 10 == 0,
            best=(1, 0.3), patience_left=4,
        ))
    reason = "converged"
except KeyboardInterrupt:
    reason = "interrupted"
finally:
    to.on_finish(replace(known, reason=reason))
"""


def plain_text(output):
    """Return what was written to a terminal without its control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output).replace("\r\n", "\n")


def start(epochs, **streams):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT.format(epochs=epochs))],
        env={**os.environ, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)},
        **streams,
    )


def read_all(descriptor):
    """Return what comes from a pseudo terminal until its other end is closed."""
    output = b""
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux reports the end so
            part = b""
        if not part:
            return output.decode()
        output += part


@pytest.fixture
def pseudo_terminal():
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    yield ours, theirs
    os.close(ours)


def test_in_a_terminal(pseudo_terminal):
    ours, theirs = pseudo_terminal
    process = start(30, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    output = read_all(ours)
    # The script's own output goes where it was sent, not into the display.
    assert process.communicate()[0] == b"stdout of the script\n"
    assert process.returncode == 0
    assert "epoch 30" in plain_text(output)
    assert plain_text(output).rstrip().endswith("converged")
    assert output.rfind("\x1b[?25h") > output.rfind("\x1b[?25l") >= 0


def test_interrupted_in_a_terminal(pseudo_terminal):
    ours, theirs = pseudo_terminal
    settings = termios.tcgetattr(ours)
    process = start(10_000, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = ""
    while "epoch 2" not in plain_text(output):
        output += os.read(ours, 65536).decode()
    process.send_signal(signal.SIGINT)
    output += read_all(ours)
    assert process.wait() == 0
    assert termios.tcgetattr(ours) == settings
    assert plain_text(output).rstrip().endswith("interrupted")
    assert output.rfind("\x1b[?25h") > output.rfind("\x1b[?25l") >= 0


def test_in_a_pipe():
    process = start(30, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate()
    assert out == b"stdout of the script\n"
    lines = err.decode().splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "epoch 10",
        "epoch 20",
        "epoch 30",
        "converged",
    ]
    assert "\x1b" not in err.decode()
