"""What every form of layer keeps, with every activation and every loss it can carry."""

import copy
import io
import json
import pickle

import jax
import numpy as np
import pytest

import theanets
from theanets import losses
from theanets.layers import FORMS
from theanets.utils.registry import is_ours

from .collection import graphs, parts

ACTIVATIONS = ["linear", "tanh", "relu", "prelu", "maxout:2", "softmax", "elu+norm:z"]
ACTIVATIONS += ["gelu"]

# Every form of loss, with what it needs here. The output serves as variance too.
LOSSES = {form: dict(cls.example) for form, cls in parts(losses.REGISTRY).items()}

# Every form of layer as its own example, and some forms in another way too.
GRAPHS = {
    **graphs(),
    "feedforward of two": [
        4,
        (5, "tanh"),
        {"inputs": ["in", "hid1:pre"], "size": 6},
    ],
    "feedforward over time": [(None, 4), {"size": 5}],
    "pool of the largest": [
        (None, 4),
        (5, "tanh"),
        {"form": "pool", "mode": "max"},
    ],
    "embedding over time": [(None,), {"form": "embedding", "vocabulary": 6, "size": 3}],
    "rnn of limited memory": [
        (None, 3),
        {"form": "rnn", "size": 4, "bptt_limit": 10, "direction": "back"},
    ],
    "rrnn of fixed rates": [(None, 3), {"form": "rrnn", "size": 4, "rate": "log"}],
}

HIDDEN = ("hh", "hr", "hz")

# The names in files of the layers that come along: these stay.
PARAMS = {
    "input": set(),
    "feedforward": {"w", "b"},
    "feedforward of two": {"w_in:out", "w_hid1:pre", "b"},
    "feedforward over time": {"w", "b"},
    "classifier": {"w", "b"},
    "tied": {"b"},
    "concatenate": set(),
    "product": set(),
    "add": set(),
    "flatten": set(),
    "reshape": set(),
    "conv1": {"w", "b"},
    "conv2": {"w", "b"},
    "pool1": set(),
    "pool2": set(),
    "last": set(),
    "pool": set(),
    "pool of the largest": set(),
    "layernorm": {"gain", "bias"},
    "embedding": {"w"},
    "embedding over time": {"w"},
    "dropout": set(),
    "noise": set(),
    "rnn": {"xh", "hh", "b"},
    "rnn of limited memory": {"xh", "hh", "b"},
    "rrnn": {"xh", "hh", "b", "xr", "r"},
    "rrnn of fixed rates": {"xh", "hh", "b", "rates"},
    "mrnn": {"xh", "xf", "hf", "fh", "b"},
    "lstm": {"xh", "hh", "b", "ci", "cf", "co"},
    "gru": {"w", "b", "hh", "hr", "hz"},
    "mut1": {"xh", "xr", "xz", "hh", "hr", "bh", "br", "bz"},
    "scrn": {"w", "sh", "hh", "ho", "so", "b", "r"},
    "clockwork": {"xh", "hh", "b", "mask", "period"},
    "bcrnn": {"xh", "hh", "b", "mask", "rates"},
    "bidirectional": {
        f"{side}.{name}" for side in ("fw", "bw") for name in ("w", "b", *HIDDEN)
    },
    "batchnorm": {"gain", "bias", "mean", "variance"},
}

FIXED = {"rates", "mask", "period", "mean", "variance"}
"""What no layer of ours learns."""

OF_ACTIVATION = {
    "prelu": {"leak"},
    "maxout:2": {"slope", "intercept"},
    "elu+norm:z": {"gain"},
}


def form(graph):
    """Return the class of the layer that a graph is there for."""
    return FORMS[GRAPHS[graph][-1].get("form", "feedforward")]


def takes_activation(graph):
    return form(graph).leaves_activation_open(GRAPHS[graph][-1])


def with_activation(graph, activation):
    *before, last = GRAPHS[graph]
    chosen = {"activation": activation} if takes_activation(graph) else {}
    return [*before, last | chosen]


def activations(graph):
    if graph == "feedforward":
        return ACTIVATIONS
    if form(graph).__module__.startswith(theanets.layers.recurrent.__name__):
        return ["tanh"]
    return ["tanh", "prelu"] if takes_activation(graph) else ["linear"]


CASES = [
    pytest.param(graph, activation, id=f"{graph}-{activation}")
    for graph in GRAPHS
    for activation in activations(graph)
]


@pytest.fixture(scope="module", autouse=True)
def precise(module_in_float64):
    """Compute in double precision, so that finite differences tell."""


@pytest.fixture(scope="module")
def models():
    return {}


@pytest.fixture
def net(models, graph, activation):
    """The model of a case, made once."""
    key = graph, activation
    if key not in models:
        layers = with_activation(graph, activation)
        models[key] = theanets.Network([*layers, (3, "linear")])
    return models[key]


def batch(net, size=4, seed=1):
    rng = np.random.default_rng(seed)
    shape = [5 if n is None else n for n in net.inputs[0].shape]
    for vocabulary in net._state.topology.vocabularies.values():
        return rng.integers(0, vocabulary, (size, *shape))
    return rng.normal(size=(size, *shape))


def test_every_form_is_here():
    ours = {cls for cls in map(FORMS.lookup, FORMS) if is_ours(cls)}
    models = [theanets.Network([*with_activation(g, "tanh"), 3]) for g in GRAPHS]
    theirs = {type(layer) for net in models for layer in net.layers}
    # Beside ours there may be those of a file that is under test.
    assert ours == {cls for cls in theirs if is_ours(cls)}
    assert set(PARAMS) <= set(GRAPHS)


def test_every_loss_is_here():
    ours = {cls.form() for cls in map(losses.REGISTRY.lookup, losses.REGISTRY)}
    ours = {form for form in ours if is_ours(losses.REGISTRY.lookup(form))}
    assert {form for form in LOSSES if is_ours(losses.REGISTRY.lookup(form))} == ours
    known = {"mse", "mae", "huber", "xe", "bce", "hinge", "kl", "gll", "mmd"}
    assert known <= ours


@pytest.mark.parametrize(("graph", "activation"), CASES)
def test_pickles_and_copies_compute_the_same(net):
    x = batch(net)
    wanted = net.feed_forward(x)
    for again in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert again._state.topology.key == net._state.topology.key
        for name, value in again.feed_forward(x).items():
            np.testing.assert_array_equal(value, wanted[name])
        for layer, other in zip(again.layers, net.layers, strict=True):
            assert copy.deepcopy(layer).to_spec() == other.to_spec()


@pytest.mark.parametrize(("graph", "activation"), CASES)
def test_shapes(net):
    x = batch(net)
    outputs = net.feed_forward(x)
    declared = {
        f"{layer.name}:{name}": shape
        for layer in net.layers
        for name, shape in layer.outputs.items()
    }
    assert outputs.keys() == declared.keys()
    for name, shape in declared.items():
        batch_axis, *lengths = outputs[name].shape
        assert batch_axis == 4
        for length, expected in zip(lengths, shape, strict=True):
            assert expected in (None, length)
    for layer in net.layers:
        assert layer.outputs["out"] == layer.shape
        assert layer.shape[-1] is None or layer.size == layer.shape[-1]
    assert all(np.isfinite(value).all() for value in outputs.values())


@pytest.mark.parametrize(("graph", "activation"), CASES)
def test_parameters(net, graph, activation):
    layer = net.layers[-2]
    fixed = {name for name, param in layer.params.items() if not param.learned}
    if graph in PARAMS:
        expected = PARAMS[graph] | OF_ACTIVATION.get(activation, set())
        assert set(layer.params) == expected
        assert fixed == FIXED & expected
    for name, param in layer.params.items():
        handle = net.find(layer.name, name)
        assert handle.name == layer.full_name(name)
        assert handle.shape == param.shape
        assert handle.dtype == "float64"
    names = {handle.name for handle in net.params}
    assert names == set(net.functional()[1]) - set(map(layer.full_name, fixed))


@pytest.mark.parametrize(("graph", "activation"), CASES)
def test_the_description_makes_the_layer_again(net):
    specs = json.loads(json.dumps([layer.to_spec() for layer in net.layers]))
    again = theanets.Network(specs)
    assert again._state.topology.key == net._state.topology.key
    assert json.loads(json.dumps([x.to_spec() for x in again.layers])) == specs
    found, expected = again.functional()[1], net.functional()[1]
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(("graph", "activation"), CASES)
def test_saved_and_loaded(net):
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    again = theanets.load(file)
    x = batch(net)
    found, expected = again.feed_forward(x), net.feed_forward(x)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(("graph", "activation"), CASES)
def test_compiled_as_not_compiled(net):
    apply, params = net.functional()
    x = batch(net)
    compiled, plain = net.feed_forward(x), apply(params, x)
    for name, value in plain.items():
        np.testing.assert_allclose(compiled[name], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("graph", "activation"), CASES)
def test_a_batch_is_its_examples(net):
    x = batch(net, size=3)
    together = net.feed_forward(x)
    for i, example in enumerate(x):
        for name, value in net.feed_forward(example).items():
            np.testing.assert_allclose(value, together[name][i], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("graph", "activation"), CASES)
def test_gradients(net, graph, activation):
    """Derivatives of every loss along a random direction, by finite differences.

    As in training: a layer that makes noise makes the same for one key.
    """
    layers = with_activation(graph, activation)
    classifier = theanets.Classifier([*layers, 3])
    classifier.losses.clear()
    for loss, given in LOSSES.items():
        labels = losses.REGISTRY[loss].integer_target
        classifier.add_loss(loss, target="labels" if labels else "target", **given)
    objective = classifier._state.objective()
    held, x = net.functional()[1], batch(net)
    params = {handle.name: held[handle.name] for handle in net.params}
    p = np.exp(net.feed_forward(x)["out:out"])
    p /= p.sum(axis=-1, keepdims=True)
    # The least probable class, and no output of the model: no loss is 0 there.
    other = np.sqrt(p) / np.sqrt(p).sum(axis=-1, keepdims=True)
    target = np.roll(other, 1, axis=0)
    data = {"in": x, "target": target, "labels": p.argmin(axis=-1)}
    rest = [data[slot.name] for slot in objective.slots[1:]]

    @jax.jit
    def program(point, losses):
        def total(params, given):
            numbers = {**objective.numbers, "losses": losses}
            inputs = given[0] if given else x
            key = jax.random.key(0)
            return objective({**held, **params}, (inputs, *rest), numbers, key)[0]

        return jax.value_and_grad(total, (0, 1))(*point)

    # Of indices there is no derivative.
    point = jax.tree.map(np.asarray, (params, [x] if x.dtype.kind == "f" else []))
    rng = np.random.default_rng(3)
    along = jax.tree.map(lambda value: rng.normal(size=value.shape), point)
    step = 1e-6
    ahead = jax.tree.map(lambda value, d: value + step * d, point, along)
    behind = jax.tree.map(lambda value, d: value - step * d, point, along)
    for loss, alone in zip(LOSSES, np.eye(len(LOSSES)), strict=True):
        gradient = program(point, alone)[1]
        products = jax.tree.map(lambda g, d: (np.asarray(g) * d).sum(), gradient, along)
        slope = sum(jax.tree.leaves(products))
        numeric = (program(ahead, alone)[0] - program(behind, alone)[0]) / (2 * step)
        np.testing.assert_allclose(slope, numeric, rtol=1e-5, atol=1e-8, err_msg=loss)
        assert abs(slope) > 1e-5
