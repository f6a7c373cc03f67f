"""A stage of a training as something for the engine to minimize."""

from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from theanets.errors import ConfigurationError
from theanets.graph.expected import Expectations
from theanets.graph.monitors import RESERVED
from theanets.graph.objective import Objective
from theanets.graph.states import States
from theanets.losses import Loss
from theanets.models.parameters import Arrays
from theanets.models.stages import Stage
from theanets.training.problem import Problem
from theanets.training.programs import Values


@dataclass(frozen=True)
class Part:
    """A stage as something to minimize.

    Attributes
    ----------
    stage : Stage
        The part of the network.
    objective : Objective
        Its losses, regularizers and monitors.
    expect : Expectations
        What data it takes.
    shared : Arrays
        The network's arrays by full name.
    own : mapping
        Arrays of the stage's fresh layers; these hide the network's of equal names.
        And the states that it carries from batch to batch.
    states : States, optional
        What these are; None: it carries none.
    """

    stage: Stage
    objective: Objective
    expect: Expectations
    shared: Arrays
    own: MutableMapping[str, Any] = field(default_factory=dict)
    states: States | None = None

    def __post_init__(self) -> None:
        if self.states is not None:
            self.own.update(self.states.initial())

    def problem(self, optimizer: Any) -> Problem:
        """Return what the engine is to minimize."""
        return Problem(
            _carrying(self.objective),
            (self.objective.key, self.stage.topology.frozen),
            optimizer,
            numbers=lambda: self.objective.numbers,
            read=self.read,
            commit=self.commit,
            stage=self.stage.name,
            trace=_tracing(self.objective),
            monitors=(*RESERVED, *(x.name for x in self.objective.monitors)),
            states=self.states,
        )

    def in_network(self, values: Values) -> dict[str, Any]:
        """Return those of some values that are the network's, by full name."""
        new = {**values.learned, **values.carried}
        return {name: value for name, value in new.items() if name not in self.own}

    def read(self) -> Values:
        """Return the current arrays, from wherever they live."""
        topology = self.stage.topology
        names = [
            *topology.param_shapes,
            *(self.states.initial() if self.states else ()),
        ]
        held = {name: self._home(name)[name] for name in names}
        learned = {name: held.pop(name) for name in sorted(topology.learned)}
        return Values(learned, held)

    def commit(self, values: Values) -> None:
        """Put new arrays back to where they live."""
        new = {**values.learned, **values.carried}
        self.own.update((name, new.pop(name)) for name in self.own.keys() & new.keys())
        self.shared.commit(new)

    def _home(self, name: str) -> MutableMapping[str, Any]:
        return self.own if name in self.own else self.shared


def part_of(whole: Objective, stage: Stage, losses: Iterable[Loss]) -> Objective:
    """Return the objective of a stage: what of the whole one is in reach.

    Raises
    ------
    ConfigurationError
        If a loss reads what the stage does not have.
    """
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

    def __call__(self, arrays: Any) -> Any:
        """Return what is expected of each array."""
        expected = super().__call__(arrays)
        inputs = [slot for slot in expected if slot.role == "input"]
        return inputs if len(arrays) == len(inputs) else expected


def _carrying(objective: Objective) -> Callable[..., Any]:
    count = len(objective.slots)

    def whole(learned: Any, carried: Any, batch: Any, numbers: Any, key: Any) -> Any:
        params = {**carried, **learned}
        # Of labelled data, a part that reconstructs its input reads that alone.
        loss, monitors, updates = objective(params, batch[:count], numbers, key)
        return loss, monitors, {**carried, **updates}

    return whole


def _tracing(objective: Objective) -> Callable[..., dict[str, Any]]:
    count = len(objective.slots)

    def outputs(values: Values, batch: Any, numbers: Any, key: Any) -> dict[str, Any]:
        params = {**values.carried, **values.learned}
        return objective.traced(params, batch[:count], numbers, key)

    return outputs
