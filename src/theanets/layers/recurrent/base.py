"""What every recurrent layer is: a step of time, and the arrays it needs.

A layer defines `project`, which computes for all steps at once what depends on the
inputs alone, and `step`, the rest. `Recurrent` and `scan.py` add masks, directions and
limited derivatives to all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Unpack

import jax.numpy as jnp
import numpy as np

from theanets.activations import Activation
from theanets.errors import ConfigurationError
from theanets.initializers import random_matrix
from theanets.layers.base import Layer
from theanets.layers.binding import Node
from theanets.layers.masks import add_sides, check_mask, check_sequence, valid_steps
from theanets.layers.options import RecurrentAttributes
from theanets.layers.recurrent.scan import State, Stepped, scan
from theanets.types import Array, DType, Outputs, Params, PyTree, Shape
from theanets.utils.checks import check_int, shown
from theanets.utils.registry import choice

DIRECTIONS = ("forward", "forwards", "back", "backward", "backwards")


class Recurrent(Layer, abstract=True):
    """A layer that carries a state along the time axis of (batch, time, inputs).

    A subclass declares its arrays in `setup`, computes in `project` what depends on
    the inputs alone, for all time steps at once, and in `step` one step of time.

    Parameters
    ----------
    direction : str, optional
        ``"forward"``, or ``"back"`` to process the last time step first. Outputs are
        in the order of the inputs in any case.
    bptt_limit : int, optional
        Derivatives flow through this many time steps, those processed last; by
        default through all.
    h_0 : str, optional
        Name of an output (batch, size) that gives the initial state; by default 0.
    mask : str, optional
        Name of an input of shape (batch, time) of zeros and ones. Where it is 0, the
        state is carried through unchanged.
    **kwargs
        As of `Layer`; the attributes also hold ``radius``, the largest singular value
        of the recurrent matrices.
    """

    example_inputs: ClassVar = ((None, 3),)
    example: ClassVar = {"size": 4}
    attribute_names = (*Layer.attribute_names, "radius")
    # A diagonal is meant for the matrices that map a state to a state.
    general_names = ("mean", "std", "sparsity", "init")
    max_inputs = 1
    shown: ClassVar[Mapping[str, str]] = {"out": "h"}
    """Outputs that are parts of the state: the part's name by the output's."""

    def __init__(
        self,
        *,
        direction: str | None = None,
        bptt_limit: int | None = None,
        h_0: str | None = None,
        mask: str | None = None,
        **kwargs: Unpack[RecurrentAttributes],
    ) -> None:
        super().__init__(**kwargs)
        if direction is not None:
            direction = choice(direction, f"{self.where}direction", DIRECTIONS)
        self.backward = direction is not None and direction.startswith("back")
        self.stepwise = not self.backward
        self.bptt_limit = self.count("bptt_limit", bptt_limit)
        add_sides(self, h_0=h_0, mask=mask)

    # What subclasses write.

    def project(self, params: Params, x: Array) -> PyTree:
        """Return what the steps need of the inputs: one or more arrays (..., any).

        Parameters
        ----------
        params : mapping of str to array
            The parameters, as `prepared` returns them.
        x : array, (..., inputs)
            The inputs.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a project method")

    def step(self, params: Params, state: State, x: PyTree) -> Stepped:
        """Compute one time step.

        Return the state after it, and the outputs that are no part of the state.

        Parameters
        ----------
        params : mapping of str to array
            The parameters, as `prepared` returns them.
        state : dict of str to array
            The state before, (batch, ...).
        x : array or dict of arrays
            What `project` gave for this step, (batch, ...).
        """
        raise NotImplementedError(f"{type(self).__name__} needs a step method")

    def prepared(self, params: Params) -> Params:
        """Return the parameters, and what is computed from them once for all steps."""
        return params

    def state_sizes(self) -> dict[str, int]:
        """Return the number of units of each part of the state."""
        return {"h": self.size}

    # What subclasses use.

    def add_recurrent_weights(self, name: str, blocks: int = 1) -> None:
        """Declare a matrix (size, blocks * size): square ones, side by side."""
        attributes = self.attribute_names
        options = self._options(name, attributes, taken=attributes)
        size = self.size

        def init(rng: np.random.Generator) -> np.ndarray:
            squares = [random_matrix(rng, size, size, **options) for _ in range(blocks)]
            return np.concatenate(squares, axis=1)

        self.add_param(name, (size, blocks * size), init)

    def count(self, name: str, value: object) -> int | None:
        """Return an argument that is a whole number from 1 on, or None."""
        return None if value is None else check_int(value, self.where + name)

    # How it runs.

    def infer_output_shape(self) -> Shape:
        size = self.given_size("units", f"(100, {self.form!r})")
        advice = (
            "Begin the model with (None, size), for sequences of any length, or use a "
            "model of theanets.recurrent."
        )
        check_sequence(self, advice)
        return (self.input_shape[0], size)

    def check_sides(self, earlier: Sequence[Node]) -> None:
        for keyword, name in self.side_inputs.items():
            size = self.state_sizes().get(keyword.removesuffix("_0"))
            shape = self.side_shapes[name]
            if keyword != "mask" and shape != (size,):
                raise ConfigurationError(
                    f"{self.where}{keyword} names {name}, whose shape is (batch, "
                    f"{', '.join(map(str, shape))}); an initial state of this layer "
                    f"has the shape (batch, {size})."
                )
        check_mask(self, earlier)

    def transform(self, params: Params, inputs: Outputs) -> dict[str, Array]:
        return self.advance(params, inputs, None)[0]

    def advance(
        self, params: Params, inputs: Outputs, state: State | None
    ) -> tuple[dict[str, Array], State]:
        """Continue from a state; return the outputs and the state after them.

        The state is what an earlier call returned; None: the initial one.
        """
        params = self.prepared(params)
        x = inputs[self.input_name]
        sides = {key: inputs[name] for key, name in self.side_inputs.items()}
        valid = valid_steps(self, sides.pop("mask", None), x)
        if state is None:
            length = x.shape[1] if valid is None else valid.sum(1, keepdims=True)
            state = self.initial_state(sides, len(x), x.dtype, length)
        state, states, outputs = scan(
            self.step,
            params,
            state,
            self.project(params, jnp.swapaxes(x, 0, 1)),
            reverse=self.backward,
            valid=None if valid is None else valid.T,
            limit=self.bptt_limit,
        )
        outputs |= {name: states[part] for name, part in self.shown.items()}
        return {k: jnp.swapaxes(v, 0, 1) for k, v in outputs.items()}, state

    def initial_state(
        self, sides: Params, batch: int, dtype: DType | str, length: int | Array = 0
    ) -> State:
        """Return the state before the first step: outputs where given, else zeros.

        ``sides`` are initial states that other outputs give, such as ``h_0``;
        ``length``, a number or (batch, 1), is how many steps are valid.
        """
        return {
            name: sides.get(f"{name}_0", jnp.zeros((batch, size), dtype))
            for name, size in self.state_sizes().items()
        }

    def _set_activation(
        self, activation: str | Callable[[Array], Array] | Activation | None
    ) -> None:
        same = isinstance(activation, str) and activation == self.fixed_activation
        if self.fixed_activation and not (activation is None or same):
            raise ConfigurationError(
                f"{self.where}form {self.form!r} always uses {self.fixed_activation}, "
                f"got the activation {shown(activation)}. Leave it out."
            )
        super()._set_activation(activation)
