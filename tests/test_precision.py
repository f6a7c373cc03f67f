"""Precision: one setting for new models, kept by those that are made."""

import io
import os
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets import optimizers
from theanets.errors import ConfigurationError

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X.sum(axis=1) > 0).astype("u1")


@pytest.fixture
def precision():
    """Change the setting for one test."""
    return lambda name: setattr(theanets.config, "floatX", name)


@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16"])
def test_everything_has_the_precision(precision, name, tmp_path):
    precision(name)
    stored = "float32" if name == "bfloat16" else name
    net = theanets.Classifier([3, (8, "prelu"), 2])
    assert {str(p.dtype) for p in net.params} == {stored}
    for output in net.feed_forward(X).values():
        assert output.dtype == stored
    apply, params = net.functional()
    assert apply(params, X)["out:out"].dtype == name
    options = {"algo": "sgd", "learning_rate": 0.5, "progress": False}
    training, _ = net.train([X, Y], max_epochs=20, weight_l2=1e-4, **options)
    assert training["loss"] < 0.5
    assert all(isinstance(value, float) for value in training.values())
    assert {str(p.get_value().dtype) for p in net.params} == {stored}
    net.save(tmp_path / "model")
    precision("float32")
    again = theanets.load(tmp_path / "model")
    assert {str(p.dtype) for p in again.params} == {stored}
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))


def test_a_model_keeps_its_precision(precision):
    net = theanets.Regressor([3, 2])
    precision("float64")
    net.add_layer(size=4, name="more")
    assert {str(p.dtype) for p in net.params} == {"float32"}
    assert net.predict(X).dtype == "float32"
    assert theanets.Regressor([3, 2]).predict(X).dtype == "float64"


def test_double_precision_is_more_precise(precision):
    precision("float64")
    net = theanets.Regressor([3, (8, "tanh"), 2])
    values = {p.name: p.get_value() for p in net.params}
    hidden = np.tanh(X @ values["hid1.w"] + values["hid1.b"])
    expected = hidden @ values["out.w"] + values["out.b"]
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-12, atol=1e-14)


def test_half_precision_is_near_single(precision):
    single = theanets.Regressor([3, (8, "tanh"), 2])
    precision("bfloat16")
    half = theanets.Regressor([3, (8, "tanh"), 2])
    found = half.predict(X)
    assert np.abs(found - single.predict(X)).max() > 1e-4
    np.testing.assert_allclose(found, single.predict(X), atol=0.05)
    file = io.BytesIO()
    half.save(file)
    assert file.tell() < 1500


@pytest.mark.parametrize("wrong", ["float16", "double", "", None, 32])
def test_other_precisions_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="bfloat16, float32, float64"):
        theanets.config.floatX = wrong
    assert theanets.config.floatX == "float32"


def test_a_misspelt_setting_is_refused():
    with pytest.raises(ConfigurationError, match='Did you mean "floatX"'):
        theanets.config.floatx = "float64"


def run(precision):
    code = """
import numpy as np, theanets
net = theanets.Regressor([3, 2])
apply, params = net.functional()
print(theanets.config.floatX, apply(params, np.ones((1, 3)))["out:out"].dtype)
"""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "THEANETS_FLOATX": precision, "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
    )


SOURCE = os.path.dirname(os.path.dirname(theanets.__file__))


@pytest.mark.parametrize("name", ["float64", "bfloat16"])
def test_the_environment_decides(name):
    assert run(name).stdout.split() == [name, name]


def test_an_environment_that_is_wrong():
    done = run("float63")
    assert done.returncode != 0
    assert 'Did you mean "float64"' in done.stderr


def test_sums_of_an_optimizer_are_not_rounded_to_half_precision():
    """In bfloat16, 256 + 1 is 256: the sum of squares would stop growing there."""
    optimizer = optimizers.resolve("adagrad", {"learning_rate": 1.0, "momentum": 0.5})
    params = {"w": jnp.zeros(1, "bfloat16")}
    state, ones = optimizer.init(params), {"w": jnp.ones(1, "bfloat16")}
    for count in range(300):
        params, state = optimizer.update(
            ones, state, params, optimizer.values, count=count
        )
    assert params["w"].dtype == "bfloat16"
    assert {state[name]["w"].dtype.name for name in ("squares", "velocity")} == {
        "float32"
    }
    assert float(state["squares"]["w"][0]) == 300


def test_a_line_search_reads_sequences_in_half_precision(precision):
    precision("bfloat16")
    net = theanets.recurrent.Regressor([3, (4, "rnn"), 2])
    rng = np.random.default_rng(3)
    data = rng.normal(size=(16, 5, 3)), rng.normal(size=(16, 5, 2))
    before = net.score(*data)
    net.train(data, algo="lbfgs", max_epochs=10, progress=False)
    assert net.score(*data) > before
    assert {str(p.dtype) for p in net.params} == {"float32"}


def test_long_periods_are_not_rounded_to_half_precision():
    theanets.config.floatX = "bfloat16"
    layer = {"form": "clockwork", "size": 1, "periods": [257], "activation": "linear"}
    net = theanets.recurrent.Regressor([1, layer, 1])
    theanets.config.floatX = "float32"
    steps = np.arange(1, 260)[None, :, None] / 256
    found = net.feed_forward(steps)["hid1:out"][0, :, 0].astype("f4")
    assert np.flatnonzero(np.diff(found)).tolist() == [256]
