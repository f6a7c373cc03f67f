"""A frozen graph of bound layers, and the one pure function that runs it."""

import zlib
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from theanets.config import stored_type
from theanets.errors import ConfigurationError, TheanetsError
from theanets.layers import Input, Layer, Recurrent
from theanets.layers.base import Array, Shape
from theanets.utils import keys
from theanets.utils.checks import compilable, shown
from theanets.utils.forks import refuse_forked
from theanets.utils.registry import listed, listing, suggest

Params = Mapping[str, Array]
Modify = Callable[[str, Array, dict[str, Array]], Array]
"""Changes an output on its way, as noise does: (full name, value, outputs so far)."""


@dataclass(frozen=True)
class Topology:
    """Layers in the order they are computed, each bound to earlier ones.

    Attributes
    ----------
    layers : tuple of Layer
        The layers.
    frozen : frozenset of str
        Full names of the arrays that training leaves as they are.
    """

    layers: tuple[Layer, ...] = ()
    frozen: frozenset[str] = frozenset()

    def __getstate__(self) -> dict[str, Any]:
        # Not what is computed from these, and kept.
        return {"layers": self.layers, "frozen": self.frozen}

    def extended(
        self, layer: Layer, held: Mapping[str, Shape] | None = None
    ) -> "Topology":
        """Return this graph with one more layer, bound to the ones before.

        Parameters
        ----------
        layer : Layer
            The layer; it is changed.
        held : mapping of str to shape, optional
            Shapes of arrays by full name, among which its parameters have to be.

        Raises
        ------
        ConfigurationError
            If its name is taken, it reads an output that is not there, or shapes
            do not fit.
        """
        refuse_forked()
        _check_names(layer, self.parts)
        shapes = self.output_shapes
        sides = {
            keyword: _found(layer, keyword, name, shapes)
            for keyword, name in layer.side_inputs.items()
        }
        layer.bind(self._resolve(layer, shapes), self.layers, sides)
        self._check_indices(layer)
        if held is not None:
            _check_held(layer, held)
        layer.fix(_output_shapes(layer, self))
        made = Topology((*self.layers, layer), self.frozen)
        # What it reads now is what it was traced with; JAX keeps some of that.
        keys.key(*made._own)
        return made

    @cached_property
    def by_name(self) -> dict[str, Layer]:
        """The layers by name."""
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def parts(self) -> dict[str, Layer]:
        """The layers, and the workers within them, by name."""
        return {part.name: part for x in self.layers for part in (x, *x.workers)}

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The layers where data enters, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Input))

    @cached_property
    def masks(self) -> frozenset[str]:
        """The names of the inputs that tell which time steps are valid."""
        sides = [layer.side_inputs.get("mask") for layer in self.layers]
        return frozenset(name.removesuffix(":out") for name in sides if name)

    @cached_property
    def vocabularies(self) -> dict[str, int]:
        """Of inputs that hold whole numbers, by name: how many such there are."""
        found: dict[str, int] = {}
        for layer in self.layers:
            if layer.reads_indices:
                name, size = layer.input_name.partition(":")[0], layer.vocabulary
                found[name] = min(size, found.get(name, size))
        return found

    @cached_property
    def scaled(self) -> frozenset[str]:
        """The names of the inputs that standardize their data."""
        return frozenset(layer.name for layer in self.inputs if layer.scale)

    def cast(self, inputs: Mapping[str, Any], dtype: Any) -> dict[str, Array]:
        """Return inputs in the precision to compute in; indices as int32.

        What a layer is to standardize stays in float32 at least.
        """
        types = dict.fromkeys(self.scaled, stored_type(dtype))
        types |= dict.fromkeys(self.vocabularies, "int32")
        return {
            name: jnp.asarray(x, types.get(name, dtype)) for name, x in inputs.items()
        }

    def cast_params(self, params: Params, dtype: Any) -> Params:
        """Return parameters in the precision to compute in, as layers read them.

        Derivatives go through to those given. What a layer declares as wide stays as
        it is, and so does all that is no parameter.
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
        return frozenset(
            layer.full_name(name)
            for layer in self.layers
            for name, param in layer.params.items()
            if not param.wide
        )

    @cached_property
    def hidden(self) -> tuple[Layer, ...]:
        """The layers that are neither inputs nor the last."""
        return tuple(x for x in self.layers[:-1] if not isinstance(x, Input))

    @cached_property
    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every parameter by full name, such as ``hid1.w``."""
        return {
            layer.full_name(name): param.shape
            for layer in self.layers
            for name, param in layer.params.items()
        }

    @cached_property
    def learned(self) -> frozenset[str]:
        """The full names of the parameters that training changes."""
        return self.learnable - self.frozen

    @cached_property
    def still(self) -> frozenset[str]:
        """The names of layers whose arrays are all frozen."""
        return frozenset(
            layer.name
            for layer in self.layers
            if layer.params
            and self.frozen.issuperset(map(layer.full_name, layer.params))
        )

    @cached_property
    def learnable(self) -> frozenset[str]:
        """The full names of the parameters that training changes, or has frozen."""
        return frozenset(
            layer.full_name(name)
            for layer in self.layers
            for name, param in layer.params.items()
            if param.learned
        )

    @cached_property
    def output_shapes(self) -> dict[str, Shape]:
        """The shape of every output without its batch axis, by full name."""
        return {
            f"{layer.name}:{output}": shape
            for layer in self.layers
            for output, shape in layer.outputs.items()
        }

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
    def _own(self) -> tuple[Any, ...]:
        """The layers and activations whose code may read anything, the user's own."""
        layers = [layer for layer in self.parts.values() if keys.is_own(layer)]
        held = [layer.activation for layer in self.parts.values()]
        return (*layers, *(x for x in held if not x.is_plain))

    @cached_property
    def _settings(self) -> Hashable:
        return tuple(
            (
                type(layer),
                layer.activation.key if layer.activation.is_plain else None,
                layer.input_names,
                layer.shape,
                frozen(
                    {
                        k: v
                        for k, v in layer.to_spec().items()
                        if k not in layer.attributes and k != "activation"
                    }
                ),
            )
            for layer in self.layers
        )

    def forward(
        self,
        params: Params,
        inputs: Mapping[str, Array],
        modify: Modify | None = None,
        key: Array | None = None,
    ) -> dict[str, Array]:
        """Compute every output of a batch.

        Parameters
        ----------
        params : mapping of str to array
            Every parameter by full name, as `cast_params` returns them.
        inputs : mapping of str to array
            The data by the name of its input layer, batch axis first, as `cast`
            returns them.
        modify : callable, optional
            Called with each output, to return what later layers read.
        key : jax random key, optional
            Given where the model learns from the batch: layers that train
            differently then do, each with a key of its own, unless all their arrays
            are frozen.

        Returns
        -------
        dict of str to array
            The outputs by full name, such as ``hid1:out``; with a key also the new
            values of parameters that layers update themselves, such as ``hid1.mean``.
        """
        return self._computed(params, inputs, modify, key, None)[0]

    def forward_from(
        self,
        params: Params,
        start: Layer,
        value: Array,
        modify: Modify | None = None,
    ) -> dict[str, Array]:
        """Compute the outputs that follow from the main output of one layer alone.

        Raises
        ------
        ConfigurationError
            If the last layer needs more than that.
        """
        outputs: dict[str, Array] = {}

        def keep(full: str, found: Array) -> None:
            outputs[full] = found if modify is None else modify(full, found, outputs)

        keep(start.output_name, value)
        for layer in self.layers[self.layers.index(start) + 1 :]:
            if layer.reads and set(layer.reads) <= set(outputs):
                read = {name: outputs[name] for name in layer.reads}
                for name, found in _run(layer, params, read)[0].items():
                    keep(f"{layer.name}:{name}", found)
        if self.layers[-1].output_name not in outputs:
            raise ConfigurationError(
                f'the output cannot be computed from layer "{start.name}" alone: '
                "layers after it read others before it. Choose another layer."
            )
        return outputs

    def stateful_layers(self) -> list[Recurrent]:
        """Return the layers that carry a state from one time step to the next.

        Raises
        ------
        ConfigurationError
            If a layer cannot be computed one time step after another.
        """
        for layer in self.layers:
            if not layer.stepwise:
                raise ConfigurationError(
                    f"{layer.where}form {layer.form!r} needs the whole sequence to "
                    "compute a step of it, but here one step follows another. Use "
                    'recurrent layers of direction "forward".'
                )
        return [layer for layer in self.layers if isinstance(layer, Recurrent)]

    def state_shapes(self, dtype: Any) -> dict[str, Any]:
        """Return shape and type of each part of the state of one example.

        They go by full name, such as ``hid1.h``, and have a batch axis of length 1.
        """
        return {
            f"{layer.name}.{part}": shape
            for layer in self.stateful_layers()
            for part, shape in jax.eval_shape(
                partial(layer.initial_state, {}, 1, dtype)
            ).items()
        }

    def initial_carries(self, batch: int, dtype: Any) -> dict[str, Any]:
        """Return the state before the first time step of each recurrent layer.

        Raises
        ------
        ConfigurationError
            If a layer cannot be computed one time step after another.
        """
        carries = {}
        self.stateful_layers()
        for layer in self.layers:
            if set(layer.side_inputs) - {"mask"}:
                raise ConfigurationError(
                    f"{layer.where}its initial state is an output of the model, which "
                    "cannot be had one time step after another. Leave "
                    f"{listing(set(layer.side_inputs) - {'mask'})} out."
                )
            if isinstance(layer, Recurrent):
                carries[layer.name] = layer.initial_state({}, batch, dtype)
        return carries

    def step(
        self,
        params: Params,
        inputs: Mapping[str, Array],
        carries: Mapping[str, Any],
        modify: Modify | None = None,
        key: Array | None = None,
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Compute every output of some time steps, and the states to carry on from.

        Parameters
        ----------
        params : mapping of str to array
            Every parameter by full name.
        inputs : mapping of str to array
            The data by the name of its input layer, (batch, time, values).
        carries : mapping of str to state
            The states by layer that the steps before returned. A layer that it does
            not name begins with its initial state.
        modify, key
            As of `forward`.
        """
        return self._computed(params, inputs, modify, key, carries)

    def _computed(
        self,
        params: Params,
        inputs: Mapping[str, Array],
        modify: Modify | None,
        key: Array | None,
        carries: Mapping[str, Any] | None,
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return what `forward` does, and with states to go on from those after it."""
        outputs: dict[str, Array] = {}
        after = {}
        for layer in self.layers:
            read = _read(layer, inputs, outputs)
            updates: Mapping[str, Array] = {}
            if carries is not None and isinstance(layer, Recurrent):
                found, after[layer.name] = layer.advance(
                    _own(layer, params), read, carries.get(layer.name)
                )
            else:
                own_key = None if layer.name in self.still else key
                found, updates = _run(layer, params, read, own_key)
            for name, value in found.items():
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
        arrays = {name: _abstract(shape) for name, shape in inputs.items()}
        params = {name: _abstract(s) for name, s in self.param_shapes.items()}
        traced = jax.eval_shape(
            lambda p, x: self.forward(p, self.cast(x, "float32")), params, arrays
        )
        return {name: value.shape for name, value in traced.items()}

    def _resolve(self, layer: Layer, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        if isinstance(layer, Input):
            if layer.input_names:
                raise ConfigurationError(
                    f"{layer.where}an input reads data and no other layer, got "
                    f"inputs={shown(list(layer.input_names))}."
                )
            return {}
        for given in layer.input_names:
            if isinstance(given, Layer) and not any(given is x for x in self.layers):
                raise ConfigurationError(
                    f"{layer.where}inputs holds {shown(given)}, which is no earlier "
                    f"layer of this model. Earlier layers: {', '.join(self.by_name)}."
                )
        told = tuple(
            x.output_name if isinstance(x, Layer) else x for x in layer.input_names
        )
        names = told or tuple(x.output_name for x in self.layers[-1:])
        if not names:
            raise ConfigurationError(
                f"{layer.where}the first layer of a model has to be an input: "
                "begin with the size of your data."
            )
        resolved = {}
        for name in names:
            full, shape = _found(layer, "inputs", name, shapes)
            resolved[full] = shape
        if len(resolved) < len(names):
            raise ConfigurationError(
                f"{layer.where}inputs name one output twice: {', '.join(names)}."
            )
        return resolved

    def _check_indices(self, layer: Layer) -> None:
        """Let indices come straight from data, where they can be checked."""
        if not layer.reads_indices:
            return
        source, _, _ = layer.input_name.partition(":")
        given = self.by_name[source]
        if isinstance(given, Input) and given.scale:
            raise ConfigurationError(
                f"{layer.where}it reads whole numbers, but its input "
                f'"{source}" standardizes them. Leave scale out there.'
            )
        if not isinstance(given, Input):
            raise ConfigurationError(
                f"{layer.where}it reads whole numbers, so its input has to be an input "
                f"layer, got {layer.describe_inputs()}. Inputs: "
                f"{listing(x.name for x in self.inputs)}."
            )


def frozen(value: Any) -> Hashable:
    """Return a hashable stand-in for a value; equal values have equal ones."""
    if isinstance(value, Mapping):
        return tuple(sorted((str(k), frozen(v)) for k, v in value.items()))
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str, value.tobytes())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return tuple(frozen(part) for part in value)
    return value if isinstance(value, Hashable) else keys.key(value)


def _found(
    layer: Layer, keyword: str, name: Any, shapes: Mapping[str, Shape]
) -> tuple[str, Shape]:
    """Return the full name and the shape of an earlier output that a layer names."""
    name = name.output_name if isinstance(name, Layer) else name
    full = name if ":" in name else f"{name}:out"
    if full not in shapes:
        verb = "name" if keyword == "inputs" else "names"
        short = [earlier.removesuffix(":out") for earlier in shapes]
        raise ConfigurationError(
            f'{layer.where}{keyword} {verb} "{name}", which is no earlier '
            f"layer's output. Earlier outputs: {', '.join(shapes)}."
            + suggest(name, [*short, *shapes])
        )
    return full, shapes[full]


def _read(
    layer: Layer, inputs: Mapping[str, Array], outputs: Mapping[str, Array]
) -> dict[str, Array]:
    if isinstance(layer, Input):
        return {layer.output_name: inputs[layer.name]}
    return {name: outputs[name] for name in layer.reads}


def _own(layer: Layer, params: Params) -> dict[str, Array]:
    own = {name: params[layer.full_name(name)] for name in layer.params}
    return own | {name: params[full] for name, full in layer.borrowed.items()}


def _run(
    layer: Layer, params: Params, read: Mapping[str, Array], key: Array | None = None
) -> tuple[dict[str, Array], Mapping[str, Array]]:
    """Return a layer's outputs, and new values of its own not-learned parameters."""
    own = _own(layer, params)
    updates: Mapping[str, Array] = {}
    training = key is not None and layer.trains_differently
    name = "transform_training" if training else "transform"
    with _listed(layer, name, own, read):
        if key is None or not training:
            return _by_name(layer.transform(own, read)), updates
        # By its name, so that another layer shifts nobody's random numbers.
        layer_key = jax.random.fold_in(key, zlib.crc32(layer.name.encode()))
        result = layer.transform_training(own, read, layer_key)
    result, updates = result if isinstance(result, tuple) else (result, {})
    return _by_name(result), updates


def _listed(
    layer: Layer, method: str, own: Collection[str], read: Collection[str]
) -> AbstractContextManager[None]:
    """Say which names there are, where a layer of the user's asks for another."""
    return listed(
        f"{layer.where}its {method}",
        {"its parameters": own, "its inputs": read},
        " Declare parameters in setup, such as "
        'self.add_weights("w", self.input_size, self.size).',
    )


def _by_name(result: Any) -> dict[str, Array]:
    return result if isinstance(result, dict) else {"out": result}


def _check_names(layer: Layer, earlier: Mapping[str, Layer]) -> None:
    taken = {part.name for part in (layer, *layer.workers)} & set(earlier)
    if taken:
        raise ConfigurationError(
            f'layer "{taken.pop()}": an earlier layer has this name already. '
            f"Names so far: {listing(earlier)}. Choose another."
        )


def _check_held(layer: Layer, held: Mapping[str, Shape]) -> None:
    for name, param in layer.params.items():
        full = layer.full_name(name)
        if held.get(full) != tuple(param.shape):
            found = f"is {held[full]}" if full in held else "is not there"
            raise ConfigurationError(
                f"{layer.where}the arrays of the file are not those that it needs: "
                f'"{full}" has to be of shape {tuple(param.shape)} and {found}.'
            )


def _output_shapes(layer: Layer, graph: Topology) -> dict[str, Shape]:
    """Trace a layer without computing, to learn its outputs and check its claims."""
    read = (layer.shape, *layer.input_shapes.values(), *layer.side_shapes.values())
    is_open = any(None in shape for shape in read)
    # Where every length is known, the second probe would be the first again.
    probes = layer.probes if is_open else layer.probes[:1]
    traced = [_trace(layer, graph, length) for length in probes]
    if "out" not in traced[0]:
        raise ConfigurationError(
            f'{layer.where}its transform returns no "out", only {listing(traced[0])}. '
            'Return one array, or a dict that holds "out".'
        )
    shapes: dict[str, Shape] = {
        name: tuple(
            a if a == b else None for a, b in zip(shape, traced[-1][name], strict=True)
        )
        for name, shape in traced[0].items()
    }
    claimed = layer.shape
    if len(shapes["out"]) != len(claimed) or any(
        a is not None and b is not None and a != b
        for a, b in zip(shapes["out"], claimed, strict=True)
    ):
        raise ConfigurationError(
            f"{layer.where}it declares an output of shape {claimed}, but its transform "
            f"computes {shapes['out']}. Override infer_output_shape, or give the right "
            "size."
        )
    return shapes


_EXAMPLES = 61
"""Examples in a batch that is traced: hardly the size of anything else."""


def _trace(layer: Layer, graph: Topology, length: int) -> dict[str, tuple[int, ...]]:
    def shaped(shape: Shape) -> Any:
        return _abstract((_EXAMPLES, *(length if n is None else n for n in shape)))

    def outputs(params: Any, inputs: Any) -> Any:
        own = _own(layer, params)
        with _listed(layer, "transform", own, inputs):
            found = layer.outline(own, inputs)
        which = "transform" if found is None else "activation"
        named = _by_name(found)
        if any(value is None for value in named.values()):
            raise ConfigurationError(
                f"{layer.where}its {which} returns nothing. End it with return."
            )
        return named

    shapes = {**layer.input_shapes, **layer.side_shapes}
    read = {name: shaped(shape) for name, shape in shapes.items()}
    if isinstance(layer, Input):
        read = {layer.output_name: shaped(layer.shape)}
    params = {layer.full_name(n): _abstract(p.shape) for n, p in layer.params.items()}
    params |= {x: _abstract(graph.param_shapes[x]) for x in layer.borrowed.values()}
    try:
        with compilable(f"{layer.where}its activation or transform"):
            traced = jax.eval_shape(outputs, params, read)
    except TheanetsError:
        raise
    except NotImplementedError as error:
        # A class of the user's own that leaves out what its base class asks for.
        raise ConfigurationError(
            f"{layer.where}{error or 'a method is missing'}. Write it in the class."
        ) from None
    except Exception as error:
        raise ConfigurationError(
            f"{layer.where}its activation or transform fails for inputs "
            f"{layer.describe_inputs()}: {_first_line(error)}"
        ) from error
    for name, value in traced.items():
        if value.shape[:1] != (_EXAMPLES,):
            raise ConfigurationError(
                f"{layer.where}its transform has lost the axis of the examples: "
                f'"{name}" of {_EXAMPLES} examples has the shape {value.shape}, where '
                f"the first axis has to be {_EXAMPLES}. Sums and means go over other "
                "axes, such as axis=-1."
            )
    return {name: value.shape[1:] for name, value in traced.items()}


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or f"it raised {type(error).__name__}."


def _abstract(shape: Shape) -> Any:
    return jax.ShapeDtypeStruct(shape, "float32")
