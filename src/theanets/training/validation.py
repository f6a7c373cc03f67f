"""The monitors of a validation and of an epoch."""

from contextlib import closing
from dataclasses import replace

import jax

from theanets.data.loading import Loader
from theanets.errors import DataError, NonFiniteError
from theanets.training.measure import MetricAccumulator, Monitors, Pace
from theanets.training.options import Controls
from theanets.training.problem import Problem
from theanets.training.programs import evaluate_program
from theanets.training.state import Best, Progress


def measure(problem: Problem, data: Loader, pace: Pace | None = None) -> Monitors:
    """Return the monitors of a data set at the current values, without noise."""
    evaluate = evaluate_program(problem.objective, problem.key)
    values, numbers = problem.read(), problem.numbers()
    pace, sums, predicted = pace or Pace(), MetricAccumulator(), []
    with closing(data.chunks(0)) as chunks:
        for chunk in problem.parts(chunks):
            if problem.states is not None:
                if not sums.batches:
                    carried = problem.states.restarted(values.carried, chunk.rows)
                    values = values._replace(carried=carried)
                problem.states.check(values.carried, chunk.rows)
            for start, stop in pace.steps(0, chunk.count):
                record, values = evaluate(
                    values,
                    chunk.data,
                    chunk.order,
                    start,
                    stop,
                    numbers,
                    layout=chunk.layout(problem.masks),
                )
                jax.block_until_ready(record)
                sums = sums.plus(record, start, stop, chunk.sizes)
            if problem.predict is not None:
                predicted.append(problem.predict(values, chunk))
    _check_weights(sums, "the validation data")
    means = sums.means(problem.monitors)
    return Monitors({**means, **problem.score(predicted)}, problem.stage)


def validated(
    problem: Problem, controls: Controls, data: Loader, pace: Pace, at: Progress
) -> Progress:
    """Return a place of a run after a validation there."""
    values = problem.read()
    validation = measure(problem, data, pace)
    value = validation[controls.monitor]
    best, best_validation = at.best, at.best_validation
    if best is None or controls.better(value, best.value):
        # Before the first epoch there are no training monitors.
        training = at.training if at.epoch else Monitors(stage=problem.stage)
        best = Best(at.epoch, value, values, (training, validation))
        best_validation = at.validations
    return replace(
        at,
        validation=validation,
        validated_at=at.epoch,
        validations=at.validations + 1,
        best=best,
        best_validation=best_validation,
    )


def closed(problem: Problem, controls: Controls, at: Progress) -> Progress:
    """Return the place after an epoch whose batches are done."""
    sums, epoch, best = at.sums, at.epoch + 1, at.best
    if sums.skipped == sums.batches:
        raise NonFiniteError(
            f"all {sums.batches} batches of epoch {epoch} were left out, since their "
            "losses or gradients are not finite. The best parameters so far are back "
            "in place. See whether the data and the model fit each other; a smaller "
            "learning_rate may help.",
            epoch=epoch,
        )
    _check_weights(sums, f"the training data of epoch {epoch}")
    means = sums.means(problem.monitors)
    if controls.on_nonfinite == "skip":
        means["skipped"] = float(sums.skipped)
    training = Monitors(means, problem.stage)
    if best is not None and best.epoch == 0 == at.epoch:
        best = best._replace(monitors=(training, best.monitors[1]))
    sums = MetricAccumulator()
    return replace(at, epoch=epoch, sums=sums, training=training, best=best)


def _check_weights(sums: MetricAccumulator, what: str) -> None:
    if sums.weightless:
        raise DataError(
            f"all weights of {what} are 0, so no example counts. Give those that count "
            "a weight more than 0."
        )
