"""Losses of probabilities are of probabilities, or of what they come from."""

import io

import numpy as np
import pytest
from scipy import special
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

import theanets
from theanets.errors import ConfigurationError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
LABELS = (X @ RNG.normal(size=(4, 3))).argmax(axis=1)
TAGS = (X @ RNG.normal(size=(4, 3)) > 0.5).astype("f4")
QUIET = dict(algo="adam", max_epochs=2, progress=False)


def log_loss(p):
    return -np.log(p[np.arange(len(X)), LABELS]).mean()


def brought_back(net):
    file = io.BytesIO()
    net.save(file)
    return theanets.load(file.getvalue())


# Classes.


@pytest.mark.parametrize("last", [(3, "linear"), dict(size=3, activation="linear")])
@pytest.mark.parametrize("loss", [None, "xe"])
def test_scores_of_classes_are_logits(last, loss):
    net = theanets.Classifier([4, 8, last], loss=loss)
    _, valid = net.train((X, LABELS), **QUIET)
    scores = net.feed_forward(X)["out:out"]
    p = net.predict_proba(X)
    np.testing.assert_allclose(p, special.softmax(scores, axis=1), rtol=1e-4)
    assert valid["loss"] == pytest.approx(log_loss(p), rel=1e-4)
    np.testing.assert_array_equal(net.predict(X), p.argmax(axis=1))
    np.testing.assert_array_equal(net.predict_logit(X), scores)
    np.testing.assert_array_equal(brought_back(net).predict_proba(X), p)
    assert net.predict_proba(X[0]).sum() == pytest.approx(1, abs=1e-5)


def test_they_learn_as_a_softmax_does():
    nets = [
        theanets.Classifier([4, 3]),
        theanets.Classifier([4, (3, "linear")]),
        theanets.Regressor([4, 3], loss="xe"),
        theanets.Regressor([4, (3, "linear")], loss="xe"),
    ]
    for net in nets:
        net.train((X, LABELS), **QUIET)
    for net in nets[1:]:
        np.testing.assert_allclose(
            net.find("out", "w"), nets[0].find("out", "w"), rtol=1e-4, atol=1e-6
        )


def test_a_regressor_of_labels_gives_probabilities():
    net = theanets.Regressor([4, 8, 3], loss="xe")
    _, valid = net.train((X, LABELS), **QUIET)
    p = net.predict(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert valid["loss"] == pytest.approx(log_loss(p), rel=1e-4)


def test_noise_on_logits_leaves_them_logits():
    net = theanets.Classifier([4, (3, "linear")])
    training, _ = net.train((X, LABELS), output_noise=0.1, **QUIET)
    assert 0 < training["loss"] < 5


def test_a_sequence_is_drawn_from_logits():
    net = theanets.recurrent.Classifier([3, (5, "rnn"), (3, "linear")])
    net.find("out", "w").set_value(np.zeros((5, 3)))
    net.find("out", "b").set_value([-40.0, 40, -40])
    assert list(net.predict_sequence([0], 20, rng=1)) == [1] * 20


# Yes or no for each.


def test_a_classifier_of_several_labels():
    net = theanets.Classifier([4, 3], loss="bce")
    net.train((X, TAGS), algo="lbfgs", max_epochs=200, patience=50, progress=False)
    p = net.predict_proba(X)
    np.testing.assert_array_equal(net.predict(X), (p > 0.5).astype(int))
    assert (
        net.predict(X[0]).shape == (3,) and net.layers[-1].activation.spec == "logistic"
    )
    for column in range(3):
        other = LogisticRegression(C=1e9, max_iter=1000).fit(X, TAGS[:, column])
        np.testing.assert_array_equal(net.predict(X)[:, column], other.predict(X))
    assert net.score(X, TAGS) == accuracy_score(TAGS, net.predict(X))
    np.testing.assert_array_equal(brought_back(net).predict(X), net.predict(X))


def test_scores_of_yes_and_no_are_logits():
    net = theanets.Classifier([4, (3, "linear")], loss="bce")
    _, valid = net.train((X, TAGS), **QUIET)
    p = net.predict_proba(X)
    logits = net.predict_logit(X)
    np.testing.assert_allclose(p, special.expit(logits), rtol=1e-4)
    error = -(TAGS * np.log(p) + (1 - TAGS) * np.log1p(-p)).mean()
    assert valid["loss"] == pytest.approx(error, rel=1e-4)
    np.testing.assert_array_equal(net.predict(X), logits > 0)


@pytest.mark.parametrize("loss", ["bce", dict(form="bce"), theanets.Loss.build("bce")])
def test_an_autoencoder_of_bits(loss):
    bits = (X > 0).astype("f4")
    net = theanets.Autoencoder([4, 3, 4], loss=loss)
    _, valid = net.train([bits], **QUIET)
    p = net.predict(bits)
    assert p.min() > 0 and p.max() < 1
    error = -(bits * np.log(p) + (1 - bits) * np.log1p(-p)).mean()
    assert valid["loss"] == pytest.approx(error, rel=1e-4)


def test_labels_of_several_kinds_over_time():
    net = theanets.recurrent.Classifier([4, (5, "gru"), 3], loss="bce")
    x, y = X.reshape(20, 10, 4), TAGS.reshape(20, 10, 3)
    net.train((x, y), **QUIET)
    assert net.predict(x).shape == (20, 10, 3)
    right = (net.predict(x) == y).all(axis=-1)
    assert net.score(x, y) == pytest.approx(right.mean())
    with pytest.raises(ConfigurationError, match="any number of them can hold"):
        net.predict_sequence([0], 3)


# What is refused.


@pytest.mark.parametrize(
    ("loss", "activation"),
    [
        ("xe", "relu"),
        ("xe", "tanh"),
        ("xe", "logistic"),
        ("xe", "softmax+norm:z"),
        ("bce", "softmax"),
        ("bce", "tanh"),
        ("bce", "relu"),
        ("kl", "linear"),
        ("kl", "relu"),
        ("kl", "tanh"),
    ],
)
def test_outputs_of_another_range(loss, activation):
    last = activation.rpartition("+")[2]
    message = f'compares probabilities, but its output "out:out" has .* "{last}"'
    with pytest.raises(ConfigurationError, match=message):
        theanets.Regressor([4, (3, activation)], loss=loss)
    net = theanets.Regressor([4, (3, activation)])
    with pytest.raises(ConfigurationError, match=message):
        net.add_loss(loss, target="other")
    assert len(net.losses) == 1


def test_recurrent_outputs_are_no_probabilities():
    with pytest.raises(ConfigurationError, match='has the activation "tanh"'):
        theanets.recurrent.Classifier([4, dict(form="lstm", size=3, activation="tanh")])


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
def test_scores_of_a_hinge_are_no_probabilities(activation):
    net = theanets.Classifier([4, (3, activation)], loss="hinge")
    net.train((X, LABELS), **QUIET)
    assert net.predict(X).shape == (200,)
    with pytest.raises(ConfigurationError, match="so it is no probability"):
        net.predict_proba(X)


# What is taken as it was.


@pytest.mark.parametrize("loss", ["xe", "bce", "kl"])
def test_functions_may_give_probabilities(loss):
    import jax

    last = dict(size=3, activation=jax.nn.sigmoid if loss == "bce" else jax.nn.softmax)
    target = {"xe": LABELS, "bce": TAGS, "kl": special.softmax(X[:, :3], axis=1)}[loss]
    net = theanets.Regressor([4, last], loss=loss)
    _, valid = net.train((X, target), **QUIET)
    assert np.isfinite(valid["loss"])


def test_kl_of_a_regressor_is_of_a_softmax():
    target = special.softmax(X[:, :3], axis=1)
    net = theanets.Regressor([4, 3], loss="kl")
    _, valid = net.train((X, target), **QUIET)
    p = net.predict(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    error = (target * np.log(target / p)).mean()
    assert valid["loss"] == pytest.approx(error, rel=1e-3)


def test_a_model_of_ones_own_has_its_own_activation():
    class Scores(theanets.Classifier):
        output_activation = "linear"

    assert Scores([4, 3]).layers[-1].activation.spec == "linear"
