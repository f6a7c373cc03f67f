"""What the engine minimizes, and how it reaches the model that it trains."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol

from theanets.data.chunks import Chunk
from theanets.data.loading import Loader
from theanets.optimizers import Updater
from theanets.training import nonfinite
from theanets.training.checkpoint import Saved
from theanets.training.programs import Objective, Values
from theanets.training.state import Progress
from theanets.types import PyTree


class States(Protocol):
    """What is passed from batch to batch within one pass over the data."""

    def restarted(self, arrays: PyTree, rows: int | None = None, /) -> PyTree:
        """Return carried values as they are before the first batch.

        ``rows`` is the number of examples in a batch, if not the same as in training.
        """

    def check(self, arrays: PyTree, rows: int, /) -> None:
        """Raise a DataError if a batch of ``rows`` examples cannot follow."""


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
        Returns the current values: parameters, and the arrays that layers update.
    commit : callable
        Takes new values; called before a callback can see them.
    model : callable
        Returns what callbacks get as the model of a report.
    stage : str
        The name of this run, if the training has several.
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
        Takes the best values and where the run stands, and returns the rest of a
        checkpoint: the model and its training.
    predict : callable, optional
        (values, chunk) -> what ``score`` needs of a chunk of the validation data.
    score : callable
        Takes the list of these results, and returns monitors of the whole set that
        are no mean over batches.
    begin : callable
        Takes the training data, before anything is computed.
    masks : bool
        Whether the objective leaves out the empty places of a batch, which the numbers
        say if it has some; see `theanets.training.programs.PRESENT`.
    states : States, optional
        The part of the carried values that is reset at the beginning of each pass
        over the data; batches then follow each other, and are equally large.
    """

    objective: Objective
    key: Hashable
    optimizer: Updater
    numbers: Callable[[], Mapping[str, PyTree]]
    read: Callable[[], Values]
    commit: Callable[[Values], None]
    model: Callable[[], object] = lambda: None
    stage: str = ""
    last: bool = True
    record: Callable[[Progress], None] = lambda at: None
    trace: nonfinite.Trace | None = None
    monitors: tuple[str, ...] = ()
    describe: Callable[[Values, Progress], Saved] = lambda *_: Saved(({}, {}), {}, {})
    predict: Callable[[Values, Chunk], PyTree] | None = None
    score: Callable[[list[PyTree]], dict[str, float]] = lambda _: {}
    masks: bool = False
    states: States | None = None
    begin: Callable[[Loader], None] = lambda _: None
