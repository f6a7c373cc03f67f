"""The compiled programs of training: many batches in one call, without Python between.

A program's identity is what it computes. Numbers are arguments: learning rates, weights
of regularizers, levels of noise. One bounded cache keeps the programs, so that training
the same thing again compiles nothing.

One program serves any number of batches: the host asks for about half a second's worth
at a time, so that Ctrl-C and the display are prompt. The result does not depend on the
cuts, because each batch's monitors have their own place and are averaged at the end of
the epoch. The last, short batch has empty places that count nothing, so one program
serves it too, and data of other lengths. Models with parts that may look at the batch
as a whole (`Objective.masks`) get no empty places: they are compiled for each size.

On a CPU matrices are carried transposed within a program: XLA fuses a weight's gradient
with its update, which is then up to twice as fast (784-100-10, batch 32: 140 instead of
205 µs per update). Matrices of more than a million numbers stay as they are:
transposing them costs more in each call than it saves.

Nothing is donated to a program. The network has valid arrays at every moment, the best
parameters are a reference, and a call whose numbers went bad can be repeated in parts.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from theanets.data.chunks import PRESENT, Layout
from theanets.errors import ConfigurationError
from theanets.initializers import stream
from theanets.optimizers import Updater, hessian_vector
from theanets.types import Array, DType, PyTree
from theanets.utils import disk_cache

F = TypeVar("F", bound=Callable[..., Any])

Objective = Callable[..., Any]
"""(learned, carried, batch, numbers, key or None) -> (loss, monitors, carried)."""

Monitors = dict[str, Array | tuple[Array, ...]]
"""Each monitor's number in a batch, or a tuple of numbers and how much each counts."""

Record = dict[str, tuple[Array, ...]]
"""Each monitor's value in each batch, or values and how much each counts."""

HIDDEN = "not finite"
"""In a record: batches with a gradient that is not finite and does not show later."""


class Values(NamedTuple):
    """The arrays that are trained, and those that layers update."""

    learned: PyTree
    """What the optimizer moves."""
    carried: PyTree = ()
    """What the objective takes and returns, such as running statistics."""


class State(NamedTuple):
    """Everything that one update passes to the next."""

    values: Values
    optimizer: PyTree
    updates: Array | np.integer
    """How many updates there were: a whole number, int32."""


class ProgramCache:
    """Compiled functions by what they compute; the least recently used go first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._programs: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], F]) -> F:
        """Return the program of a key, made by ``make`` if it is not there."""
        disk_cache.enable()
        with self._lock:
            if key not in self._programs:
                self._programs[key] = make()
                while len(self._programs) > self._size:
                    self._programs.popitem(last=False)
            self._programs.move_to_end(key)
            return self._programs[key]  # type: ignore[no-any-return]

    def clear(self) -> None:
        """Forget all programs."""
        with self._lock:
            self._programs.clear()

    def __len__(self) -> int:
        return len(self._programs)


PROGRAMS = ProgramCache(128)
_LARGEST_TRANSPOSED = 1 << 20


def train_program(
    objective: Objective,
    key: Hashable,
    optimizer: Updater,
    gradients: bool,
    guarded: bool,
) -> Callable[..., tuple[State, Record, Array]]:
    """Return the program that updates parameters over some batches.

    It is called as ``program(state, data, order, start, stop, root, numbers,
    layout=...)`` and returns the state after batches start to stop, every monitor's
    value in each of them before the batch's update, and whether the state is finite.

    With ``gradients`` the norm of each gradient is a monitor too. ``guarded`` says
    whether to check that the state is finite after the last batch, and in each batch
    the gradients, if the update rule could hide that they are not.
    """
    return PROGRAMS.get(
        ("train", key, optimizer.key, gradients, guarded),
        lambda: jax.jit(
            partial(_train, objective, optimizer, gradients, guarded),
            static_argnames="layout",
        ),
    )


def evaluate_program(
    objective: Objective, key: Hashable
) -> Callable[..., tuple[Record, Values]]:
    """Return the program that computes every monitor over some batches.

    It is called as ``program(values, data, order, start, stop, numbers, layout=...)``
    and returns every monitor's value in each batch from start to stop, and the values
    to go on with: the objective may change what it carries here too.
    """
    return PROGRAMS.get(
        ("evaluate", key),
        lambda: jax.jit(partial(_evaluate, objective), static_argnames="layout"),
    )


def clear_cache() -> None:
    """Forget every compiled program, so that the next call of each compiles it again.

    Programs notice most of what functions read: see "Changing a model" in the guide.
    This is for the rest: an object that is changed in place and cannot be
    compared, or a value that is looked up by a name made while the program runs.

    Examples
    --------
    >>> import theanets
    >>> theanets.clear_cache()
    """
    PROGRAMS.clear()
    jax.clear_caches()


def noise_key(seed: int, *names: str) -> np.ndarray:
    """Return the random key of a named stream, made without a compiled program."""
    return stream(seed, *names).integers(0, 2**32, 2, np.uint32)


def _train(
    objective: Objective,
    optimizer: Updater,
    gradients: bool,
    guarded: bool,
    state: State,
    data: tuple[Array, ...],
    order: Array,
    start: Array,
    stop: Array,
    root: Array,
    numbers: Mapping[str, PyTree],
    *,
    layout: Layout,
) -> tuple[State, Record, Array]:
    # Rules that work element by element do not notice that arrays are transposed.
    transposed = optimizer.elementwise and jax.default_backend() == "cpu"
    transpose = _transposed if transposed else (lambda tree: tree)
    hidden = guarded and optimizer.hides_nonfinite

    def turned(state: State) -> State:
        values = Values(transpose(state.values.learned), state.values.carried)
        return State(values, transpose(state.optimizer), state.updates)

    def update(index: Array, carry: tuple[State, PyTree]) -> tuple[State, PyTree]:
        state, record = carry
        batch = batch_of(data, order, index, layout)
        counted = _counted(numbers, order, index, layout)
        key = jax.random.fold_in(stream_key, state.updates)
        learned, carried = state.values

        def loss(learned: PyTree) -> tuple[Array, PyTree]:
            value, *more = objective(transpose(learned), carried, batch, counted, key)
            return value, more

        (value, (monitors, carried_on)), grads = jax.value_and_grad(loss, has_aux=True)(
            learned
        )
        curvature = None
        if optimizer.needs_curvature:
            draws = _normal(jax.random.fold_in(key, 1), learned)
            curvature = hessian_vector(lambda p: loss(p)[0], learned, draws)
        learned, optimizer_state = optimizer.update(
            grads,
            state.optimizer,
            learned,
            numbers["optimizer"],
            count=state.updates,
            value=value,
            value_fn=lambda p: loss(p)[0],
            curvature=curvature,
        )
        if gradients:
            monitors = monitors | _norms(grads)
        after = State(Values(learned, carried_on), optimizer_state, state.updates + 1)
        if hidden:
            monitors = monitors | {HIDDEN: ~_finite((value, grads))}
        return after, _written(record, index, monitors)

    def monitored(values: Values, batch: tuple[Array, ...]) -> Monitors:
        learned, carried = values
        counted = _counted(numbers, order, start, layout)
        monitors: Monitors = objective(
            transpose(learned), carried, batch, counted, stream_key
        )[1]
        if gradients:
            monitors = {**monitors, **_norms(learned)}
        if hidden:
            monitors = monitors | {HIDDEN: jnp.bool_(False)}
        return monitors

    stream_key = jax.random.wrap_key_data(root, impl="threefry2x32")
    state = turned(state)
    first = batch_of(data, order, start, layout)
    shapes = jax.eval_shape(monitored, state.values, first)
    record = _empty(shapes, order.shape[0])
    state, record = lax.fori_loop(start, stop, update, (state, record))
    state = turned(state)
    # A transformation of the user may keep infinity in its state on purpose.
    checked = (state.values, () if optimizer.transformation else state.optimizer)
    return state, record, _finite(checked) if guarded else jnp.bool_(True)


def _evaluate(
    objective: Objective,
    values: Values,
    data: tuple[Array, ...],
    order: Array,
    start: Array,
    stop: Array,
    numbers: Mapping[str, PyTree],
    *,
    layout: Layout,
) -> tuple[Record, Values]:
    def computed(carried: PyTree, index: Array) -> Any:
        batch = batch_of(data, order, index, layout)
        counted = _counted(numbers, order, index, layout)
        return objective(values.learned, carried, batch, counted, None)

    def add(index: Array, carry: tuple[PyTree, Record]) -> tuple[PyTree, Record]:
        carried, record = carry
        _, monitors, carried = computed(carried, index)
        return carried, _written(record, index, monitors)

    _, shapes, _ = jax.eval_shape(computed, values.carried, start)
    record = _empty(shapes, order.shape[0])
    carried, record = lax.fori_loop(start, stop, add, (values.carried, record))
    return record, Values(values.learned, carried)


def _finite(tree: PyTree) -> Array:
    """Return whether all numbers of a tree are finite."""
    leaves = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.all(jnp.array([jnp.isfinite(leaf).all() for leaf in leaves]))


def _empty(monitors: Monitors, count: int) -> Record:
    """Return room for the monitors of ``count`` batches."""
    for name, monitor in monitors.items():
        for part in _parts(monitor):
            if part.shape != ():
                raise ConfigurationError(
                    f'monitor "{name}" is an array of shape {part.shape}; it has to be '
                    "one number for the batch, such as a mean."
                )
    return {
        name: tuple(jnp.zeros(count, _wide(part)) for part in _parts(monitor))
        for name, monitor in monitors.items()
    }


def _written(record: Record, index: Array, monitors: Monitors) -> Record:
    return {
        name: tuple(
            column.at[index].set(jnp.asarray(part, column.dtype))
            for column, part in zip(record[name], _parts(monitor), strict=True)
        )
        for name, monitor in monitors.items()
    }


def _parts(monitor: Array | tuple[Array, ...]) -> tuple[Array, ...]:
    return monitor if isinstance(monitor, tuple) else (monitor,)


def _wide(array: Array) -> DType:
    return jnp.promote_types(array.dtype, "float32")


def batch_of(
    data: tuple[Array, ...], order: Array | np.ndarray, index: Array | int, layout: str
) -> tuple[Array, ...]:
    """Return the arrays of one batch."""
    if layout == "whole":
        return data
    rows = lax.dynamic_index_in_dim(jnp.asarray(order), index, keepdims=False)
    if layout == "masked":
        # Any row of the batch will do where there is none: it does not count.
        rows = jnp.where(rows < 0, rows[0], rows)
    return tuple(x.at[rows].get(mode="promise_in_bounds") for x in data)


def _counted(
    numbers: Mapping[str, PyTree], order: Array, index: Array, layout: Layout
) -> Mapping[str, PyTree]:
    """Return numbers that say which places of a batch hold an example."""
    if layout != "masked":
        return numbers
    rows = lax.dynamic_index_in_dim(order, index, keepdims=False)
    return {**numbers, PRESENT: rows >= 0}


def _norms(grads: PyTree) -> dict[str, Array]:
    flat, _ = jax.tree_util.tree_flatten_with_path(grads)
    return {
        f"grad({jax.tree_util.keystr(path, simple=True, separator='.')})": jnp.sqrt(
            jnp.sum(jnp.square(grad.astype(_wide(grad))))
        )
        for path, grad in flat
    }


def _normal(key: Array, params: PyTree) -> PyTree:
    leaves, shape = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    draws = [
        jax.random.normal(k, x.shape, x.dtype)
        for k, x in zip(keys, leaves, strict=True)
    ]
    return jax.tree.unflatten(shape, draws)


def _transposed(tree: PyTree) -> PyTree:
    return jax.tree.map(
        lambda x: x.T if x.ndim == 2 and x.size <= _LARGEST_TRANSPOSED else x, tree
    )
