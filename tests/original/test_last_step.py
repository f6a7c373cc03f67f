"""One label for a whole sequence: its last valid step, or all of them pooled."""

import io

import jax
import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError, DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 9, 3)).astype("f4")
LENGTHS = np.array([9, 5, 1, 7, 0, 3])
MASK = (np.arange(9) < LENGTHS[:, None]).astype("f4")

LAYERS = {
    "last": "last",
    "mean": dict(form="pool", mode="mean"),
    "max": dict(form="pool", mode="max"),
}


def expected(kind, x, length):
    """Return what a layer gives for one sequence of which some steps are valid."""
    if not length:
        return np.zeros(x.shape[1])
    steps = x[:length]
    return {"last": steps[-1], "mean": steps.mean(0), "max": steps.max(0)}[kind]


def model(kind, cls=theanets.recurrent.Regressor, masked=False, outputs=2):
    layer = LAYERS[kind]
    spec = dict(form=layer) if isinstance(layer, str) else dict(layer)
    if not masked:
        return cls([3, (4, "gru"), spec, outputs])
    return cls(
        [
            dict(size=3, name="x", ndim=3),
            dict(form="input", name="mask", shape=(None,)),
            dict(form="gru", size=4, inputs="x", mask="mask"),
            dict(**spec, mask="mask"),
            outputs,
        ]
    )


@pytest.mark.parametrize("kind", LAYERS)
def test_values(kind):
    net = model(kind)
    outputs = net.feed_forward(X)
    found = np.stack([expected(kind, x, 9) for x in outputs["hid1:out"]])
    np.testing.assert_allclose(outputs["hid2:out"], found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_values_under_a_mask(kind):
    net = model(kind, masked=True)
    outputs = net.feed_forward([X, MASK])
    states, name = outputs["hid1:out"], net.layers[3].output_name
    found = np.stack(
        [expected(kind, x, n) for x, n in zip(states, LENGTHS, strict=True)]
    )
    np.testing.assert_allclose(outputs[name], found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_what_is_padding_makes_no_difference(kind):
    net = model(kind, masked=True)
    other = np.where(MASK[..., None] > 0, X, 1e6).astype("f4")
    np.testing.assert_allclose(net.predict([other, MASK]), net.predict([X, MASK]))


def test_a_mask_with_holes():
    net = model("last", masked=True)
    mask = MASK.copy()
    mask[0, 4], mask[0, 8] = 0, 0
    outputs = net.feed_forward([X, mask])
    name = net.layers[3].output_name
    np.testing.assert_array_equal(outputs[name][0], outputs["hid1:out"][0, 7])


@pytest.mark.parametrize("kind", LAYERS)
def test_gradients(kind, float64):
    net = model(kind, masked=True)
    apply, params = net.functional()
    inputs = {"x": X.astype("f8"), "mask": MASK.astype("f8")}

    def loss(w):
        return (apply({**params, "hid1.w": w}, inputs)["out:out"] ** 2).sum()

    w = params["hid1.w"]
    gradient = np.asarray(jax.grad(loss)(w))
    for place in [(0, 0), (1, 5), (2, 11)]:
        step = np.zeros(w.shape)
        step[place] = 1e-6
        slope = (loss(w + step) - loss(w - step)) / 2e-6
        assert float(slope) == pytest.approx(gradient[place], rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_classifier_learns_one_label_for_each(kind):
    # Whether the values of the second half are higher than those of the first.
    x = RNG.normal(size=(200, 8, 1)).astype("f4")
    labels = RNG.integers(0, 2, 200)
    x[:, 4:] += 2 * labels[:, None, None]
    net = theanets.recurrent.Classifier([1, (8, "gru"), LAYERS[kind], 2])
    net.train(
        [x, labels], algo="adam", learning_rate=0.02, max_epochs=20, progress=False
    )
    assert net.predict(x).shape == (200,)
    assert net.predict_proba(x[0]).shape == (2,)
    assert net.score(x, labels) > 0.9
    file = io.BytesIO()
    net.save(file)
    loaded = theanets.load(file.getvalue())
    np.testing.assert_array_equal(loaded.predict_proba(x), net.predict_proba(x))


def test_other_lengths():
    net = model("last")
    assert net.predict(X[:, :4]).shape == net.predict(X).shape == (6, 2)


def test_weights_and_class_weights():
    net = model("mean", theanets.recurrent.Classifier)
    labels = np.array([0, 1, 0, 1, 1, 0])
    net.train([X, labels], class_weight="balanced", max_epochs=1, progress=False)
    weighted = theanets.recurrent.Classifier([3, (4, "gru"), "last", 2], weighted=True)
    training, _ = weighted.train([X, labels, LENGTHS], max_epochs=1, progress=False)
    assert np.isfinite(training["loss"])


def test_a_regressor_has_vectors_as_targets():
    net = model("max")
    training, _ = net.train([X, X[:, 0, :2]], max_epochs=1, progress=False)
    assert np.isfinite(training["loss"])
    with pytest.raises(DataError):
        net.train([X, X[..., :2]], max_epochs=1, progress=False)


def test_layerwise():
    net = theanets.recurrent.Classifier([3, (4, "gru"), (4, "rnn"), "last", 2])
    labels = np.array([0, 1, 0, 1, 1, 0])
    pairs = net.itertrain([X, labels], algo="layerwise", max_epochs=1, progress=False)
    assert len(list(pairs)) == 2


@pytest.mark.parametrize("form", ["last", "pool"])
def test_what_is_no_sequence(form):
    with pytest.raises(ConfigurationError, match=f"form '{form}' reads sequences"):
        theanets.Regressor([3, 4, form, 2])


def test_a_mode_that_is_none():
    with pytest.raises(ConfigurationError, match='Did you mean "mean"'):
        theanets.recurrent.Regressor([3, dict(form="pool", mode="maen"), 2])


def test_a_mask_that_is_none():
    with pytest.raises(ConfigurationError, match="mask names hid1:out"):
        theanets.recurrent.Regressor([3, 4, dict(form="last", mask="hid1"), 2])
    with pytest.raises(DataError, match="has 5 time steps"):
        model("last", masked=True).predict([X, MASK[:, :5]])
