"""The rates at which units change: learned, or fixed at random."""

from typing import ClassVar, Unpack

import jax
import numpy as np

from theanets.layers.options import RecurrentOptions
from theanets.layers.recurrent.base import Recurrent
from theanets.types import Params
from theanets.utils.registry import choice

_EDGE = 1e-4
"""Fixed rates keep this distance from 0 and 1."""


class Rates(Recurrent, abstract=True):
    """A recurrent layer with a ``rate``; see its subclasses."""

    kinds: ClassVar[tuple[str, ...]]

    def __init__(
        self, *, rate: str | None = "", **kwargs: Unpack[RecurrentOptions]
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(rate, str) and not rate:
            rate = self.kinds[0]
        self.rate = choice(rate, f"{self.where}rate", self.kinds)

    def add_rates(self, size: int) -> None:
        """Declare what the kind of rate needs."""
        if self.rate == "matrix":
            self.add_weights("xr", self.input_size, size)
        if self.rate in ("matrix", "vector"):
            self.add_bias("r", size)
            return

        def init(rng: np.random.Generator) -> np.ndarray:
            if self.rate == "log":
                return np.exp(rng.uniform(-6, -_EDGE, size))
            return rng.uniform(_EDGE, 1 - _EDGE, size)

        self.add_param("rates", (size,), init, learned=False)

    def prepared(self, params: Params) -> Params:
        if self.rate == "matrix":
            return params
        fixed = params.get("rates")
        rate = jax.nn.sigmoid(params["r"]) if fixed is None else fixed
        return {**params, "rate": rate}
