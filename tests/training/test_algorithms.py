"""Every algorithm learns, with its own defaults and with others."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.linear_model import LinearRegression

import theanets
from theanets import minimize
from theanets.errors import ConfigurationError
from theanets.optimizers import ALGORITHMS, Hyperparam

from ..helpers import bits, blobs

EPOCHS = {"rprop": 200, "lbfgs": 10, "adadelta": 60}
"""Those with full batches take one step an epoch; adadelta begins slowly."""


def accuracy(algo, epochs=30, **keywords):
    net = theanets.Classifier([4, 8, 2])
    net.train(blobs(640), algo=algo, max_epochs=epochs, progress=False, **keywords)
    return net.score(*blobs(640, seed=1))


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_every_algorithm_learns_with_its_defaults(algo):
    assert accuracy(algo, EPOCHS.get(algo, 30)) > 0.97


@pytest.mark.parametrize(
    "algo",
    [
        optax.adam(0.01),
        optax.sgd(0.1, momentum=0.9, nesterov=True),
        optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1)),
        optax.adamw(optax.cosine_decay_schedule(0.02, 400)),
    ],
    ids=["adam", "sgd", "chain", "schedule"],
)
def test_transformations_of_optax_learn(algo):
    assert accuracy(algo) > 0.97


@pytest.mark.parametrize("algo", ["sgd", "rprop"])
def test_any_rule_takes_momentum(algo):
    assert accuracy(algo, EPOCHS.get(algo, 30), momentum=0.5, nesterov=True) > 0.97


def test_rprop_takes_all_data_at_once():
    net = theanets.Classifier([4, 2])
    pairs = net.itertrain(blobs(), algo="rprop", max_updates=3, progress=False)
    assert len(list(pairs)) == 3


# One number that moves by the learning rate: the gradient of -p is -1.


def falling(p, x):
    return -p


def travelled(**keywords):
    found = minimize(
        falling,
        0.0,
        np.zeros((4, 1)),
        **{"algo": "sgd", "batch_size": 1, "max_epochs": 1, "progress": False}
        | keywords,
    )
    return float(found.params)


def test_a_learning_rate_may_be_a_function_of_the_updates_so_far():
    assert travelled(learning_rate=lambda count: count) == 0 + 1 + 2 + 3


@pytest.mark.parametrize("algo", ["sgd", "adam"])
def test_a_learning_rate_may_be_a_schedule_of_optax(algo):
    schedule = optax.piecewise_constant_schedule(1.0, {2: 0.5})
    distance = travelled(algo=algo, learning_rate=schedule)
    assert distance == pytest.approx(1 + 1 + 0.5 + 0.5, rel=1e-4)


def test_momentum_adds_up():
    # v = 1, 1.5, 1.75, 1.875
    assert travelled(learning_rate=1, momentum=0.5) == 6.125


def test_gradients_have_limits():
    net = theanets.Regressor([4, 3])
    points = blobs()[0]
    once = {
        "algo": "sgd",
        "learning_rate": 1,
        "batch_size": None,
        "max_updates": 1,
        "validate_every": 99,
        "progress": False,
    }

    def step(**limits):
        before = net.find("out", "w").get_value()
        pairs = net.itertrain((points, 99 * points[:, :3]), **once, **limits)
        next(pairs)
        return net.find("out", "w").get_value() - before

    assert np.linalg.norm(step(max_gradient_norm=0.25)) == pytest.approx(0.25, rel=1e-3)
    assert np.abs(step(max_gradient_elem=0.125)).max() == pytest.approx(0.125, rel=1e-3)


def test_a_call_goes_on_where_the_last_one_stopped():
    net = theanets.Classifier([4, 8, 2])
    losses = []
    for algo in ("sgd", "nag", "rprop"):
        _, validation = net.train(blobs(), algo=algo, max_epochs=3, progress=False)
        losses.append(validation["loss"])
    assert losses[0] > losses[1] > losses[2]


# Any function.


def squares(params, x, y):
    return jnp.square(x @ params["w"] + params["b"] - y).mean()


def line(examples=200):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((examples, 3))
    return x, x @ [1.0, -2.0, 3.0] + 4 + 0.1 * rng.standard_normal(examples)


def test_least_squares_by_lbfgs():
    x, y = line()
    start = {"w": np.zeros(3), "b": 0.0}
    found = minimize(squares, start, (x, y), algo="lbfgs", progress=False)
    exact = LinearRegression().fit(x, y)
    np.testing.assert_allclose(found.params["w"], exact.coef_, atol=1e-3)
    np.testing.assert_allclose(found.params["b"], exact.intercept_, atol=1e-3)


@pytest.mark.parametrize("algo", ["nag", "adam", "esgd"])
def test_least_squares_by_minibatches(algo):
    start = {"w": np.zeros(3), "b": 0.0}
    found = minimize(
        squares,
        start,
        line(),
        valid=line(50),
        algo=algo,
        learning_rate=0.05,
        max_epochs=30,
        progress=False,
    )
    np.testing.assert_allclose(found.params["w"], [1, -2, 3], atol=0.1)
    assert found.validation["loss"] < 0.05
    assert len(found.history) == 30
    assert (found.training, found.validation) in found.history
    assert start["b"] == 0
    np.testing.assert_array_equal(start["w"], 0)


def test_any_tree_of_parameters_keeps_its_form_and_types():
    params = {
        "list": [np.ones(2, "f4"), (jnp.ones((2, 3), jnp.bfloat16), 2.0)],
        "whole": 3,
    }

    def loss(p, x):
        a, (b, c) = p["list"]
        return (
            jnp.square(a - x).mean()
            + jnp.square(b).astype("f4").mean()
            + (c - 1.0) ** 2
            + p["whole"] ** 2
        )

    found = minimize(loss, params, np.zeros((64, 2)), max_epochs=2, progress=False)
    first, (second, third) = found.params["list"]
    assert [first.dtype, second.dtype, third.dtype] == ["f4", jnp.bfloat16, "f4"]
    assert (first.shape, second.shape, third.shape) == ((2,), (2, 3), ())
    assert found.params["whole"].dtype == "f4"
    assert float(third) < 2
    assert float(found.params["whole"]) < 3


def test_a_loss_may_report_more():
    def loss(p, x):
        error = jnp.abs(p - x)
        return jnp.square(error).mean(), {"largest": error.max()}

    found = minimize(
        loss, 0.0, np.full((8, 1), 3.0), algo="sgd", max_epochs=1, progress=False
    )
    assert found.history[0][0]["largest"] == 3
    assert set(found.training) == {"loss", "err", "largest"}


def test_arrays_of_any_number_and_rank():
    def loss(p, x, y, z):
        return jnp.square(p - x.mean() - y.mean() - z.mean()).mean()

    data = (np.ones(8), np.ones((8, 2)), np.ones((8, 2, 3), "u1"))
    found = minimize(
        loss, 0.0, data, algo="sgd", learning_rate=0.5, max_epochs=3, progress=False
    )
    assert float(found.params) == pytest.approx(3)


def test_the_seed_decides():
    start = {"w": np.zeros(3), "b": 0.0}
    found = [
        minimize(squares, start, line(), rng=rng, max_epochs=2, progress=False).params
        for rng in (1, 1, 2)
    ]
    np.testing.assert_array_equal(found[0]["w"], found[1]["w"])
    assert not np.array_equal(found[0]["w"], found[2]["w"])


def test_a_loss_that_is_no_number_is_refused():
    with pytest.raises(ConfigurationError, match=r"shape \(3,\).*one number"):
        minimize(lambda p, x: p - x.mean(0), 0.0, np.zeros((8, 3)), progress=False)


def test_minimizing_is_what_networks_do():
    points, labels = blobs()
    net = theanets.Classifier([4, 2], rng=7)
    apply, params = net.functional()

    def loss(params, x, labels):
        p = apply(params, x)["out:out"]
        return -jnp.log(jnp.take_along_axis(p, labels[:, None].astype(int), 1)).mean()

    keywords = {"algo": "nag", "max_epochs": 3, "progress": False}
    found = minimize(loss, params, (points, labels), rng=7, **keywords)
    before = bits(net)
    net.train((points, labels), **keywords)
    assert bits(net) != before
    for parameter in net.params:
        np.testing.assert_allclose(
            found.params[parameter.name], parameter.get_value(), rtol=1e-4, atol=1e-6
        )


def trained(algo, **keywords):
    """Return the weights and biases of the hidden layer after some updates."""
    net = theanets.Classifier([4, 8, 2])
    net.train(blobs(64), algo=algo, max_epochs=2, progress=False, **keywords)
    return [net.find("hid1", name).get_value() for name in "wb"]


def test_the_decay_of_adamw_is_its_own_and_no_penalty():
    w, _ = trained("adamw", weight_decay=0.0)
    plain_w, _ = trained("adam")
    np.testing.assert_array_equal(w, plain_w)
    # A penalty adds to the gradient, whose size adam divides by.
    decayed, _ = trained("adamw", weight_decay=20.0)
    assert np.abs(decayed).mean() < 0.95 * np.abs(w).mean()
    penalized, _ = trained("adam", weight_decay=20.0)
    np.testing.assert_array_equal(penalized, trained("adam", weight_l2=20.0)[0])
    assert (penalized != decayed).all()
    both, _ = trained("adamw", weight_decay=20.0, weight_l2=20.0)
    assert (both != decayed).any()
    with pytest.raises(theanets.ConfigurationError, match=r"weight_decay is \{"):
        trained("adamw", weight_decay={"weight": 0.1, "pattern": "hid1.w"})


def test_each_of_several_algorithms_takes_a_keyword_as_it_knows_it():
    one_by_one = theanets.Classifier([4, 8, 2])
    for algo in ("sgd", "adamw"):
        one_by_one.train(
            blobs(64), algo=algo, weight_decay=0.5, max_epochs=1, progress=False
        )
    together = theanets.Classifier([4, 8, 2])
    together.train(
        blobs(64),
        algo=["sgd", "adamw"],
        weight_decay=0.5,
        max_epochs=1,
        progress=False,
    )
    for one, other in zip(one_by_one.params, together.params, strict=True):
        np.testing.assert_array_equal(one.get_value(), other.get_value())


def test_a_stage_takes_the_keywords_of_its_algorithm():
    net = theanets.Classifier([4, 8, 6, 2])
    keywords = {"beta1": 0.8, "weight_decay": 0.1, "max_epochs": 1, "progress": False}
    net.train(blobs(64), algo="layerwise", subalgo="adamw", **keywords)


def test_a_keyword_of_every_training_is_no_hyperparameter():
    class Patient(theanets.Optimizer):
        hyperparams = {"patience": Hyperparam(3.0)}  # noqa: RUF012

        def step(self, gradient, state, param, hyperparams):
            return gradient

    for start in (
        lambda: trained("patient"),
        lambda: theanets.minimize(
            lambda p, x: (p * x).sum(), 1.0, np.ones((2, 1)), algo="patient"
        ),
    ):
        with pytest.raises(theanets.ConfigurationError, match=r"patience is one of"):
            start()
