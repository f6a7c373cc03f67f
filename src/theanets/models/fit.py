"""What `Network.train` does: from a network, data and keywords to an engine's runs."""

import atexit
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np

from theanets import optimizers, regularizers
from theanets.data.columns import Columns
from theanets.data.dataset import Dataset
from theanets.data.holdout import held_out
from theanets.data.sources import Chunk
from theanets.display.progress import reporter
from theanets.errors import CheckpointError, ConfigurationError, DataError
from theanets.graph.expected import Expectations, expected_labels
from theanets.graph.freezing import freezing
from theanets.graph.monitors import make_monitors
from theanets.graph.objective import Objective
from theanets.graph.scaling import learned_scales
from theanets.graph.slots import weights_name
from theanets.graph.states import States
from theanets.graph.topology import Topology
from theanets.graph.weighting import class_weights, mean_weights
from theanets.initializers import as_seed, stream
from theanets.models import resume as resuming
from theanets.models import scores
from theanets.models import stages as pretraining
from theanets.models.parameters import held
from theanets.models.prediction import compute
from theanets.models.resume import HistoryWriter, RunPosition
from theanets.models.saving import Snapshots, describe
from theanets.models.stages import InputsAlone, Part, Stage
from theanets.optimizers import Optimizer
from theanets.training.callbacks import Callbacks
from theanets.training.checkpoint import KEYWORDS, Checkpoint, Saved
from theanets.training.history import BestRow, Row
from theanets.training.interrupts import until_interrupted
from theanets.training.keywords import refuse, translated
from theanets.training.measure import Pair
from theanets.training.options import Controls, keywords
from theanets.training.problem import Source
from theanets.training.programs import Values
from theanets.training.report import Report
from theanets.training.run import run, sources
from theanets.training.state import Reads
from theanets.training.validation import measure
from theanets.utils.checks import flag, is_number, is_whole, shown
from theanets.utils.forks import forked, refuse_forked
from theanets.utils.registry import listing, suggest
from theanets.utils.renamed import answer

if TYPE_CHECKING:
    from theanets.models.network import Network


def epochs(
    net: "Network", train: Any, valid: Any, algo: Any, hyper: Mapping[str, Any]
) -> Iterator[Pair]:
    """Check everything, and return an iterator that trains an epoch at each step.

    Parameters
    ----------
    net : Network
        What is trained; its history grows with every epoch.
    train, valid, algo, hyper
        As `Network.train` takes them.
    """
    refuse_forked()
    given = translated(hyper)
    train, valid = _along(given.pop("axis", None), train, valid)
    if is_number(valid):
        objective = net._objective()
        names, loss = Expectations(objective).names, objective.classifying
        labels = None if loss is None else expected_labels(objective.topology, loss)
        train, valid = held_out(train, valid, net._seed, names, labels)
    # A transformation of optax is a tuple too.
    several = isinstance(algo, list | tuple) and not hasattr(algo, "update")
    if several:
        pairs = _one_after_another(net, train, valid, algo, given)
    else:
        pairs = _epochs(net, train, valid, algo, given)
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
    net: "Network", train: Any, valid: Any, algos: Any, hyper: Mapping[str, Any]
) -> Iterator[Pair]:
    """Check all of several algorithms, and return an iterator that trains by each.

    Every keyword goes to those that take it.
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
    taken = [set(_own_keywords(pretraining.full_name(algo), hyper)) for algo in algos]
    every = set().union(*taken)
    shares = [
        {k: v for k, v in hyper.items() if k in own or k not in every} for own in taken
    ]
    for algo, share in zip(algos, shares, strict=True):
        _Plan.make(net, train, algo, share)

    def following() -> Iterator[Pair]:
        refuse_forked()
        for number, (algo, share) in enumerate(zip(algos, shares, strict=True)):
            yield from _epochs(net, train, valid, algo, share, hint=not number)

    return following()


def _own_keywords(algo: Any, hyper: Mapping[str, Any]) -> list[str]:
    """Return the keywords of an algorithm, not those that every training takes."""
    if isinstance(algo, str) and algo in pretraining.STAGED:
        return [*optimizers.keywords(hyper.get("subalgo", "rmsprop")), "subalgo"]
    return optimizers.keywords(algo)


@dataclass
class _Plan:
    """What one algorithm is to do, all of its keywords checked."""

    algo: Any
    checkpoint: Checkpoint | None
    controls: Controls
    optimizer: Optimizer | None
    whole: Objective
    parts: list[Part]

    @classmethod
    def make(
        cls, net: "Network", train: Any, algo: Any, hyper: Mapping[str, Any]
    ) -> "_Plan":
        """Check keywords, and return what they ask for; the data are not read yet."""
        given, algo = dict(hyper), pretraining.full_name(algo)
        snapshots = Snapshots.take(given)
        if snapshots.file is not None:
            # A model that no file can hold is refused before it is trained.
            describe(net)
        checkpoint = Checkpoint.take(given)
        monitors = make_monitors(given.pop("monitors", None), net._topology)
        terms = regularizers.take(given)
        controls = Controls.take(given)
        last = () if snapshots.file is None else (snapshots,)
        callbacks = (reporter(controls.progress), *controls.callbacks, *last)
        controls = replace(controls, callbacks=callbacks)
        class_weight = given.pop("class_weight", None)
        freeze = given.pop("freeze", None)
        stateful = flag(given.pop("stateful", False), "stateful")
        optimizer = _optimizer(algo, given)
        whole = net._objective(terms, monitors)
        if class_weight is not None:
            weights = class_weights(class_weight, whole, train)
            whole = replace(whole, class_weights=weights)
        whole = replace(whole, mean_weights=mean_weights(whole, train))
        if freeze is not None:
            whole = replace(whole, topology=freezing(whole.topology, freeze))
        _check_learns(whole.topology)
        whole = replace(whole, stateful=stateful)
        rows = _rows(train, controls.batch_size) if stateful else None
        parts = _parts(net, whole, algo, rows)
        for part in parts:
            _check_monitor(controls, part.objective)
        return cls(algo, checkpoint, controls, optimizer, whole, parts)


def _epochs(
    net: "Network",
    train: Any,
    valid: Any,
    algo: Any,
    hyper: Mapping[str, Any],
    hint: bool = True,
) -> Iterator[Pair]:
    """Check everything, and return the epochs of one algorithm.

    ``hint`` says whether to tell what may be amiss: that the training data serve to
    validate, and numbers that are hard to learn from.
    """
    plan = _Plan.make(net, train, algo, hyper)
    algo, parts, controls = plan.algo, plan.parts, plan.controls
    columns = net._columns.copy()
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
    seed = net._seed if own else as_seed(controls.rng, "rng")
    begun = 0 if own else net.history.epochs
    if checkpoint is not None:
        if optimizer is None:
            raise ConfigurationError(
                f"algo {shown(algo)} draws weights in one step, which leaves nothing "
                "to go on with: it takes no checkpoint. Save the network instead."
            )
        learned = parts[0].problem(optimizer).read().learned
        checkpoint.run = resuming.identity(
            net, algo, optimizer, controls, plan.whole, learned, seed
        )
    runs = _Runs(net, parts, (train, valid), controls, seed, begun, checkpoint, hint)
    pairs = runs.sample() if optimizer is None else runs.train(optimizer)
    return _watched(net, pairs, columns)


def _optimizer(algo: Any, given: dict[str, Any]) -> Optimizer | None:
    """Return the optimizer that keywords ask for, None for an algorithm without.

    Raises
    ------
    ConfigurationError
        If there is none, or keywords are left over.
    """
    named = isinstance(algo, str)
    staged = named and algo in pretraining.STAGED
    optimizer = None
    if staged:
        algo = given.pop("subalgo", "rmsprop")
        optimizer = optimizers.resolve(algo, given, "subalgo")
    elif "subalgo" in given:
        raise ConfigurationError(
            f"subalgo is {shown(given['subalgo'])}, but algo {shown(algo)} has no "
            "stages to train with it. It belongs to algo "
            f"{listing(pretraining.STAGED)}."
        )
    elif not named or algo != "sample":
        optimizer = optimizers.resolve(algo, given, others=pretraining.NAMES)
    if given:
        others = ["class_weight", "freeze", "monitors", "save_progress", "save_every"]
        others += ["stateful", *KEYWORDS]
        own = optimizers.keywords(algo) + ["subalgo"] * staged
        terms = regularizers.keywords(documented=True)
        known = [*keywords(), *terms, *own, *others, "axis"]
        refuse(given, known)
    return optimizer


def _check_monitor(controls: Controls, objective: Objective) -> None:
    name = controls.monitor
    known = ["loss", "err", *(x.name for x in objective.monitors)]
    known += ["acc"] * any(loss.has_accuracy for loss in objective.losses)
    known += ["unweighted"] * bool(objective.class_weights)
    known += ["auc"] * (objective.classifying is not None and not objective.stateful)
    if name not in known:
        raise ConfigurationError(
            f'monitor is "{name}", which this training does not measure. It has: '
            f"{listing(known)}."
            + (answer("monitor", name, known) or suggest(name, known))
        )
    controls.check_mode()


def _predicted(objective: Objective, values: Values, chunk: Chunk) -> scores.Part:
    """Return labels, the probabilities of each class, and weights, of a chunk."""
    loss = objective.classifying
    assert loss is not None
    arrays = [np.asarray(array) for array in chunk.data]
    if chunk.layout == "rows":
        rows = np.asarray(chunk.order)[: chunk.count].ravel()
        arrays = [array[rows] for array in arrays]
    named = {slot.name: x for slot, x in zip(objective.slots, arrays, strict=True)}
    inputs = {layer.name: named[layer.name] for layer in objective.topology.inputs}
    params, name = {**values.carried, **values.learned}, loss.output_name
    found = compute(objective, params, inputs, (name,), None)[name].astype("f8")
    labels = named[loss.target]
    weights = named[weights_name(loss)] if loss.weighted else None
    return labels, found, scores.checked_weights(weights, labels.shape)


def _auc(parts: list[scores.Part]) -> dict[str, float]:
    return {"auc": scores.auc(parts)}


def _check_learns(topology: Topology) -> None:
    if topology.frozen and not topology.learned:
        raise ConfigurationError(
            "all parameters of the model are frozen, so there is nothing to train: "
            f"{listing(topology.frozen & topology.learnable)}. Freeze fewer, or free "
            "some with net.unfreeze."
        )


def _rows(train: Any, batch_size: Any) -> int:
    """Return how many sequences each batch holds, which states have to know."""
    sizes = [batch_size]
    if isinstance(train, Dataset):
        sizes.insert(0, train.batch_size)
        train = train.inputs
    known = [size for size in sizes if is_whole(size, 1)]
    own = getattr(train, "batch_size", None)
    if is_whole(own, 1):
        if known and known[0] != own:
            raise ConfigurationError(
                f"batch_size is {known[0]}, but each batch of the data has {own} "
                "sequences. Leave it out."
            )
        return int(own)
    if not known:
        raise ConfigurationError(
            "with stateful=True each batch goes on where the one before it ended: give "
            "theanets.recurrent.batches(..., stateful=True), or batches of your own "
            "and by batch_size how many sequences each of them has."
        )
    return int(known[0])


def _parts(net: "Network", whole: Objective, algo: Any, rows: int | None) -> list[Part]:
    """Return what is trained one after the other; mostly the network as it is.

    ``rows`` are the sequences in a batch, where states are carried on.
    """
    name = pretraining.NAMES.get(algo, "") if isinstance(algo, str) else ""
    if name == "sample" and rows:
        raise ConfigurationError(
            "stateful is True, but algo 'sample' draws weights without going through "
            "the data in their order. Leave it out."
        )
    if name in ("", "sample"):
        return [_part(net, whole, Stage(name, whole.topology), {}, rows)]
    # Stages share the layers that they share, and those begin once.
    drawn: dict[int, dict[str, Any]] = {}
    stages = pretraining.stages(algo, whole.topology)
    for stage in stages:
        seed = int(stream(net._seed, stage.name).integers(2**31))
        drawn.setdefault(id(stage.fresh), net._initial(stage.fresh, seed))
    return [_part(net, whole, stage, drawn[id(stage.fresh)], rows) for stage in stages]


def _part(
    net: "Network",
    whole: Objective,
    stage: Stage,
    own: dict[str, Any],
    rows: int | None,
) -> Part:
    """Return a stage of training as something to minimize."""
    objective = pretraining.part_of(whole, stage, map(net._following, net.losses))
    expect = Expectations(objective)
    if stage.reconstructs:
        expect = InputsAlone(whole)
    states = rows and States(stage.topology, objective.dtype, rows)
    return Part(stage, objective, expect, net._values, own, states or None)


@dataclass
class _Runs:
    """The runs of the engine that train a network, part by part."""

    net: "Network"
    parts: list[Part]
    data: tuple[Any, Any]
    controls: Controls
    seed: int
    begun: int
    """Epochs of the network whose random streams these runs do not go on."""
    checkpoint: Checkpoint | None = None
    hint: bool = True
    """Whether these are the first runs of a call, which hint at what may be amiss."""

    def train(self, optimizer: Optimizer) -> Iterator[Pair]:
        """Check everything, and return the epochs of one part after the other."""
        checkpoint, saved, place = self.checkpoint, None, RunPosition()
        if checkpoint is not None and (saved := checkpoint.saved()):
            place = checkpoint.parse(partial(RunPosition.of, saved.facts))
        # The file may be of another run, which `run` tells once it has seen the data.
        first = min(place.part, len(self.parts) - 1)
        # What the parts before have read in the sources that are those of all.
        read = list(place.earlier)

        def begin(
            index: int, saved: Saved | None = None
        ) -> Generator[Pair, None, Reads]:
            part = self.parts[index]
            base = self.net.history.epochs
            here = RunPosition(index, base, self.begun, earlier=tuple(read))
            at = place if saved else here
            problem = replace(
                part.problem(optimizer),
                model=lambda: self.net,
                last=index == len(self.parts) - 1,
                record=HistoryWriter(self.net, at),
                describe=partial(resuming.described, self.net, self.parts, at),
                begin=partial(_learn_scales, self.net, part),
            )
            if self.controls.monitor == "auc":
                predict = partial(_predicted, part.objective)
                problem = replace(problem, predict=predict, score=_auc)
            return run(
                problem,
                *self.data,
                expect=part.expect,
                dtype=self.net._dtype,
                controls=self.controls,
                seed=self.seed,
                past=at.base - at.begun,
                checkpoint=checkpoint,
                saved=saved,
                earlier=at.earlier if saved else (),
                hint=self.hint and index == first,
            )

        def following(begun: Generator[Pair, None, Reads]) -> Iterator[Pair]:
            with checkpoint or nullcontext():
                values, history = self.net._values.now(), self.net.history
                if checkpoint and saved:
                    self.begun = place.begun
                    restore = resuming.restore
                    checkpoint.parse(
                        partial(restore, self.net, self.parts, saved, place)
                    )
                try:
                    read.append((yield from begun))
                except CheckpointError:
                    # A file that is refused leaves the network as it was.
                    self.net._values.commit(values)
                    self.net.history = history
                    raise
                for index in range(first + 1, len(self.parts)):
                    read.append((yield from begin(index)))

        return following(begin(first, saved))

    def sample(self) -> Iterator[Pair]:
        """Check everything, and return the one epoch that draws weights from data."""
        net, part, controls = self.net, self.parts[0], self.controls
        problem = part.problem(None)
        pretraining.samples_wanted(part.objective)
        train, valid = sources(
            *self.data, part.expect, net._dtype, controls, self.seed, warn=self.hint
        )

        def once() -> Iterator[Pair]:
            callbacks, begun = Callbacks(controls.callbacks), time.perf_counter()
            report = Report(net, problem.stage, max_epochs=1)
            number = net.history.epochs
            _learn_scales(net, part, train)
            try:
                callbacks.start(lambda: report)
                with closing(train.chunks(0)) as chunks:
                    found = pretraining.sampled(
                        part.objective, net._values, chunks, self.seed, str(number)
                    )
                net._values.commit({name: held(value) for name, value in found.items()})
                pair = measure(problem, train), measure(problem, valid)
                net.history.write(number + 1, Row(*pair))
                net.history.best = BestRow(number + 1, *pair)
                seconds = time.perf_counter() - begun
                report = replace(
                    report,
                    epoch=1,
                    training=pair[0],
                    validation=pair[1],
                    validated=True,
                    seconds=seconds,
                )
                callbacks.epoch(lambda: report)
                yield pair
            except GeneratorExit:
                _finish(callbacks, report)
                raise
            except BaseException as error:
                _finish(callbacks, report, error)
                raise
            else:
                _finish(callbacks, report)

        return once()


def _finish(
    callbacks: Callbacks, report: Report, error: BaseException | None = None
) -> None:
    """Call the callbacks for the last time, after the drawing of weights."""
    if not forked():
        reason = "weights are drawn from the data"
        if error is not None:
            reason = f"stopped by {type(error).__name__}"
        callbacks.finish(lambda: replace(report, reason=reason, error=error))


def _learn_scales(net: "Network", part: Part, train: Source) -> None:
    found = learned_scales(part.objective, net._values.now(), train)
    net._values.commit({name: held(value) for name, value in found.items()})


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


def _watched(net: "Network", pairs: Iterator[Pair], columns: Columns) -> Iterator[Pair]:
    """Pass pairs on, while no other thread trains the network.

    The network knows the columns of its data from now on.
    """
    refuse_forked()
    begun, training = False, object()
    values, before = net._values.now(), net._columns
    try:
        net._begin_training(training)
        net._columns = columns
        for pair in pairs:
            begun = True
            yield pair
            refuse_forked()
    finally:
        # Also if it is closed by another thread.
        net._trainers.pop(training, None)
        pairs.close()  # type: ignore[attr-defined]
        if not forked():
            now = net._values.now()
            if not begun and all(now[name] is x for name, x in values.items()):
                # Nothing was learned of these data.
                net._columns = before
