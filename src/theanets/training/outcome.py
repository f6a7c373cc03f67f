"""Which parameters a run leaves at its end, and the words for it."""

from theanets.training.measure import figures
from theanets.training.programs import Values
from theanets.training.state import Progress


def best_values(at: Progress, broken: bool) -> Values | None:
    """Return the best values; None if the run was not validated after it began.

    If its numbers went bad (``broken``), the values that it began with count too.
    """
    if at.best is None or not (at.validated_at > 0 or broken):
        return None
    return at.best.values


def outcome(at: Progress, broken: bool) -> str:
    """Return in words which parameters the end of a run leaves."""
    if at.best is None or best_values(at, broken) is None:
        return "nothing was validated yet, so the last parameters stay"
    valid = f"valid {figures(at.best.monitors[1])}"
    if at.best.epoch == 0:
        return f"no epoch was better than what it began with, {valid}"
    return f"the best parameters, of epoch {at.best.epoch}, are in place, {valid}"
