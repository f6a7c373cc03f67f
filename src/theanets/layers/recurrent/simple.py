"""Recurrent layers without gates."""

import math
from typing import Unpack

import jax
import jax.numpy as jnp

from theanets.layers.options import RecurrentOptions
from theanets.layers.recurrent.base import Recurrent
from theanets.layers.recurrent.rates import Rates
from theanets.layers.recurrent.scan import State, Stepped
from theanets.types import Array, Params, PyTree


class RNN(Recurrent):
    """Elman layer: each state depends on the input and on the state before.

    h[t] = g(x[t] @ xh + h[t-1] @ hh + b), with g the layer's activation.

    Parameters: xh (inputs, size), hh (size, size), b (size,).
    Outputs: out and pre, both (batch, time, size).
    Source: J. L. Elman (1990), Finding Structure in Time.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.recurrent.Regressor([4, (6, "rnn", "tanh"), 2])
    >>> net.predict(np.zeros((5, 10, 4))).shape
    (5, 10, 2)
    """

    def setup(self) -> None:
        self.add_weights("xh", self.input_size, self.size)
        self.add_recurrent_weights("hh")
        self.add_bias("b", self.size)

    def project(self, params: Params, x: Array) -> PyTree:
        return x @ params["xh"] + params["b"]

    def step(self, params: Params, state: State, x: PyTree) -> Stepped:
        pre = x + state["h"] @ params["hh"]
        return {"h": self.activate(params, pre)}, {"pre": pre}


class RRNN(Rates, RNN):
    """Elman layer whose units change at a rate of their own.

    h[t] = (1 - r) * h[t-1] + r * g(x[t] @ xh + h[t-1] @ hh + b)

    Parameters
    ----------
    rate : str
        ``"matrix"``: r = σ(x[t] @ xr + r), with parameters xr and r;
        ``"vector"``: r = σ(r), with the parameter r;
        ``"uniform"``, ``"log"``: fixed numbers between 0 and 1, the array ``rates``,
        drawn so that they or their logarithms are uniform.

    Parameters: xh (inputs, size), hh (size, size), b (size,); xr (inputs, size) and
    r (size,) as said.
    Outputs: out, pre, hid (what the state moves towards) and rate, all (batch, time,
    size).
    Source: Y. Bengio, N. Boulanger-Lewandowski, R. Pascanu (2012), Advances in
    Optimizing Recurrent Networks.
    """

    kinds = ("matrix", "vector", "uniform", "log")

    def setup(self) -> None:
        super().setup()
        self.add_rates(self.size)

    def project(self, params: Params, x: Array) -> PyTree:
        projected = {"x": super().project(params, x)}
        if self.rate == "matrix":
            projected["rate"] = jax.nn.sigmoid(x @ params["xr"] + params["r"])
        return projected

    def step(self, params: Params, state: State, x: PyTree) -> Stepped:
        rate = x["rate"] if self.rate == "matrix" else params["rate"]
        pre = x["x"] + state["h"] @ params["hh"]
        hid = self.activate(params, pre)
        h = (1 - rate) * state["h"] + rate * hid
        rate = jnp.broadcast_to(rate, h.shape)
        return {"h": h}, {"pre": pre, "hid": hid, "rate": rate}


class MRNN(Recurrent):
    """Elman layer whose recurrent matrix is chosen by the input.

    h[t] = g(((x[t] @ xf) * (h[t-1] @ hf)) @ fh + x[t] @ xh + b)

    Parameters
    ----------
    factors : int, optional
        Number of factors; by default the square root of the size, rounded up.

    Parameters: xh (inputs, size), xf (inputs, factors), hf (size, factors),
    fh (factors, size), b (size,).
    Outputs: out and pre (batch, time, size), factors x @ xf (batch, time, factors).
    Source: I. Sutskever, J. Martens, G. Hinton (2011), Generating Text with Recurrent
    Neural Networks.
    """

    def __init__(
        self, *, factors: int | None = None, **kwargs: Unpack[RecurrentOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.factors = self.count("factors", factors)

    def setup(self) -> None:
        factors = self.factors or math.isqrt(self.size - 1) + 1
        self.add_weights("xh", self.input_size, self.size)
        self.add_weights("xf", self.input_size, factors)
        self.add_weights("hf", self.size, factors)
        self.add_weights("fh", factors, self.size)
        self.add_bias("b", self.size)

    def project(self, params: Params, x: Array) -> PyTree:
        return {"x": x @ params["xh"] + params["b"], "factors": x @ params["xf"]}

    def step(self, params: Params, state: State, x: PyTree) -> Stepped:
        mixed = (x["factors"] * (state["h"] @ params["hf"])) @ params["fh"]
        pre = mixed + x["x"]
        outputs = {"pre": pre, "factors": x["factors"]}
        return {"h": self.activate(params, pre)}, outputs
