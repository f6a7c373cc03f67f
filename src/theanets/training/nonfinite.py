"""Which batch, and which array in it, was the first that is not finite.

Numbers that are not finite stay so: in the loss of their batch, or in the state until
the call ends. So nothing is checked batch by batch. When a call ends badly, it is made
again in parts to find the batch, and that batch is computed once more to see its layers
and gradients. Only for a rule that can hide a bad gradient (clipping, rprop,
transformations of optax) are gradients checked in each batch.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from theanets.data.chunks import Chunk
from theanets.errors import NonFiniteError
from theanets.training.problem import Problem
from theanets.training.programs import HIDDEN, Record, State
from theanets.types import Array, PyTree

Advance = Callable[[State, Chunk, int, int], tuple[State, Record, bool]]
"""(state, chunk, start, stop) -> state after these batches, record, and if finite."""
_SHOWN = 8
_ADVICE = (
    "The best parameters so far are back in place. A smaller learning_rate or a "
    'max_gradient_norm usually helps; on_nonfinite="skip" leaves such batches out.'
)


class BadArray(NamedTuple):
    """The first array that is not finite in a batch, or after it."""

    kind: str
    name: str
    rows: np.ndarray
    """The examples of the batch where it is not finite, if it has a row for each."""


def first_bad(record: Record, start: int, stop: int, finite: bool) -> int | None:
    """Return the first batch whose record is bad; an earlier one may be the cause."""
    # Convert before slicing, since JAX would compile a program for the slice.
    parts = [np.asarray(part, "f8")[start:stop] for part in record["loss"]]
    bad = ~np.isfinite(parts).all(axis=0)
    if HIDDEN in record:
        bad |= np.asarray(record[HIDDEN][0])[start:stop] > 0
    if bad.any():
        return start + int(bad.argmax())
    return None if finite else stop - 1


def bisect(
    advance: Advance, before: State, chunk: Chunk, start: int, bad: int
) -> tuple[State, int]:
    """Return the state before the batch at which numbers went bad, and its number.

    The state before batch ``start`` is finite; ``bad`` is the first that shows it.
    """
    state, stop = before, bad + 1
    # It is mostly the last one; if not, something is bad after batch stop - 1.
    middle = bad
    while stop - start > 1:
        after, record, finite = advance(state, chunk, start, middle)
        if first_bad(record, start, middle, finite) is None:
            state, start = after, middle
        else:
            stop = middle
        middle = (start + stop) // 2
    return state, start


def error(
    chunk: Chunk, number: int, epoch: int, done: int, bad: BadArray, loss: float
) -> NonFiniteError:
    """Return the error for batch ``number`` of a chunk, after ``done`` of an epoch."""
    rows = chunk.origin_of(number)
    head = "an update was not finite"
    if not np.isfinite(loss):
        head = f"the training loss became {loss}"
    first = f"{bad.kind} {bad.name}".strip()
    content = f"The batch holds {chunk.sizes[number]} rows."
    if rows is not None:
        content = f"The batch holds the data's rows {_listed(np.sort(rows))}."
    if len(bad.rows):
        where = "the batch" if rows is None else "the data"
        numbers = bad.rows if rows is None else rows[bad.rows]
        first += f", for row {_listed(numbers)} of {where}"
    return NonFiniteError(
        f"{head} in epoch {epoch}, batch {done} (counted from 0). The first that is "
        f"not finite is {first}. {content} {_ADVICE}",
        epoch=epoch,
        batch=done,
        name=bad.name,
        rows=rows,
    )


def look_at(
    problem: Problem, state: State, after: State, arguments: tuple[PyTree, ...]
) -> tuple[BadArray, float]:
    """Return the first array that is not finite in a batch, and the batch's loss.

    Arrays are looked at in the order they are computed in: the outputs of layers,
    the loss, the gradients from the last parameter to the first, and then the results
    of the update: parameters, running statistics, the optimizer's state for each.

    ``state`` and ``after`` are the states before and after the batch; ``arguments``
    are the batch, numbers and random key that the objective takes.
    """
    learned, carried = state.values

    def loss(learned: PyTree) -> Array:
        value: Array = problem.objective(learned, carried, *arguments)[0]
        return value

    trace, nowhere = problem.trace, np.empty(0, int)
    outputs = jax.jit(trace)(state.values, *arguments) if trace else {}
    value, grads = jax.jit(jax.value_and_grad(loss))(learned)
    for name, output in outputs.items():
        bad = ~np.isfinite(np.asarray(output, "f8"))
        if bad.any():
            whole = bad.ndim and len(bad) == len(arguments[0][0])
            rows = np.unique(np.nonzero(bad)[0]) if whole else nowhere
            return BadArray("the output", name, rows), float(value)
    if not np.isfinite(float(value)):
        return BadArray("the", "loss", nowhere), float(value)
    slots = after.optimizer.items()
    bad_arrays = [
        *(("the gradient of", name) for name in reversed(_bad_in(grads))),
        *(("the updated", name) for part in after.values for name in _bad_in(part)),
        *((f"the optimizer's {of} of", name) for of, x in slots for name in _bad_in(x)),
    ]
    kind, name = bad_arrays[0] if bad_arrays else ("the update", "")
    return BadArray(kind, name, nowhere), float(value)


def _bad_in(arrays: PyTree) -> list[str]:
    """Return the names of the arrays of a tree that are not finite."""
    named, _ = jax.tree_util.tree_flatten_with_path(arrays)
    return [
        jax.tree_util.keystr(path, simple=True, separator=".")
        for path, array in named
        if jnp.issubdtype(array.dtype, jnp.inexact)
        and not np.isfinite(np.asarray(array, "f8")).all()
    ]


def _listed(rows: np.ndarray) -> str:
    shown = ", ".join(map(str, rows[:_SHOWN]))
    return shown if len(rows) <= _SHOWN else f"{shown}, ... ({len(rows)} in all)"


def validation_error(epoch: int, loss: float) -> NonFiniteError:
    """Return the error of a training whose last validation loss is not finite."""
    return NonFiniteError(
        f"the validation loss is {loss} at the end, after epoch {epoch}. {_ADVICE}",
        epoch=epoch,
        name="loss",
    )
