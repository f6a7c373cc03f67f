"""The runs of the training engine that train a model, part by part."""

import time
from collections.abc import Generator
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np

from theanets.data.chunks import Chunk
from theanets.data.loading import Loader
from theanets.errors import CheckpointError
from theanets.graph.objective import Objective
from theanets.graph.scaling import learned_scales
from theanets.graph.slots import weights_name
from theanets.models import resume as resuming
from theanets.models import scores
from theanets.models.parameters import to_device
from theanets.models.parts import Part
from theanets.models.prediction import compute
from theanets.models.resume import HistoryWriter, RunPosition
from theanets.models.sampling import sampled, samples_wanted
from theanets.models.state import ModelState
from theanets.optimizers import Updater
from theanets.training.callbacks import Callbacks
from theanets.training.checkpoint import Checkpoint, Saved
from theanets.training.history import BestRow, Row
from theanets.training.measure import Pair
from theanets.training.options import Controls
from theanets.training.programs import Values
from theanets.training.report import Report
from theanets.training.run import loaders, run
from theanets.training.state import Reads
from theanets.training.validation import measure
from theanets.utils.forks import forked

Run: TypeAlias = Generator[Pair, None, Reads]


@dataclass
class Runs:
    """The runs of the engine that train a network, part by part."""

    model: ModelState
    handle: object
    parts: list[Part]
    data: tuple[object, object]
    controls: Controls
    seed: int
    begun: int
    """Epochs of earlier trainings, with random streams of their own."""
    checkpoint: Checkpoint | None = None
    hint: bool = True
    """Whether these are the first runs of a call, which hint at likely mistakes."""

    def train(self, optimizer: Updater) -> Generator[Pair, None, None]:
        """Check everything, and return the epochs of one part after the other."""
        checkpoint, saved, place = self.checkpoint, None, RunPosition()
        if checkpoint is not None and (saved := checkpoint.saved()):
            place = checkpoint.parse(partial(RunPosition.of, saved.facts))
        # The file may be of another run: `run` finds out once it has seen the data.
        first = min(place.part, len(self.parts) - 1)
        # What the parts before have read from the data, which all parts share.
        read = list(place.earlier)

        def begin(index: int, saved: Saved | None = None) -> Run:
            part = self.parts[index]
            base = self.model.history.epochs
            here = RunPosition(index, base, self.begun, earlier=tuple(read))
            at = place if saved else here
            problem = replace(
                part.problem(optimizer),
                model=lambda: self.handle,
                last=index == len(self.parts) - 1,
                record=HistoryWriter(self.model, at),
                describe=partial(resuming.described, self.model, self.parts, at),
                begin=partial(_learn_scales, self.model, part),
            )
            if self.controls.monitor == "auc":
                predict = partial(_predicted, part.objective)
                problem = replace(problem, predict=predict, score=_auc)
            return run(
                problem,
                *self.data,
                expect=part.expect,
                dtype=self.model.dtype,
                controls=self.controls,
                seed=self.seed,
                past=at.base - at.begun,
                checkpoint=checkpoint,
                saved=saved,
                earlier=at.earlier if saved else (),
                hint=self.hint and index == first,
            )

        def following(first_run: Run) -> Generator[Pair, None, None]:
            with checkpoint or nullcontext():
                values, history = self.model.arrays.now(), self.model.history
                if checkpoint and saved:
                    self.begun = place.begun
                    restore = partial(resuming.restore, self.model, self.parts)
                    checkpoint.parse(partial(restore, saved, place))
                try:
                    read.append((yield from first_run))
                except CheckpointError:
                    # A file that is refused leaves the network as it was.
                    self.model.arrays.commit(values)
                    self.model.history = history
                    raise
                for index in range(first + 1, len(self.parts)):
                    read.append((yield from begin(index)))

        return following(begin(first, saved))

    def sample(self) -> Generator[Pair, None, None]:
        """Check everything, and return the one epoch that draws weights from data."""
        model, part, controls = self.model, self.parts[0], self.controls
        problem = part.problem(None)
        samples_wanted(part.objective)
        train, valid = loaders(
            *self.data, part.expect, model.dtype, controls, self.seed, warn=self.hint
        )

        def once() -> Generator[Pair, None, None]:
            callbacks, begun = Callbacks(controls.callbacks), time.perf_counter()
            report = Report(self.handle, problem.stage, max_epochs=1)
            number = model.history.epochs
            _learn_scales(model, part, train)
            try:
                callbacks.start(lambda: report)
                with closing(train.chunks(0)) as chunks:
                    weights = sampled(
                        part.objective, model.arrays, chunks, self.seed, str(number)
                    )
                model.arrays.commit(
                    {name: to_device(value) for name, value in weights.items()}
                )
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


def _learn_scales(model: ModelState, part: Part, train: Loader) -> None:
    scales = learned_scales(part.objective, model.arrays.now(), train)
    model.arrays.commit({name: to_device(value) for name, value in scales.items()})


def _predicted(objective: Objective, values: Values, chunk: Chunk) -> scores.Part:
    """Return labels, the probabilities of each class, and weights, of a chunk."""
    loss = objective.classifying
    assert loss is not None
    arrays = [np.asarray(array) for array in chunk.data]
    if chunk.layout == "rows":
        rows = chunk.filled[: chunk.count].ravel()
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
