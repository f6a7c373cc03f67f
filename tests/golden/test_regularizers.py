"""Regularizers, and losses together, against the original's numbers."""

from operator import attrgetter

import jax
import numpy as np
import pytest

import theanets
from theanets import regularizers
from theanets.errors import ConfigurationError

from . import case

CLOSE = {"rtol": 1e-4, "atol": 1e-6}

CASES = [
    "none",
    "weight_l1",
    "weight_l2",
    "weight_sparsity_pattern",
    "weight_decay_pattern",
    "hidden_l1",
    "hidden_sparsity_pattern",
    "hidden_l1_all_outputs",
    "combined",
    "two_losses",
    "weighted_classifier",
    "recurrent_weight_l2",
    "recurrent_hidden_l1",
    "recurrent_state",
    "recurrent_state_two",
]
DROPOUT = ["input_dropout", "hidden_dropout", "output_dropout", "dropout_pattern"]
NOISE = ["input_noise", "hidden_noise", "output_noise", "noise_pattern"]


def model(name):
    """Make the model of a case with the original's parameters."""
    meta, arrays = case(f"regularizers/{name}")
    layers = [tuple(x) if isinstance(x, list) else x for x in meta["layers"]]
    make = attrgetter(meta["model"])(theanets)
    net = make(layers, weighted="data/weights" in arrays)
    if name == "two_losses":
        net.add_loss("mae", weight=0.3)
    for key, value in arrays.items():
        if key.startswith("param/"):
            net.find(*key.removeprefix("param/").split(".")).set_value(value)
    return meta, arrays, net


def terms(meta):
    # A copy: the keywords that are taken are removed.
    return regularizers.take(dict(meta["regularizers"]))


@pytest.mark.parametrize("name", CASES)
def test_loss_terms_and_gradients(name):
    meta, arrays, net = model(name)
    chosen = terms(meta)
    objective = net._state.objective(chosen)
    batch = tuple(arrays[f"data/{slot.name}"] for slot in objective.slots)
    params, numbers = net.functional()[1], objective.numbers

    def loss(*given):
        total, monitors, _ = objective(*given)
        return total, monitors

    program = jax.jit(jax.value_and_grad(loss, has_aux=True))
    (total, monitors), gradients = program(params, batch, numbers)
    np.testing.assert_allclose(total, arrays["total"], **CLOSE)
    for monitor, expected in {"loss": "total", "err": "err"}.items():
        # The parts of a weighted loss each come with the sum of its weights.
        value = np.ravel(monitors[monitor])[::2].sum()
        np.testing.assert_allclose(value, arrays[expected], **CLOSE)
    for key, gradient in gradients.items():
        expected = arrays[f"grad/param/{key}"]
        np.testing.assert_allclose(gradient, expected, **CLOSE, err_msg=key)
    assert len(chosen) == len(meta["term_weights"])
    for i, regularizer in enumerate(chosen):
        weights = numbers["regularizers"]
        without = numbers | {"regularizers": (*weights[:i], 0.0, *weights[i + 1 :])}
        (rest, _), _ = program(params, batch, without)
        kind = type(regularizer).__name__
        expected = meta["term_weights"][kind] * arrays[f"term/{kind}"]
        np.testing.assert_allclose(total - rest, expected, rtol=1e-3, err_msg=kind)


def test_a_pattern_that_matches_nothing_is_refused():
    # The original trained without the term and said nothing.
    meta, _, net = model("weight_l2_no_match")
    with pytest.raises(ConfigurationError, match="'nothing' matches nothing"):
        net._state.objective(terms(meta))


@pytest.mark.parametrize("name", DROPOUT + NOISE)
def test_noise(name):
    """The random numbers are others; the names of outputs and their relations hold."""
    meta, arrays, net = model(name)
    given = meta["regularizers"]
    x = arrays["input/in"]
    found = net.feed_forward(x, **given)
    expected = {k.removeprefix("output/") for k in arrays if k.startswith("output/")}
    assert found.keys() == expected
    suffix = "-predrop" if name in DROPOUT else "-prenoise"
    changed = [key for key in found if key.endswith(suffix)]
    assert changed
    for key in changed:
        after, before = found[key.removesuffix(suffix)], found[key]
        assert (after != before).any()
        if name in DROPOUT:
            (level,) = _levels(given)
            kept = after != 0
            np.testing.assert_allclose(after[kept], before[kept] / (1 - level), 1e-5)
    # What was not changed follows from what was.
    weights = net.find("hid1", "w").get_value()
    bias = net.find("hid1", "b").get_value()
    np.testing.assert_allclose(
        found["hid1:pre"], found["in:out"] @ weights + bias, rtol=1e-4, atol=1e-5
    )


def _levels(given):
    (value,) = given.values()
    return value.values() if isinstance(value, dict) else [value]


@pytest.mark.parametrize("keyword", ["dropout", "noise"])
def test_how_much_noise(keyword):
    net = theanets.Regressor([200, (200, "linear"), 3])
    x = np.ones((200, 200), "f")
    found = net.feed_forward(x, **{keyword: {"in:out": 0.3, "hid1:out": 0.1}})
    suffix = "-predrop" if keyword == "dropout" else "-prenoise"
    for name, level in {"in:out": 0.3, "hid1:out": 0.1}.items():
        before, after = found[name + suffix], found[name]
        if keyword == "dropout":
            assert (after == 0).mean() == pytest.approx(level, abs=0.01)
        else:
            noise = after - before
            assert noise.mean() == pytest.approx(0, abs=0.01)
            assert noise.std() == pytest.approx(level, rel=0.02)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        # The original's masks were equal here.
        (
            "dropout_masks_three_keywords",
            {f"{role}_dropout": 0.5 for role in regularizers.ROLES},
        ),
        ("dropout_masks_one_pattern", {"dropout": {"*:out": 0.5}}),
    ],
)
def test_equal_shapes_do_not_get_equal_masks(name, given):
    meta, _ = case(f"regularizers/{name}")
    assert meta["masks_equal"] == (name == "dropout_masks_three_keywords")
    net = theanets.Network([6, (6, "linear"), 6])
    x = np.ones((4, 6), "f")
    for _name in ("in", "hid1", "out"):
        for param in net.params:
            value = np.eye(6) if param.ndim == 2 else np.ones(6)
            param.set_value(value)
    found = net.feed_forward(x, **given)
    masks = [found[f"{name}:out"] == 0 for name in ("in", "hid1", "out")]
    assert (masks[0] != masks[1]).any()
    assert (masks[1] != masks[2]).any()


@pytest.mark.parametrize(
    "name",
    ["recurrent_state", "recurrent_state_two", "recurrent_state_all"],
)
def test_recurrent_state(name):
    meta, found, expected = recurrent(name, {"pattern": "*"})
    assert found == pytest.approx(float(expected), rel=1e-4), meta["id"]


@pytest.mark.parametrize("name", ["recurrent_norm", "recurrent_norm_two"])
def test_recurrent_norm(name):
    """The original averaged differences of squared norms; ours are squared first."""
    meta, found, expected = recurrent(name)
    norms = [np.square(h).sum(axis=-1) for h in states(name).values()]
    targets = norms[:1] if name == "recurrent_norm" else norms[:2]
    signed = np.mean([(n[:, :-1] - n[:, 1:]).mean() for n in targets])
    np.testing.assert_allclose(signed, expected, **CLOSE)
    squared = np.mean([np.square(n[:, :-1] - n[:, 1:]).mean() for n in targets])
    assert found == pytest.approx(squared, rel=1e-5), meta["id"]


def states(name):
    """Compute what the recurrent layers of a case give."""
    _, arrays = case(f"regularizers/{name}")
    given = {k.removeprefix("param/"): v for k, v in arrays.items() if "param/" in k}
    value, outputs = arrays["data/in"].astype("f8"), {}
    for layer in ("hid1", "hid2"):
        h, steps = np.zeros((len(value), len(given[f"{layer}.hh"]))), []
        for t in range(value.shape[1]):
            pre = value[:, t] @ given[f"{layer}.xh"] + given[f"{layer}.b"]
            pre = pre + h @ given[f"{layer}.hh"]
            h = np.tanh(pre)
            steps.append((pre, h))
        value = np.stack([h for _, h in steps], axis=1)
        outputs[f"{layer}:out"] = value
        outputs[f"{layer}:pre"] = np.stack([pre for pre, _ in steps], axis=1)
    out = value @ given["out.w"] + given["out.b"]
    order = ("hid1:out", "hid2:out", "hid1:pre", "hid2:pre")
    rest = {"in:out": arrays["data/in"], "out:out": out, "out:pre": out}
    return {name: outputs[name] for name in order} | rest


def recurrent(name, default=None):
    """Return a case, our penalty, and the original's."""
    meta, arrays = case(f"regularizers/{name}")
    ((keyword, given),) = meta["regularizers"].items()
    (made,) = regularizers.take({keyword: {**(default or {}), **given}})
    outputs = {key: np.asarray(value, "f4") for key, value in states(name).items()}
    evaluation = regularizers.Evaluation({}, jax.device_put(outputs), {}, {}, dict)
    expected = next(v for k, v in arrays.items() if k.startswith("term/"))
    return meta, float(made.penalty(evaluation)), expected


@pytest.mark.parametrize("name", ["contractive", "contractive_pattern"])
def test_contractive_is_the_norm_of_the_jacobian(name):
    """The original squared the derivative of the mean of each hidden output."""
    meta, arrays, net = model(name)
    x = arrays["data/in"]
    first, second = (net.find(f"hid{i}", "w").get_value() for i in (1, 2))
    b1, b2 = (net.find(f"hid{i}", "b").get_value() for i in (1, 2))
    h = np.tanh(x @ first + b1)
    s = 1 / (1 + np.exp(-(h @ second + b2)))
    of_first = first * (1 - h**2)[:, None, :]
    of_second = of_first @ second * (s * (1 - s))[:, None, :]
    # By the pattern "*" the original's term had the input and the output too.
    given = dict(meta["regularizers"]["contractive"])
    jacobians = [of_first] if name == "contractive_pattern" else [of_first, of_second]
    if given["pattern"] == "*":
        del given["pattern"]
    expected = np.mean([np.square(j).sum(axis=(1, 2)).mean() for j in jacobians])
    objective = net._state.objective(regularizers.take({"contractive": given}))
    batch = tuple(arrays[f"data/{slot.name}"] for slot in objective.slots)
    params, numbers = net.functional()[1], objective.numbers
    total, monitors, _ = objective(params, batch, numbers)
    np.testing.assert_allclose((total - monitors["err"]) / 0.7, expected, rtol=1e-4)
    if name == "contractive_pattern":
        theirs = np.square(of_first.mean(axis=2) / len(x)).mean()
        np.testing.assert_allclose(theirs, arrays["term/Contractive"], rtol=1e-4)
