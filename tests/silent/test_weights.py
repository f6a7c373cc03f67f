"""What heavy examples and rare classes do to a model, whatever the batch size."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score, roc_auc_score
from sklearn.utils.class_weight import compute_class_weight

import theanets
from theanets.errors import ConfigurationError, DataError
from theanets.graph.weighting import class_weights

QUIET = dict(progress=False, patience=10**6)
SGD = dict(algo="sgd", momentum=0, **QUIET)
SIZES = [1, 2, 7, 8, 32, None]


# Each batch counts by its weights.


@pytest.mark.parametrize("size", SIZES)
def test_a_constant_is_the_weighted_mean(size):
    """Of 0 with weight 1 and 1 with weight 9, in turn, it is 0.9."""
    x, y = np.zeros((400, 1)), np.tile([0.0, 1], 200)[:, None]
    w = np.tile([1.0, 9], 200)[:, None]
    net = theanets.Regressor([1, 1], weighted=True)
    epochs = 4000 if size is None else 300
    net.train((x, y, w), learning_rate=0.02, batch_size=size, max_epochs=epochs, **SGD)
    assert net.predict(np.zeros(1))[0] == pytest.approx(0.9, abs=0.002)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("size", [1, 5, 8, None])
@pytest.mark.parametrize("ndim", [1, 2])
def test_the_gradient_of_an_epoch_is_that_of_the_weighted_mean(size, ndim):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    w = rng.exponential(size=(40, 2)[:ndim])
    net = theanets.Regressor([3, 2], weighted=True)
    before = net.find("out", "w").get_value(), net.find("out", "b").get_value()
    error = x @ before[0] + before[1] - y
    counts = np.broadcast_to(w.reshape(40, -1), error.shape)
    gradient = 2 * x.T @ (counts * error) / counts.sum()
    # Steps so small that the gradients of all batches are those of the beginning.
    net.train((x, y, w), learning_rate=1e-7, batch_size=size, max_epochs=1, **SGD)
    moved = (before[0] - net.find("out", "w").get_value()) / 1e-7
    np.testing.assert_allclose(moved * (size or 40) / 40, gradient, rtol=1e-4)


def rare(count=2000, part=0.01, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random(count) < part).astype("i4")
    return rng.normal(size=(count, 2)) + 1.2 * y[:, None], y


@pytest.mark.parametrize("size", [1, 8, 32, None])
def test_balanced_classes_are_equally_probable(size):
    x, y = np.zeros((1000, 1)), np.zeros(1000, "i4")
    y[:10] = 1
    net = theanets.Classifier([1, 2])
    epochs = 3000 if size is None else 100
    rate = 0.002 if size == 1 else 0.02 if size else 0.5
    net.train(
        (x, y),
        class_weight="balanced",
        learning_rate=rate,
        batch_size=size,
        max_epochs=epochs,
        **SGD,
    )
    assert net.predict_proba(np.zeros(1))[1] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("size", [1, 4, None])
def test_steps_that_are_not_there_count_for_nothing(size):
    """Sequences of 1 to 10 steps; the last of them is 1, and so are padded steps."""
    lengths = np.arange(100) % 10 + 1
    steps = np.arange(10)
    y = (steps >= lengths[:, None] - 1).astype("i4")
    w = (steps < lengths[:, None]).astype("f4")
    x = np.zeros((100, 10, 1))
    net = theanets.recurrent.Classifier([1, 2], weighted=True)
    epochs = 4000 if size is None else 500
    rate = 0.5 if size is None else 0.01
    net.train((x, y, w), learning_rate=rate, batch_size=size, max_epochs=epochs, **SGD)
    # 100 ones in 550 steps.
    p = net.predict_proba(np.zeros((1, 1)))[0, 1]
    assert p == pytest.approx(100 / 550, abs=0.01)


@pytest.mark.parametrize("size", [2, 8, None])
def test_each_of_several_losses_by_its_own_weights(size):
    x, y = np.zeros((80, 1)), np.tile([0.0, 1], 40)[:, None]
    other = np.tile([2.0, 4], 40)[:, None]
    w, v = np.tile([1.0, 9], 40)[:, None], np.tile([3.0, 1], 40)[:, None]
    net = theanets.Regressor([1, 1], weighted=True)
    net.add_loss("mse", target="other", weighted=True, weight=0.5)
    data = {"in": x, "target": y, "other": other, "weights": w, "other weights": v}
    epochs = 3000 if size is None else 500
    _, valid = net.train(
        data, learning_rate=0.01, batch_size=size, max_epochs=epochs, **SGD
    )
    # The minimum of (c - 0.9)² + (c - 2.5)² / 2, which are the two weighted means.
    found = net.predict(np.zeros(1))[0]
    assert found == pytest.approx((0.9 + 0.5 * 2.5) / 1.5, abs=0.01)
    loss = np.average((found - y) ** 2, weights=w)
    loss += 0.5 * np.average((found - other) ** 2, weights=v)
    assert valid["loss"] == pytest.approx(loss, rel=1e-4)


def batches(told):
    x, w = np.zeros((2, 1)), np.array([1.0, 9])
    pairs = [((x[:1], x[:1] + i, w[i : i + 1]),) for i in (0, 1)] * 50
    return theanets.Dataset([batch for (batch,) in pairs], mean_weight=told)


@pytest.mark.parametrize(("told", "right"), [(None, 0.5), (5.0, 0.9)])
def test_streams_tell_their_mean_weight(told, right):
    net = theanets.Regressor([1, 1], weighted=True)
    net.train(batches(told), learning_rate=0.005, max_epochs=60, **SGD)
    assert net.predict(np.zeros(1))[0] == pytest.approx(right, abs=0.02)


def test_a_mean_weight_that_is_none():
    with pytest.raises(ConfigurationError, match="mean_weight is 0"):
        theanets.Regressor([1, 1], weighted=True).train(batches(0), **SGD)


@pytest.mark.parametrize("size", [3, 16, None])
def test_what_is_reported_is_the_weighted_mean(size):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(64, 3)), rng.normal(size=(64, 2))
    w = rng.exponential(size=(64, 2)) ** 3
    net = theanets.Regressor([3, 2], weighted=True)
    _, valid = net.train(
        (x, y, w),
        weight_l2=0.1,
        batch_size=size,
        max_epochs=1,
        **SGD,
        learning_rate=1e-9,
    )
    error = np.average((net.predict(x) - y) ** 2, weights=w)
    weight = net.find("out", "w").get_value()
    assert valid["err"] == pytest.approx(error, rel=1e-5)
    assert valid["loss"] == pytest.approx(error + 0.1 * (weight**2).mean(), rel=1e-5)


def test_weights_of_one_are_as_none():
    x, y = rare()
    plain, weighted = (
        theanets.Classifier([2, 2]),
        theanets.Classifier([2, 2], weighted=True),
    )
    plain.train((x, y), max_epochs=3, algo="adam", **QUIET)
    weighted.train((x, y, np.ones(len(y))), max_epochs=3, algo="adam", **QUIET)
    np.testing.assert_allclose(
        plain.find("out", "w"), weighted.find("out", "w"), rtol=1e-4, atol=1e-6
    )


# Counting classes.


@pytest.mark.parametrize("size", [16, None])
def test_balanced_counts_weights_and_not_examples(size):
    """Half of the steps are padding: labelled 0, with weight 0."""
    y = np.zeros((50, 20), "i4")
    w = np.zeros((50, 20))
    w[:, :10], y[:, :2] = 1, 1
    net = theanets.recurrent.Classifier([1, 2], weighted=True)
    net.train(
        (np.zeros((50, 20, 1)), y, w),
        class_weight="balanced",
        learning_rate=0.2,
        batch_size=size,
        max_epochs=600,
        **SGD,
    )
    assert net.predict_proba(np.zeros((1, 1)))[0, 1] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("ndim", [1, 2])
def test_counts_are_those_of_scikit_learn(ndim):
    rng = np.random.default_rng(2)
    y, w = rng.integers(0, 3, (30, 4)), rng.exponential(size=(30, 4)[:ndim])
    net = theanets.recurrent.Classifier([1, 3], weighted=True)
    data = np.zeros((30, 4, 1)), y, w
    each = np.broadcast_to(w.reshape(30, -1), y.shape).ravel()
    expected = compute_class_weight(
        "balanced", classes=np.arange(3), y=y.ravel(), sample_weight=each
    )
    found = class_weights("balanced", net._state.objective(), data)
    np.testing.assert_allclose(found, expected)


# What stops the training, and what is the best.


def test_training_on_with_class_weights_learns():
    x, y = rare(2000, 0.03)
    net = theanets.Classifier([2, 2])
    net.train((x, y), max_epochs=30, algo="adam", **QUIET)
    before = recall_score(y, net.predict(x))
    _, valid = net.train(
        (x, y), class_weight="balanced", max_epochs=60, algo="adam", **QUIET
    )
    other = LogisticRegression(class_weight="balanced", C=1e6).fit(x, y)
    assert before < 0.2
    right = recall_score(y, other.predict(x))
    assert recall_score(y, net.predict(x)) == pytest.approx(right, abs=0.07)
    counts = np.bincount(y)
    p = net.predict_proba(x)[np.arange(len(y)), y]
    loss = np.average(-np.log(p), weights=1 / counts[y])
    assert valid["loss"] == pytest.approx(loss, rel=0.01)
    assert valid["unweighted"] == pytest.approx(-np.log(p).mean(), rel=0.05)


@pytest.mark.parametrize("name", ["acc", "auc", "unweighted", "right"])
def test_the_best_by_another_monitor(name):
    x, y = rare(300, 0.2)
    valid = rare(200, 0.2, seed=5)
    net = theanets.Classifier([2, 3, 2])
    seen = {}
    more = {"unweighted": {"class_weight": "balanced"}}.get(name, {})
    if name == "right":
        more = {"mode": "min", "monitors": {name: lambda o: o["out:out"][:, 1].mean()}}
    for _, found in net.itertrain(
        (x, y),
        valid,
        algo="sgd",
        learning_rate=0.5,
        max_epochs=12,
        validate_every=1,
        monitor=name,
        batch_size=64,
        **QUIET,
        **more,
    ):
        if name == "auc":
            p = net.predict_proba(valid[0])[:, 1]
            assert found["auc"] == pytest.approx(roc_auc_score(valid[1], p))
        seen[found[name]] = net.predict_proba(valid[0])
    assert len(seen) > 1
    best = (min if name in ("unweighted", "right") else max)(seen)
    np.testing.assert_array_equal(net.predict_proba(valid[0]), seen[best])


def test_auc_of_three_weighted_classes_over_time():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(40, 5, 2)), rng.integers(0, 3, (40, 5))
    w = rng.exponential(size=(40, 5))
    net = theanets.recurrent.Classifier([2, (4, "rnn"), 3], weighted=True)
    _, found = net.train((x, y, w), max_epochs=1, monitor="auc", **QUIET)
    p = net.predict_proba(x).reshape(-1, 3)
    areas = [
        roc_auc_score(y.ravel() == k, p[:, k], sample_weight=w.ravel())
        for k in range(3)
    ]
    assert found["auc"] == pytest.approx(np.mean(areas))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (dict(monitor="accuracy"), "does not measure.* acc, auc, .*Here it is acc"),
        (dict(monitor="f1", mode="max"), 'monitor is "f1", which .* not measure'),
        (dict(monitor="f1"), 'monitor is "f1", which .* not measure'),
        (
            dict(monitor="rate", monitors={"rate": lambda o: 0.0}),
            "not known whether less or more",
        ),
        (dict(monitor="acc", mode="min"), 'of "acc" the max is the best'),
        (dict(monitor="acc", mode="maxi"), 'Did you mean "max"'),
        (dict(monitor="unweighted"), "does not measure"),
        (dict(monitor=3), "monitor is 3"),
    ],
)
def test_monitors_that_cannot_choose(keywords, message):
    with pytest.raises(ConfigurationError, match=message):
        theanets.Classifier([2, 2]).train(rare(), **keywords, **SGD)


def test_an_area_of_one_class():
    x, y = rare(100, 0.5)
    with pytest.raises(DataError, match="do not hold both"):
        theanets.Classifier([2, 2]).train((x, y), (x, y * 0), monitor="auc", **SGD)


# Weights that are none.


def weighted(w, x=((0.0,), (1.0,))):
    x = np.array(x)
    return x, x, np.array(w)


@pytest.mark.parametrize("where", ["train", "valid"])
def test_weights_that_are_all_zero(where):
    net = theanets.Regressor([1, 1], weighted=True)
    data = {"train": weighted([1.0, 2]), "valid": weighted([1.0, 2])}
    data[where] = weighted([0.0, 0])
    with pytest.raises(
        DataError, match=rf'{where}: .*(all of "weights" are 0|weight 0)'
    ):
        net.train(**data, **SGD)


@pytest.mark.parametrize("where", ["train", "valid"])
def test_streamed_weights_that_are_all_zero(where):
    net = theanets.Regressor([1, 1], weighted=True)
    data = {"train": [weighted([1.0, 2])] * 2, "valid": [weighted([1.0, 2])] * 2}
    # A batch of zeros is none to worry about, an epoch of them is.
    mixed = {**data, where: [weighted([0.0, 0]), weighted([1.0, 0])]}
    net.train(**mixed, max_epochs=1, **SGD)
    data[where] = [weighted([0.0, 0])] * 2
    with pytest.raises(DataError, match=r"all weights of the .*are 0"):
        net.train(**data, max_epochs=1, **SGD)


def test_class_weights_that_are_all_zero():
    x, y = rare()
    with pytest.raises(ConfigurationError, match="gives all classes the weight 0"):
        theanets.Classifier([2, 2]).train((x, y), class_weight={0: 0, 1: 0}, **SGD)
    with pytest.raises(DataError, match="all examples have the weight 0"):
        theanets.Classifier([2, 2]).train((x, y * 0), class_weight={0: 0}, **SGD)


def test_negative_weights():
    net = theanets.Regressor([1, 1], weighted=True)
    data = weighted([3.0, -1])
    for wrong in (data, [data], theanets.Dataset(data)):
        with pytest.raises(
            DataError, match=r"holds -1; weights .*allow_negative_weights"
        ):
            net.train(wrong, **SGD)
    with pytest.raises(DataError, match="w holds values from -1"):
        net.score(*data)
    meant = theanets.Dataset(data, allow_negative_weights=True)
    _, valid = net.train(meant, learning_rate=0.01, max_epochs=1, **SGD)
    x, y, w = data
    error = (net.predict(x) - y)[:, 0] ** 2
    assert valid["loss"] == pytest.approx((w * error).sum() / w.sum(), abs=1e-5)
