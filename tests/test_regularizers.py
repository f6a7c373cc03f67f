"""Keywords of regularizers, their identity, and regularizers of one's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets import regularizers
from theanets.errors import ConfigurationError
from theanets.regularizers import Dropout, Noise, Regularizer, WeightL2

X = np.random.default_rng(0).normal(size=(8, 3)).astype("f4")


def made(**given):
    chosen = regularizers.take(given)
    assert not given
    return [(r.form, r.weight, r.pattern, r.role) for r in chosen]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"weight_l2": 0.1}, [("weight_l2", 0.1, "*", None)]),
        ({"weight_decay": 1}, [("weight_l2", 1.0, "*", None)]),
        ({"weight_sparsity": 0}, [("weight_l1", 0.0, "*", None)]),
        ({"weight_l1": np.float32(0.5)}, [("weight_l1", 0.5, "*", None)]),
        ({"hidden_sparsity": 0.1}, [("hidden_l1", 0.1, None, "hidden")]),
        (
            {"weight_l2": {"weight": 0.1, "pattern": ["hid1.*", "out.w"]}},
            [("weight_l2", 0.1, ("hid1.*", "out.w"), None)],
        ),
        (
            {"hidden_l1": {"weight": 0.1, "pattern": "*:pre"}},
            [("hidden_l1", 0.1, "*:pre", None)],
        ),
        ({"input_noise": 0.1}, [("noise", 0.1, None, "input")]),
        ({"hidden_dropout": 0.5}, [("dropout", 0.5, None, "hidden")]),
        ({"output_dropout": 0}, [("dropout", 0.0, None, "output")]),
        (
            {"noise": {"b": 0.2, "a": 0.1}},
            [("noise", 0.1, "a", None), ("noise", 0.2, "b", None)],
        ),
        ({"regularizers": [WeightL2(0.3)]}, [("weight_l2", 0.3, "*", None)]),
        ({"regularizers": WeightL2(0.3)}, [("weight_l2", 0.3, "*", None)]),
        ({"weight_l2": WeightL2(0.3, "out.w")}, [("weight_l2", 0.3, "out.w", None)]),
        ({"weight_l2": None, "dropout": None, "regularizers": None}, []),
    ],
)
def test_keywords(given, expected):
    assert made(**given) == expected


def test_other_keywords_are_left():
    given = {"weight_l2": 0.1, "batch_size": 3, "weigth_l1": 0.2}
    regularizers.take(given)
    assert given == {"batch_size": 3, "weigth_l1": 0.2}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weight_l2": -1}, "weight_l2 is -1"),
        ({"weight_l2": "x"}, "weight_l2 is 'x'"),
        ({"weight_l2": True}, "weight_l2 is True"),
        ({"weight_l2": float("nan")}, "weight_l2 is nan"),
        ({"weight_l2": float("inf")}, "weight_l2 is inf"),
        (
            {"weight_l2": {"wieght": 1}},
            'unknown keyword .wieght..* Did you mean "weight"',
        ),
        ({"weight_l2": {"weight": 1, "pattern": 5}}, "pattern is 5"),
        ({"weight_l2": {"weight": 1, "pattern": ["a", 5]}}, "pattern is"),
        ({"hidden_l1": {"weight": 1, "role": "hiden"}}, 'Did you mean "hidden"'),
        ({"hidden_dropout": 1}, "1.* from 0 on and below 1"),
        ({"hidden_dropout": -0.1}, "hidden_dropout is -0.1"),
        ({"input_noise": -0.1}, "input_noise is -0.1"),
        ({"dropout": 0.5}, "dict from patterns to levels.*hidden_dropout"),
        ({"noise": 0.5}, "dict from patterns to levels.*hidden_noise"),
        ({"dropout": {"*": 1.5}}, "dropout is 1.5"),
        ({"regularizers": [5]}, "regularizers holds 5"),
        ({"regularizers": 5}, "regularizers holds 5"),
    ],
)
def test_wrong_keywords(given, message):
    with pytest.raises(ConfigurationError, match=message):
        regularizers.take(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weight_l2": {"weight": 1, "pattern": "hid9.w"}}, 'Did you mean "hid1.w"'),
        ({"dropout": {"hid9:out": 0.1}}, 'Did you mean "hid1:out"'),
        ({"hidden_l1": {"weight": 1, "pattern": "x"}}, "matches nothing"),
    ],
)
def test_a_pattern_that_matches_nothing(given, message):
    net = theanets.Regressor([3, 4, 2])
    with pytest.raises(ConfigurationError, match=message):
        net.predict(X, **given)
    with pytest.raises(ConfigurationError, match=message):
        net.train([X, X[:, :2]], **given)


def test_equal_kinds_are_one_program_whatever_the_weight():
    assert WeightL2(0.1).key == WeightL2(0.2).key
    keys = [
        WeightL2(0.1).key,
        WeightL2(0.1, "out.w").key,
        regularizers.WeightL1(0.1).key,
        Noise(0.1, role="input").key,
        Noise(0.1, role="hidden").key,
        Dropout(0.1, role="input").key,
    ]
    assert len(set(keys)) == len(keys)


def test_noise_of_level_0_is_none():
    net = theanets.Regressor([3, 4, 2])
    given = {"input_noise": 0.0, "hidden_dropout": 0.0}
    np.testing.assert_array_equal(net.predict(X, **given), net.predict(X))


def test_noise_is_drawn_anew_and_can_be_repeated():
    nets = [theanets.Regressor([3, 40, 2]) for _ in range(2)]
    first, second = (
        [net.predict(X, hidden_dropout=0.5) for _ in range(2)] for net in nets
    )
    assert (first[0] != first[1]).any()
    np.testing.assert_array_equal(first, second)


def test_noise_is_not_that_of_another_layer_or_kind():
    key = jax.random.key(0)
    streams = [
        regularizer.stream(name, key)
        for regularizer in (Noise(0.1, "*"), Dropout(0.1, "*"))
        for name in ("in:out", "hid1:out")
    ]
    numbers = [jax.random.bits(stream).item() for stream in streams]
    assert len(set(numbers)) == 4


def test_noise_on_what_comes_before_an_activation():
    net = theanets.Regressor([3, (4, "tanh"), {"size": 2, "inputs": "hid1:pre"}])
    found = net.feed_forward(X, noise={"hid1:pre": 0.5})
    assert (found["hid1:pre"] != found["hid1:pre-prenoise"]).all()
    expected = found["hid1:pre"] @ net.find("out", "w").get_value()
    np.testing.assert_allclose(found["out:out"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("keyword", ["output_dropout", "output_noise"])
def test_noise_on_the_output_reaches_the_loss(keyword):
    """A softmax output is read from before its activation, unless it has noise."""
    net = theanets.Classifier([3, 4, 5])
    chosen = regularizers.take({keyword: 0.5})
    objective = net._state.objective(chosen)
    batch = X, np.arange(8) % 5
    params, key = net.functional()[1], jax.random.key(1)
    quiet, *_ = objective(params, batch, objective.numbers)
    noisy, *_ = objective(params, batch, objective.numbers, key)
    assert abs(noisy - quiet) > 0.1
    outputs = objective.outputs(params, {"in": X}, objective.numbers, key)
    p = outputs["out:out"][np.arange(8), batch[1]]
    np.testing.assert_allclose(noisy, -np.log(np.maximum(p, 1e-8)).mean(), rtol=1e-5)


def penalty(net, **given):
    objective = net._state.objective(regularizers.take(given))
    params, batch = net.functional()[1], (X, X[:, :2])
    plain = net._state.objective()
    without = plain(params, batch, plain.numbers)
    return float(objective(params, batch, objective.numbers)[0] - without[0])


def test_one_of_ones_own():
    class Steep(Regularizer):
        aliases = ("slope",)

        def __init__(self, weight=0.0, power=2, **kwargs):
            super().__init__(weight, **kwargs)
            self.power = power

        def penalty(self, evaluation):
            assert set(evaluation.roles) == {"input", "hidden", "output"}
            assert evaluation.inputs["in"].shape == (8, 3)
            return (jnp.abs(evaluation.params["hid1.w"]) ** self.power).sum()

    net = theanets.Regressor([3, 4, 2])
    w = np.abs(net.find("hid1", "w").get_value())
    for given, power in [
        ({"steep": 0.5}, 2),
        ({"slope": 0.5}, 2),
        ({"slope": {"weight": 0.5, "power": 3}}, 3),
        ({"regularizers": [Steep(0.5, power=3)]}, 3),
    ]:
        assert penalty(net, **given) == pytest.approx(0.5 * (w**power).sum(), rel=1e-3)


def test_one_that_differentiates_the_model():
    class Steady(Regularizer):
        """Mean square of the change of the hidden layer along the first input."""

        def penalty(self, evaluation):
            def hidden(x):
                return evaluation.forward({"in": x})["hid1:out"]

            x = evaluation.inputs["in"]
            along = jnp.zeros_like(x).at[:, 0].set(1)
            return jnp.square(jax.jvp(hidden, (x,), (along,))[1]).mean()

    net = theanets.Regressor([3, (4, "linear"), 2])
    expected = np.square(net.find("hid1", "w").get_value()[0]).mean()
    assert penalty(net, steady=1.0) == pytest.approx(expected, rel=1e-3)
    training, _ = net.train([X, X[:, :2]], steady=0.1, max_epochs=1, progress=False)
    assert training["loss"] > training["err"]


def test_one_that_changes_outputs():
    class Rounding(Regularizer):
        default_role = "hidden"
        suffix = "exact"

        def modify(self, name, value, key, weight):
            return jnp.round(value / weight) * weight

    net = theanets.Regressor([3, 4, 2])
    found = net.feed_forward(X, rounding=0.25)
    np.testing.assert_array_equal(found["hid1:out"] % 0.25, 0)
    np.testing.assert_allclose(found["hid1:out-exact"], found["hid1:out"], atol=0.125)


def test_biases_and_what_is_not_learned_do_not_count():
    class Masked(theanets.Layer):
        def setup(self):
            self.add_weights("w", self.input_size, self.size)
            self.add_param("mask", (3, 3), lambda rng: np.full((3, 3), 9.0), False)

        def transform(self, params, inputs):
            return inputs[self.input_name] @ (params["w"] * params["mask"])

    net = theanets.Regressor([3, "masked", (2, "prelu")])
    net.find("out", "b").set_value([5, 5])
    squares = [
        np.square(net.find(layer, "w").get_value()).mean() for layer in ("hid1", "out")
    ]
    # The sum of squares of what is there is large, so the difference is rounded.
    assert penalty(net, weight_l2=1.0) == pytest.approx(np.mean(squares), abs=1e-4)


def jacobian_term(net, x, names):
    """Return the mean squared Frobenius norm of some outputs by the input."""
    apply, params = net.functional()
    total = 0.0
    for name in names:
        jacobian = jax.vmap(jax.jacobian(lambda x, n=name: apply(params, x[None])[n]))(
            jnp.asarray(x)
        )
        total += float(jnp.square(jacobian).sum()) / len(x)
    return total / len(names)


@pytest.mark.parametrize("sizes", [(3, 5), (5, 3)], ids=["by inputs", "by units"])
def test_contractive_is_exact_where_the_model_is_small(sizes):
    inputs, units = sizes
    net = theanets.Regressor([inputs, (units, "tanh"), (2, "logistic"), 2])
    x = np.random.default_rng(4).normal(size=(6, inputs)).astype("f4")
    objective = net._state.objective(regularizers.take({"contractive": 1.0}))
    params = net.functional()[1]

    def term(params):
        total, monitors, _ = objective(params, (x, x[:, :2]), objective.numbers)
        return total - monitors["err"]

    expected = jacobian_term(net, x, ["hid1:out", "hid2:out"])
    term = jax.jit(term)
    value, slopes = jax.jit(jax.value_and_grad(term))(params)
    np.testing.assert_allclose(value, expected, rtol=1e-3)
    # Its derivative, through three derivatives, along one direction.
    w = params["hid1.w"]
    along = jax.random.normal(jax.random.key(0), w.shape)
    ahead, behind = (term(params | {"hid1.w": w + s * along}) for s in (1e-2, -1e-2))
    slope = (slopes["hid1.w"] * along).sum()
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-2, rtol=2e-2)


def test_contractive_is_estimated_without_bias_where_the_model_is_large():
    net = theanets.Regressor([80, (70, "tanh"), 2])
    x = np.random.default_rng(4).normal(size=(64, 80)).astype("f4")
    expected = jacobian_term(net, x, ["hid1:out"])
    params = net.functional()[1]
    values = {}
    for samples in (None, 1, 8, 0):
        given = {"contractive": {"weight": 1.0, "samples": samples}}
        objective = net._state.objective(regularizers.take(given))

        @jax.jit
        def term(key, objective=objective):
            numbers = objective.numbers
            total, monitors, _ = objective(params, (x, x[:, :2]), numbers, key)
            return total - monitors["err"]

        keys = [jax.random.key(i) for i in range(2)]
        values[samples] = [float(term(key)) for key in keys]
    assert values[None] == values[1]
    assert values[1][0] != values[1][1]
    np.testing.assert_allclose(values[1], expected, rtol=0.1)
    np.testing.assert_allclose(values[8], expected, rtol=0.03)
    np.testing.assert_allclose(values[0], expected, rtol=1e-3)
    # Without a key, as in validation, each call gives the same.
    objective = net._state.objective(regularizers.take({"contractive": 1.0}))
    quiet = [objective(params, (x, x[:, :2]), objective.numbers)[0] for _ in range(2)]
    assert quiet[0] == quiet[1]


def test_contractive_by_one_of_two_inputs():
    net = theanets.Regressor(
        [
            {"form": "input", "name": "a", "size": 2},
            {"form": "input", "name": "b", "size": 3},
            {"size": 4, "name": "h", "inputs": ["a", "b"], "activation": "linear"},
            1,
        ]
    )
    x = np.ones((5, 2), "f4"), np.ones((5, 3), "f4"), np.ones((5, 1), "f4")
    squares = {
        n: np.square(net.find("h", f"w_{n}:out").get_value()).sum() for n in "ab"
    }
    for wrt, expected in [
        ("a", squares["a"]),
        (["b"], squares["b"]),
        ("*", sum(squares.values())),
    ]:
        given = {"contractive": {"weight": 1.0, "wrt": wrt}}
        objective = net._state.objective(regularizers.take(given))
        total, monitors, _ = objective(net.functional()[1], x, objective.numbers)
        np.testing.assert_allclose(total - monitors["err"], expected, rtol=1e-4)


class Shifted(theanets.Layer):
    """A stand-in for a recurrent layer: each step sees the one before."""

    def setup(self):
        self.add_weights("w", self.input_size, self.size)

    def transform(self, params, inputs):
        x = inputs[self.input_name] @ params["w"]
        return jnp.tanh(x + jnp.roll(x, 1, axis=1))


def test_recurrent_penalties_in_a_model():
    net = theanets.Network([(None, 3), (4, "shifted"), 2])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 5, 3)), rng.normal(size=(6, 5, 2))
    h = net.feed_forward(x)["hid1:out"].astype("f8")
    norms = np.square(h).sum(axis=-1)
    expected = {
        "recurrent_state": np.square(np.diff(h, axis=1)).mean(),
        "recurrent_norm": np.square(np.diff(norms, axis=1)).mean(),
    }
    for keyword, value in expected.items():
        for given in ({"pattern": "hid1:out"}, {"role": "hidden"}):
            terms = regularizers.take({keyword: {"weight": 1.0, **given}})
            objective = net._state.objective(terms)
            params = net.functional()[1]
            total, monitors, _ = objective(params, (x, y), objective.numbers)
            np.testing.assert_allclose(total - monitors["err"], value, rtol=1e-3)
            one = objective(params, (x[:, :1], y[:, :1]), objective.numbers)
            assert one[0] == one[1]["err"]
    given = {k: {"weight": 0.0, "pattern": "hid1:out"} for k in expected}
    twin = theanets.Network([(None, 3), (4, "shifted"), 2])
    options = {"max_epochs": 1, "progress": False, "algo": "sgd"}
    net.train((x, y), **options, **given)
    twin.train((x, y), **options)
    for mine, other in zip(net.params, twin.params, strict=True):
        np.testing.assert_allclose(mine.get_value(), other.get_value(), rtol=1e-6)


def test_equal_values_make_an_equal_key():
    class Powered(Regularizer, register=False):
        def __init__(self, weight=0.0, power=2, **kwargs):
            super().__init__(weight, **kwargs)
            self.power = power

        def penalty(self, evaluation):
            return 0.0

    assert Powered(0.1).key == Powered(0.2).key != Powered(0.1, power=3).key
    table = Powered(0.1, power=np.ones(2))
    assert table.key == Powered(0.1, power=np.ones(2)).key
    assert table.key != Powered(0.1, power=np.zeros(2)).key
    contractive = regularizers.Contractive
    assert contractive(1.0).key == contractive(2.0, wrt="*").key
    assert contractive(1.0).key != contractive(1.0, samples=0).key


def test_a_penalty_does_not_see_what_noise_leaves_behind():
    net = theanets.Regressor([3, (4, "linear"), 2])
    terms = {"hidden_l1": {"weight": 1.0, "pattern": "hid1:out*"}, "hidden_noise": 0.0}
    objective = net._state.objective(regularizers.take(dict(terms)))
    params, batch = net.functional()[1], (X, X[:, :2])
    noisy = objective(params, batch, objective.numbers, jax.random.key(0))[0]
    quiet = objective(params, batch, objective.numbers)[0]
    np.testing.assert_allclose(noisy, quiet, rtol=1e-6)


@pytest.mark.parametrize("name", ["hidden_l1", "contractive", "hidden_dropout"])
def test_hidden_layers_that_a_model_has_not_cost_nothing(name):
    net = theanets.Autoencoder([3, 3])
    keywords = {"max_epochs": 1, "progress": False, name: 0.5}
    training, _ = net.train(X, **keywords)
    assert training["loss"] == training["err"]
