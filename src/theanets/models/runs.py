"""The runs of the training engine that train a model, part by part."""

import time
from collections.abc import Generator
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np

from theanets.data.chunks import Chunk
from theanets.errors import CheckpointError
from theanets.graph.objective import Objective
from theanets.graph.slots import weights_name
from theanets.models import resume as resuming
from theanets.models import scores
from theanets.models.parameters import to_device
from theanets.models.plan import Plan
from theanets.models.prediction import compute
from theanets.models.resume import HistoryWriter, RunPosition
from theanets.models.sampling import sampled, samples_wanted
from theanets.training.callbacks import Callbacks
from theanets.training.checkpoint import Saved
from theanets.training.history import BestRow, Row
from theanets.training.measure import Pair
from theanets.training.programs import Values
from theanets.training.report import Report
from theanets.training.run import loaders, run
from theanets.training.state import Reads
from theanets.training.validation import measure
from theanets.utils.forks import forked

Data: TypeAlias = tuple[object, object]


def train_parts(
    plan: Plan, data: Data, handle: object, hint: bool
) -> Generator[Pair, None, None]:
    """Check everything, and return the epochs of one part after the other.

    ``handle`` is the model as callbacks get it. ``hint`` says whether these are the
    first runs of a call, which hint at likely mistakes.
    """
    model, parts, checkpoint = plan.model, plan.parts, plan.checkpoint
    saved, place = None, RunPosition()
    if checkpoint is not None and (saved := checkpoint.saved()):
        place = checkpoint.parse(partial(RunPosition.of, saved.facts))
    # The file may be of another run: `run` finds out once it has seen the data.
    first = min(place.part, len(parts) - 1)
    # What the parts before have read from the data, which all parts share.
    read = list(place.earlier)

    def begin(index: int, saved: Saved | None = None) -> Generator[Pair, None, Reads]:
        part, base = parts[index], model.history.epochs
        at = RunPosition(index, base, plan.begun, earlier=tuple(read))
        if saved:
            at = place
        problem = replace(
            part.problem(plan.optimizer),
            seed=plan.seed,
            past=at.base - at.begun,
            model=lambda: handle,
            last=index == len(parts) - 1,
            record=HistoryWriter(model, at),
            describe=partial(resuming.described, model, parts, at),
        )
        if plan.controls.monitor == "auc":
            predict = partial(_predicted, part.objective)
            problem = replace(problem, predict=predict, score=_auc)
        return run(
            problem,
            *data,
            plan.controls,
            checkpoint=checkpoint,
            saved=saved,
            earlier=at.earlier if saved else (),
            hint=hint and index == first,
        )

    first_run = begin(first, saved)

    def following() -> Generator[Pair, None, None]:
        with checkpoint or nullcontext():
            values, history = model.arrays.now(), model.history
            if checkpoint and saved:
                plan.begun = place.begun
                restore = partial(resuming.restore, model, parts, saved, place)
                checkpoint.parse(restore)
            try:
                read.append((yield from first_run))
            except CheckpointError:
                # A file that is refused leaves the network as it was.
                model.arrays.commit(values)
                model.history = history
                raise
            for index in range(first + 1, len(parts)):
                read.append((yield from begin(index)))

    return following()


def sample(
    plan: Plan, data: Data, handle: object, hint: bool
) -> Generator[Pair, None, None]:
    """Check everything, and return the one epoch that draws weights from data."""
    model, part, controls = plan.model, plan.parts[0], plan.controls
    problem = replace(part.problem(None), seed=plan.seed)
    samples_wanted(part.objective)
    train, valid = loaders(problem, *data, controls, hint)

    def once() -> Generator[Pair, None, None]:
        callbacks, begun = Callbacks(controls.callbacks), time.perf_counter()
        report = Report(handle, problem.stage, max_epochs=1)
        number = model.history.epochs
        part.learn_scales(train)
        try:
            callbacks.start(lambda: report)
            with closing(train.chunks(0)) as chunks:
                weights = sampled(
                    part.objective, model.arrays, chunks, plan.seed, number
                )
            model.arrays.commit(to_device(weights))
            pair = measure(problem, train), measure(problem, valid)
            model.history.write(number + 1, Row(*pair))
            model.history.best = BestRow(number + 1, *pair)
            report = replace(
                report,
                epoch=1,
                training=pair[0],
                validation=pair[1],
                validated=True,
                seconds=time.perf_counter() - begun,
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
    if not forked():
        reason = "weights are drawn from the data"
        if error is not None:
            reason = f"stopped by {type(error).__name__}"
        callbacks.finish(lambda: replace(report, reason=reason, error=error))


def _predicted(objective: Objective, values: Values, chunk: Chunk) -> scores.Part:
    """Return labels, the probabilities of each class, and weights, of a chunk."""
    loss = objective.classifying
    assert loss is not None
    arrays = [np.asarray(array) for array in chunk.data]
    if not chunk.whole:
        rows = chunk.order[chunk.order >= 0]
        arrays = [array[rows] for array in arrays]
    named = {slot.name: x for slot, x in zip(objective.slots, arrays, strict=True)}
    inputs = {layer.name: named[layer.name] for layer in objective.topology.inputs}
    params, name = {**values.carried, **values.learned}, loss.output_name
    predicted = compute(objective, params, inputs, (name,), None)[name].astype("f8")
    labels = named[loss.target]
    weights = named[weights_name(loss)] if loss.weighted else None
    return labels, predicted, scores.checked_weights(weights, labels.shape)


def _auc(parts: list[scores.Part]) -> dict[str, float]:
    return {"auc": scores.auc(parts)}
