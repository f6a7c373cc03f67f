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

ACTIVATIONS = ["linear", "tanh", "relu", "prelu", "maxout:2", "softmax", "elu+norm:z"]
ACTIVATIONS += ["gelu"]

# Every form of loss, with what it needs here. The output serves as variance too.
LOSSES = {
    "mse": {},
    "mae": {},
    "huber": {"delta": 0.1},
    "xe": {},
    "bce": {"output_name": "out:pre"},
    "hinge": {},
    "kl": {},
    "gll": {"mean_name": "out", "covar_name": "out"},
    "mmd": {},
}


def sequence(form, activation="g", **keywords):
    """Return the layers of a graph that reads sequences."""
    return [(None, 3), {"form": form, "size": 4, "activation": activation, **keywords}]


# For each form: the layers before the output. "g" stands for an activation.
GRAPHS = {
    "input": [4],
    "feedforward": [4, {"size": 5, "activation": "g"}],
    "feedforward of two": [
        4,
        (5, "tanh"),
        {"inputs": ["in", "hid1:pre"], "size": 6, "activation": "g"},
    ],
    "feedforward over time": [(None, 4), {"size": 5, "activation": "g"}],
    "classifier": [4, (5, "classifier")],
    "tied": [4, (5, "tanh"), {"form": "tied", "activation": "g"}],
    "concatenate": [4, (5, "tanh"), {"form": "concat", "inputs": ["hid1", "in"]}],
    "product": [4, (4, "tanh"), {"form": "product", "inputs": ["hid1", "in"]}],
    "add": [4, (4, "tanh"), {"form": "add", "inputs": ["hid1", "in"]}],
    "flatten": [(3, 2), "flat"],
    "reshape": [6, {"form": "reshape", "shape": (-1, 2)}],
    "conv1": [
        (None, 4),
        {"form": "conv1", "size": 5, "filter_size": 2, "activation": "g"},
    ],
    "conv2": [
        (4, 3, 2),
        {
            "form": "conv2",
            "size": 5,
            "filter_size": (3, 2),
            "border_mode": "same",
            "stride": (2, 1),
            "activation": "g",
        },
    ],
    "pool1": [(None, 4), {"form": "pool1", "pool_size": 2, "mode": "mean"}],
    "pool2": [(4, 3, 2), {"form": "pool2", "pool_size": (2, 1)}],
    "last": [(None, 4), (5, "tanh"), "last"],
    "pool": [(None, 4), (5, "tanh"), {"form": "pool", "mode": "mean"}],
    "pool of the largest": [
        (None, 4),
        (5, "tanh"),
        {"form": "pool", "mode": "max"},
    ],
    "layernorm": [4, "layernorm"],
    "embedding": [4, {"form": "embedding", "vocabulary": 6, "size": 3}],
    "embedding over time": [(None,), {"form": "embedding", "vocabulary": 6, "size": 3}],
    "dropout": [4, {"form": "dropout", "level": 0.3}],
    "noise": [4, {"form": "noise", "level": 0.3}],
    "rnn": sequence("rnn"),
    "rnn of limited memory": sequence("rnn", bptt_limit=10, direction="back"),
    "rrnn": sequence("rrnn"),
    "rrnn of fixed rates": sequence("rrnn", rate="log"),
    "mrnn": sequence("mrnn"),
    "lstm": sequence("lstm", activation=None, direction="back"),
    "gru": sequence("gru"),
    "mut1": sequence("mut1", activation=None),
    "scrn": sequence("scrn", context_size=2),
    "clockwork": sequence("clockwork", periods=[2, 1]),
    "bcrnn": sequence("bcrnn", num_modules=2),
    "bidirectional": sequence("bidirectional", worker="gru"),
    "batchnorm": [4, {"form": "batchnorm", "activation": "g"}],
}

HIDDEN = ("hh", "hr", "hz")

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
"""What no layer learns."""

OF_ACTIVATION = {
    "prelu": {"leak"},
    "maxout:2": {"slope", "intercept"},
    "elu+norm:z": {"gain"},
}


def with_activation(graph, activation):
    return [
        {**x, "activation": activation}
        if isinstance(x, dict) and x.get("activation") == "g"
        else x
        for x in graph
    ]


def activations(graph):
    if graph == "feedforward":
        return ACTIVATIONS
    if GRAPHS[graph][0] == (None, 3):
        return ["tanh"]
    some = ("tied", "batchnorm", "conv1", "conv2")
    learns = graph in some or graph.startswith("feedforward")
    return ["tanh", "prelu"] if learns else ["linear"]


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
        layers = with_activation(GRAPHS[graph], activation)
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
    graphs = [
        theanets.Network([*with_activation(g, "tanh"), 3]) for g in GRAPHS.values()
    ]
    assert ours == {type(layer) for net in graphs for layer in net.layers}


def test_every_loss_is_here():
    ours = {cls.form() for cls in map(losses.REGISTRY.lookup, losses.REGISTRY)}
    assert set(LOSSES) == {
        form for form in ours if is_ours(losses.REGISTRY.lookup(form))
    }


def is_ours(cls):
    return cls.__module__.startswith("theanets.")


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
    expected = PARAMS[graph] | OF_ACTIVATION.get(activation, set())
    assert set(layer.params) == expected
    for name, param in layer.params.items():
        handle = net.find(layer.name, name)
        assert handle.name == layer.full_name(name)
        assert handle.shape == param.shape
        assert handle.dtype == "float64"
    names = {handle.name for handle in net.params}
    fixed = {layer.full_name(name) for name in FIXED & set(layer.params)}
    assert names == set(net.functional()[1]) - fixed


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
    layers = with_activation(GRAPHS[graph], activation)
    classifier = theanets.Classifier([*layers, 3])
    classifier.losses.clear()
    for loss, given in LOSSES.items():
        labels = loss in ("xe", "hinge")
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
