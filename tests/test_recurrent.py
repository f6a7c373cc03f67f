"""Recurrent layers where the original gives no numbers: masks, carried states."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.graph.states import initial_carries
from theanets.training.programs import PROGRAMS

from .helpers import compilations

RNG = np.random.default_rng(5)
LENGTHS = [5, 3, 4]
TIME = 5
MASK = (np.arange(TIME) < np.array(LENGTHS)[:, None]).astype("f4")
X = RNG.normal(size=(3, TIME, 3)).astype("f4")

FORMS = {
    "rnn": {},
    "rrnn": {},
    "mrnn": {"direction": "back"},
    "lstm": {},
    "lstm backwards": {"form": "lstm", "direction": "back"},
    "gru limited": {"form": "gru", "bptt_limit": 2},
    "gru backwards, limited": {"form": "gru", "bptt_limit": 2, "direction": "back"},
    "mut1": {},
    "scrn": {"context_size": 2},
    "clockwork": {"periods": [1, 2]},
    "clockwork backwards": {
        "form": "clockwork",
        "periods": [1, 2],
        "direction": "back",
    },
    "bcrnn": {"num_modules": 2},
    "bidirectional": {"worker": "lstm"},
}


def layer(name):
    return {"form": name, "size": 4, "name": "rec", "inputs": "in", **FORMS[name]}


def with_mask(name):
    mask = {"form": "input", "name": "mask", "shape": (None,)}
    return theanets.recurrent.Regressor([3, mask, {**layer(name), "mask": "mask"}, 2])


def without_mask(name):
    return theanets.recurrent.Regressor([3, layer(name), 2])


def gradients(net, inputs, weights):
    """Return outputs, and derivatives of their sum with weights."""
    apply, params = net.functional()

    def total(params, x):
        outputs = apply(params, {**inputs, "in": x})
        return (weights * outputs["out:out"]).sum(), outputs

    program = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))
    (_, outputs), found = program(params, inputs["in"])
    return outputs, *found


PADDED = [
    *((name, "right") for name in FORMS),
    ("lstm", "left"),
    ("clockwork backwards", "left"),
    ("gru limited", "left"),
]


@pytest.mark.parametrize(("name", "side"), PADDED)
def test_padding_changes_nothing(name, side):
    """A padded sequence gives the outputs and gradients of the sequence alone."""
    order = slice(None) if side == "right" else slice(None, None, -1)
    mask = MASK[:, order]
    own = mask[1] == 1
    weights = np.zeros((3, TIME, 2), "f4")
    weights[1, own] = RNG.normal(size=(own.sum(), 2))
    padded, alone = with_mask(name), without_mask(name)
    for handle in alone.params:
        handle.set_value(padded.find(*handle.name.split(".")).get_value())
    outputs, of_params, of_x = gradients(padded, {"in": X, "mask": mask}, weights)
    expected = gradients(alone, {"in": X[1:2, own]}, weights[1:2, own])
    for key, value in expected[0].items():
        np.testing.assert_allclose(
            outputs[key][1, own], value[0], rtol=1e-4, atol=1e-5, err_msg=key
        )
    for key, value in expected[1].items():
        np.testing.assert_allclose(
            of_params[key], value, rtol=1e-4, atol=1e-5, err_msg=key
        )
    np.testing.assert_allclose(of_x[1, own], expected[2][0], rtol=1e-4, atol=1e-5)
    assert not of_x[1, ~own].any()
    assert np.abs(expected[2]).max() > 1e-3


def test_a_masked_step_keeps_the_state():
    net = with_mask("lstm")
    mask = np.array([[1, 1, 0, 0, 1]], "f4")
    found = net.feed_forward({"in": X[:1], "mask": mask})
    for name in ("rec:out", "rec:cell"):
        value = found[name][0]
        np.testing.assert_array_equal(value[2], value[1])
        np.testing.assert_array_equal(value[3], value[1])
        assert (value[4] != value[1]).all()


def test_training_with_a_mask_and_weights():
    mask = {"form": "input", "name": "mask", "shape": (None,)}
    net = theanets.recurrent.Classifier(
        [3, mask, {**layer("gru limited"), "mask": "mask"}, 2], weighted=True
    )
    x = RNG.normal(size=(32, TIME, 3)).astype("f4")
    valid = (np.arange(TIME) < RNG.integers(1, 6, 32)[:, None]).astype("u1")
    labels = (x.cumsum(axis=1)[..., 0] > 0).astype("u1")
    before = net.score([x, valid], labels, valid)
    pairs = net.itertrain(
        [x, valid, labels, valid],
        algo="adam",
        learning_rate=0.02,
        max_epochs=60,
        validate_every=20,
        progress=False,
    )
    *_, (training, _) = pairs
    assert training["acc"] > max(before, 0.75)
    # What is padding does not count.
    changed = np.where(valid[..., None] == 1, x, 9)
    assert net.score([changed, valid], labels, valid) == pytest.approx(
        net.score([x, valid], labels, valid)
    )


def test_bidirectional_outputs_are_in_the_order_of_the_inputs():
    net = without_mask("bidirectional")
    for name in ("xh", "hh", "b", "ci", "cf", "co"):
        value = net.find("rec_fw", name).get_value()
        net.find("rec_bw", name).set_value(value)
    found = net.feed_forward(X)
    flipped = net.feed_forward(X[:, ::-1])
    np.testing.assert_allclose(
        found["rec:bw_out"], flipped["rec:fw_out"][:, ::-1], rtol=1e-5, atol=1e-6
    )
    joined = np.concatenate([found["rec:fw_out"], found["rec:bw_out"]], axis=-1)
    np.testing.assert_array_equal(found["rec:out"], joined)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_scrn_with_a_context_of_its_own_size():
    net = without_mask("scrn")
    p = {k.removeprefix("rec."): np.asarray(v) for k, v in net._state.arrays.items()}
    rate = sigmoid(p["r"])
    h, s = np.zeros((3, 4)), np.zeros((3, 2))
    found = net.feed_forward(X)
    for t in range(TIME):
        xh, xs = np.split(X[:, t] @ p["w"], [4], axis=-1)
        s = rate * xs + (1 - rate) * s
        h = np.maximum(xh + h @ p["hh"] + s @ p["sh"], 0)
        out = h @ p["ho"] + s @ p["so"] + p["b"]
        for name, value in {"hid": h, "state": s, "out": out}.items():
            ours = found[f"rec:{name}"][:, t]
            np.testing.assert_allclose(ours, value, rtol=1e-4, atol=1e-5)


def test_first_values():
    net = theanets.recurrent.Regressor(
        [
            6,
            {"form": "lstm", "size": 6, "radius": 1.5, "name": "a"},
            {"form": "rnn", "size": 6, "diagonal": 0.5, "std": 0.1, "name": "b"},
            {"form": "rrnn", "size": 500, "rate": "log", "name": "c"},
            {"form": "scrn", "size": 5, "rate": "uniform", "name": "d"},
            2,
        ]
    )
    blocks = np.split(net.find("a", "hh").get_value(), 4, axis=1)
    for block in blocks:
        assert np.linalg.norm(block, ord=2) == pytest.approx(1.5, rel=1e-5)
    np.testing.assert_array_equal(
        net.find("a", "b").get_value(), np.repeat([0, 1, 0, 0], 6)
    )
    np.testing.assert_array_equal(net.find("b", "hh").get_value(), np.eye(6) / 2)
    assert net.find("b", "xh").get_value().std() == pytest.approx(0.1, rel=0.5)
    rates = net.find("c", "rates").get_value()
    assert -6 <= np.log(rates).min() < -5.5 and -0.5 < np.log(rates).max() < 0
    learned = {handle.name for handle in net.params}
    assert not {"c.rates", "d.rates"} & learned
    both = theanets.recurrent.Regressor([3, (4, "bidirectional"), 2])
    forward, backward = (both.find(f"hid1_{s}", "xh").get_value() for s in ("fw", "bw"))
    assert (forward != backward).all()
    assert both.find("hid1_fw", 0).name == both.find(1, 0).name == "hid1_fw.xh"
    with pytest.raises(KeyError, match="hid1_fw"):
        both.find("hid1_fw", "ww")


def test_activations_of_workers_are_found_and_learned():
    net = theanets.recurrent.Regressor(
        [3, {"form": "bidirectional", "size": 4, "activation": "prelu"}, 2]
    )
    names = {handle.name for handle in net.params}
    assert {"hid1_fw.leak", "hid1_bw.leak"} <= names


# Sequences drawn label by label.

STEPWISE = [
    {"form": "rrnn", "size": 6, "activation": "tanh"},
    {"form": "lstm", "size": 6},
    {"form": "gru", "size": 6, "activation": "tanh"},
    {"form": "clockwork", "size": 6, "periods": [1, 2, 3], "activation": "tanh"},
    {"form": "scrn", "size": 6, "activation": "tanh"},
]


@pytest.mark.parametrize("entry", STEPWISE, ids=lambda e: dict(e)["form"])
def test_step_by_step_as_all_at_once(entry):
    net = theanets.recurrent.Classifier([4, entry, (5, "rnn", "tanh"), 4])
    x = RNG.normal(size=(3, TIME, 4)).astype("f4")
    expected = net.feed_forward(x)
    step = jax.jit(net._state.topology.step)
    carries = initial_carries(net._state.topology, 3, "float32")
    for t in range(TIME):
        outputs, carries = step(
            net._state.arrays.now(), {"in": x[:, t : t + 1]}, carries
        )
        for name, value in expected.items():
            np.testing.assert_allclose(
                outputs[name][:, 0], value[:, t], rtol=1e-4, atol=1e-6, err_msg=name
            )


def test_each_label_follows_from_all_before():
    net = theanets.recurrent.Classifier([4, (6, "lstm"), (5, "rnn", "tanh"), 4], rng=3)
    # Probabilities near 0 and 1 leave nothing to chance.
    net.find("out", "w").set_value(1e4 * np.random.default_rng(1).normal(size=(5, 4)))
    seed = [2, 0, 1]
    drawn = list(net.predict_sequence(seed, steps=12, rng=0))
    inputs = np.eye(4)[seed + drawn[:-1]]
    assert drawn == net.predict(inputs)[2:].tolist()
    assert len(set(drawn)) > 1


def test_draws_follow_the_probabilities():
    net = theanets.recurrent.Classifier([4, (6, "gru", "tanh"), 4])
    net.find("out", "w").set_value(np.random.default_rng(2).normal(size=(6, 4)) * 3)
    (drawn,) = net.predict_sequence([1, 3], steps=1, streams=4000, rng=0)
    frequencies = np.bincount(drawn, minlength=4) / 4000
    expected = net.predict_proba(np.eye(4)[[1, 3]])[-1]
    np.testing.assert_allclose(frequencies, expected, atol=0.03)


def test_seeds_and_streams():
    net = theanets.recurrent.Classifier([4, (6, "lstm"), 4])

    def draw(**keywords):
        return np.array(list(net.predict_sequence([1], 20, streams=3, **keywords)))

    first = draw(rng=7)
    assert first.shape == (20, 3)
    assert len({tuple(column) for column in first.T}) == 3
    np.testing.assert_array_equal(first, draw(rng=7))
    assert (first != draw(rng=8)).any()
    assert (draw() != draw()).any()


def test_a_mask_is_all_valid_when_drawing():
    mask = {"form": "input", "name": "mask", "shape": (None,)}
    net = theanets.recurrent.Classifier(
        [4, mask, {"form": "lstm", "size": 6, "inputs": "in", "mask": "mask"}, 4]
    )
    assert len(list(net.predict_sequence([1], 3))) == 3


def test_a_label_costs_the_same_however_many_came_before(monkeypatch):
    """One program, called with arrays of the same shapes for every label."""
    net = theanets.recurrent.Classifier([4, (6, "lstm"), (7, "gru", "tanh"), 4])
    calls = []
    get = PROGRAMS.get

    def watched(key, make):
        program = get(key, make)

        def call(*args):
            calls.append(jax.tree.map(jnp.shape, args))
            return program(*args)

        return call

    monkeypatch.setattr(PROGRAMS, "get", watched)
    with compilations() as compiled:
        drawn = list(net.predict_sequence([1, 2], steps=200, rng=0))
    assert len(drawn) == 200
    assert len(calls) == 201
    assert all(call == calls[0] for call in calls)
    assert len([name for name in compiled if "draw" in name or "partial" in name]) == 1


# The derivatives of matrices, which are formed after the loop.


def second_order(net, x):
    """Return a function of a seed: derivatives of first and second order."""
    apply, params = net.functional()
    rng = np.random.default_rng(0)
    along = {k: rng.normal(size=v.shape).astype(v.dtype) for k, v in params.items()}

    def loss(params):
        return jnp.square(apply(params, x)["out:out"]).sum()

    forward = jax.jvp(loss, (params,), (along,))[1]
    gradient = jax.grad(loss)(params)
    forward_of_reverse = jax.jvp(jax.grad(loss), (params,), (along,))[1]
    slope = jax.grad(lambda p: jax.jvp(loss, (p,), (along,))[1])(params)
    return forward, gradient, forward_of_reverse, slope


class Transposing(theanets.layers.RNN):
    """Uses its matrix in a way that the loop has to differentiate by itself."""

    def step(self, params, state, x):
        pre = x + state["h"] @ params["hh"].T.T
        return {"h": self.activate(params, pre)}, {"pre": pre}


@pytest.mark.parametrize("form", ["rnn", "gru"])
def test_derivatives_of_second_order(form, monkeypatch):
    net = theanets.recurrent.Regressor([3, (4, form, "tanh"), 2])
    x = RNG.normal(size=(2, 3, 3)).astype("f4")
    found = jax.jit(lambda x: second_order(net, x))(x)
    monkeypatch.setattr("theanets.layers.recurrent.scan._products", lambda *_: [])
    expected = jax.jit(lambda x: second_order(net, x))(x)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4),
        found,
        expected,
    )


def test_a_matrix_that_is_used_in_another_way():
    usual = theanets.recurrent.Regressor([3, (4, "rnn", "tanh"), 2])
    own = theanets.recurrent.Regressor([3, (4, "transposing", "tanh"), 2])
    weights = RNG.normal(size=(3, TIME, 2)).astype("f4")
    expected = gradients(usual, {"in": X}, weights)
    found = gradients(own, {"in": X}, weights)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["prelu", "maxout:2", "elu+prelu"])
def test_both_workers_have_an_activation_of_their_own(activation):
    layer = {"form": "bidirectional", "size": 4, "activation": activation}
    net = theanets.recurrent.Regressor([3, layer, 2])
    own = {name.partition(".")[2] for name in net.layers[1].params}
    assert own >= {"xh", "hh", "b"} and len(own) > 3
    assert len(net.layers[1].params) == 2 * len(own)
    assert net.predict(np.ones((2, 5, 3))).shape == (2, 5, 2)
