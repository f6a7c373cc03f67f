"""What training minimizes: a pure function of parameters, a batch, and numbers.

The objective knows the precision to compute in. A model's arrays are float32 or wider;
layers get inputs and parameters in the precision to compute in, cast within the
compiled program, so that gradients reach the stored arrays. Only bfloat16 differs.
Layers declare as ``wide`` the parameters that they read in full, such as running
statistics. Losses, penalties and monitors get float32, because sums in bfloat16 lose
digits.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import jax.numpy as jnp
import numpy as np

from theanets.config import stored_type
from theanets.data.chunks import PRESENT
from theanets.graph import states
from theanets.graph.monitors import Monitor
from theanets.graph.running import Carries, Modify, run_from
from theanets.graph.slots import Slot, slots_of, weights_name
from theanets.graph.topology import Topology
from theanets.layers import Layer
from theanets.losses import Loss
from theanets.losses.averages import mean as average
from theanets.losses.averages import with_axes
from theanets.regularizers import Evaluation, Regularizer
from theanets.types import Array, DType, Params, PyTree
from theanets.utils.registry import is_ours, listed

Monitors = dict[str, Array | tuple[Array | float, ...]]
"""Numbers of a batch. A tuple holds a number and how much the batch counts in its
mean; then perhaps further pairs of both, whose means are added."""
Numbers = Mapping[str, PyTree]
"""What may change without another program; see `Objective.numbers`."""


@dataclass(frozen=True)
class Objective:
    """A model's losses, regularizers and monitors over its topology."""

    topology: Topology
    losses: tuple[Loss, ...]
    """What to minimize; the first one is reported as ``err``."""
    regularizers: tuple[Regularizer, ...] = ()
    monitors: tuple[Monitor, ...] = ()
    dtype: str = "float32"
    """The precision to compute in."""
    class_weights: tuple[float, ...] = ()
    """How much each class of the last layer counts while training; none: all alike."""
    mean_weights: tuple[float, ...] = ()
    """How much an error of each loss counts on average in the training data; 0, or
    none at all: not known."""
    stateful: bool = False
    """Whether recurrent layers go on from states that come among the parameters, as
    `theanets.graph.states` names them, and go out as updates."""

    def __post_init__(self) -> None:
        topology = self.topology
        for regularizer in self.regularizers:
            over_params = regularizer.over_params
            shapes = topology.param_shapes if over_params else topology.output_shapes
            regularizer.check(shapes, self.roles, topology.vocabularies)

    @property
    def key(self) -> Hashable:
        """What makes two objectives the same program, at this moment."""
        if not (self.losses or self.regularizers or self.monitors):
            return self.topology.key, self.dtype, self.stateful
        return (
            self.topology.key,
            tuple(loss.key() for loss in self.losses),
            tuple(regularizer.key for regularizer in self.regularizers),
            tuple(monitor.key for monitor in self.monitors),
            self.dtype,
            bool(self.class_weights),
            self.stateful,
        )

    @property
    def numbers(self) -> dict[str, PyTree]:
        """The numbers that may change without another program."""
        return {
            "losses": tuple(float(loss.weight) for loss in self.losses),
            "loss settings": tuple(loss.settings for loss in self.losses),
            "regularizers": tuple(float(r.weight) for r in self.regularizers),
            "classes": np.array(self.class_weights, self.wide),
            "mean weights": self.mean_weights or (0.0,) * len(self.losses),
        }

    @cached_property
    def wide(self) -> DType:
        """The precision of losses: sums in bfloat16 would lose most digits."""
        return stored_type(self.dtype)

    @cached_property
    def classifying(self) -> Loss | None:
        """The first loss of labels on the model's last layer, if there is one."""
        last = f"{self.topology.layers[-1].name}:"
        for loss in self.losses:
            if loss.integer_target and loss.output_name.startswith(last):
                return loss
        return None

    @cached_property
    def masks(self) -> bool:
        """Whether empty places of a batch can be left out, by weights of 0.

        So it is if examples meet only in the means of our own losses. Layers, losses
        and regularizers of a user may compute with the batch as a whole.
        """
        return (
            not self.stateful
            and not self.monitors
            and not self.topology.mixes_examples
            and all(is_ours(type(loss)) and loss.serializable for loss in self.losses)
            and all(
                is_ours(type(r)) and (r.over_params or not r.penalizes)
                for r in self.regularizers
            )
        )

    @cached_property
    def roles(self) -> dict[str, tuple[str, ...]]:
        """Names of the main outputs of input, hidden and output layers."""
        return {
            "input": tuple(layer.output_name for layer in self.topology.inputs),
            "hidden": tuple(layer.output_name for layer in self.topology.hidden),
            "output": tuple(layer.output_name for layer in self.topology.layers[-1:]),
        }

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """The arrays of a batch: inputs, then targets, then weights."""
        return slots_of(self.topology, self.losses)

    def _named(
        self, batch: tuple[Array, ...]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return the arrays of a batch by name: all, and the inputs."""
        named = {slot.name: x for slot, x in zip(self.slots, batch, strict=True)}
        return named, {layer.name: named[layer.name] for layer in self.topology.inputs}

    def outputs(
        self,
        params: Params,
        inputs: Mapping[str, Array],
        numbers: Numbers,
        key: Array | None = None,
        training: bool = True,
    ) -> dict[str, Array]:
        """Compute all outputs of a batch, with the noise of a key if there is one.

        ``training`` says whether the model learns from the batch. Arrays that layers
        update keep their types in ``params``.
        """
        cast = self.topology.cast(inputs, self.dtype)
        read = self.topology.cast_params(params, self.dtype)
        modify, before = self._modifier(numbers, key)
        layer_key = key if training else None
        if self.stateful:
            carries = states.by_layer(params)
            outputs, after = self.topology.step(read, cast, carries, modify, layer_key)
            outputs = outputs | before | states.by_name(after)
        else:
            outputs = self.topology.forward(read, cast, modify, layer_key) | before
        updates = {
            name: jnp.asarray(outputs[name], params[name].dtype)
            for name in outputs.keys() & params.keys()
        }
        return outputs | updates

    def step(
        self, params: Params, inputs: Mapping[str, Array], carries: Carries
    ) -> tuple[dict[str, Array], Carries]:
        """Compute some time steps, and the states after them; see `Topology.step`."""
        cast = self.topology.cast(inputs, self.dtype)
        read = self.topology.cast_params(params, self.dtype)
        return self.topology.step(read, cast, carries)

    def outputs_from(
        self,
        params: Params,
        start: Layer,
        value: Array,
        numbers: Numbers,
        key: Array | None = None,
    ) -> Array:
        """Compute the model's output from the main output of one layer alone."""
        modify, _ = self._modifier(numbers, key)
        read = self.topology.cast_params(params, self.dtype)
        outputs = run_from(self.topology.layers, read, start, value, modify)
        return outputs[self.topology.layers[-1].output_name]

    def _modifier(
        self, numbers: Numbers, key: Array | None
    ) -> tuple[Modify | None, dict[str, Array]]:
        """Return what adds the noise, and where it puts the values without noise."""
        before: dict[str, Array] = {}
        if key is None:
            return None, before
        pairs = zip(self.regularizers, numbers["regularizers"], strict=True)
        noises = [(r, self._changed_by(r), weight) for r, weight in pairs if r.modifies]

        def modify(name: str, value: Array, outputs: dict[str, Array]) -> Array:
            for regularizer, names, weight in noises:
                if name in names:
                    before[f"{name}-{regularizer.suffix}"] = value
                    value = regularizer.modify(name, value, key, jnp.asarray(weight))
            return value

        return modify, before

    def traced(
        self,
        params: Params,
        batch: tuple[Array, ...],
        numbers: Numbers,
        key: Array | None,
    ) -> dict[str, Array]:
        """Return every output of a batch as training sees it, in the layers' order."""
        _, inputs = self._named(batch)
        outputs = self.outputs(params, inputs, numbers, key, training=key is not None)
        return {name: outputs[name] for name in self.topology.output_names}

    @cached_property
    def _changed(self) -> frozenset[str]:
        """Names of the outputs that noise changes."""
        changes = [self._changed_by(r) for r in self.regularizers if r.modifies]
        return frozenset().union(*changes)

    def _changed_by(self, regularizer: Regularizer) -> set[str]:
        return set(regularizer.targets(self.topology.output_names, self.roles))

    def __call__(
        self,
        params: Params,
        batch: tuple[Array, ...],
        numbers: Numbers,
        key: Array | None = None,
    ) -> tuple[Array, Monitors, dict[str, Array]]:
        """Return the loss of a batch, every monitor, and what layers have updated.

        The batch holds one array for each of ``slots``. ``key`` is the key of the
        noise, where the model learns from the batch. None, as in validation: no noise,
        and nothing is updated. Where places of the batch are empty, ``numbers`` also
        hold ``present``: whether there is an example in each place.
        """
        named, inputs = self._named(batch)
        inputs = self.topology.cast(inputs, self.dtype)
        outputs = self.outputs(params, inputs, numbers, key, training=key is not None)
        updated = outputs.keys() & params.keys()
        updates = {name: outputs.pop(name) for name in sorted(updated)}
        wide, present = self.wide, numbers.get(PRESENT)
        values = {name: value.astype(wide) for name, value in outputs.items()}
        seen = {name: _seen(value) for name, value in outputs.items()}

        terms = []
        for loss, settings in zip(self.losses, numbers["loss settings"], strict=True):
            target = named[loss.target]
            target = target.astype("int32" if loss.integer_target else wide)
            weights = named[weights_name(loss)].astype(wide) if loss.weighted else None
            scale = weights
            if self.class_weights and loss is self.classifying:
                counts = jnp.asarray(numbers["classes"])[target]
                scale = counts
                if weights is not None:
                    scale = with_axes(weights, counts.ndim) * counts
            if key is not None and loss.output_name in self._changed:
                # What bind knows of the output does not hold with noise.
                loss = loss.unbound()
            if settings:
                loss = loss.with_settings(settings)
            with listed(f"{loss.form()} loss: it", {"the outputs": values}):
                error = loss(values, target, _counted(scale, present))
            terms.append((loss, target, weights, scale, error))
        learnable = self.topology.learnable
        evaluation = Evaluation(
            {name: value for name, value in params.items() if name in learnable},
            {name: seen[name] for name in self.topology.output_names},
            self.roles,
            inputs,
            lambda x: self.outputs(params, x, numbers),
            key,
        )
        penalties = [
            weight * _penalty(regularizer, evaluation)
            for regularizer, weight in zip(
                self.regularizers, numbers["regularizers"], strict=True
            )
            if regularizer.penalizes
        ]
        *_, scales, errors = zip(*terms, strict=True)
        losses = [w * e for w, e in zip(numbers["losses"], errors, strict=True)]
        means = numbers["mean weights"]
        scaled = [
            loss if scale is None else loss * _share(average(scale, present), mean)
            for loss, scale, mean in zip(losses, scales, means, strict=True)
        ]
        total = jnp.asarray(sum(penalties, sum(scaled)), wide)

        # With weights, each batch counts by their sum in the mean over batches.
        examples = float(len(batch[0])) if present is None else present.sum()
        sizes = [
            examples if scale is None else jnp.sum(_counted(scale, present))
            for scale in scales
        ]
        parts = list(zip(losses, sizes, strict=True))
        if penalties:
            parts.append((jnp.asarray(sum(penalties), wide), examples))
        weighted = any(scale is not None for scale in scales)
        monitors: Monitors = {
            "loss": tuple(x for part in parts for x in part) if weighted else total,
            "err": _counting(errors[0], scales[0], present),
        }
        for loss, target, weights, scale, _ in terms:
            if loss.has_accuracy and "acc" not in monitors:
                accuracy = loss.accuracy(values, target, _counted(weights, present))
                monitors["acc"] = _counting(accuracy, weights, present)
            if scale is not weights:
                plain = loss(values, target, _counted(weights, present))
                monitors["unweighted"] = _counting(plain, weights, present)
        for monitor in self.monitors:
            monitors[monitor.name] = monitor({**seen, **params})
        return total, monitors, updates


def _penalty(regularizer: Regularizer, evaluation: Evaluation) -> Array | float:
    known = {"the parameters": evaluation.params, "the outputs": evaluation.outputs}
    with listed(f"{regularizer.form}: its penalty", known):
        return regularizer.penalty(evaluation)


@overload
def _counted(weights: Array, present: Array | None) -> Array: ...
@overload
def _counted(weights: None, present: Array | None) -> Array | None: ...
def _counted(weights: Array | None, present: Array | None) -> Array | None:
    """Return weights that are 0 in empty places; None: all examples count alike."""
    if present is None or weights is None:
        return weights if present is None else present
    return jnp.where(with_axes(present, weights.ndim), weights, 0)


def _share(weight: Array, mean: Array | float) -> Array:
    """Return how much a batch counts; 1 is the average of the data."""
    return jnp.where(mean > 0, weight / jnp.where(mean > 0, mean, 1), 1)


def _seen(value: Array) -> Array:
    """Return an output in the precision of penalties and monitors, which sum it."""
    is_float = jnp.issubdtype(value.dtype, jnp.floating)
    return value.astype(stored_type(value.dtype)) if is_float else value


def _counting(
    value: Array, weights: Array | None, present: Array | None
) -> Array | tuple[Array, Array]:
    """Return a number of a batch, with how much it counts if there are weights."""
    return value if weights is None else (value, jnp.sum(_counted(weights, present)))
