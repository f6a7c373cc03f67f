"""Which arrays a data set for a model has to hold; its graph and losses decide."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from theanets.errors import ConfigurationError
from theanets.graph.topology import Topology
from theanets.losses import Loss
from theanets.types import Shape


@dataclass(frozen=True)
class Slot:
    """One of the arrays that a data set for a model has to hold."""

    name: str
    """The layer that reads it, or the name of the target."""
    role: Literal["input", "target", "labels", "weights"]
    output: str = ""
    """For all but inputs: the output whose shape it has to fit."""
    bounds: tuple[float, float] | None = None
    """The least and the largest value that a target can have."""
    axes: int | None = None
    """For weights: how many axes of the output the errors have."""


def slots_of(topology: Topology, losses: Sequence[Loss]) -> tuple[Slot, ...]:
    """Return the arrays of a batch: inputs, then targets, then weights."""
    inputs = {layer.name: Slot(layer.name, "input") for layer in topology.inputs}
    targets: dict[str, Slot] = {}
    weights: dict[str, Slot] = {}
    for loss in losses:
        if loss.target in inputs:
            _check_input(topology, loss)
        else:
            targets[loss.target] = _shared(topology, loss, targets.get(loss.target))
        if loss.weighted:
            name, output = weights_name(loss), loss.output_name
            errors = target_shape(loss, topology.output_shapes[output])
            if loss.error_axes is not None:
                errors = errors[: loss.error_axes - 1]
            slot = Slot(name, "weights", output, axes=len(errors))
            weights.setdefault(name, slot)
    return (*inputs.values(), *targets.values(), *weights.values())


def weights_name(loss: Loss) -> str:
    """Return the name of the array of a loss's weights."""
    return "weights" if loss.target == "target" else f"{loss.target} weights"


def target_shape(loss: Loss, output: Shape) -> Shape:
    """Return the shape of the target of a loss, for one of its output."""
    return output[:-1] if loss.integer_target else output


def _check_input(topology: Topology, loss: Loss) -> None:
    """Refuse an input as a target if it does not fit the output of the loss."""
    if loss.target in topology.scaled:
        raise ConfigurationError(
            f'{loss.form()} loss: its target is the input "{loss.target}", which '
            "standardizes its data, and the loss does not. Leave scale out there, and "
            "standardize the data themselves: (x - x.mean(axis=0)) / x.std(axis=0)."
        )
    output = topology.output_shapes[loss.output_name]
    shape, wanted = topology.by_name[loss.target].shape, target_shape(loss, output)
    vocabulary = topology.vocabularies.get(loss.target, math.inf)
    too_many = loss.integer_target and vocabulary > (output[-1] or 0)
    if shape != wanted or too_many:
        kind = "labels" if loss.integer_target else "numbers"
        raise ConfigurationError(
            f'{loss.form()} loss: it compares "{loss.output_name}" {output} with the '
            f'input "{loss.target}" {shape}, but needs {kind} of the shape {wanted}. '
            "Change the size of the layer, or give the loss another output_name or "
            "target."
        )


def _shared(topology: Topology, loss: Loss, earlier: Slot | None) -> Slot:
    """Return the slot of a target that another loss may use too."""
    role: Literal["labels", "target"] = "labels" if loss.integer_target else "target"
    slot = Slot(loss.target, role, loss.output_name, bounds=loss.target_range)
    if earlier is None:
        return slot
    shape, other = (topology.output_shapes[x.output] for x in (slot, earlier))
    labels = role == earlier.role == "labels"
    end = -1 if labels else None
    if role != earlier.role or shape[:end] != other[:end]:
        raise ConfigurationError(
            f'{loss.form()} loss: its target "{loss.target}" is also that of another '
            f"loss, which compares it with {earlier.output} {other} as {earlier.role}; "
            f"this one with {slot.output} {shape} as {role}. Name another array, "
            'such as target="other".'
        )
    # Labels have to be classes of both.
    fewer = slot if labels and (shape[-1] or 0) < (other[-1] or 0) else earlier
    return replace(fewer, bounds=earlier.bounds or slot.bounds)
