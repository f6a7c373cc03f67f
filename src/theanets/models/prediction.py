"""Outputs of a model for data of any size, by few compiled programs.

Data run in batches of a power of two, up to 1024, so that eleven programs serve any
number of examples.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import DTypeLike

from theanets.data.arrays import as_array, converted, narrowed, nbytes
from theanets.data.checks import check
from theanets.data.columns import Columns
from theanets.data.kinds.base import LazyArray
from theanets.data.unpack import is_by_name
from theanets.errors import ConfigurationError, DataError
from theanets.graph.expected import expected_input
from theanets.graph.objective import Objective
from theanets.graph.states import state_shapes
from theanets.graph.topology import Topology
from theanets.training.programs import PROGRAMS
from theanets.types import Array, Params
from theanets.utils.checks import shown
from theanets.utils.registry import join_names

Data: TypeAlias = np.ndarray | Array | LazyArray
"""What `as_array` returns."""

_LARGEST_BATCH = 1024
_BATCH_BYTES = 32 << 20
"""Batches of wide examples are smaller, so that they take no more than this."""
_AHEAD = 4
_NARROW = np.dtype(jnp.bfloat16)


def compute(
    objective: Objective,
    values: Mapping[str, Array | np.ndarray],
    x: object,
    names: tuple[str, ...] | None,
    key: np.ndarray | None,
    columns: Columns | None = None,
) -> dict[str, np.ndarray]:
    """Compute some outputs, or all, of a batch of any size or of one example.

    ``x`` is an array, or several by layer name or in order; the outputs of a single
    example have no batch axis. Without a random key there is no noise.
    """
    arrays, single = input_arrays(objective.topology, x, objective.dtype, columns)
    program = PROGRAMS.get(
        ("forward", objective.key, names),
        lambda: jax.jit(partial(_forward, objective, names)),
    )
    numbers = {} if key is None else objective.numbers

    def run(part: Mapping[str, np.ndarray | Array], start: int) -> dict[str, Array]:
        if key is None:
            # Without noise nothing reads the rest, and each argument takes time.
            return program(values, part)  # type: ignore[no-any-return]
        return program(values, part, numbers, key, start)  # type: ignore[no-any-return]

    return in_batches(run, arrays, _data_type(objective), single)


def continued(
    objective: Objective,
    values: Mapping[str, Array | np.ndarray],
    x: object,
    name: str,
    state: object,
    columns: Columns | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Compute an output of sequences that go on from a state, and the state after.

    Arguments are as for `compute`; ``name`` is the name of the output. The state is a
    mapping by full name, such as ``hid1.h``, as this returned it, or None for the
    initial one. For a single example it has no batch axis.
    """
    topology, dtype = objective.topology, objective.dtype
    shapes = state_shapes(topology, dtype)
    if not shapes:
        raise ConfigurationError(
            "the model has no recurrent layer, so there is no state to go on from. "
            "Leave state and return_state out."
        )
    arrays, single = input_arrays(topology, x, dtype, columns)
    length = len(next(iter(arrays.values())))
    before = {} if state is None else _checked_state(state, shapes, length, single)
    program = PROGRAMS.get(
        ("continued", objective.key, name, bool(before)),
        lambda: jax.jit(partial(_continue, objective, name)),
    )
    after = in_batches(
        lambda part, _: program(values, part),
        {**arrays, **before},
        _data_type(objective),
        single,
    )
    return after.pop(name), after


def _data_type(objective: Objective) -> DTypeLike:
    """Return the precision in which data go to the device."""
    return objective.wide if objective.topology.scaled else objective.dtype


def _continue(
    objective: Objective,
    name: str,
    params: Params,
    part: Mapping[str, Array],
) -> dict[str, Array]:
    inputs = {layer.name: part[layer.name] for layer in objective.topology.inputs}
    before: dict[str, dict[str, Array]] = {}
    for full_name, value in part.items():
        if full_name not in inputs:
            layer, _, piece = full_name.rpartition(".")
            before.setdefault(layer, {})[piece] = value
    outputs, after = objective.step(params, inputs, before)
    states = {
        f"{layer}.{piece}": value
        for layer, pieces in after.items()
        for piece, value in pieces.items()
    }
    return {name: outputs[name], **states}


def _checked_state(
    state: object,
    shapes: Mapping[str, jax.ShapeDtypeStruct],
    length: int,
    single: bool,
) -> dict[str, np.ndarray]:
    """Return a state as arrays with a batch axis, of the types that the model has."""
    if not isinstance(state, Mapping) or set(state) != set(shapes):
        came = join_names(state) if isinstance(state, Mapping) else shown(state)
        raise DataError(
            f"state is {came}; it has to be a dict of the arrays {join_names(shapes)}, "
            "as predict(..., return_state=True) returns it."
        )
    checked = {}
    for name, expected in shapes.items():
        where, advice = f'state["{name}"]', "Give one that predict has returned."
        array = np.asarray(as_array(state[name], where))
        shape = expected.shape[1:] if single else (length, *expected.shape[1:])
        if array.shape != shape:
            raise DataError(
                f"{where} has the shape {array.shape}; for these data it has to be "
                f"{shape}."
            )
        array = array[None] if single else array
        checked[name] = converted(array, expected.dtype, where, advice)
    return checked


def in_batches(
    run: Callable[[dict[str, np.ndarray | Array], int], Mapping[str, Array]],
    arrays: Mapping[str, Data],
    dtype: DTypeLike,
    single: bool,
) -> dict[str, np.ndarray]:
    """Run a program over arrays with equal first axes, in batches of few sizes.

    ``run`` takes arrays by name and the index of their first example. The outputs of a
    single example come without their first axis.
    """
    length = len(next(iter(arrays.values())))
    pending: list[Mapping[str, Array]] = []
    fetched: list[dict[str, np.ndarray]] = []
    largest = min(_LARGEST_BATCH, examples_at_once(arrays.values(), dtype))
    for start in range(0, length, largest):
        rows = min(length - start, largest)
        part = {
            name: _padded(narrowed(array[start : start + rows], dtype), rows)
            for name, array in arrays.items()
        }
        pending.append(run(part, start))
        # Some run ahead of what is fetched, so that the device need not wait.
        if len(pending) > _AHEAD:
            fetched.append(_fetched(pending.pop(0)))
    fetched += map(_fetched, pending)
    if single:
        return {name: array[0].copy() for name, array in fetched[0].items()}
    if len(fetched) == 1:
        return {name: array[:length].copy() for name, array in fetched[0].items()}
    return {
        name: np.concatenate([part[name] for part in fetched])[:length]
        for name in fetched[0]
    }


def examples_at_once(arrays: Iterable[Data], dtype: DTypeLike) -> int:
    """Return how many examples of some arrays run together, a power of two."""
    example = sum(nbytes(array, dtype) // max(len(array), 1) for array in arrays)
    return 1 << (_BATCH_BYTES // max(example, 1) or 1).bit_length() - 1


def input_arrays(
    topology: Topology, x: object, dtype: DTypeLike, columns: Columns | None = None
) -> tuple[dict[str, Data], bool]:
    """Return the checked inputs by layer name, and whether they are one example."""
    layers, columns = topology.inputs, columns or Columns()
    names = [layer.name for layer in layers]
    values = _by_name(x, names, columns)
    label = "x" if len(layers) == 1 else 'x["{}"]'
    arrays: list[Data] = [
        columns.array(values[name], label.format(name), name, f'x: "{name}"')
        for name in names
    ]
    # The rows of lazy arrays are examples, whatever the model reads.
    single = all(
        array.ndim == len(layer.shape) and not isinstance(array, LazyArray)
        for array, layer in zip(arrays, layers, strict=True)
    )
    if single:
        arrays = [array[None] for array in arrays]
    expected = [expected_input(topology, name) for name in names]
    check(arrays, expected, "x", dtype, columns.names)
    for place, slot in enumerate(expected):
        # The precision to compute in would round large indices.
        if slot.role == "indices" and arrays[place].dtype.kind not in "iu":
            arrays[place] = arrays[place].astype("int32")
    return dict(zip(names, arrays, strict=True)), single


def _by_name(x: object, names: list[str], columns: Columns) -> Mapping[str, object]:
    if is_by_name(x):
        if set(x) != set(names):
            advice = ""
            if not any(isinstance(v, list | tuple) or np.ndim(v) for v in x.values()):
                advice = " Make a frame of rows: pandas.DataFrame([row])."
            elif any(set(x) <= set(known) for known in columns.names().values()):
                advice = " Make a frame of these columns: pandas.DataFrame(x)."
            inputs = ", ".join(f'"{name}"' for name in sorted(names))
            raise DataError(
                f"x has the arrays {join_names(map(str, x))}; the model's inputs are "
                f"{inputs}.{advice}"
            )
        return x
    if len(names) == 1:
        return {names[0]: x}
    if not isinstance(x, tuple | list) or len(x) != len(names):
        raise DataError(
            f"the model has {len(names)} inputs: {', '.join(names)}. Give a list of "
            "one array for each, in this order, or a dict by name."
        )
    return dict(zip(names, x, strict=True))


def _forward(
    objective: Objective,
    names: tuple[str, ...] | None,
    params: Params,
    inputs: Mapping[str, Array],
    numbers: Mapping[str, object] = MappingProxyType({}),
    key: Array | None = None,
    start: Array | int = 0,
) -> dict[str, Array]:
    """Compute outputs of some examples; numbers, key and start are for noise alone."""
    batch_key = None if key is None else jax.random.fold_in(key, start)
    outputs = objective.outputs(params, inputs, numbers, batch_key, training=False)
    return outputs if names is None else {name: outputs[name] for name in names}


def _fetched(part: Mapping[str, Array]) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(value) for name, value in part.items()}
    # NumPy sums in an array's own type: a thousand ones of bfloat16 are 256.
    return {n: x.astype("f4") if x.dtype == _NARROW else x for n, x in arrays.items()}


def _padded(array: np.ndarray | Array, rows: int) -> np.ndarray | Array:
    size = 1 << (rows - 1).bit_length()
    if size == rows:
        return array
    padding = np.zeros((size - rows, *array.shape[1:]), array.dtype)
    return np.concatenate([array, padding])
