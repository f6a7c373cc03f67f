"""A short batch with empty places is worth what it is without them."""

import copy

import jax
import numpy as np
import pytest

import theanets
from theanets import losses, regularizers
from theanets.data.chunks import PRESENT
from theanets.layers import FORMS
from theanets.utils.registry import is_ours

from .collection import graphs, parts

GRAPHS = {
    form: graph
    for form, graph in graphs().items()
    if is_ours(FORMS[form]) and not FORMS[form].mixes_examples
}
LOSSES = {
    form: dict(cls.example)
    for form, cls in parts(losses.REGISTRY).items()
    if is_ours(cls)
}
"""Ours: of a user's own class nobody knows whether it looks at the whole batch."""


@pytest.fixture(scope="module", autouse=True)
def precise(module_in_float64):
    """Compute in double precision."""


def example_data(net, size, seed=1):
    rng = np.random.default_rng(seed)
    shape = [5 if n is None else n for n in net.inputs[0].shape]
    for vocabulary in net._state.topology.vocabularies.values():
        return rng.integers(0, vocabulary, (size, *shape))
    return rng.normal(size=(size, *shape))


def check(objective, net, arrays, rows=5, places=8):
    """Compare some rows with as many and empty places, where anything may be.

    Compared are the loss, the monitors and the gradients of a batch that is learned.
    """
    assert objective.masks
    key, (_, params, fixed) = jax.random.key(3), net.functional(train=True)
    short, numbers = tuple(x[:rows] for x in arrays), objective.numbers
    padded = tuple(x[:places] for x in arrays)

    def evaluated(params, batch, numbers):
        def total(params):
            return objective({**fixed, **params}, batch, numbers, key)[:2]

        return jax.value_and_grad(total, has_aux=True)(params)

    @jax.jit
    def both(params):
        masked = {**numbers, PRESENT: np.arange(places) < rows}
        return evaluated(params, padded, masked), evaluated(params, short, numbers)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12),
        *both(params),
    )


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_layer(graph):
    net = theanets.Regressor([*GRAPHS[graph], (3, "linear")], rng=1)
    x = example_data(net, 8)
    apply, arrays = net.functional()
    shape = jax.eval_shape(apply, arrays, x)["out:out"].shape
    y = np.random.default_rng(2).normal(size=shape)
    check(net._state.objective(), net, (x, y))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", LOSSES)
def test_every_loss(form, weighted):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 8)
    y = p.argmax(1) if losses.REGISTRY[form].integer_target else p
    spec = {"form": form, "weighted": weighted, **LOSSES[form]}
    net = theanets.Network([4, (5, "tanh"), (3, "softmax")], loss=spec, rng=1)
    arrays = (rng.normal(size=(8, 4)), y, rng.uniform(size=8))
    check(net._state.objective(), net, arrays[: 2 + weighted])


@pytest.mark.parametrize("weighted", [False, True])
def test_weights_of_classes(weighted):
    rng = np.random.default_rng(0)
    net = theanets.Classifier([4, (5, "tanh"), 3], weighted=weighted, rng=1)
    objective = net._state.objective()
    vars(objective).update(class_weights=(1.0, 2.0, 0.5), mean_weights=(0.7,))
    arrays = (rng.normal(size=(8, 4)), np.arange(8) % 3, rng.uniform(size=8))
    check(objective, net, arrays[: 2 + weighted])


@pytest.mark.parametrize(
    "options",
    [{"weight_l2": 0.1}, {"hidden_dropout": 0.3}, {"input_noise": 0.2}],
    ids=str,
)
def test_regularizers_of_weights_and_noise(options):
    rng = np.random.default_rng(0)
    net = theanets.Regressor([4, (5, "tanh"), 3], rng=1)
    objective = net._state.objective(regularizers.take(dict(options)))
    check(objective, net, (rng.normal(size=(8, 4)), rng.normal(size=(8, 3))))


class Centred(theanets.Layer, register=False):
    takes_activation = False

    def transform(self, params, inputs):
        x = inputs[self.input_name]
        return x - x.mean(axis=0)


def of_batch(output, target):
    return (output - output.mean(axis=0) - target) ** 2


@pytest.mark.parametrize(
    ("layers", "loss", "options"),
    [
        ([4, 5, "batchnorm", 3], "mse", {}),
        ([4, Centred(), 3], "mse", {}),
        ([4, (5, lambda x: x - x.mean(axis=0)), 3], "mse", {}),
        ([4, 5, 3], of_batch, {}),
        ([4, 5, 3], "mse", {"hidden_l1": 0.1}),
        ([4, 5, 3], "mse", {"contractive": 0.1}),
        ([4, 5, 3], "mse", {"monitors": {"hid1:out": 0.1}}),
    ],
    ids=["batchnorm", "layer", "activation", "loss", "hidden_l1", "slope", "monitor"],
)
def test_what_looks_at_the_whole_batch_gets_no_empty_places(layers, loss, options):
    """An epoch of one short batch is then that of the same rows as all the data."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))

    def trained(batch_size):
        net = theanets.Regressor(copy.deepcopy(layers), loss=loss, rng=1)
        how = {"algo": "sgd", "max_epochs": 2, "progress": False, **options}
        pair = net.train((x, y), batch_size=batch_size, **how)
        return [pytest.approx(monitors, rel=1e-9) for monitors in pair]

    assert trained(8) == [dict(monitors.expected) for monitors in trained(None)]
