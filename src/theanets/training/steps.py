"""Calls of the train program: some batches at a time, and what to do with bad ones."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from theanets.data.chunks import Chunk
from theanets.training import nonfinite
from theanets.training.options import Controls
from theanets.training.problem import Problem
from theanets.training.programs import Record, State, batch_of, noise_key, train_program
from theanets.training.state import Progress
from theanets.types import PyTree

_FEWER = 32
"""Batches in a call after a bad one: bad batches rarely come alone, and each of them
costs a call."""


class Steps:
    """Trains on batches, from one place of a run to the next."""

    def __init__(self, problem: Problem, controls: Controls) -> None:
        self.problem = problem
        self.on_nonfinite = controls.on_nonfinite
        self.program = train_program(
            problem.objective,
            problem.key,
            problem.optimizer,
            controls.monitor_gradients,
            controls.on_nonfinite != "ignore",
        )
        self.root = noise_key(problem.seed, "noise", str(problem.past))
        self.numbers: Mapping[str, PyTree] = {}

    def begin_epoch(self) -> None:
        """Read the numbers that may have changed since the last epoch."""
        values = dict(self.problem.optimizer.values)
        self.numbers = {**self.problem.numbers(), "optimizer": values}

    def train(
        self, at: Progress, chunk: Chunk, start: int, stop: int
    ) -> Iterator[Progress]:
        """Train on batches start to stop, and yield each place that is reached."""
        at_once = stop - start
        while start < stop:
            end = min(start + at_once, stop)
            before, sums = at.state, at.sums
            state, record, finite = self.advance(before, chunk, start, end)
            bad = None
            if self.on_nonfinite != "ignore":
                bad = nonfinite.first_bad(record, start, end, finite)
            if bad is None:
                sums = sums.plus(record, start, end, chunk.sizes)
                start, at_once = end, 2 * at_once
            else:
                state, number = nonfinite.bisect(
                    self.advance, before, chunk, start, bad
                )
                if self.on_nonfinite == "raise":
                    done = sums.batches + number - start
                    raise self.error(state, chunk, number, at.epoch + 1, done)
                if number > start:
                    state, record, _ = self.advance(before, chunk, start, number)
                    sums = sums.plus(record, start, number, chunk.sizes)
                # The random stream goes on as if the batch had been there.
                state = state._replace(updates=np.int32(int(state.updates) + 1))
                sums = sums.without(int(chunk.sizes[number]))
                start, at_once = number + 1, _FEWER
            at = replace(at, state=state, sums=sums)
            yield at

    def advance(
        self, state: State, chunk: Chunk, start: int, stop: int
    ) -> tuple[State, Record, bool]:
        """Return the state after batches start to stop, their record, and if finite."""
        after, record, finite = self.program(
            state,
            chunk.data,
            chunk.order,
            start,
            stop,
            self.root,
            self.numbers,
            layout=chunk.layout(self.problem.masks),
        )
        # One call at a time, so that the state is complete after an interrupt.
        jax.block_until_ready(record)
        return after, record, bool(finite)

    def error(
        self, state: State, chunk: Chunk, number: int, epoch: int, done: int
    ) -> Exception:
        """Return the error of a batch whose numbers are not finite."""
        after, *_ = self.advance(state, chunk, number, number + 1)
        order = chunk.order[:, : chunk.sizes[number]]
        batch = batch_of(chunk.data, order, number, chunk.layout(masks=False))
        root = jax.random.wrap_key_data(jnp.asarray(self.root), impl="threefry2x32")
        key = jax.random.fold_in(root, state.updates)
        arguments = batch, self.numbers, key
        bad, value = nonfinite.look_at(self.problem, state, after, arguments)
        return nonfinite.error(chunk, number, epoch, done, bad, value)
