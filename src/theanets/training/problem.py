"""What the engine minimizes, and how it reaches the model that it trains."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np

from theanets.data.chunks import Chunk
from theanets.data.loading import Loader
from theanets.data.prepare import Expect
from theanets.optimizers import Updater
from theanets.training.checkpoint import Saved
from theanets.training.programs import Objective, State, Values
from theanets.training.state import Progress
from theanets.types import Array, DType, PyTree


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
    """What to minimize, on which data, and where its parameters live."""

    objective: Objective
    """(learned, carried, batch, numbers, key or None) -> (loss, monitors, carried);
    pure. See `Values`."""
    key: Hashable
    """The identity of the objective."""
    optimizer: Updater
    numbers: Callable[[], Mapping[str, PyTree]]
    """Returns numbers and arrays for the objective; other ones compile nothing."""
    read: Callable[[], Values]
    """Returns the current values: parameters, and the arrays that layers update."""
    commit: Callable[[Values], None]
    """Takes new values; called before a callback can see them."""
    expect: Expect
    """What each array of the data has to be."""
    dtype: DType
    """The precision to compute in."""
    seed: int = 0
    """The seed of shuffling and noise."""
    past: int = 0
    """Epochs of earlier runs, whose random streams this one continues."""
    model: Callable[[], object] = lambda: None
    """Returns what callbacks get as the model of a report."""
    stage: str = ""
    """The name of this run, if the training has several."""
    last: bool = True
    """Whether no other run of the same training follows."""
    record: Callable[[Progress], None] = lambda at: None
    """Takes where the run stands after each epoch; again, if a validation was made
    only because the run ended."""
    trace: Callable[..., dict[str, Array]] | None = None
    """(values, batch, numbers, key) -> outputs of layers by name, to find where
    numbers went bad."""
    monitors: tuple[str, ...] = ()
    """Names of monitors in the order to report them; others come after."""
    describe: Callable[[Values, Progress], Saved] = lambda *_: Saved(({}, {}), {}, {})
    """Takes the best values and where the run stands, and returns the rest of a
    checkpoint: the model and its training."""
    predict: Callable[[Values, Chunk], PyTree] | None = None
    """(values, chunk) -> what ``score`` needs of a chunk of the validation data."""
    score: Callable[[list[PyTree]], dict[str, float]] = lambda _: {}
    """Takes the list of these results, and returns monitors of the whole set that are
    no mean over batches."""
    masks: bool = False
    """Whether the objective leaves out the empty places of a batch, if the numbers say
    that it has some; see `theanets.data.chunks.PRESENT`."""
    states: States | None = None
    """The part of the carried values that is reset at the beginning of each pass over
    the data; batches then follow each other, and are equally large."""
    begin: Callable[[Loader], None] = lambda _: None
    """Takes the training data, before anything is computed."""

    def parts(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Yield chunks as the programs need them."""
        return chain.from_iterable(chunk.parts(self.masks) for chunk in chunks)

    def state(self) -> State:
        """Return the state before the first update."""
        values = self.read()
        return State(values, self.optimizer.init(values.learned), np.int32(0))
