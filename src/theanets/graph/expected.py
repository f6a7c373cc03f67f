"""What a model expects of the arrays that it gets."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from theanets.data.columns import Columns
from theanets.data.expected import Expected, agree
from theanets.errors import DataError
from theanets.graph.objective import Objective
from theanets.graph.slots import Slot, target_shape
from theanets.graph.topology import Topology
from theanets.losses import Loss
from theanets.types import Shape


class Expectations:
    """Says, for the arrays of a data set or a batch, what each has to be.

    Where a model leaves a length open, as of a sequence, the shape of a target
    follows from the shapes of the inputs that came with it.
    """

    def __init__(self, objective: Objective) -> None:
        self.columns = Columns()
        self._topology = objective.topology
        self._slots = objective.slots
        self._losses = objective.losses
        self._traced = lru_cache(maxsize=64)(self._trace)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arrays, in order."""
        return tuple(slot.name for slot in self._slots)

    @property
    def labels(self) -> frozenset[int]:
        """The places of the arrays that hold labels."""
        places = enumerate(self._slots)
        return frozenset(place for place, slot in places if slot.role == "labels")

    def __call__(self, arrays: Sequence[Any]) -> list[Expected]:
        """Return what is expected of each array."""
        shapes = tuple(tuple(array.shape) for array in arrays)
        outputs = self._output_shapes(shapes)
        expected = [self._expected(slot, outputs) for slot in self._slots]
        # Lengths can differ here that `slots_of` could not know.
        for loss in self._losses:
            place = self.names.index(loss.target)
            is_input = self._slots[place].role == "input" and place < len(shapes)
            target = shapes[place][1:] if is_input else expected[place].shape
            output = target_shape(loss, outputs[loss.output_name])
            if len(target) == len(output) and not agree(target, output):
                raise DataError(
                    f"{loss.form()} loss: from these inputs the output "
                    f'"{loss.output_name}" has the shape (examples, '
                    f"{', '.join(map(str, output))}), but its target "
                    f'"{loss.target}" (examples, {", ".join(map(str, target))}). '
                    "Let the layers between keep the length of their input."
                )
        return expected

    def _expected(self, slot: Slot, outputs: Mapping[str, Shape]) -> Expected:
        if slot.role == "input":
            expected = expected_input(self._topology, slot.name)
            is_target = slot.name in {loss.target for loss in self._losses}
            return replace(expected, by_hand=expected.sparse or is_target)
        output = outputs[slot.output]
        if slot.role == "labels":
            return Expected(slot.name, "labels", output[:-1], classes=output[-1])
        shape, free = output[: slot.axes], slot.axes or 0
        return Expected(
            slot.name, slot.role, shape, optional_axes=free, bounds=slot.bounds
        )

    def _output_shapes(self, shapes: tuple[Shape, ...]) -> Mapping[str, Shape]:
        """Return the shapes of outputs, without open axes where the inputs fit."""
        known, inputs = self._topology.output_shapes, self._topology.inputs
        is_open = any(None in known[loss.output_name] for loss in self._losses)
        pairs = zip(inputs, shapes, strict=False)
        fits = len(shapes) >= len(inputs) and all(
            agree(layer.shape, shape[1:]) for layer, shape in pairs
        )
        # Without the batch axis, so that its length causes no further trace.
        each = tuple(shape[1:] for shape in shapes[: len(inputs)])
        return self._traced(each) if is_open and fits else known

    def _trace(self, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
        inputs = zip(self._topology.inputs, shapes, strict=True)
        batch = {layer.name: (1, *shape) for layer, shape in inputs}
        traced = self._topology.traced_shapes(batch)
        return {name: shape[1:] for name, shape in traced.items()}


def expected_input(topology: Topology, name: str) -> Expected:
    """Return what is expected of the data of an input layer."""
    layer, size = topology.by_name[name], topology.vocabularies.get(name)
    role = "mask" if name in topology.masks else "input" if size is None else "indices"
    sparse, scaled = bool(layer.given.get("sparse")), name in topology.scaled
    return Expected(name, role, layer.shape, size, sparse=sparse, scaled=scaled)


def expected_labels(topology: Topology, loss: Loss) -> Expected:
    """Return what is expected of the labels of a loss."""
    *shape, classes = topology.output_shapes[loss.output_name]
    return Expected(loss.target, "labels", tuple(shape), classes)
