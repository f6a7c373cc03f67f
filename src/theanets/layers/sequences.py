"""Layers that make one vector of a sequence: its last step, or all of them pooled."""

from collections.abc import Sequence
from typing import ClassVar, Unpack

import jax.numpy as jnp

from theanets.activations import largest
from theanets.layers.base import Layer
from theanets.layers.binding import Node
from theanets.layers.masks import add_sides, check_mask, check_sequence, valid_steps
from theanets.layers.options import LayerOptions
from theanets.types import Array, LayerOutput, Outputs, Params, Shape
from theanets.utils.registry import choice


class OverTime(Layer, abstract=True):
    """A layer that reads (batch, time, values) and gives (batch, values)."""

    example_inputs: ClassVar = ((None, 4), (5, "tanh"))
    takes_activation = False
    max_inputs = 1
    stepwise = False

    def __init__(
        self, *, mask: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        add_sides(self, mask=mask)

    def infer_output_shape(self) -> Shape:
        check_sequence(self, "Put it behind a layer that gives a sequence.")
        return (self.input_size,)

    def check_sides(self, earlier: Sequence[Node]) -> None:
        check_mask(self, earlier)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        x = inputs[self.input_name]
        valid = valid_steps(self, inputs.get(self.side_inputs.get("mask", "")), x)
        if valid is None:
            valid = jnp.ones(x.shape[:2], bool)
        return self.reduce(x, valid)

    def reduce(self, x: Array, valid: Array) -> Array:
        """Return (batch, values) of (batch, time, values) and valid (batch, time)."""
        raise NotImplementedError(f"{type(self).__name__} needs a reduce method")


class Last(OverTime):
    """The last valid step of a sequence, in the order of its input.

    A sequence without a valid step gives zeros. Behind a layer that also reads from
    the end (``bidirectional``, or ``direction="back"``) the last step has seen little
    from that side: `Pool` suits it better.

    Outputs: out, (batch, values).

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.recurrent.Classifier([3, (8, "gru"), "last", 2])
    >>> net.predict(np.zeros((5, 7, 3))).shape
    (5,)
    """

    def reduce(self, x: Array, valid: Array) -> Array:
        steps = jnp.arange(x.shape[1])
        last = jnp.where(valid, steps, -1).max(axis=1)
        # No step if none is valid. A sum, as the derivative of a gather is slow.
        return jnp.where((steps == last[:, None])[..., None], x, 0).sum(axis=1)


class Pool(OverTime):
    """The mean or the largest value of each unit over the valid steps of a sequence.

    A sequence without a valid step gives zeros. Where several steps have the largest
    value, they share the derivative.

    Parameters
    ----------
    mode : str
        ``mean``, which is the default, or ``max``.
    mask : str, optional
        Name of an input of shape (batch, time): 1 where a step is valid, and 0 where
        it is padding.

    Outputs: out, (batch, values).

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.recurrent.Regressor(
    ...     [3, dict(form="bidirectional", size=8), dict(form="pool", mode="mean"), 2])
    >>> net.predict(np.zeros((5, 7, 3))).shape
    (5, 2)
    """

    example: ClassVar = {"mode": "mean"}

    def __init__(self, *, mode: str = "mean", **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.mode = choice(mode, f"{self.where}mode", ("max", "mean"))

    def reduce(self, x: Array, valid: Array) -> Array:
        there = valid[..., None]
        if self.mode == "mean":
            total = jnp.where(there, x, 0).sum(axis=1)
            return total / jnp.maximum(there.sum(axis=1), 1).astype(x.dtype)
        # Below every valid value, and finite, so that derivatives are too.
        low = jnp.where(there, x, jnp.finfo(x.dtype).min)  # type: ignore[no-untyped-call]
        return jnp.where(there.any(axis=1), largest(jnp.swapaxes(low, 1, 2)), 0)
