"""What a masked array hides is never computed with."""

import numpy as np
import pytest

import theanets
from theanets.data.arrays import as_array
from theanets.errors import ConfigurationError, DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 4))
Y = X[:, :2]
LABELS = np.arange(8) % 3
ONES = np.ones((8, 2))
ONCE = {"max_epochs": 1, "progress": False}


def hiding(array):
    """Return an array that hides a wild number."""
    wild = np.array(array)
    wild[2] = 1e6
    return np.ma.array(wild, mask=wild == 1e6)


def hiding_one(array):
    """Return an array that hides an entry of one axis."""
    return np.ma.array(array, mask=np.arange(len(array)) == 2)


class Wrapped:
    """What a library of files offers whose variables come as masked arrays."""

    def __array__(self, dtype=None, copy=None):
        return hiding(X)


class Framed:
    def to_numpy(self):
        return hiding(X)


def regressor():
    return theanets.Regressor([4, 2], weighted=True)


def training(data, valid=None):
    return lambda: regressor().train(data, valid, **ONCE)


def streaming(data):
    def train():
        before = theanets.config.resident_bytes
        theanets.config.resident_bytes = 0
        try:
            regressor().train(data, **ONCE)
        finally:
            theanets.config.resident_bytes = before

    return train


GOOD = (X, Y, ONES)
AUTO = theanets.Autoencoder([4, 2, 4])
CLASSES = theanets.Classifier([4, 3])
RECURRENT = theanets.recurrent.Regressor([4, (3, "rnn"), 2])
SPELLER = theanets.recurrent.Classifier([5, (3, "rnn"), 5])
STATE = {"hid1.h": hiding(np.zeros((8, 3)))}

DOORS = {
    "train: inputs": (training((hiding(X), Y, ONES)), "train[0]"),
    "train: target": (training((X, hiding(Y), ONES)), "train[1]"),
    "train: weights": (training((X, Y, hiding(ONES))), "train[2]"),
    "train: one array": (
        lambda: theanets.Autoencoder([4, 2, 4]).train(hiding(X), **ONCE),
        "train",
    ),
    "train: labels": (
        lambda: theanets.Classifier([4, 3]).train((X, hiding_one(LABELS)), **ONCE),
        "train[1]",
    ),
    "train: balanced classes": (
        lambda: theanets.Classifier([4, 3]).train(
            (X, hiding_one(LABELS)), class_weight="balanced", **ONCE
        ),
        "train[1]",
    ),
    "valid": (training(GOOD, (hiding(X), Y, ONES)), "valid[0]"),
    "a dict": (
        training({"in": X, "target": hiding(Y), "weights": ONES}),
        'train["target"]',
    ),
    "a Dataset": (
        training(theanets.Dataset((X, hiding(Y), ONES), name="digits")),
        "digits[1]",
    ),
    "a Dataset along axis 1": (
        training(theanets.Dataset((hiding(X).T, Y.T, ONES.T), axis=1)),
        "train[0]",
    ),
    "a list of batches": (
        training([GOOD, (X, hiding(Y), ONES)], GOOD),
        "train: batch 1 of epoch 1[1]",
    ),
    "a callable": (
        training(lambda: (hiding(X), Y, ONES), GOOD),
        "train: batch 0 of epoch 1[0]",
    ),
    "an iterable": (
        training(iter([(X, Y, hiding(ONES))]), GOOD),
        "train: batch 0 of epoch 1[2]",
    ),
    "a callable of dicts": (
        training(lambda: {"in": hiding(X), "target": Y, "weights": ONES}, GOOD),
        'train: batch 0 of epoch 1["in"]',
    ),
    "streamed arrays": (streaming((hiding(X), Y, ONES)), "train[0]"),
    "rows in a list": (
        training({"in": [*X[:7], hiding(X)[2]], "target": Y, "weights": ONES}),
        'train["in"][7]',
    ),
    "predict": (lambda: AUTO.predict(hiding(X)), "x"),
    "predict one example": (lambda: AUTO.predict(hiding_one(X[0])), "x"),
    "predict a list": (lambda: AUTO.predict([list(X[0]), hiding(X)[2]]), "x[1]"),
    "predict nested lists": (
        lambda: AUTO.predict([[1, 2, 3, np.ma.masked], [1, 2, 3, 4]]),
        "x[0][3]",
    ),
    "predict __array__": (lambda: AUTO.predict(Wrapped()), "x"),
    "predict to_numpy": (lambda: AUTO.predict(Framed()), "x"),
    "predict several": (
        lambda: theanets.Regressor(
            [
                4,
                {"form": "input", "name": "more", "size": 4},
                {"size": 2, "inputs": ["in", "more"]},
            ]
        ).predict([X, hiding(X)]),
        'x["more"]',
    ),
    "predict_proba": (lambda: CLASSES.predict_proba(hiding(X)), "x"),
    "predict_logit": (lambda: CLASSES.predict_logit(hiding(X)), "x"),
    "feed_forward": (lambda: AUTO.feed_forward(hiding(X)), "x"),
    "encode": (lambda: AUTO.encode(hiding(X)), "x"),
    "decode": (lambda: AUTO.decode(hiding(np.zeros((8, 2)))), "z"),
    "score: inputs": (lambda: CLASSES.score(hiding(X), LABELS), "x"),
    "score: labels": (lambda: CLASSES.score(X, hiding_one(LABELS)), "y"),
    "score: weights": (lambda: CLASSES.score(X, LABELS, hiding_one(np.ones(8))), "w"),
    "state": (
        lambda: RECURRENT.predict(np.zeros((8, 2, 4)), state=STATE),
        'state["hid1.h"]',
    ),
    "set_value": (
        lambda: CLASSES.find("out", "w").set_value(hiding(np.zeros((4, 3)))),
        'parameter "out.w"',
    ),
    "windows": (
        lambda: theanets.recurrent.batches([X, hiding(Y)], 2),
        "arrays[1]",
    ),
    "labels to go on from": (
        lambda: SPELLER.predict_sequence(hiding_one(np.arange(5)), 2),
        "labels",
    ),
    "labels to decode": (
        lambda: theanets.recurrent.Text("abab").decode(hiding_one([1, 2, 1])),
        "labels",
    ),
    "minimize": (
        lambda: theanets.minimize(lambda p, x: (p * x).mean(), 1.0, hiding(X), **ONCE),
        "train",
    ),
    "features": (
        lambda: theanets.plotting.features(hiding(np.zeros((4, 4)))),
        "the array",
    ),
}


@pytest.mark.parametrize(("action", "name"), DOORS.values(), ids=DOORS)
def test_what_is_hidden_is_refused_by_name(action, name):
    with pytest.raises(DataError) as caught:
        action()
    message = str(caught.value)
    assert message.startswith(f"{name} hides "), message
    for words in ("masked array", "x.filled(value)", "weighted=True"):
        assert words in message


def test_the_message_counts_and_finds_them():
    mask = np.zeros((8, 4), bool)
    mask[3, 1] = mask[5] = True
    with pytest.raises(DataError, match=r"x hides 5 of its 32 .* in row 3, column 1:"):
        AUTO.predict(np.ma.array(X, mask=mask))


@pytest.mark.parametrize("mask", [np.ma.nomask, False, np.zeros(X.shape, bool)])
def test_one_that_hides_nothing_is_its_data(mask):
    given = np.ma.array(X, mask=mask)
    assert type(as_array(given, "x")) is np.ndarray
    np.testing.assert_array_equal(as_array(given, "x"), X)
    np.testing.assert_array_equal(as_array(list(given), "x"), X)
    np.testing.assert_array_equal(AUTO.predict(given), AUTO.predict(X))
    plain, masked = regressor(), regressor()
    plain.train(GOOD, **ONCE)
    masked.train(tuple(np.ma.array(a, mask=False) for a in GOOD), **ONCE)
    for a, b in zip(plain.params, masked.params, strict=True):
        np.testing.assert_array_equal(a.get_value(), b.get_value())


def test_the_way_out_gives_the_answer_without_what_is_hidden():
    """Weights of 0 leave a mean square of the entries that are seen."""
    mask = RNG.random(Y.shape) < 0.3
    target = np.ma.array(np.where(mask, 1e6, Y), mask=mask)
    net = regressor()
    training, _ = net.train(
        (X, target.filled(0), (~mask).astype(float)),
        algo="sgd",
        learning_rate=0,
        **ONCE,
    )
    expected = np.square(X @ net.find("out.w") + net.find("out.b") - Y)[~mask].mean()
    assert training["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "keyword", [{"learning_rate": np.ma.masked}, {"weight_l2": np.ma.masked}]
)
def test_a_hidden_number_is_no_setting(keyword):
    with pytest.raises(ConfigurationError, match=next(iter(keyword))):
        regressor().train(GOOD, algo="sgd", **keyword, **ONCE)


def test_hidden_first_values_are_refused():
    mean = np.ma.array([1.0, 2.0], mask=[False, True])
    with pytest.raises(ConfigurationError, match="mean"):
        theanets.Regressor([4, {"size": 2, "mean": mean}])


def test_hidden_parameters_to_minimize_are_refused():
    start = {"slope": np.ma.array([1.0, 2.0], mask=[False, True])}
    with pytest.raises(ConfigurationError, match="slope"):
        theanets.minimize(lambda p, x: (p["slope"] * x).mean(), start, Y, **ONCE)
