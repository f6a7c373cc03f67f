"""Activations, losses and regularizers by their formulas, through whole models."""

import numpy as np
import pytest
from scipy.special import erf, log_softmax

import theanets

RNG = np.random.default_rng(14)
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def held(net, layer):
    names = [x.name for x in net.params if x.name.startswith(f"{layer}.")]
    return {x.partition(".")[2]: net.find(*x.split(".")).get_value() for x in names}


def redrawn(net):
    for handle in net.params:
        handle.set_value(RNG.normal(size=handle.shape))
    return net


def z(x):
    return (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + 1e-8)


def exponential(x):
    return np.exp(x - x.max(-1, keepdims=True))


def selu(x):
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))


ACTIVATIONS = {
    "linear": lambda x: x,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softmax": lambda x: exponential(x) / exponential(x).sum(-1, keepdims=True),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "relu": lambda x: np.maximum(x, 0),
    "rect:max": lambda x: np.maximum(x, 0),
    "rect:min": lambda x: np.minimum(x, 1),
    "rect:minmax": lambda x: np.clip(x, 0, 1),
    "norm:mean": lambda x: x - x.mean(-1, keepdims=True),
    "norm:max": lambda x: x / (np.abs(x).max(-1, keepdims=True) + 1e-8),
    "norm:std": lambda x: x / (x.std(-1, keepdims=True) + 1e-8),
    "norm:z": z,
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "selu": selu,
    "leak:0.1": lambda x: np.where(x > 0, x, 0.1 * x),
    "relu+norm:z": lambda x: z(np.maximum(x, 0)),
    "prelu": lambda x, leak: np.where(x > 0, x, leak * x),
    "leaky-relu": lambda x, leak: np.where(x > 0, x, leak * x),
    "lgrelu": lambda x, gain, leak: np.where(x > 0, gain * x, leak * x),
    "leaky-gain-relu": lambda x, gain, leak: np.where(x > 0, gain * x, leak * x),
    "elu": lambda x, gain: np.where(x > 0, x, gain * np.expm1(x)),
    "maxout:3": lambda x, slope, intercept: (x[..., None] * slope + intercept).max(-1),
}


@pytest.mark.parametrize("spec", ACTIVATIONS)
def test_activation(spec):
    net = redrawn(theanets.Regressor([4, (6, spec), 2]))
    params = held(net, "hid1")
    x = 2 * RNG.normal(size=(9, 4))
    pre = x @ params.pop("w") + params.pop("b")
    found = net.feed_forward(x)["hid1:out"]
    np.testing.assert_allclose(found, ACTIVATIONS[spec](pre, **params), **CLOSE)


def score(net, data):
    """Return the monitors of a model as it is: of training, and of validation."""
    return net.train(
        data, algo="sgd", learning_rate=0, batch_size=4, max_epochs=1, progress=False
    )


def at(q, t):
    return np.take_along_axis(q, t[..., None], -1)[..., 0]


def huber(q, t):
    e = np.abs(q - t)
    return np.where(e <= 0.7, e**2 / 2, 0.7 * (e - 0.35))


# For each: its keywords, the output's activation, and its terms.
LOSSES = {
    "mse": ({}, "linear", lambda q, t: (q - t) ** 2),
    "mae": ({}, "linear", lambda q, t: np.abs(q - t)),
    "huber": ({"delta": 0.7}, "linear", huber),
    "xe": ({}, "softmax", lambda q, t: -at(log_softmax(np.log(q), -1), t)),
    "hinge": ({}, "linear", lambda q, t: np.maximum(0, q.max(-1) - at(q, t))),
    "kl": ({}, "softmax", lambda q, t: t * np.log(t / q)),
    "bce": (
        {},
        "logistic",
        lambda q, t: -t * np.log(q) - (1 - t) * np.log(1 - q),
    ),
}
SHAPES = {"vectors": (11,), "sequences": (11, 5)}


def target(loss, shape):
    if loss in ("xe", "hinge"):
        return RNG.integers(0, 3, shape)
    values = RNG.uniform(0.05, 0.95, (*shape, 3))
    return values / values.sum(-1, keepdims=True) if loss == "kl" else values


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("loss", LOSSES)
def test_loss(loss, shape, weighted):
    """Over batches of which the last is short, sum(w e) / sum(w) is of all examples."""
    keywords, activation, terms = LOSSES[loss]
    models = theanets.recurrent if len(shape) == 2 else theanets
    net = redrawn(models.Regressor([4, (3, activation)]))
    net.set_loss(loss, weighted=weighted, **keywords)
    x, t = RNG.normal(size=(*shape, 4)), target(loss, shape)
    errors = terms(net.predict(x), t)
    w = RNG.uniform(0, 2, errors.shape) if weighted else np.ones(errors.shape)
    monitors = score(net, (x, t, w) if weighted else (x, t))
    for found in monitors:
        expected = (w * errors).sum() / w.sum()
        np.testing.assert_allclose(found["err"], expected, **CLOSE)


def test_gaussian_likelihood():
    net = redrawn(
        theanets.Network(
            [
                4,
                {"size": 3, "name": "m", "activation": "linear"},
                {"size": 3, "name": "c", "activation": "softplus", "inputs": "in"},
            ]
        )
    )
    net.set_loss("gll", mean_name="m", covar_name="c", covar_eps=1e-6)
    x, t = RNG.normal(size=(11, 4)), RNG.normal(size=(11, 3))
    outputs = net.feed_forward(x)
    m, c = outputs["m:out"], outputs["c:out"]
    each = (np.log(2 * np.pi * c) + (t - m) ** 2 / c) / 2
    for found in score(net, (x, t)):
        np.testing.assert_allclose(found["err"], each.sum(-1).mean(), **CLOSE)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_mean_discrepancy(weighted):
    net = redrawn(theanets.Regressor([4, 3]))
    net.set_loss("mmd", kernel=2.5, weighted=weighted)
    x, t = RNG.normal(size=(4, 4)), RNG.normal(size=(4, 3))
    w = RNG.uniform(0.1, 2, 4) if weighted else np.ones(4)
    y, share = net.predict(x), w / w.sum()

    def similar(a, b):
        pairs = [[np.exp(-((p - q) ** 2).sum() / 2.5) for q in b] for p in a]
        return share @ np.array(pairs) @ share

    expected = similar(y, y) + similar(t, t) - 2 * similar(y, t)
    for found in score(net, (x, t, w) if weighted else (x, t)):
        np.testing.assert_allclose(found["err"], expected, **CLOSE)


HIDDEN = ("hid1", "hid2")


def weights(net):
    return [x.get_value() for x in net.params if x.ndim > 1]


def jacobians(net, x, outputs, step=1e-5):
    """Return the derivatives of the hidden layers for each example, by differences."""
    found = {name: np.zeros((*outputs[name].shape, x.shape[1])) for name in outputs}
    for i in range(x.shape[1]):
        along = step * np.eye(x.shape[1])[i]
        ahead, behind = net.feed_forward(x + along), net.feed_forward(x - along)
        for name in outputs:
            found[name][..., i] = (ahead[name] - behind[name]) / (2 * step)
    return found


def contractive(net, x, outputs):
    each = jacobians(net, x, {f"{name}:out": outputs[f"{name}:out"] for name in HIDDEN})
    return np.mean([(j**2).sum() / len(x) for j in each.values()])


def norms(net, x, outputs):
    squares = (outputs["hid1:out"] ** 2).sum(-1)
    return (np.diff(squares, axis=1) ** 2).mean()


def states(net, x, outputs):
    each = [outputs[f"{name}:out"] for name in HIDDEN]
    return np.mean([(np.diff(h, axis=1) ** 2).mean() for h in each])


def magnitudes(net, x, outputs):
    return np.mean([np.abs(outputs[f"{name}:out"]).mean() for name in HIDDEN])


VECTORS = lambda: theanets.Regressor([4, (5, "tanh"), (3, "logistic"), 2])  # noqa: E731
SEQUENCES = lambda: theanets.recurrent.Regressor(  # noqa: E731
    [4, (5, "gru", "tanh"), (3, "rnn", "tanh"), 2]
)


def l2(net, x, outputs):
    return np.mean([(w**2).mean() for w in weights(net)])


def l1(net, x, outputs):
    return np.mean([np.abs(w).mean() for w in weights(net)])


def one(net, x, outputs):
    return (net.find("hid2", "w").get_value() ** 2).mean()


REGULARIZERS = [
    ("weight_l2", {}, VECTORS, l2),
    ("weight_decay", {}, SEQUENCES, l2),
    ("weight_l1", {}, VECTORS, l1),
    ("weight_sparsity", {}, SEQUENCES, l1),
    ("weight_l2", {"pattern": "hid2.*"}, VECTORS, one),
    ("hidden_l1", {}, VECTORS, magnitudes),
    ("hidden_sparsity", {}, SEQUENCES, magnitudes),
    ("contractive", {}, VECTORS, contractive),
    ("recurrent_norm", {"pattern": "hid1:out"}, SEQUENCES, norms),
    ("recurrent_state", {"pattern": "hid?:out"}, SEQUENCES, states),
]


@pytest.mark.parametrize(("keyword", "more", "model", "term"), REGULARIZERS)
def test_regularizer(keyword, more, model, term):
    net = redrawn(model())
    shape = (8, 6) if model is SEQUENCES else (8,)
    x, t = RNG.normal(size=(*shape, 4)), RNG.normal(size=(*shape, 2))
    outputs = net.feed_forward(x)
    expected = 0.3 * term(net, x, outputs)
    # Differences of small numbers have few digits.
    close = {"rtol": 1e-7} if keyword == "contractive" else CLOSE
    chosen = {keyword: {"weight": 0.3, **more}}
    training, validation = net.train(
        (x, t),
        algo="sgd",
        learning_rate=0,
        batch_size=4,
        max_epochs=1,
        progress=False,
        **chosen,
    )
    for found in (training, validation):
        np.testing.assert_allclose(found["loss"] - found["err"], expected, **close)
