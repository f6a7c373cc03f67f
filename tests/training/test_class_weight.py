"""Classes that count more than others in training."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

import theanets
from theanets.errors import ConfigurationError, DataError
from theanets.graph.weighting import class_weights

from ..helpers import bits, blobs, compilations

X, Y = blobs(64, classes=3)
Y = np.where(np.arange(64) < 40, 0, Y).astype("u1")
OPTIONS = {"algo": "sgd", "max_epochs": 1, "progress": False, "batch_size": 16}


def trained(loss="xe", data=(X, Y), weighted=False, **given):
    net = theanets.Classifier([4, 3], loss=loss, weighted=weighted)
    training, validation = net.train(data, **OPTIONS, **given)
    return net, training, validation


def test_balanced_is_what_scikit_learn_has():
    objective = theanets.Classifier([4, 3])._state.objective()
    expected = compute_class_weight("balanced", classes=np.arange(3), y=Y)
    found = class_weights("balanced", objective, (X, Y))
    np.testing.assert_allclose(found, expected)
    for data in ({"in": X, "target": Y}, theanets.Dataset([X, Y], batch_size=8)):
        assert class_weights("balanced", objective, data) == found
    # Of classes that do not occur there is nothing to count.
    two = np.where(Y == 2, 1, Y)
    expected = compute_class_weight("balanced", classes=np.arange(2), y=two)
    found = class_weights("balanced", objective, (X, two))
    np.testing.assert_allclose(found, [*expected, 1])


@pytest.mark.parametrize("loss", ["xe", "hinge"])
def test_they_are_weights_of_examples(loss):
    weights = {0: 0.5, 2: 3.0}
    net, training, validation = trained(loss, class_weight=weights)
    of_each = np.array([0.5, 1, 3])[Y].astype("f4")
    twin, its_training, _ = trained(loss, (X, Y, of_each), True)
    for mine, other in zip(net.params, twin.params, strict=True):
        np.testing.assert_allclose(mine.get_value(), other.get_value(), rtol=1e-5)
    assert training["loss"] == pytest.approx(its_training["loss"], rel=1e-5)
    assert training["err"] == pytest.approx(its_training["err"], rel=1e-5)
    # The accuracy counts every example alike.
    plain = theanets.Classifier([4, 3], loss=loss)
    assert training["acc"] == pytest.approx(plain.score(X, Y), abs=0.1)
    quiet = dict(zip("xy", (X, Y), strict=True))
    assert validation["acc"] == pytest.approx(net.score(quiet["x"], quiet["y"]))
    p = net.predict_proba(X)[np.arange(64), Y]
    if loss == "xe":
        assert validation["unweighted"] == pytest.approx(-np.log(p).mean(), rel=1e-4)
        weighted = np.average(-np.log(p), weights=of_each)
        assert validation["loss"] == pytest.approx(weighted, rel=1e-4)


def test_they_multiply_the_weights_of_the_data():
    w = np.linspace(0.1, 2, 64).astype("f4")
    net, _, _ = trained(data=(X, Y, w), weighted=True, class_weight={1: 4})
    both = w * np.array([1, 4, 1])[Y].astype("f4")
    twin, _, _ = trained(data=(X, Y, both), weighted=True)
    for mine, other in zip(net.params, twin.params, strict=True):
        np.testing.assert_allclose(mine.get_value(), other.get_value(), rtol=1e-5)


@pytest.mark.parametrize("times", [1, 2, 8])
def test_weights_of_sequences_count_for_all_their_labels(times):
    x, y = X.reshape(-1, times, 4), Y.reshape(-1, times)
    w = np.linspace(0.1, 2, len(x)).astype("f4")

    def bits_with(w):
        net = theanets.recurrent.Classifier([(None, 4), 3], weighted=True)
        net.train((x, y, w), **OPTIONS, class_weight={1: 4})
        return bits(net)

    assert bits_with(w) == bits_with(np.repeat(w[:, None], times, axis=1))


def test_other_weights_compile_nothing():
    first, _, _ = trained(class_weight={0: 2})
    with compilations() as compiled:
        second, _, _ = trained(class_weight="balanced")
        trained(class_weight={1: 7.5, 2: 0})
    assert not compiled
    assert bits(first) != bits(second)


def test_weights_of_1_change_nothing():
    net, _, _ = trained(class_weight={})
    twin, _, _ = trained()
    for mine, other in zip(net.params, twin.params, strict=True):
        np.testing.assert_allclose(mine.get_value(), other.get_value(), rtol=1e-6)


def test_labels_over_time_and_by_stream():
    net = theanets.Classifier([(None, 4), 3])
    x, y = X.reshape(8, 8, 4), Y.reshape(8, 8)
    objective = net._state.objective()
    expected = compute_class_weight("balanced", classes=np.arange(3), y=Y)
    np.testing.assert_allclose(class_weights("balanced", objective, (x, y)), expected)
    net.train((x, y), **OPTIONS, class_weight="balanced")
    # Numbers need not be counted, so they do for streams.
    net.train(lambda: (x, y), (x, y), train_batches=1, class_weight={0: 2}, **OPTIONS)


@pytest.mark.parametrize(
    ("error", "given", "words"),
    [
        (ConfigurationError, "balancd", 'Did you mean "balanced"'),
        (ConfigurationError, [1, 2, 3], "a dict from labels"),
        (ConfigurationError, {"no": 1}, r"by number: \{0: 1, 1: 3\}"),
        (ConfigurationError, {3: 1}, "names the label 3; the model has 3 classes"),
        (ConfigurationError, {"a": 1}, "names the label 'a'"),
        (ConfigurationError, {0: -1}, "class_weight of label 0 is -1"),
        (ConfigurationError, {0: float("nan")}, "label 0 is nan"),
    ],
)
def test_errors_say_what_to_do(error, given, words):
    with pytest.raises(error, match=words):
        trained(class_weight=given)


def test_models_and_data_without_labels():
    net = theanets.Regressor([4, 2])
    with pytest.raises(ConfigurationError, match="for classifiers"):
        net.train((X, X[:, :2]), class_weight="balanced", **OPTIONS)
    with pytest.raises(DataError, match=r"batch by batch.*class_weight="):
        trained(data=lambda: (X, Y), class_weight="balanced")
    with pytest.raises(DataError, match=r"expects 2: in .*target"):
        trained(data=X, class_weight="balanced")
