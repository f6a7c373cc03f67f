"""What every form of layer keeps, with every activation and every loss it can carry."""

import io
import json

import jax
import numpy as np
import pytest

import theanets
from theanets.layers import FORMS

ACTIVATIONS = ["linear", "tanh", "relu", "prelu", "maxout:2", "softmax", "elu+norm:z"]
LOSSES = ["mse", "mae", "xe", "hinge", "kl"]

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
    "flatten": [(3, 2), "flat"],
    "reshape": [6, {"form": "reshape", "shape": (-1, 2)}],
    "batchnorm": [4, {"form": "batchnorm", "activation": "g"}],
}

PARAMS = {
    "input": set(),
    "feedforward": {"w", "b"},
    "feedforward of two": {"w_in:out", "w_hid1:pre", "b"},
    "feedforward over time": {"w", "b"},
    "classifier": {"w", "b"},
    "tied": {"b"},
    "concatenate": set(),
    "product": set(),
    "flatten": set(),
    "reshape": set(),
    "batchnorm": {"gain", "bias", "mean", "variance"},
}

KEPT = {"hid1.mean", "hid1.variance"}
"""What training keeps but does not learn."""

OF_ACTIVATION = {
    "prelu": {"leak"},
    "maxout:2": {"slope", "intercept"},
    "elu+norm:z": {"gain"},
}


def with_activation(graph, activation):
    return [
        {**x, "activation": activation}
        if isinstance(x, dict) and "activation" in x
        else x
        for x in graph
    ]


def activations(graph):
    if graph == "feedforward":
        return ACTIVATIONS
    learns = graph in ("tied", "batchnorm") or graph.startswith("feedforward")
    return ["tanh", "prelu"] if learns else ["linear"]


CASES = [
    pytest.param(graph, activation, id=f"{graph}-{activation}")
    for graph in GRAPHS
    for activation in activations(graph)
]


@pytest.fixture(scope="module", autouse=True)
def float64():
    """Compute in double precision, so that finite differences tell."""
    was = jax.config.jax_enable_x64
    theanets.config.floatX = "float64"
    yield
    theanets.config.floatX = "float32"
    jax.config.update("jax_enable_x64", was)


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
    return rng.normal(size=(size, *shape))


def test_every_form_is_here():
    ours = {cls for cls in map(FORMS.lookup, FORMS) if cls.__module__ in OURS}
    graphs = [
        theanets.Network([*with_activation(g, "relu"), 3]) for g in GRAPHS.values()
    ]
    assert ours == {type(layer) for net in graphs for layer in net.layers}


OURS = tuple(f"theanets.layers.{x}" for x in ("feedforward", "merge", "normalization"))


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
        actual = outputs[name].shape
        assert actual == (4, *(5 if n is None else n for n in shape))
    for layer in net.layers:
        assert layer.outputs["out"] == layer.shape
        assert layer.size == layer.shape[-1]
    assert all(np.isfinite(value).all() for value in outputs.values())


@pytest.mark.parametrize(("graph", "activation"), CASES)
def test_parameters(net, graph, activation):
    layer = net.layers[-2]
    expected = PARAMS[graph] | OF_ACTIVATION.get(activation, set())
    assert set(layer.params) == expected
    for name, param in layer.params.items():
        handle = net.find(layer.name, name)
        assert handle.name == f"{layer.name}.{name}"
        assert handle.shape == param.shape
        assert handle.dtype == "float64"
    names = [handle.name for handle in net.params]
    assert sorted(names) == sorted(set(net.functional()[1]) - KEPT)


@pytest.mark.parametrize(("graph", "activation"), CASES)
def test_the_description_makes_the_layer_again(net):
    specs = json.loads(json.dumps([layer.to_spec() for layer in net.layers]))
    again = theanets.Network(specs)
    assert again._topology.key == net._topology.key
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
    """Derivatives of every loss along a random direction, by finite differences."""
    layers = with_activation(GRAPHS[graph], activation)
    classifier = theanets.Classifier([*layers, 3])
    classifier.losses.clear()
    for loss in LOSSES:
        labels = loss in ("xe", "hinge")
        classifier.add_loss(loss, target="labels" if labels else "target")
    objective = classifier._objective()
    params, x = net.functional()[1], batch(net)
    p = np.exp(net.feed_forward(x)["out:out"])
    p /= p.sum(axis=-1, keepdims=True)
    # The least probable class: no loss is 0 there.
    data = {"in": x, "target": np.roll(p, 1, axis=0), "labels": p.argmin(axis=-1)}
    rest = [data[slot.name] for slot in objective.slots[1:]]

    @jax.jit
    def program(point, losses):
        def total(params, x):
            numbers = {"losses": losses, "regularizers": ()}
            return objective(params, (x, *rest), numbers)[0]

        return jax.value_and_grad(total, (0, 1))(*point)

    point = jax.tree.map(np.asarray, (params, x))
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
