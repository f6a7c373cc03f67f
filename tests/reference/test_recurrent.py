"""Recurrent layers, one example and one step at a time.

Every example has a length of its own, an initial state and a mask: what the layer
makes of the padded batch has to be what the formulas make of each sequence alone.
"""

import numpy as np
import pytest

import theanets

RNG = np.random.default_rng(11)
INPUTS, TIME = 5, 9
LENGTHS = (9, 1, 6, 4)
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def columns(array, parts):
    return np.split(array, parts, axis=-1)


# Each is a generator: it is sent nothing, reads x, and yields the outputs of each step.


def rnn(p, x, h):
    for now in x:
        pre = now @ p["xh"] + h @ p["hh"] + p["b"]
        h = np.tanh(pre)
        yield {"out": h, "pre": pre}


def rrnn(p, x, h):
    for now in x:
        if "xr" in p:
            r = sigmoid(now @ p["xr"] + p["r"])
        else:
            r = sigmoid(p["r"]) if "r" in p else p["rates"]
        pre = now @ p["xh"] + h @ p["hh"] + p["b"]
        hid = np.tanh(pre)
        h = (1 - r) * h + r * hid
        yield {"out": h, "pre": pre, "hid": hid, "rate": r}


def mrnn(p, x, h):
    for now in x:
        factors = now @ p["xf"]
        pre = (factors * (h @ p["hf"])) @ p["fh"] + now @ p["xh"] + p["b"]
        h = np.tanh(pre)
        yield {"out": h, "pre": pre, "factors": factors}


def lstm(p, x, h, c):
    for now in x:
        i, f, g, o = columns(now @ p["xh"] + h @ p["hh"] + p["b"], 4)
        i, f = sigmoid(i + c * p["ci"]), sigmoid(f + c * p["cf"])
        c = f * c + i * np.tanh(g)
        h = sigmoid(o + c * p["co"]) * np.tanh(c)
        yield {"out": h, "cell": c}


def gru(p, x, h):
    for now in x:
        hidden, reset, rate = columns(now @ p["w"] + p["b"], 3)
        r, z = sigmoid(reset + h @ p["hr"]), sigmoid(rate + h @ p["hz"])
        pre = hidden + (r * h) @ p["hh"]
        h = (1 - z) * h + z * np.tanh(pre)
        yield {"out": h, "pre": pre, "hid": np.tanh(pre), "rate": z}


def mut1(p, x, h):
    for now in x:
        r = sigmoid(now @ p["xr"] + h @ p["hr"] + p["br"])
        z = sigmoid(now @ p["xz"] + p["bz"])
        pre = np.tanh(now @ p["xh"] + p["bh"]) + (r * h) @ p["hh"]
        h = (1 - z) * h + z * np.tanh(pre)
        yield {"out": h, "pre": pre, "hid": np.tanh(pre), "rate": z}


def scrn(p, x, h, s):
    r = sigmoid(p["r"]) if "r" in p else p["rates"]
    for now in x:
        both = now @ p["w"]
        s = r * both[len(h) :] + (1 - r) * s
        h = np.tanh(both[: len(h)] + h @ p["hh"] + s @ p["sh"])
        out = h @ p["ho"] + s @ p["so"] + p["b"]
        yield {"out": out, "hid": h, "state": s, "rate": r}


def modules(p, count):
    """Return the recurrent matrix without the ways from faster to slower modules."""
    hh, size = p["hh"].copy(), len(p["hh"]) // count
    for source in range(count):
        hh[source * size : (source + 1) * size, (source + 1) * size :] = 0
    return hh


def clockwork(p, x, h, periods=(1, 2, 5), backwards=False):
    hh, size = modules(p, len(periods)), len(h) // len(periods)
    pre = h
    for step, now in enumerate(x):
        t = len(x) - 1 - step if backwards else step
        new = now @ p["xh"] + h @ hh + p["b"]
        due = np.repeat([t % period == 0 for period in periods], size)
        pre = np.where(due, new, pre)
        h = np.where(due, np.tanh(new), h)
        yield {"out": h, "pre": pre}


def bcrnn(p, x, h, count=3):
    hh = modules(p, count)
    r = np.repeat(1 - np.logspace(-1e-4, -6, count), len(h) // count)
    pre = h
    for now in x:
        pre = r * pre + (1 - r) * (now @ p["xh"] + h @ hh + p["b"])
        h = np.tanh(pre)
        yield {"out": h, "pre": pre}


# For each: its formula, the size, its keywords, the states that it begins with.
LAYERS = {
    "rnn": (rnn, 7, {}, {}),
    "rrnn": (rrnn, 7, {}, {}),
    "rrnn vector": (rrnn, 4, {"rate": "vector"}, {}),
    "rrnn uniform": (rrnn, 5, {"rate": "uniform"}, {}),
    "rrnn log": (rrnn, 5, {"rate": "log"}, {}),
    "mrnn": (mrnn, 7, {}, {}),
    "mrnn factors": (mrnn, 3, {"factors": 6}, {}),
    "lstm": (lstm, 6, {}, {"c": 6}),
    "gru": (gru, 7, {}, {}),
    "mut1": (mut1, 7, {}, {}),
    "scrn": (scrn, 6, {}, {"s": 6}),
    "scrn context": (scrn, 4, {"context_size": 3, "rate": "log"}, {"s": 3}),
    "scrn uniform": (scrn, 4, {"context_size": 7, "rate": "uniform"}, {"s": 7}),
    "clockwork": (clockwork, 6, {"periods": [5, 1, 2]}, {}),
    "bcrnn": (bcrnn, 9, {"num_modules": 3}, {}),
}


def given(name, sides, **keywords):
    """Return a model of one layer with a mask and initial states from inputs."""
    formula, size, own, _ = LAYERS[name]
    states = [
        {"form": "input", "name": f"{state}_first", "size": width, "ndim": 2}
        for state, width in sides.items()
    ]
    layer = {"form": formula.__name__, "size": size, "name": "rec", "inputs": "in"}
    layer |= {f"{state}_0": f"{state}_first" for state in sides}
    if name.split()[0] not in ("lstm", "mut1"):
        layer["activation"] = "tanh"
    mask = {"form": "input", "name": "mask", "shape": (None,)}
    layers = [INPUTS, mask, *states, {**layer, "mask": "mask", **own, **keywords}]
    net = theanets.recurrent.Regressor([*layers, 2])
    fixed = [f"{x.name}.rates" for x in net.layers if "rates" in x.params]
    for handle in net.params:
        handle.set_value(RNG.normal(size=handle.shape))
    assert not set(fixed) & {handle.name for handle in net.params}
    return net


def batch(sides, right=True):
    mask = np.arange(TIME) < np.array(LENGTHS)[:, None]
    mask = mask if right else mask[:, ::-1]
    data = {"in": RNG.normal(size=(len(LENGTHS), TIME, INPUTS)), "mask": mask * 1.0}
    for state, width in sides.items():
        data[f"{state}_first"] = RNG.normal(size=(len(LENGTHS), width))
    return data


def parameters(net, layer):
    names = net.functional()[1]
    held = [name for name in names if name.startswith(f"{layer}.")]
    return {x.partition(".")[2]: np.asarray(net.find(*x.split("."))) for x in held}


def expected(formula, params, data, states, example, backwards=False):
    """Return the outputs of one sequence alone, in the order of its steps."""
    x = data["in"][example][data["mask"][example] == 1]
    first = [data[f"{state}_first"][example] for state in states]
    extra = {"backwards": backwards} if formula is clockwork else {}
    x = x[::-1] if backwards else x
    steps = list(formula(params, x, *first, **extra))
    found = {name: np.array([step[name] for step in steps]) for name in steps[0]}
    return {k: v[::-1] if backwards else v for k, v in found.items()}


@pytest.mark.parametrize("backwards", [False, True], ids=["forward", "back"])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, backwards):
    formula, size, _, more = LAYERS[name]
    sides = {"h": size, **more}
    direction = "back" if backwards else "forward"
    net = given(name, sides, direction=direction)
    data = batch(sides, right=not backwards)
    found = net.feed_forward(data)
    for example in range(len(LENGTHS)):
        valid = data["mask"][example] == 1
        alone = expected(
            formula, parameters(net, "rec"), data, sides, example, backwards
        )
        outputs = {x.partition(":")[2] for x in found if x.startswith("rec:")}
        assert outputs == alone.keys()
        for output, value in alone.items():
            ours = found[f"rec:{output}"][example][valid]
            np.testing.assert_allclose(ours, value, **CLOSE, err_msg=output)


@pytest.mark.parametrize("name", LAYERS)
def test_two_workers(name):
    formula, size, own, more = LAYERS[name]
    sides = {"h": size, **more}
    net = given(name, sides, form="bidirectional", worker=formula.__name__,
                size=2 * size, **own)  # fmt: skip
    data = batch(sides)
    found = net.feed_forward(data)
    for example in range(len(LENGTHS)):
        valid = data["mask"][example] == 1
        each = [
            expected(
                formula, parameters(net, f"rec_{side}"), data, sides, example, back
            )
            for side, back in (("fw", False), ("bw", True))
        ]
        for output in each[0]:
            values = [one[output] for one in each]
            names = [f"rec:fw_{output}", f"rec:bw_{output}"]
            if output in ("out", "pre", "cell"):
                names.append(f"rec:{output}")
                values.append(np.concatenate(values, axis=-1))
            for key, value in zip(names, values, strict=True):
                ours = found[key][example][valid]
                np.testing.assert_allclose(ours, value, **CLOSE, err_msg=key)
