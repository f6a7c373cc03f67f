"""Recurrent layers and models against the original's numbers.

The original left the outputs of layers that run backwards in the order of processing,
and some outputs had the time axis first; `theirs` puts ours into that order.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets

from . import case

CLOSE = {"rtol": 1e-4, "atol": 1e-5}

CASES = [
    "rnn",
    "rnn_relu",
    "rnn_back",
    "rnn_backwards",
    "rnn_bptt_3",
    "rnn_stacked",
    "rnn_classifier",
    "rnn_h0",
    "bcrnn",
    "clockwork",
    "clockwork_unsorted",
    "clockwork_back",
    "rrnn_default",
    "rrnn_matrix",
    "rrnn_vector",
    "rrnn_uniform",
    "rrnn_log",
    "rrnn_back",
    "rrnn_h0",
    "mrnn",
    "mrnn_factors",
    "mrnn_h0",
    "lstm",
    "lstm_back",
    "lstm_bptt_3",
    "lstm_c0",
    "lstm_h0_c0",
    "gru",
    "gru_back",
    "gru_h0",
    "mut1",
    "mut1_back",
    "mut1_h0",
    "scrn",
    "scrn_uniform_fit",
    "scrn_h0_s0",
    "bidirectional_default",
    "bidirectional_rnn",
    "bidirectional_lstm",
    "bidirectional_gru",
    "bidirectional_rrnn",
    "bidirectional_clockwork",
    "rnn_prelu",
    "concatenate_time",
]

# These were computed outside the loop over time, so they were never turned round.
IN_ORDER = {"rrnn", "mut1"}


def tuples(layers):
    return [tuple(x) if isinstance(x, list) else x for x in layers]


def split(arrays, prefix):
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def made(name):
    meta, arrays = case(f"layers/{name}")
    net = getattr(theanets.recurrent, meta["model"].removeprefix("recurrent."))(
        tuples(meta["layers"])
    )
    held = split(arrays, "param/") | split(arrays, "extra/")
    for full, value in held.items():
        value = np.exp(value) if full.endswith(".leak") else value
        net.find(*full.split(".", 1)).set_value(value)
    return meta, arrays, net


def theirs(meta, outputs, params):
    """Return our outputs in the order that the original left them in."""
    hidden = meta["layers"][-2]
    spec = hidden if isinstance(hidden, dict) else {}
    worker = spec.get("worker", spec.get("form"))
    backwards = str(spec.get("direction")).startswith("back")
    found = dict(outputs)
    for name, value in outputs.items():
        layer, _, output = name.partition(":")
        turned = name.startswith("hid1:bw_") or (backwards and layer != "in")
        if turned and not (output.endswith("rate") and worker in IN_ORDER):
            found[name] = value[:, ::-1]
    if spec.get("form") == "bidirectional":
        for output in ("out", "pre", "cell"):
            if f"hid1:{output}" in found:
                sides = [found[f"hid1:{side}_{output}"] for side in ("fw", "bw")]
                found[f"hid1:{output}"] = jnp.concatenate(sides, axis=-1)
        last = found["hid1:out"] @ params["out.w"] + params["out.b"]
        found |= {"out:out": last, "out:pre": last}
    return found


@pytest.mark.parametrize("name", CASES)
def test_layer(name):
    meta, arrays, net = made(name)
    assert {layer.name: list(layer.shape) for layer in net.layers} == (
        meta["layer_shapes"]
    )
    expected = split(arrays, "param/")
    assert {p.name: p.shape for p in net.params} == {
        name: value.shape for name, value in expected.items()
    }
    apply, params = net.functional()
    fixed = split(arrays, "extra/")
    assert params.keys() == expected.keys() | fixed.keys()

    def total(params, inputs):
        found = theirs(meta, apply({**params, **fixed}, inputs), params)
        return (jnp.asarray(arrays["cot"]) * found["out:out"]).sum(), found

    learned = {name: params[name] for name in expected}
    program = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))
    (value, found), (of_params, of_inputs) = program(learned, split(arrays, "input/"))
    np.testing.assert_allclose(value, arrays["cot_total"], **CLOSE)

    outputs = split(arrays, "output/")
    assert found.keys() == outputs.keys()
    for name, output in outputs.items():
        ours = np.asarray(found[name])
        if output.shape[:2] == ours.shape[1::-1]:
            output = output.swapaxes(0, 1)
        output = np.broadcast_to(output, ours.shape)
        np.testing.assert_allclose(ours, output, **CLOSE, err_msg=name)

    for name, gradient in of_params.items():
        # The original's parameter is the logarithm of ours.
        chain = params[name] if name.endswith(".leak") else 1
        wanted = arrays[f"grad/param/{name}"]
        np.testing.assert_allclose(gradient * chain, wanted, **CLOSE, err_msg=name)
    for name, gradient in of_inputs.items():
        wanted = arrays[f"grad/input/{name}"]
        np.testing.assert_allclose(gradient, wanted, **CLOSE, err_msg=name)


def test_classifier():
    meta, arrays = case("models/recurrent_classifier")
    net = theanets.recurrent.Classifier(tuples(meta["layers"]))
    for full, value in split(arrays, "param/").items():
        net.find(*full.split(".", 1)).set_value(value)
    x, y, w = arrays["x"], arrays["y"], arrays["w"]
    np.testing.assert_array_equal(net.predict(x), arrays["predict"])
    np.testing.assert_array_equal(net.predict(x[2]), arrays["predict"][2])
    np.testing.assert_allclose(net.predict_proba(x), arrays["predict_proba"], **CLOSE)
    np.testing.assert_allclose(net.predict_logit(x), arrays["predict_logit"], **CLOSE)
    assert net.score(x, y) == pytest.approx(float(arrays["score"]))
    assert net.score(x, y, w) == pytest.approx(float(arrays["score_weighted"]))


class Replayed:
    """The training set of a case in batches, in the order the original drew them."""

    def __init__(self, arrays, size, seed):
        count = len(arrays[0]) // size
        self.batches = [
            [x[i * size : (i + 1) * size] for x in arrays] for i in range(count)
        ]
        self.rng = np.random.RandomState(seed)
        self.order = []

    def __len__(self):
        return len(self.batches)

    def __call__(self):
        if not self.order:
            # It shuffled the list in place, time and again.
            self.rng.shuffle(self.batches)
            self.order = list(self.batches)
        return self.order.pop(0)


@pytest.mark.parametrize("name", ["recurrent", "recurrent_lstm"])
def test_training(name):
    meta, arrays = case(f"trainer/{name}")
    net = theanets.recurrent.Regressor(tuples(meta["layers"]))
    for full, value in split(arrays, "init/").items():
        net.find(*full.split(".", 1)).set_value(value)
    size = meta["kwargs"]["batch_size"]
    data = [arrays["train_data/0"], arrays["train_data/1"]]
    valid = arrays["valid_data/0"], arrays["valid_data/1"]
    keywords = {**meta["kwargs"], "max_epochs": meta["epochs"], "progress": False}
    del keywords["max_updates"]
    replayed = Replayed(data, size, meta["shuffle_seed"])
    losses = []
    for training, _validation in net.itertrain(replayed, valid, **keywords):
        losses.append(training["loss"])
    close = {"rtol": 2e-3, "atol": 1e-5}
    np.testing.assert_allclose(losses, arrays["train/loss"], **close)
    for full, value in split(arrays, "last/").items():
        found = net.find(*full.split(".", 1)).get_value()
        np.testing.assert_allclose(found, value, **close, err_msg=full)
