"""Several steps of each update rule, through `minimize`, against plain loops."""

import jax.numpy as jnp
import numpy as np
import pytest

import theanets

RNG = np.random.default_rng(13)
STEPS, RATE = 12, 0.03
CURVES = RNG.uniform(0.5, 3, (2, 3))
CENTRE = RNG.normal(size=(2, 3))


def gradient(p):
    return CURVES * (p - CENTRE) + 0.4 * (p - CENTRE) ** 3


def loss(params, x):
    e = params["p"] - CENTRE
    # The data are ones: they are there because every training has data.
    return x.mean() * (CURVES * e**2 / 2 + 0.1 * e**4).sum()


def decay(halflife):
    return np.exp(-np.log(2) / halflife)


def blend(g, old, new):
    return g * old + (1 - g) * new


# Each is a function of the keywords that returns one of (gradient, number) -> step.


def sgd(**_):
    return lambda g, t: RATE * g


def adagrad(eps=1e-8, **_):
    total = 0

    def step(g, t):
        nonlocal total
        total = total + g**2
        return RATE * g / np.sqrt(total + eps)

    return step


def rmsprop(rms_halflife=14, eps=1e-8, **_):
    mean = square = 0

    def step(g, t):
        nonlocal mean, square
        mean = blend(decay(rms_halflife), mean, g)
        square = blend(decay(rms_halflife), square, g**2)
        return RATE * g / np.sqrt(square - mean**2 + eps)

    return step


def adadelta(rms_halflife=14, eps=1e-8, **_):
    squares = steps = 0

    def step(g, t):
        nonlocal squares, steps
        squares = blend(decay(rms_halflife), squares, g**2)
        u = g * np.sqrt(steps + eps) / np.sqrt(squares + eps)
        steps = blend(decay(rms_halflife), steps, u**2)
        return u

    return step


def adam(beta1_halflife=7, beta2_halflife=69, eps=1e-8, **_):
    m = v = 0

    def step(g, t):
        nonlocal m, v
        b1, b2 = decay(beta1_halflife), decay(beta2_halflife)
        m, v = blend(b1, m, g), blend(b2, v, g**2)
        return RATE * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)

    return step


def rprop(rprop_increase=1.01, rprop_decrease=0.99, rprop_min_step=0,
          rprop_max_step=100, **_):  # fmt: skip
    size, before = np.full(CENTRE.shape, RATE), np.zeros(CENTRE.shape)

    def step(g, t):
        g = g.copy()
        for i in np.ndindex(g.shape):
            if g[i] * before[i] > 0:
                size[i] = min(size[i] * rprop_increase, rprop_max_step)
            elif g[i] * before[i] < 0:
                size[i] = max(size[i] * rprop_decrease, rprop_min_step)
                g[i] = 0
        before[:] = g
        return np.sign(g) * size

    return step


RULES = {"sgd": sgd, "nag": sgd, "adagrad": adagrad, "rmsprop": rmsprop}
RULES |= {"adadelta": adadelta, "adam": adam, "rprop": rprop}
KEYWORDS = {
    "adagrad": {"rms_regularizer": 1e-3},
    "rmsprop": {"rms_halflife": 3, "rms_regularizer": 1e-4},
    "adadelta": {"rms_halflife": 5, "rms_regularizer": 1e-5},
    "adam": {"beta1_halflife": 2, "beta2_halflife": 9, "rms_regularizer": 1e-3},
    "rprop": {
        "rprop_increase": 1.6,
        "rprop_decrease": 0.3,
        "rprop_min_step": 0.02,
        "rprop_max_step": 0.3,
    },
}
LIMITS = [{}, {"max_gradient_norm": 0.5}, {"max_gradient_elem": 0.3}]
CASES = [
    *((algo, {}, mu, nesterov, {}) for algo in RULES
      for mu, nesterov in ((None, None), (0.0, False), (0.7, False), (0.7, True))),
    *((algo, own, 0.4, True, {}) for algo, own in KEYWORDS.items()),
    *(("adam", {}, 0.0, False, limit) for limit in LIMITS[1:]),
    *(("sgd", {}, 0.6, True, limit) for limit in LIMITS[1:]),
]  # fmt: skip


def limited(g, max_gradient_norm=None, max_gradient_elem=None):
    if max_gradient_elem is not None:
        g = np.clip(g, -max_gradient_elem, max_gradient_elem)
    if max_gradient_norm is not None:
        g = g * min(1, max_gradient_norm / np.sqrt((g**2).sum()))
    return g


def descend(algo, own, mu, nesterov, limits):
    own = {("eps" if k == "rms_regularizer" else k): v for k, v in own.items()}
    rule, p, v = RULES[algo](**own), np.zeros(CENTRE.shape), 0
    if mu is None:
        mu, nesterov = (0.9, True) if algo == "nag" else (0.0, False)
    for t in range(1, STEPS + 1):
        u = rule(limited(gradient(p), **limits), t)
        v = mu**2 * v - (1 + mu) * u if nesterov else mu * v - u
        p = p + v
        yield p


@pytest.mark.parametrize(("algo", "own", "mu", "nesterov", "limits"), CASES)
def test_rule(algo, own, mu, nesterov, limits):
    momentum = {} if mu is None else {"momentum": mu, "nesterov": nesterov}
    *_, expected = descend(algo, own, mu, nesterov, limits)
    found = theanets.minimize(
        loss,
        {"p": jnp.zeros(CENTRE.shape)},
        np.ones((4, 1)),
        algo=algo,
        learning_rate=RATE,
        batch_size=None,
        max_updates=STEPS,
        validate_every=STEPS,
        progress=False,
        **own,
        **momentum,
        **limits,
    )
    np.testing.assert_allclose(found.params["p"], expected, rtol=1e-9, atol=1e-12)
