"""A stage of a training, as the engine minimizes it."""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from theanets.data.expected import Expected
from theanets.data.loading import Loader
from theanets.errors import ConfigurationError
from theanets.graph.expected import Expectations
from theanets.graph.monitors import RESERVED
from theanets.graph.objective import Monitors, Objective
from theanets.graph.scaling import learned_scales
from theanets.graph.states import States
from theanets.losses import Loss
from theanets.models.parameters import to_device
from theanets.models.stages import Stage
from theanets.models.state import ModelState
from theanets.training.problem import Problem
from theanets.training.programs import Values
from theanets.types import Array, Params, PyTree


@dataclass(frozen=True)
class Part:
    """A stage of a training, its objective, and its arrays."""

    stage: Stage
    objective: Objective
    expect: Expectations
    """What data it takes."""
    model: ModelState
    """The network."""
    extra: MutableMapping[str, Array] = field(default_factory=dict)
    """Arrays of the stage's fresh layers, which hide the network's of the same names,
    and the states that it carries from batch to batch."""
    states: States | None = None

    def __post_init__(self) -> None:
        if self.states is not None:
            self.extra.update(self.states.initial())

    def problem(self, optimizer: Any) -> Problem:
        """Return what the engine is to minimize."""
        return Problem(
            partial(_computed, self.objective),
            (self.objective.key, self.stage.topology.frozen),
            optimizer,
            numbers=lambda: self.objective.numbers,
            read=self.read,
            commit=self.commit,
            stage=self.stage.name,
            trace=partial(_traced, self.objective),
            monitors=(*RESERVED, *(x.name for x in self.objective.monitors)),
            masks=self.objective.masks,
            states=self.states,
            expect=self.expect,
            dtype=self.model.dtype,
            begin=self.learn_scales,
        )

    def learn_scales(self, train: Loader) -> None:
        """Let layers that scale their inputs learn how from the training data."""
        scales = learned_scales(self.objective, self.model.arrays.now(), train)
        self.model.arrays.commit(to_device(scales))

    def in_network(self, values: Values) -> dict[str, Array]:
        """Return the values that belong to the network, by full name."""
        new = {**values.learned, **values.carried}
        return {name: value for name, value in new.items() if name not in self.extra}

    def read(self) -> Values:
        """Return the current arrays, the network's and the stage's own."""
        topology = self.stage.topology
        names = [
            *topology.param_shapes,
            *(self.states.initial() if self.states else ()),
        ]
        arrays = {**self.model.arrays, **self.extra}
        learned = {name: arrays[name] for name in sorted(topology.learned)}
        return Values(learned, {n: arrays[n] for n in names if n not in learned})

    def commit(self, values: Values) -> None:
        """Replace the network's arrays and the stage's own by new ones."""
        new = {**values.learned, **values.carried}
        self.extra.update(
            (name, new.pop(name)) for name in self.extra.keys() & new.keys()
        )
        self.model.arrays.commit(new)


def part_of(whole: Objective, stage: Stage, losses: Iterable[Loss]) -> Objective:
    """Return the objective of a stage: what of the whole one it can compute."""
    topology = stage.topology
    names = {*topology.output_names, *topology.param_shapes}
    name, inputs = topology.layers[-1].name, topology.inputs
    if stage.reconstructs:
        losses = [Loss.build("mse").following(name, inputs[0].name)]
    try:
        bound = tuple(loss.bind(topology.by_name) for loss in losses)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{stage.name}: a loss reads what this part of the model does not have. "
            f"Train it with another algo. {error}"
        ) from error
    return Objective(
        topology,
        bound,
        tuple(
            regularizer
            for regularizer in whole.regularizers
            if regularizer.pattern is None or regularizer.targets(names, whole.roles)
        ),
        tuple(x for x in whole.monitors if not x.source or x.source in names),
        whole.dtype,
        () if stage.reconstructs else whole.class_weights,
        () if stage.reconstructs else whole.mean_weights,
        whole.stateful,
    )


class InputsAlone(Expectations):
    """Expects the inputs of a model, and takes the rest of its data if it is there."""

    def __call__(self, arrays: Sequence[np.ndarray]) -> list[Expected]:
        """Return what is expected of each array."""
        expected = super().__call__(arrays)
        inputs = [slot for slot in expected if slot.role == "input"]
        return inputs if len(arrays) == len(inputs) else expected


def _computed(
    objective: Objective,
    learned: Params,
    carried: Params,
    batch: tuple[Array, ...],
    numbers: Mapping[str, object],
    key: Array | None,
) -> tuple[Array, Monitors, PyTree]:
    params = {**carried, **learned}
    # A stage that reconstructs its input does not read the labels in the data.
    batch = batch[: len(objective.slots)]
    loss, monitors, updates = objective(params, batch, numbers, key)
    return loss, monitors, {**carried, **updates}


def _traced(
    objective: Objective,
    values: Values,
    batch: tuple[Array, ...],
    numbers: Mapping[str, object],
    key: Array | None,
) -> dict[str, Array]:
    params = {**values.carried, **values.learned}
    return objective.traced(params, batch[: len(objective.slots)], numbers, key)
