"""The graph of layers: names, shapes, order, and the function that runs it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets import layers
from theanets.errors import ConfigurationError
from theanets.graph import topology as graphs
from theanets.graph import tracing
from theanets.graph.running import run_from
from theanets.graph.topology import Topology, frozen


def graph(*made):
    topology = Topology()
    for layer in made:
        topology = topology.extended(layer)
    return topology


def diamond():
    """Two branches that meet twice."""
    return graph(
        layers.Input(size=3, name="in"),
        layers.Feedforward(size=4, name="a", inputs="in"),
        layers.Feedforward(size=4, name="b", inputs="in:out"),
        layers.Product(name="both", inputs=["a", "b:pre"]),
        layers.Concatenate(name="all", inputs=["both", "a", "in"]),
        layers.Feedforward(size=2, name="out", activation="linear"),
    )


def values(topology, seed=1):
    return {k: jnp.asarray(v, "f4") for k, v in topology.initial_values(seed).items()}


def test_what_a_graph_knows():
    topology = diamond()
    assert [x.name for x in topology.inputs] == ["in"]
    assert [x.name for x in topology.hidden] == ["a", "b", "both", "all"]
    assert topology.by_name["all"].shape == (11,)
    assert topology.by_name["out"].input_names == ("all:out",)
    assert topology.param_shapes == {
        "a.w": (3, 4), "a.b": (4,), "b.w": (3, 4), "b.b": (4,),
        "out.w": (11, 2), "out.b": (2,),
    }  # fmt: skip
    assert topology.learned == set(topology.param_shapes)
    assert sorted(topology.output_names) == [
        "a:out", "a:pre", "all:out", "b:out", "b:pre", "both:out", "in:out",
        "out:out", "out:pre",
    ]  # fmt: skip


def test_forward():
    topology = diamond()
    params = values(topology)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("f4")
    found = topology.forward(params, {"in": x})
    a, b = np.maximum(x @ params["a.w"], 0), x @ params["b.w"]
    joined = np.concatenate([a * b, a, x], axis=1)
    np.testing.assert_allclose(found["all:out"], joined, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        found["out:out"], joined @ params["out.w"], rtol=1e-5, atol=1e-6
    )


def test_what_is_modified_is_what_later_layers_read():
    topology = diamond()
    params = values(topology)
    x = np.ones((5, 3), "f4")
    seen = []

    def modify(name, value, outputs):
        seen.append((name, set(outputs)))
        return value * 0 if name == "all:out" else value

    found = topology.forward(params, {"in": x}, modify)
    assert not found["all:out"].any()
    assert not found["out:out"].any()
    assert found["both:out"].any()
    assert dict(seen)["a:pre"] == {"in:out"}


def test_forward_from_the_middle():
    topology = graph(
        layers.Input(size=3, name="in"),
        layers.Feedforward(size=4, name="code"),
        layers.Feedforward(size=2, name="out"),
    )
    params = values(topology)
    whole = topology.forward(params, {"in": np.ones((5, 3), "f4")})
    code = topology.by_name["code"]
    part = run_from(topology.layers, params, code, whole["code:out"])
    assert set(part) == {"code:out", "out:pre", "out:out"}
    np.testing.assert_array_equal(part["out:out"], whole["out:out"])
    with pytest.raises(ConfigurationError, match="Choose another layer"):
        inner = diamond()
        code = jnp.ones((5, 4))
        run_from(inner.layers, values(inner), inner.by_name["a"], code)


def test_axes_of_any_length():
    topology = graph(
        layers.Input(shape=(None, 5, 3), name="in"),
        layers.Feedforward(size=4, name="a"),
        layers.Concatenate(name="both", inputs=["a", "in"]),
    )
    assert [x.shape for x in topology.layers] == [
        (None, 5, 3),
        (None, 5, 4),
        (None, 5, 7),
    ]
    assert topology.traced_shapes({"in": (2, 9, 5, 3)})["both:out"] == (2, 9, 5, 7)


@pytest.mark.parametrize("form", ["flatten", "reshape"])
def test_axes_that_have_to_be_known(form):
    shape = {"shape": (3, -1)} if form == "reshape" else {}
    layer = layers.Layer.build(form, name="flat", **shape)
    with pytest.raises(ConfigurationError, match="every axis of its input"):
        graph(layers.Input(shape=(None, 3), name="in"), layer)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.Feedforward(size=2, name="in"), "has this name already"),
        (layers.Feedforward(size=2, inputs="b"), 'name "b", which is no earlier'),
        (layers.Feedforward(size=2, inputs="ina"), 'Did you mean "in"'),
        (layers.Feedforward(size=2, inputs="a:pra"), 'Did you mean "a:pre"'),
        (layers.Feedforward(size=2, inputs=["a", "a:out"]), "one output twice"),
        (layers.Feedforward(size=2, inputs=["a", "wide"]), "differ in more than"),
        (layers.Concatenate(inputs=["a", "wide"]), "differ in more than"),
        (layers.Product(inputs=["a", "in"]), "inputs of one shape"),
        (layers.Concatenate(size=9, inputs=["a", "in"]), "make it 7"),
        (layers.Flatten(inputs=["a", "in"]), "reads at most 1 input"),
        (layers.Tied(inputs=["a", "in"]), "reads at most 1 input"),
    ],
)
def test_what_does_not_fit(layer, message):
    topology = graph(
        layers.Input(size=3, name="in"),
        layers.Input(shape=(2, 4), name="wide"),
        layers.Feedforward(size=4, name="a", inputs="in"),
    )
    with pytest.raises(ConfigurationError, match=message):
        topology.extended(layer)


def test_a_layer_that_does_not_compute_what_it_says():
    class Half(layers.Layer):
        def transform(self, params, inputs):
            return inputs[self.input_name][:, ::2]

    class Nothing(layers.Layer):
        def transform(self, params, inputs):
            return {"state": inputs[self.input_name]}

    with pytest.raises(ConfigurationError, match=r"declares .* \(4,\), but .* \(2,\)"):
        theanets.Network([4, "half", 3])
    with pytest.raises(ConfigurationError, match='no "out", only state'):
        theanets.Network([4, "nothing", 3])


def test_equal_graphs_have_equal_keys():
    assert diamond().key == diamond().key
    base = [3, (4, "tanh"), 2]

    def key(entries, model=theanets.Network):
        return model(entries)._state.topology.key

    # Neither first values nor seeds make another program.
    same = [3, {"size": 4, "activation": "tanh", "std": 9, "mean_b": 1, "rng": 5}, 2]
    assert key(base) == key(same)
    others = [
        [3, (5, "tanh"), 2],
        [3, 4, 2],
        [3, {"size": 4, "activation": "tanh", "name": "code"}, 2],
        [3, (4, "tanh"), (2, "tanh")],
        [3, (4, "tanh"), {"size": 2, "inputs": "hid1:pre"}],
        [3, (4, jnp.tanh), 2],
    ]
    assert len({key(base), *map(key, others)}) == 1 + len(others)


def test_equal_functions_are_one_key_and_others_are_not():
    def keys(function):
        return theanets.Network([3, (4, function), 2])._state.topology.key

    assert keys(jnp.sin) == keys(jnp.sin) != keys(jnp.cos)


def test_frozen():
    given = {"a": [1, (2, np.arange(3))], "b": "text"}
    again = {"b": "text", "a": [1, (2, np.arange(3))]}
    assert hash(frozen(given)) == hash(frozen(again))
    assert frozen(given) != frozen({"a": [1, (2, np.arange(4))], "b": "text"})


def test_each_parameter_has_a_stream_of_its_own():
    first, second = diamond().initial_values(1), diamond().initial_values(1)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
    assert (first["a.w"] != first["b.w"]).any()
    assert (first["a.w"] != diamond().initial_values(2)["a.w"]).any()
    longer = graph(
        layers.Input(size=3, name="in"),
        layers.Feedforward(size=9, name="new"),
        layers.Feedforward(size=4, name="a", inputs="in"),
    )
    np.testing.assert_array_equal(longer.initial_values(1)["a.w"], first["a.w"])


def test_it_can_be_differentiated_and_mapped():
    topology = diamond()
    params = values(topology)
    x = jnp.ones((5, 3))

    def total(params, x):
        return topology.forward(params, {"in": x})["out:out"].sum()

    assert jax.grad(total)(params, x).keys() == params.keys()
    many = jax.tree.map(lambda value: jnp.stack([value, 2 * value]), params)
    assert jax.vmap(total, (0, None))(many, x).shape == (2,)


def test_equal_layers_are_traced_once(monkeypatch):
    traced = []

    def output_shapes(layer, param_shapes):
        traced.append(layer.name)
        return tracing.output_shapes(layer, param_shapes)

    monkeypatch.setattr(graphs, "output_shapes", output_shapes)
    monkeypatch.setattr(graphs, "_KNOWN", {})
    entries = [4, *[{"size": 4, "std": 0.1 * n} for n in range(5)], (4, "tanh"), 4]
    net = theanets.Regressor(entries)
    # The input, the first hidden layer, the one of another activation, the output.
    assert traced == ["in", "hid1", "hid6", "out"]
    assert net.layers[3].outputs == net.layers[1].outputs
    theanets.Regressor([5, 4, 4])
    assert traced[4:] == ["in", "hid1"]


def test_what_a_graph_knows_by_name_is_the_same_however_it_was_made():
    net = theanets.recurrent.Regressor(
        [3, {"form": "bidirectional", "size": 4, "name": "both"}, (5, "tanh"), 2]
    )
    grown = net._state.topology
    made = Topology(grown.layers)
    for name in ("by_name", "parts", "param_shapes", "output_shapes"):
        assert getattr(grown, name) == getattr(made, name)
        assert list(getattr(grown, name)) == list(getattr(made, name))
