"""Recurrent layers of modules that change at different speeds."""

from collections.abc import Sequence
from typing import ClassVar, Unpack

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from theanets.errors import ConfigurationError
from theanets.layers.options import RecurrentOptions
from theanets.layers.recurrent.scan import State, Stepped
from theanets.layers.recurrent.simple import RNN
from theanets.types import Array, DType, Params, PyTree
from theanets.utils.checks import check_int, shown


class Modular(RNN, abstract=True):
    """An Elman layer of equal modules, the fastest first: each reads slower ones."""

    shown = {"out": "h", "pre": "pre"}  # noqa: RUF012

    def add_modules(self, count: int, argument: str) -> None:
        """Declare the mask that keeps modules from reading faster ones."""
        if self.size % count:
            raise ConfigurationError(
                f"{self.where}{argument} makes {count} modules of equal size, but size "
                f"{self.size} is no multiple of {count}."
            )

        def mask(rng: np.random.Generator) -> np.ndarray:
            module = np.repeat(np.arange(count), self.size // count)
            return (module[:, None] >= module).astype("f8")

        self.add_param("mask", (self.size, self.size), mask, learned=False)

    def add_of_units(
        self, name: str, of_modules: npt.ArrayLike, wide: bool = False
    ) -> None:
        """Declare fixed numbers of the modules, each as often as it has units."""

        def init(rng: np.random.Generator) -> np.ndarray:
            numbers = np.asarray(of_modules, "f8")
            return np.repeat(numbers, self.size // len(numbers))

        self.add_param(name, (self.size,), init, learned=False, wide=wide)

    def prepared(self, params: Params) -> Params:
        return {**params, "hh": params["hh"] * params["mask"]}

    def initial_state(
        self, sides: Params, batch: int, dtype: DType | str, length: int | Array = 0
    ) -> State:
        state = super().initial_state(sides, batch, dtype, length)
        return {**state, "pre": state["h"]}


class Clockwork(Modular):
    """Elman layer whose modules are updated at periods of their own.

    Where t mod period is 0, pre[t] = x[t] @ xh + h[t-1] @ hh + b and h[t] = g(pre[t]);
    elsewhere both stay as they are. t counts the valid steps from the first in time.

    Parameters
    ----------
    periods : sequence of int
        The period of each module, in any order; the size is a multiple of their
        number.

    Parameters: xh (inputs, size), hh (size, size), b (size,); fixed arrays are mask
    (size, size), which hh is multiplied with, and period (size,).
    Outputs: out and pre, both (batch, time, size).
    Source: J. Koutník, K. Greff, F. Gomez, J. Schmidhuber (2014), A Clockwork RNN.
    """

    example: ClassVar = {"size": 4, "periods": [2, 1]}

    def __init__(
        self, *, periods: Sequence[int], **kwargs: Unpack[RecurrentOptions]
    ) -> None:
        super().__init__(**kwargs)
        array = isinstance(periods, np.ndarray) and periods.ndim == 1
        if not (array or isinstance(periods, list | tuple)) or not len(periods):
            raise ConfigurationError(
                f"{self.where}periods is {shown(periods)}; it has to be a list of "
                "whole numbers from 1 on, one for each module."
            )
        what = f"{self.where}a period"
        self.periods = sorted(check_int(period, what) for period in periods)

    def setup(self) -> None:
        super().setup()
        count = len(self.periods)
        self.add_modules(count, f"periods {self.periods}")
        # In bfloat16, 257 would be 256.
        self.add_of_units("period", self.periods, wide=True)

    def initial_state(
        self, sides: Params, batch: int, dtype: DType | str, length: int | Array = 0
    ) -> State:
        state = super().initial_state(sides, batch, dtype, length)
        first = length - 1 if self.backward else 0
        return {**state, "t": jnp.zeros((batch, 1), "int32") + first}

    def step(self, params: Params, state: State, x: PyTree) -> Stepped:
        due = state["t"] % params["period"].astype("int32") == 0
        new, outputs = super().step(params, state, x)
        h = jnp.where(due, new["h"], state["h"])
        pre = jnp.where(due, outputs["pre"], state["pre"])
        following = state["t"] + (-1 if self.backward else 1)
        return {"h": h, "pre": pre, "t": following}, {}


class BCRNN(Modular):
    """Elman layer whose modules move at fixed rates: a blended clockwork layer.

    pre[t] = r * pre[t-1] + (1 - r) * (x[t] @ xh + h[t-1] @ hh + b); h[t] = g(pre[t])

    The rates r are 1 - 10^a, with a from -0.0001 to -6 in equal steps from the first
    module to the last.

    Parameters
    ----------
    num_modules : int
        Number of modules; the size is a multiple of it.

    Parameters: xh (inputs, size), hh (size, size), b (size,); fixed arrays are mask
    (size, size), which hh is multiplied with, and rates (size,).
    Outputs: out and pre, both (batch, time, size).
    Source: the original theanets.
    """

    example: ClassVar = {"size": 4, "num_modules": 2}

    def __init__(self, *, num_modules: int, **kwargs: Unpack[RecurrentOptions]) -> None:
        super().__init__(**kwargs)
        self.num_modules = check_int(num_modules, f"{self.where}num_modules")

    def setup(self) -> None:
        super().setup()
        self.add_modules(self.num_modules, f"num_modules {self.num_modules}")
        rates = 1 - np.logspace(-1e-4, -6, self.num_modules)
        self.add_of_units("rates", rates)

    def step(self, params: Params, state: State, x: PyTree) -> Stepped:
        rates = params["rates"]
        new = x + state["h"] @ params["hh"]
        pre = rates * state["pre"] + (1 - rates) * new
        return {"h": self.activate(params, pre), "pre": pre}, {}
