import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError, NonFiniteError
from theanets.training import measure

# Examples that are marked by a target of 1e6 are warned of.
pytestmark = pytest.mark.filterwarnings("ignore:.*deviation beyond 1000:UserWarning")

QUIET = {"progress": False, "validate_every": 100}


class Poison(theanets.Loss):
    """A squared error that is not finite, or has no finite gradient, where asked."""

    def __init__(self, how="loss", **kwargs):
        super().__init__(**kwargs)
        self.how = how

    def terms(self, outputs, target):
        output = outputs[self.output_name]
        # A target of 1e6 marks an example as poison.
        bad = target > 1e5
        error = (output - jnp.where(bad, 0.0, target)) ** 2
        if self.how == "loss":
            return jnp.where(bad, error + jnp.inf, error)
        # The root is 0 where its derivative is infinite.
        root = jnp.sqrt(jnp.where(bad, output - output, 1.0))
        return jnp.where(bad, root, error)


def data(bad=(), n=64):
    x = np.random.default_rng(0).normal(size=(n, 3)).astype("f4")
    y = x[:, :1].copy()
    y[list(bad)] = 1e6
    return x, y


def model(how="loss"):
    return theanets.Regressor([3, (4, "tanh"), 1], loss=Poison(how=how))


def values(net):
    return {name: np.asarray(value) for name, value in net._state.arrays.items()}


def caught(net, given, **keywords):
    with pytest.raises(NonFiniteError) as error:
        net.train(given, [given[0], given[0][:, :1]], **QUIET | keywords)
    return error.value


@pytest.mark.parametrize("seconds", [1e-9, 60])
@pytest.mark.parametrize("streamed", [False, True])
def test_the_batch_is_named_with_its_rows(monkeypatch, seconds, streamed):
    monkeypatch.setattr(measure, "_SECONDS_PER_CALL", seconds)
    x, y = data([37])
    given = x, y
    if streamed:
        given = [(x[i : i + 4], y[i : i + 4]) for i in range(0, 64, 4)]
    net = model()
    with pytest.raises(NonFiniteError) as error:
        net.train(given, [x, x[:, :1]], algo="sgd", batch_size=4, max_epochs=3, **QUIET)
    found = error.value
    assert found.epoch == 1
    assert found.name == "loss"
    if streamed:
        assert (found.batch, found.rows) == (37 // 4, None)
        assert "The batch holds 4 rows" in str(found)
    else:
        assert 37 in found.rows
        assert len(found.rows) == 4
        assert all(str(row) in str(found) for row in found.rows)
    assert "became inf in epoch 1" in str(found)
    assert f"batch {found.batch} " in str(found)


def test_the_best_parameters_are_back():
    net = model()
    before = values(net)
    found = caught(net, data([5]), algo="nag", batch_size=8)
    after = values(net)
    assert found.epoch == 1
    assert all((before[name] == after[name]).all() for name in before)


@pytest.mark.parametrize("algo", ["sgd", "nag", "adam", "rmsprop", "adagrad", "rprop"])
@pytest.mark.parametrize("limit", [{}, {"max_gradient_elem": 1.0}])
def test_a_gradient_alone_is_enough(algo, limit):
    found = caught(model("gradient"), data([20]), algo=algo, batch_size=16, **limit)
    assert 20 in found.rows
    assert found.name == "out.w"
    assert "an update was not finite in epoch 1" in str(found)
    assert "the gradient of out.w" in str(found)


def test_the_first_layer_output_is_named():
    class Exploding(theanets.Layer):
        def transform(self, params, inputs):
            x = inputs[self.input_name]
            return {"out": jnp.where(x > 3, jnp.exp(x * 100), x)}

    x, y = np.zeros((32, 3), "f4"), np.zeros((32, 1), "f4")
    x[11, 2] = 4
    net = theanets.Regressor([3, dict(form="exploding", size=3, name="boom"), 4, 1])
    with pytest.raises(NonFiniteError, match=r"boom:out, for row 11 of the data") as e:
        net.train([x, y], [x[:4], y[:4]], algo="sgd", batch_size=8, **QUIET)
    assert e.value.name == "boom:out"
    assert 11 in e.value.rows


def test_a_learning_rate_too_large_is_named():
    x, y = data()
    net = theanets.Regressor([3, (4, "linear"), 1])
    with pytest.raises(NonFiniteError, match="smaller learning_rate") as error:
        net.train([x, y * 100], algo="sgd", learning_rate=1e6, **QUIET)
    assert error.value.epoch
    assert error.value.name


def test_an_update_that_is_not_finite_names_the_parameter():
    x, y = data()
    net = theanets.Regressor([3, (4, "linear"), 1])
    with pytest.raises(NonFiniteError, match=r"is the updated hid1\.w") as error:
        net.train([x, y], algo="sgd", learning_rate=3e38, batch_size=64, **QUIET)
    assert error.value.name == "hid1.w"


def test_what_the_optimizer_keeps_is_not_called_a_parameter():
    net = theanets.Regressor([3, 1])
    before = net.find("out", "w").get_value()
    x, y = data()
    with pytest.raises(NonFiniteError, match=r"optimizer's square of out\.w") as e:
        net.train([x * 1e6, y * 1e15], algo="rmsprop", batch_size=64, **QUIET)
    assert e.value.name == "out.w"
    assert np.array_equal(net.find("out", "w").get_value(), before)


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_skipping_drops_the_update_and_counts_it(how):
    x, y = data([37, 50])
    net = model(how)
    training, _ = net.train(
        [x, y],
        [x, x[:, :1]],
        algo="sgd",
        batch_size=1,
        max_epochs=2,
        on_nonfinite="skip",
        **QUIET,
    )
    assert training["skipped"] == 2
    assert np.isfinite(list(training.values())).all()
    # A batch that is left out is as one that was never there.
    kept = [i for i in range(64) if i not in (37, 50)]
    other = theanets.Regressor([3, (4, "tanh"), 1])
    errors = ((other.predict(x[kept]) - y[kept]) ** 2).mean()
    assert training["loss"] < errors


def test_an_update_that_is_dropped_changes_nothing():
    x, y = data([0])
    net = model()
    before = values(net)
    keywords = {"batch_size": 64, "max_epochs": 1, "on_nonfinite": "skip"}
    with pytest.raises(NonFiniteError, match="all 1 batches of epoch 1 were left out"):
        net.train([x, y], [x, x[:, :1]], algo="adam", **keywords, **QUIET)
    after = values(net)
    assert all((before[name] == after[name]).all() for name in before)


def test_skipping_changes_nothing_where_all_is_finite():
    given = data()
    nets = [model(), model()]
    for net, guard in zip(nets, ("raise", "skip"), strict=True):
        net.train(given, algo="adam", max_epochs=2, on_nonfinite=guard, **QUIET)
    a, b = map(values, nets)
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-6)


def test_ignoring_goes_on():
    x, y = data([3])
    net = model()
    pairs = list(
        net.itertrain(
            [x, y],
            [x, x[:, :1]],
            algo="sgd",
            max_epochs=3,
            on_nonfinite="ignore",
            **QUIET,
        )
    )
    assert len(pairs) == 3
    assert not np.isfinite(pairs[0][0]["loss"])


def test_minimize_names_the_parameter():
    x = np.linspace(-1, 1, 32).astype("f4")
    y = np.sign(x)

    def loss(params, x, y):
        return (jnp.sqrt(params["scale"] * jnp.maximum(x, 0)) * y).mean()

    with pytest.raises(NonFiniteError, match="the gradient of scale") as error:
        theanets.minimize(loss, {"scale": 1.0}, (x, y), algo="sgd", **QUIET)
    assert error.value.name == "scale"


def test_only_three_ways_are_known():
    with pytest.raises(ConfigurationError, match='Did you mean "raise"'):
        model().train(data(), on_nonfinite="Raise")
