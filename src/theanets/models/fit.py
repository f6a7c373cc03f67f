"""What `Network.train` does: from a network, data and keywords to an engine's runs."""

import atexit
from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakSet

from theanets import regularizers
from theanets.data.columns import Columns
from theanets.data.dataset import Dataset
from theanets.data.holdout import held_out
from theanets.errors import ConfigurationError, DataError
from theanets.graph.expected import Expectations, expected_labels
from theanets.initializers import as_seed
from theanets.models import resume as resuming
from theanets.models import stages as pretraining
from theanets.models.plan import Plan, keywords_of
from theanets.models.runs import Runs
from theanets.models.state import ModelState
from theanets.training.checkpoint import KEYWORDS
from theanets.training.interrupts import until_interrupted
from theanets.training.keywords import translated
from theanets.training.measure import Pair
from theanets.utils.checks import is_number, shown
from theanets.utils.forks import forked, refuse_forked


def epochs(
    model: ModelState,
    train: Any,
    valid: Any,
    algo: Any,
    hyper: Mapping[str, Any],
    handle: object,
) -> Iterator[Pair]:
    """Check everything, and return an iterator that trains an epoch at each step.

    Parameters
    ----------
    model : ModelState
        What is trained; its history grows with every epoch.
    train, valid, algo, hyper
        As `Network.train` takes them.
    handle : object
        The model as callbacks get it.
    """
    refuse_forked()
    given = translated(hyper)
    train, valid = _along(given.pop("axis", None), train, valid)
    if is_number(valid):
        objective = model.objective()
        names, loss = Expectations(objective).names, objective.classifying
        labels = None if loss is None else expected_labels(objective.topology, loss)
        train, valid = held_out(train, valid, model.seed, names, labels)
    # A transformation of optax is a tuple too.
    several = isinstance(algo, list | tuple) and not hasattr(algo, "update")
    if several:
        pairs = _one_after_another(model, train, valid, algo, given, handle)
    else:
        pairs = _epochs(model, train, valid, algo, given, handle)
    if given.get("on_interrupt", "return") == "return":
        pairs = until_interrupted(pairs)
    return _closed_at_exit(pairs)


def _along(axis: Any, train: Any, valid: Any) -> tuple[Any, Any]:
    """Return data whose examples lie along an axis."""
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
    train: Any,
    valid: Any,
    algos: Any,
    hyper: Mapping[str, Any],
    handle: object,
) -> Iterator[Pair]:
    """Check all of several algorithms, and return an iterator that trains by each.

    Every keyword goes to those that take it. One that an algorithm takes for itself,
    as adamw its weight_decay, is a regularizer of the others.
    """
    if not algos:
        raise ConfigurationError("algo is an empty list. Give at least one algorithm.")
    if any(hyper.get(name) is not None for name in KEYWORDS):
        raise ConfigurationError(
            "a checkpoint belongs to the training by one algorithm, and algo is a "
            "list. Call train once for each, with a checkpoint of its own."
        )
    if any(isinstance(data, Iterator) for data in (train, valid)):
        raise DataError(
            "the data are an iterator, which can be read once, but each algorithm in "
            "algo reads them anew. Give an iterable that starts anew."
        )
    taken = [set(keywords_of(pretraining.full_name(algo), hyper)) for algo in algos]
    every = set().union(*taken) - set(regularizers.keywords())
    shares = [
        {k: v for k, v in hyper.items() if k in own or k not in every} for own in taken
    ]
    for algo, share in zip(algos, shares, strict=True):
        Plan.make(model, train, algo, share)

    def following() -> Iterator[Pair]:
        refuse_forked()
        for number, (algo, share) in enumerate(zip(algos, shares, strict=True)):
            yield from _epochs(
                model, train, valid, algo, share, handle, hint=not number
            )

    return following()


def _epochs(
    model: ModelState,
    train: Any,
    valid: Any,
    algo: Any,
    hyper: Mapping[str, Any],
    handle: object,
    hint: bool = True,
) -> Iterator[Pair]:
    """Check everything, and return the epochs of one algorithm.

    ``hint`` says whether to tell what may be amiss: that the training data serve to
    validate, and numbers that are hard to learn from.
    """
    plan = Plan.make(model, train, algo, hyper)
    algo, parts, controls = plan.algo, plan.parts, plan.controls
    columns = model.columns.copy()
    for part in parts:
        part.expect.columns = columns
    optimizer, checkpoint = plan.optimizer, plan.checkpoint
    several = len(parts) > 1 or optimizer is None
    if several and any(isinstance(data, Iterator) for data in (train, valid)):
        raise DataError(
            f"the data are an iterator, which can be read once, but algo {shown(algo)} "
            "reads them several times. Give an iterable that starts anew."
        )
    own = controls.rng is None
    seed = model.seed if own else as_seed(controls.rng, "rng")
    begun = 0 if own else model.history.epochs
    if checkpoint is not None:
        if optimizer is None:
            raise ConfigurationError(
                f"algo {shown(algo)} draws weights in one step, which leaves nothing "
                "to go on with: it takes no checkpoint. Save the network instead."
            )
        learned = parts[0].problem(optimizer).read().learned
        checkpoint.run = resuming.identity(
            model, algo, optimizer, controls, plan.whole, learned, seed
        )
    runs = Runs(
        model, handle, parts, (train, valid), controls, seed, begun, checkpoint, hint
    )
    pairs = runs.sample() if optimizer is None else runs.train(optimizer)
    return _watched(model, pairs, columns)


_OPEN: WeakSet[Any] = WeakSet()


def _closed_at_exit(pairs: Iterator[Pair]) -> Iterator[Pair]:
    """Return an iterator that the end of the program closes while it still can."""
    # Anew each time, since a program's last things are done in the reverse order.
    atexit.unregister(_close)
    atexit.register(_close)
    _OPEN.add(pairs)
    return pairs


def _close() -> None:
    for pairs in list(_OPEN):
        pairs.close()


def _watched(
    model: ModelState, pairs: Iterator[Pair], columns: Columns
) -> Iterator[Pair]:
    """Pass pairs on, while no other thread trains the network.

    The network knows the columns of its data from now on.
    """
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
        # Also if it is closed by another thread.
        model.trainers.end(training)
        pairs.close()  # type: ignore[attr-defined]
        if not forked():
            now = model.arrays.now()
            if not begun and all(now[name] is x for name, x in values.items()):
                # Nothing was learned of these data.
                model.columns = before
