"""When a run validates, when it ends, and which parameters it then leaves."""

from theanets.training.measure import figures
from theanets.training.options import Controls
from theanets.training.programs import Values
from theanets.training.state import Progress


def validation_is_due(controls: Controls, at: Progress) -> bool:
    """Return whether a validation is still to be made after the epochs so far."""
    due = at.epoch % controls.validate_every == 0 and not at.sums.batches
    return due and at.validated_at != at.epoch


def patience_left(controls: Controls, at: Progress) -> int:
    """Return how many more validations may pass without a better one."""
    return controls.patience - (at.validations - 1 - at.best_validation)


def reached_bound(controls: Controls, at: Progress) -> str:
    """Return which bound is reached, in words, or an empty string."""
    epochs, updates = controls.max_epochs, controls.max_updates
    if epochs is not None and at.epoch >= epochs:
        return f"reached max_epochs={epochs}"
    if updates is not None and int(at.state.updates) >= updates:
        return f"reached max_updates={updates}"
    return ""


def last_batch(controls: Controls, at: Progress) -> int | None:
    """Return after how many batches of this epoch ``max_updates`` is reached."""
    if controls.max_updates is None:
        return None
    return controls.max_updates - int(at.state.updates) + at.sums.batches


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
