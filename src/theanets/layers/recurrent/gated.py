"""Recurrent layers with gates, and with a slow context."""

from typing import ClassVar, Unpack

import jax
import jax.numpy as jnp

from theanets.layers.masks import add_sides
from theanets.layers.options import RecurrentOptions
from theanets.layers.recurrent.base import Recurrent
from theanets.layers.recurrent.rates import Rates
from theanets.layers.recurrent.scan import State, Stepped
from theanets.types import Array, Outputs, Params, PyTree


class LSTM(Recurrent):
    """Long short-term memory with peepholes.

    i = σ(x[t] @ xh_i + h[t-1] @ hh_i + b_i + c[t-1] * ci)
    f = σ(x[t] @ xh_f + h[t-1] @ hh_f + b_f + c[t-1] * cf)
    c[t] = f * c[t-1] + i * tanh(x[t] @ xh_c + h[t-1] @ hh_c + b_c)
    o = σ(x[t] @ xh_o + h[t-1] @ hh_o + b_o + c[t] * co)
    h[t] = o * tanh(c[t])

    Parameters
    ----------
    c_0 : str, optional
        Name of an output (batch, size) that gives the initial cell; by default 0.

    Parameters: xh (inputs, 4 * size) and hh (size, 4 * size), columns in the order
    i, f, c, o; b (4 * size,), 1 for f and else 0 at first; ci, cf, co (size,).
    Outputs: out (h) and cell (c), both (batch, time, size).
    Source: S. Hochreiter, J. Schmidhuber (1997), Long Short-Term Memory; F. Gers,
    N. Schraudolph, J. Schmidhuber (2002), Learning Precise Timing with LSTM Recurrent
    Networks.
    """

    example: ClassVar = {"size": 4, "direction": "back"}
    fixed_activation = "tanh"
    shown = {"out": "h", "cell": "c"}  # noqa: RUF012

    def __init__(
        self, *, c_0: str | None = None, **kwargs: Unpack[RecurrentOptions]
    ) -> None:
        super().__init__(**kwargs)
        add_sides(self, c_0=c_0)

    def setup(self) -> None:
        self.add_weights("xh", self.input_size, 4 * self.size)
        self.add_recurrent_weights("hh", blocks=4)
        # Open forget gates let derivatives through from the start.
        self.add_bias("b", 4 * self.size, mean=(0.0, 1, 0, 0))
        for peephole in ("ci", "cf", "co"):
            self.add_bias(peephole, self.size)

    def state_sizes(self) -> dict[str, int]:
        return {"h": self.size, "c": self.size}

    def project(self, params: Params, x: Array) -> PyTree:
        return x @ params["xh"] + params["b"]

    def step(self, params: Params, state: State, x: PyTree) -> Stepped:
        c = state["c"]
        xi, xf, xc, xo = jnp.split(x + state["h"] @ params["hh"], 4, axis=-1)
        i = jax.nn.sigmoid(xi + c * params["ci"])
        f = jax.nn.sigmoid(xf + c * params["cf"])
        c = f * c + i * jnp.tanh(xc)
        o = jax.nn.sigmoid(xo + c * params["co"])
        return {"h": o * jnp.tanh(c), "c": c}, {}


class GRU(Recurrent):
    """Gated recurrent unit.

    r = σ(x[t] @ w_r + h[t-1] @ hr + b_r)
    z = σ(x[t] @ w_z + h[t-1] @ hz + b_z)
    hid = g(x[t] @ w_h + (r * h[t-1]) @ hh + b_h)
    h[t] = (1 - z) * h[t-1] + z * hid

    Parameters: w (inputs, 3 * size), columns in the order hidden, reset, rate;
    b (3 * size,); hh, hr, hz (size, size).
    Outputs: out (h), pre (before g), hid and rate (z), all (batch, time, size).
    Source: K. Cho et al. (2014), Learning Phrase Representations using RNN
    Encoder-Decoder for Statistical Machine Translation; z is 1 - z there.
    """

    def setup(self) -> None:
        self.add_weights("w", self.input_size, 3 * self.size)
        self.add_bias("b", 3 * self.size)
        for name in ("hh", "hr", "hz"):
            self.add_recurrent_weights(name)

    def project(self, params: Params, x: Array) -> PyTree:
        return x @ params["w"] + params["b"]

    def step(self, params: Params, state: State, x: PyTree) -> Stepped:
        h = state["h"]
        xh, xr, xz = jnp.split(x, 3, axis=-1)
        r = jax.nn.sigmoid(xr + h @ params["hr"])
        z = jax.nn.sigmoid(xz + h @ params["hz"])
        pre = xh + (r * h) @ params["hh"]
        hid = self.activate(params, pre)
        h = (1 - z) * h + z * hid
        return {"h": h}, {"pre": pre, "hid": hid, "rate": z}


class MUT1(Recurrent):
    """The best of many gated layers in an evolutionary search.

    r = σ(x[t] @ xr + h[t-1] @ hr + br)
    z = σ(x[t] @ xz + bz)
    hid = tanh(tanh(x[t] @ xh + bh) + (r * h[t-1]) @ hh)
    h[t] = (1 - z) * h[t-1] + z * hid

    Parameters: xh, xr, xz (inputs, size); hh, hr (size, size); bh, br, bz (size,).
    Outputs: out (h), pre (before the outer tanh), hid and rate (z), all (batch, time,
    size).
    Source: R. Jozefowicz, W. Zaremba, I. Sutskever (2015), An Empirical Exploration of
    Recurrent Network Architectures.
    """

    fixed_activation = "tanh"

    def setup(self) -> None:
        for gate in "hrz":
            self.add_weights(f"x{gate}", self.input_size, self.size)
            self.add_bias(f"b{gate}", self.size)
        self.add_recurrent_weights("hh")
        self.add_recurrent_weights("hr")

    def project(self, params: Params, x: Array) -> PyTree:
        gates = {gate: x @ params[f"x{gate}"] + params[f"b{gate}"] for gate in "hrz"}
        return gates | {"h": jnp.tanh(gates["h"]), "z": jax.nn.sigmoid(gates["z"])}

    def step(self, params: Params, state: State, x: PyTree) -> Stepped:
        h, z = state["h"], x["z"]
        r = jax.nn.sigmoid(x["r"] + h @ params["hr"])
        pre = x["h"] + (r * h) @ params["hh"]
        hid = jnp.tanh(pre)
        h = (1 - z) * h + z * hid
        return {"h": h}, {"pre": pre, "hid": hid, "rate": z}


class SCRN(Rates):
    """Structurally constrained layer: a hidden state and a slowly changing one.

    s[t] = r * (x[t] @ w_s) + (1 - r) * s[t-1]
    p[t] = g(x[t] @ w_h + p[t-1] @ hh + s[t] @ sh)
    out[t] = p[t] @ ho + s[t] @ so + b

    Parameters
    ----------
    rate : str
        ``"vector"``: r = σ(r), with the parameter r; ``"uniform"``, ``"log"``: fixed
        numbers between 0 and 1, the array ``rates``, drawn so that they or their
        logarithms are uniform.
    context_size : int, optional
        Number of units of s; by default the size.
    s_0 : str, optional
        Name of an output (batch, context_size) that gives the initial s; by default 0.

    Parameters: w (inputs, size + context_size), columns in the order hidden, state;
    hh, ho (size, size); sh, so (context_size, size); b (size,); r (context_size,).
    Outputs: out and hid (p), both (batch, time, size); state (s) and rate, both
    (batch, time, context_size).
    Source: T. Mikolov et al. (2015), Learning Longer Memory in Recurrent Neural
    Networks.
    """

    example: ClassVar = {"size": 4, "context_size": 2}
    kinds = ("vector", "uniform", "log")
    shown = {"hid": "h", "state": "s"}  # noqa: RUF012

    def __init__(
        self,
        *,
        context_size: int | None = None,
        s_0: str | None = None,
        **kwargs: Unpack[RecurrentOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.context_size = self.count("context_size", context_size)
        add_sides(self, s_0=s_0)

    def setup(self) -> None:
        context = self.state_sizes()["s"]
        self.add_weights("w", self.input_size, self.size + context)
        self.add_recurrent_weights("hh")
        self.add_weights("sh", context, self.size)
        self.add_recurrent_weights("ho")
        self.add_weights("so", context, self.size)
        self.add_bias("b", self.size)
        self.add_rates(context)

    def state_sizes(self) -> dict[str, int]:
        return {"h": self.size, "s": self.context_size or self.size}

    def project(self, params: Params, x: Array) -> PyTree:
        return x @ params["w"]

    def step(self, params: Params, state: State, x: PyTree) -> Stepped:
        rate = params["rate"]
        xh, xs = jnp.split(x, [self.size], axis=-1)
        s = rate * xs + (1 - rate) * state["s"]
        h = self.activate(params, xh + state["h"] @ params["hh"] + s @ params["sh"])
        return {"h": h, "s": s}, {"rate": jnp.broadcast_to(rate, s.shape)}

    def advance(
        self, params: Params, inputs: Outputs, state: State | None
    ) -> tuple[dict[str, Array], State]:
        outputs, state = super().advance(params, inputs, state)
        hid, slow = outputs["hid"], outputs["state"]
        outputs["out"] = hid @ params["ho"] + slow @ params["so"] + params["b"]
        return outputs, state
