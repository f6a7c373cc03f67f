"""A frozen graph of bound layers, and the one pure function that runs it."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from theanets.config import stored_type
from theanets.graph.binding import (
    check_arrays,
    check_indices,
    check_names,
    find_output,
    resolve_inputs,
)
from theanets.graph.running import Carries, Modify, params_of, run_layer
from theanets.graph.tracing import abstract, output_shapes
from theanets.initializers import Param
from theanets.layers import Input, Layer, Recurrent
from theanets.types import Array, DType, Params, PyTree, Shape
from theanets.utils import keys
from theanets.utils.forks import refuse_forked

_MOST_KNOWN = 1000


@dataclass(frozen=True)
class Topology:
    """Layers in the order they are computed, each bound to earlier ones."""

    layers: tuple[Layer, ...] = ()
    frozen: frozenset[str] = frozenset()
    """Full names of the arrays that training leaves as they are."""

    def __getstate__(self) -> dict[str, Any]:
        # Without the cached properties, which are computed from these.
        return {"layers": self.layers, "frozen": self.frozen}

    def extended(
        self, layer: Layer, available: Mapping[str, Shape] | None = None
    ) -> "Topology":
        """Return this graph with one more layer, which is bound to the ones before.

        ``available`` are the shapes of the arrays that have to hold its parameters.
        """
        refuse_forked()
        check_names(layer, self.parts)
        shapes = self.output_shapes
        sides = {
            keyword: find_output(layer, keyword, name, shapes)
            for keyword, name in layer.side_inputs.items()
        }
        layer.bind(resolve_inputs(layer, self.layers, shapes), self.layers, sides)
        check_indices(layer, self.layers)
        if available is not None:
            check_arrays(layer, available)
        own = _own_parts(layer)
        traced = output_shapes if own else _known_shapes
        layer.fix(traced(layer, self.param_shapes))
        extended = Topology((*self.layers, layer), self.frozen)
        # Cached properties, so that it takes no longer to extend a large graph.
        vars(extended)["_own"] = (*self._own, *own)
        for name, facts in _BY_NAME.items():
            vars(extended)[name] = getattr(self, name) | facts(layer)
        # Take the key now, of the values that it was traced with; JAX keeps some.
        keys.key(*extended._own)
        return extended

    def _of_layers(self, name: str) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for layer in self.layers:
            merged |= _BY_NAME[name](layer)
        return merged

    @cached_property
    def by_name(self) -> dict[str, Layer]:
        """The layers by name."""
        return self._of_layers("by_name")

    @cached_property
    def parts(self) -> dict[str, Layer]:
        """The layers, and the workers within them, by name."""
        return self._of_layers("parts")

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The layers where data enters, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Input))

    @cached_property
    def masks(self) -> frozenset[str]:
        """The names of the inputs that say which time steps are valid."""
        sides = [layer.side_inputs.get("mask") for layer in self.layers]
        return frozenset(name.removesuffix(":out") for name in sides if name)

    @cached_property
    def vocabularies(self) -> dict[str, int]:
        """How many indices there are, for each input that holds indices."""
        sizes: dict[str, int] = {}
        for layer in self.layers:
            if layer.reads_indices:
                name, size = layer.input_name.partition(":")[0], layer.vocabulary
                sizes[name] = min(size, sizes.get(name, size))
        return sizes

    @cached_property
    def scaled(self) -> frozenset[str]:
        """The names of the inputs that standardize their data."""
        return frozenset(layer.name for layer in self.inputs if layer.scale)

    def cast(
        self, inputs: Mapping[str, PyTree], dtype: str | DType
    ) -> dict[str, Array]:
        """Return inputs in the precision to compute in; indices as int32.

        Inputs that a layer standardizes stay in float32 at least.
        """
        types = dict.fromkeys(self.scaled, stored_type(dtype))
        types |= dict.fromkeys(self.vocabularies, np.dtype("int32"))
        return {
            name: jnp.asarray(x, types.get(name, dtype)) for name, x in inputs.items()
        }

    def cast_params(self, params: Params, dtype: str | DType) -> Params:
        """Return parameters in the precision to compute in, as layers read them.

        Derivatives go through to ``params``. Parameters that a layer declares as wide
        stay as they are, and so do arrays that are no parameters.
        """
        if stored_type(dtype) == dtype:
            return params
        return {
            name: jnp.asarray(x, dtype) if name in self._narrow else x
            for name, x in params.items()
        }

    @cached_property
    def _narrow(self) -> frozenset[str]:
        """The full names of the parameters that layers read in any precision."""
        return frozenset(x for x, param in self._params.items() if not param.wide)

    @cached_property
    def _params(self) -> dict[str, Param]:
        """The parameters of all layers by full name, such as ``hid1.w``."""
        return self._of_layers("_params")

    @cached_property
    def hidden(self) -> tuple[Layer, ...]:
        """The layers that are neither inputs nor the last."""
        return tuple(x for x in self.layers[:-1] if not isinstance(x, Input))

    @cached_property
    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every parameter by full name, such as ``hid1.w``."""
        return self._of_layers("param_shapes")

    @cached_property
    def learned(self) -> frozenset[str]:
        """The full names of the parameters that training changes."""
        return self.learnable - self.frozen

    @cached_property
    def still(self) -> frozenset[str]:
        """The names of layers whose arrays are all frozen."""
        arrays = {x.name: set(map(x.full_name, x.params)) for x in self.layers}
        return frozenset(x for x, own in arrays.items() if own and own <= self.frozen)

    @cached_property
    def learnable(self) -> frozenset[str]:
        """The full names of the parameters that training changes, or has frozen."""
        return frozenset(x for x, param in self._params.items() if param.learned)

    @cached_property
    def output_shapes(self) -> dict[str, Shape]:
        """The shape of every output without its batch axis, by full name."""
        return self._of_layers("output_shapes")

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        """The full names of all outputs, such as ``hid1:out``."""
        return tuple(self.output_shapes)

    @property
    def key(self) -> Hashable:
        """What makes two graphs compute the same: hashable, free of any values.

        In training it also matters what is ``frozen``.
        """
        if not self._own:
            return self._settings
        return self._settings, keys.key(*self._own)

    @cached_property
    def _own(self) -> tuple[object, ...]:
        """The user's own layers and activations, whose code may read anything."""
        return tuple(part for layer in self.layers for part in _own_parts(layer))

    @property
    def mixes_examples(self) -> bool:
        """Whether the rest of a batch may matter to what is computed of an example."""
        return bool(self._own) or any(x.mixes_examples for x in self.parts.values())

    @cached_property
    def _settings(self) -> Hashable:
        return tuple(
            (x.name, x.input_names, tuple(x.side_inputs.items()), _settings_of(x))
            for x in self.layers
        )

    def forward(
        self,
        params: Params,
        inputs: Mapping[str, Array],
        modify: Modify | None = None,
        key: Array | None = None,
    ) -> dict[str, Array]:
        """Compute every output of a batch, by full name, such as ``hid1:out``.

        ``params`` are as `cast_params` returns them, and ``inputs``, by the name of the
        input layer, as `cast` does. ``modify`` is called with each output and returns
        what later layers read. A ``key`` says that the model learns from the batch:
        layers that compute otherwise in training do so, each with a key of its own,
        unless all their arrays are frozen. The result then also has the new values of
        parameters that layers update themselves, such as ``hid1.mean``.
        """
        return self.step(params, inputs, None, modify, key)[0]

    def step(
        self,
        params: Params,
        inputs: Mapping[str, Array],
        carries: Carries | None,
        modify: Modify | None = None,
        key: Array | None = None,
    ) -> tuple[dict[str, Array], Carries]:
        """Compute some time steps as `forward` does, and the states after them.

        ``carries`` are the states by layer that the steps before returned. A layer that
        it does not name begins with its initial state. None: sequences are whole.
        """
        outputs: dict[str, Array] = {}
        after = {}
        for layer in self.layers:
            if isinstance(layer, Input):
                read = {layer.output_name: inputs[layer.name]}
            else:
                read = {name: outputs[name] for name in layer.reads}
            updates: Params = {}
            if carries is not None and isinstance(layer, Recurrent):
                own_params, state = params_of(layer, params), carries.get(layer.name)
                results, after[layer.name] = layer.advance(own_params, read, state)
            else:
                layer_key = None if layer.name in self.still else key
                results, updates = run_layer(layer, params, read, layer_key)
            for name, value in results.items():
                full = f"{layer.name}:{name}"
                if modify is not None:
                    value = modify(full, value, outputs)
                outputs[full] = value
            new = {layer.full_name(name): value for name, value in updates.items()}
            outputs |= {name: new[name] for name in new if name not in self.frozen}
        return outputs, after

    def initial_values(self, seed: int) -> dict[str, np.ndarray]:
        """Draw the first value of every parameter, by full name."""
        return {
            layer.full_name(name): value
            for layer in self.layers
            for name, value in layer.initial_values(seed).items()
        }

    def traced_shapes(self, inputs: Mapping[str, Shape]) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all outputs for inputs of exact shapes, batch first."""
        arrays = {name: abstract(shape) for name, shape in inputs.items()}
        params = {name: abstract(s) for name, s in self.param_shapes.items()}
        traced = jax.eval_shape(
            lambda p, x: self.forward(p, self.cast(x, "float32")), params, arrays
        )
        return {name: value.shape for name, value in traced.items()}


def frozen(value: object) -> Hashable:
    """Return a hashable stand-in for a value; equal values have equal ones."""
    if isinstance(value, Mapping):
        return tuple(sorted((str(k), frozen(v)) for k, v in value.items()))
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str, value.tobytes())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return tuple(frozen(part) for part in value)
    return value if isinstance(value, Hashable) else keys.key(value)


_BY_NAME: dict[str, Callable[[Layer], dict[str, Any]]] = {
    "by_name": lambda layer: {layer.name: layer},
    "parts": lambda layer: {part.name: part for part in (layer, *layer.workers)},
    "_params": lambda layer: {layer.full_name(n): p for n, p in layer.params.items()},
    "param_shapes": lambda layer: {
        layer.full_name(name): param.shape for name, param in layer.params.items()
    },
    "output_shapes": lambda layer: {
        f"{layer.name}:{output}": shape for output, shape in layer.outputs.items()
    },
}
"""What a graph knows by name, of each of its layers."""


def _own_parts(layer: Layer) -> tuple[object, ...]:
    """Return the user's own layers and activations in a layer."""
    parts = (layer, *layer.workers)
    layers = [part for part in parts if keys.is_own(part)]
    return (*layers, *(x.activation for x in parts if not x.activation.is_plain))


def _settings_of(layer: Layer) -> Hashable:
    """Return what makes two layers of ours compute the same, given the same inputs."""
    spec = layer.to_spec()
    others = {"activation", "name", "inputs", *layer.side_inputs, *layer.attributes}
    names = spec.keys() - others
    activation = layer.activation.key if layer.activation.is_plain else None
    own = frozen({name: spec[name] for name in names})
    return type(layer), activation, layer.shape, own


_KNOWN: dict[Hashable, dict[str, Shape]] = {}


def _known_shapes(
    layer: Layer, param_shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Shape]:
    """Return the shapes of outputs, traced once for each form, size and input."""
    key = (
        _settings_of(layer),
        *layer.input_shapes.values(),
        frozen({x: layer.side_shapes[name] for x, name in layer.side_inputs.items()}),
        frozen({name: param.shape for name, param in layer.params.items()}),
        frozen({x: param_shapes[name] for x, name in layer.borrowed.items()}),
    )
    if key not in _KNOWN:
        if len(_KNOWN) > _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[key] = output_shapes(layer, param_shapes)
    return dict(_KNOWN[key])
