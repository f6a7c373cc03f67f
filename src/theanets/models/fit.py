"""What `Network.train` does: it checks data and keywords, and runs the engine."""

import atexit
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from weakref import WeakSet

from theanets import regularizers
from theanets.data.columns import Columns
from theanets.data.dataset import Dataset
from theanets.data.holdout import held_out
from theanets.errors import ConfigurationError, DataError
from theanets.graph.expected import Expectations, expected_labels
from theanets.models import stages as pretraining
from theanets.models.plan import keywords_of, plan
from theanets.models.runs import sample, train_parts
from theanets.models.state import ModelState
from theanets.training.callbacks import as_callbacks
from theanets.training.checkpoint import KEYWORDS
from theanets.training.interrupts import until_interrupted
from theanets.training.keywords import translated
from theanets.training.measure import Pair
from theanets.utils.checks import is_number, shown
from theanets.utils.forks import forked, refuse_forked

Data: TypeAlias = tuple[Any, Any]
"""The training and the validation data, as the user gives them."""


def epochs(
    model: ModelState,
    train: object,
    valid: object,
    algo: object,
    options: Mapping[str, object],
    handle: object,
) -> Iterator[Pair]:
    """Check everything, and train ``handle`` as `Network.itertrain` does."""
    refuse_forked()
    options = translated(options)
    train, valid = _along(options.pop("axis", None), train, valid)
    if is_number(valid):
        objective = model.objective()
        names, loss = Expectations(objective).names, objective.classifying
        labels = None if loss is None else expected_labels(objective.topology, loss)
        train, valid = held_out(train, valid, model.seed, names, labels)
    data = train, valid
    # A transformation of optax is a tuple too.
    if isinstance(algo, list | tuple) and not hasattr(algo, "update"):
        pairs = _one_after_another(model, data, algo, options, handle)
    else:
        pairs = _epochs(model, data, algo, options, handle)
    if options.get("on_interrupt", "return") == "return":
        pairs = until_interrupted(pairs)
    # Close the iterator at the end of the program, while that still works. It is
    # registered again each time, as a program's last things run in reverse order.
    atexit.unregister(_close)
    atexit.register(_close)
    _OPEN.add(pairs)
    return pairs


_OPEN: WeakSet[Generator[Pair, None, None]] = WeakSet()


def _close() -> None:
    for pairs in list(_OPEN):
        pairs.close()


def _along(axis: Any, train: object, valid: object) -> Data:
    """Return data with their examples along an axis."""
    if axis is None:
        return train, valid
    if any(isinstance(data, Dataset) for data in (train, valid)):
        raise ConfigurationError(
            f"axis is {shown(axis)}, but the data are a Dataset, which has an axis of "
            "its own: Dataset(..., axis=1). Leave it out here."
        )
    if valid is not None and not is_number(valid):
        valid = Dataset(valid, name="valid", axis=axis)
    return Dataset(train, name="train", axis=axis), valid


def _one_after_another(
    model: ModelState,
    data: Data,
    algos: Sequence[object],
    options: Mapping[str, object],
    handle: object,
) -> Generator[Pair, None, None]:
    """Check several algorithms, and return an iterator that trains by each in turn.

    Each keyword goes to the algorithms that take it. If one takes it for itself, as
    adamw takes weight_decay, it is still a regularizer for the others.
    """
    if not algos:
        raise ConfigurationError("algo is an empty list. Give at least one algorithm.")
    if any(options.get(name) is not None for name in KEYWORDS):
        raise ConfigurationError(
            "a checkpoint belongs to the training by one algorithm, and algo is a "
            "list. Call train once for each, with a checkpoint of its own."
        )
    _refuse_iterators(data, algos)
    # An iterator of callbacks can be read once, and each algorithm reads them.
    options = {**options, "callbacks": as_callbacks(options.get("callbacks"))}
    taken = [set(keywords_of(pretraining.full_name(algo), options)) for algo in algos]
    of_algos = set().union(*taken) - set(regularizers.keywords())
    shares = [
        {k: v for k, v in options.items() if k in names or k not in of_algos}
        for names in taken
    ]
    for algo, share in zip(algos, shares, strict=True):
        plan(model, data[0], algo, share)

    def in_turn() -> Generator[Pair, None, None]:
        refuse_forked()
        for number, (algo, share) in enumerate(zip(algos, shares, strict=True)):
            yield from _epochs(model, data, algo, share, handle, hint=not number)

    return in_turn()


def _epochs(
    model: ModelState,
    data: Data,
    algo: object,
    options: Mapping[str, object],
    handle: object,
    hint: bool = True,
) -> Generator[Pair, None, None]:
    """Check everything, and return the epochs of one algorithm."""
    checked = plan(model, data[0], algo, options)
    columns = model.columns.copy()
    for part in checked.parts:
        part.expect.columns = columns
    if len(checked.parts) > 1 or checked.optimizer is None:
        _refuse_iterators(data, checked.algo)
    runs = sample if checked.optimizer is None else train_parts
    return _exclusive(model, runs(checked, data, handle, hint), columns)


def _refuse_iterators(data: Data, algo: object) -> None:
    if any(isinstance(source, Iterator) for source in data):
        raise DataError(
            "the data are an iterator, which can be read once, but algo "
            f"{shown(algo)} reads them several times. Give an iterable that starts "
            "anew."
        )


def _exclusive(
    model: ModelState, pairs: Generator[Pair, None, None], columns: Columns
) -> Generator[Pair, None, None]:
    """Pass pairs on, while no other thread can train and the columns are known."""
    refuse_forked()
    begun, training = False, object()
    values, before = model.arrays.now(), model.columns
    try:
        model.trainers.begin(training)
        model.columns = columns
        for pair in pairs:
            begun = True
            yield pair
            refuse_forked()
    finally:
        # Also if another thread closes this iterator.
        model.trainers.end(training)
        pairs.close()
        if not forked():
            now = model.arrays.now()
            if not begun and all(now[name] is x for name, x in values.items()):
                # Nothing was learned from these data.
                model.columns = before
