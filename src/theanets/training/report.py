"""What callbacks learn about a training."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from theanets.training.measure import Monitors


@dataclass(frozen=True, eq=False)
class Report:
    """Where a training stands when a callback is called.

    A training has one run of epochs; with ``layerwise`` or ``pretrain`` it has one for
    each stage, and with a list of algorithms at least one for each of these. All
    counts begin with the run.

    Attributes
    ----------
    model : object
        The network that is trained. `theanets.minimize` gives its parameters instead.
    stage : str
        The stage of this run, such as ``"layerwise hid1"``; empty if it has none.
    epoch : int
        Epochs that are done. A run resumed from a checkpoint begins with those done
        before.
    training : dict of str to float
        The monitors of the training data in the latest epoch; empty before the first.
    validation : dict of str to float
        The monitors of the latest validation; empty before the first.
    validated : bool
        Whether that validation is new since the last call.
    best : (int, float) or None
        The epoch of the best parameters so far, and their value of the monitor that
        decides; epoch 0 stands for the parameters that the run began with.
    patience_left : int or None
        How many more validations may pass without an improvement.
    batches, examples : int
        Batches and examples of this epoch that are done.
    batches_per_epoch : int or None
        How many batches an epoch has; None if that is not known yet.
    seconds : float
        How long this epoch has taken, with its validation.
    updates : int
        Updates of the parameters that are done.
    rate : float, callable or None
        The learning rate, or the schedule that gives it.
    max_epochs : int or None
        The upper bound of epochs.
    note : str
        In ``on_start``: what the user should know before the training begins.
    reason : str
        In ``on_finish``: why the run ended, and which parameters it leaves.
    error : exception or None
        In ``on_finish``: the exception that ended the run.
    last : bool
        Whether no other stage follows. In ``on_finish`` also after an error, or if the
        caller ended the training.

    Examples
    --------
    >>> import theanets
    >>> report = theanets.callbacks.Report(epoch=3, validation={"loss": 0.25})
    >>> report.epoch, report.validation["loss"], report.best
    (3, 0.25, None)
    """

    model: Any = None
    stage: str = ""
    epoch: int = 0
    training: dict[str, float] = field(default_factory=Monitors)
    validation: dict[str, float] = field(default_factory=Monitors)
    validated: bool = False
    best: tuple[int, float] | None = None
    patience_left: int | None = None
    batches: int = 0
    examples: int = 0
    batches_per_epoch: int | None = None
    seconds: float = 0.0
    updates: int = 0
    rate: float | Callable[[Any], Any] | None = field(default=None, repr=False)
    max_epochs: int | None = None
    note: str = ""
    reason: str = ""
    error: BaseException | None = None
    last: bool = True

    @property
    def learning_rate(self) -> float | None:
        """The learning rate of the next update; None where the algorithm has none."""
        if callable(self.rate):
            return float(self.rate(np.int32(self.updates)))
        return self.rate
