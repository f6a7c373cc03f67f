"""When a run validates, and when it ends: functions of its options and its place."""

from theanets.training.options import Controls
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
    """Return after how many batches of this epoch ``max_updates`` is reached.

    None if there is no such bound.
    """
    limit = controls.max_updates
    if limit is None:
        return None
    return limit - int(at.state.updates) + at.sums.batches
