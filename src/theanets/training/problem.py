"""What the engine is asked to minimize, and what it knows of whoever asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from theanets.data.chunks import Chunk
from theanets.data.loading import Loader
from theanets.optimizers import Updater
from theanets.training import nonfinite
from theanets.training.checkpoint import Saved
from theanets.training.programs import Objective, Values
from theanets.training.state import Progress

"""Batches of training or validation data."""


class States(Protocol):
    """What is handed from batch to batch within one pass over the data."""

    def restarted(self, arrays: Any, rows: int | None = None, /) -> Any:
        """Return carried values as they are before the first batch.

        ``rows`` is the number of examples in a batch, if it is another one than in
        training.
        """

    def check(self, arrays: Any, rows: int, /) -> None:
        """Raise a DataError if a batch of so many examples cannot follow."""


@dataclass
class Problem:
    """What to minimize, and where its parameters live.

    Attributes
    ----------
    objective : callable
        (learned, carried, batch, numbers, key or None) -> (loss, monitors, carried);
        pure. See `Values`.
    key : hashable
        The identity of the objective.
    optimizer : Updater
        The update rule.
    numbers : callable
        Returns numbers and arrays for the objective, which may change without
        compiling.
    read : callable
        Returns the current values: parameters, and what goes along with them.
    commit : callable
        Takes new values; called before anyone else gets to see them.
    model : callable
        Returns what callbacks get as the model of a report.
    stage : str
        The name of this run, if it is a part of a training that has several.
    last : bool
        Whether no other run of the same training follows.
    record : callable
        Takes where the run stands after each epoch; again, if a validation was made
        only because the run ended.
    trace : callable, optional
        (values, batch, numbers, key) -> outputs of layers by name, to find where
        numbers went bad.
    monitors : tuple of str
        Names of monitors in the order to report them; others come after.
    describe : callable
        Takes the best values and where the run stands, and returns what a checkpoint
        holds besides the run.
    predict : callable, optional
        (values, chunk) -> what ``score`` needs of a chunk of the validation data.
    score : callable
        Takes a list of what ``predict`` has returned, and returns monitors of the
        whole set that are no mean over batches.
    begin : callable
        Takes the training data, before anything is computed.
    states : States, optional
        The part of the carried values that is reset at the beginning of each pass
        over the data; batches then follow each other, and are equally large.
    """

    objective: Objective
    key: Any
    optimizer: Updater
    numbers: Callable[[], Mapping[str, Any]]
    read: Callable[[], Values]
    commit: Callable[[Values], None]
    model: Callable[[], Any] = lambda: None
    stage: str = ""
    last: bool = True
    record: Callable[[Progress], None] = lambda at: None
    trace: nonfinite.Trace | None = None
    monitors: tuple[str, ...] = ()
    describe: Callable[[Values, Progress], Saved] = lambda *_: Saved(({}, {}), {}, {})
    predict: Callable[[Values, Chunk], Any] | None = None
    score: Callable[[list[Any]], dict[str, float]] = lambda _: {}
    states: States | None = None
    begin: Callable[[Loader], None] = lambda _: None
