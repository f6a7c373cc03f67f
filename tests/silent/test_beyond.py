"""Numbers that the precision cannot hold are named, and NumPy warns of nothing."""

import warnings

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import theanets
from theanets.data.arrays import as_array, narrowed
from theanets.data.content import too_large
from theanets.errors import ConfigurationError, DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 10))
Y = X[:, :2]
LABELS = np.arange(8) % 3
ONES = np.ones((8, 2))
ONCE = {"max_epochs": 1, "progress": False}
LARGEST = {"float32": "3.4e+38", "bfloat16": "3.4e+38", "float64": "1.8e+308"}


def wild(array, value=1e39, place=(3, 7)):
    """Return an array with one number that float32 cannot hold."""
    made = np.array(array)
    made[place] = value
    return made


WILD = wild(X)
WILD_Y = wild(Y, place=(3, 1))


def regressor(**keywords):
    return theanets.Regressor([10, 2], **keywords)


def training(data, valid=None, **keywords):
    return lambda: regressor(**keywords).train(data, valid, **ONCE)


def streaming(data):
    def train():
        before = theanets.config.resident_bytes
        theanets.config.resident_bytes = 0
        try:
            regressor().train(data, **ONCE)
        finally:
            theanets.config.resident_bytes = before

    return train


AUTO = theanets.Autoencoder([10, 2, 10])
CLASSES = theanets.Classifier([10, 3])
RECURRENT = theanets.recurrent.Regressor([10, (3, "rnn"), 2])

X_WORDS = ['"in" holds 1e+39 in row 3, column 7', "float32"]
Y_WORDS = ["holds 1e+39 in row 3, column 1", "float32"]
DOORS = {
    "predict": (lambda: CLASSES.predict(WILD), ["x:", *X_WORDS]),
    "predict one example": (
        lambda: CLASSES.predict(WILD[3]),
        ['x: "in" holds 1e+39 in row 0, column 7', "float32"],
    ),
    "predict a list": (lambda: CLASSES.predict(WILD.tolist()), ["x:", *X_WORDS]),
    "predict a frame": (lambda: CLASSES.predict(pd.DataFrame(WILD)), ["x:", *X_WORDS]),
    "predict a sparse matrix": (
        lambda: CLASSES.predict(scipy.sparse.csr_matrix(WILD)),
        ["x:", *X_WORDS],
    ),
    "predict_proba": (lambda: CLASSES.predict_proba(WILD), ["x:", *X_WORDS]),
    "predict below 0": (
        lambda: CLASSES.predict(-WILD),
        ['x: "in" holds -1e+39 in row 3, column 7'],
    ),
    "feed_forward": (lambda: AUTO.feed_forward(WILD), ["x:", *X_WORDS]),
    "encode": (lambda: AUTO.encode(WILD), ["x:", *X_WORDS]),
    "decode": (
        lambda: AUTO.decode(WILD_Y),
        ['decode: "z" holds 1e+39 in row 3, column 1'],
    ),
    "score: inputs": (lambda: CLASSES.score(WILD, LABELS), ["x:", *X_WORDS]),
    "score: target": (lambda: regressor().score(X, WILD_Y), ['score: "y"', *Y_WORDS]),
    "score: an autoencoder": (lambda: AUTO.score(WILD), ["x:", *X_WORDS]),
    "train: inputs": (training((WILD, Y)), ["train:", *X_WORDS]),
    "train: target": (training((X, WILD_Y)), ['train: "target"', *Y_WORDS]),
    "train: weights": (
        training((X, Y, WILD_Y.clip(0)), weighted=True),
        ['train: "weights"', *Y_WORDS],
    ),
    "train: a sparse matrix": (
        training((scipy.sparse.csr_matrix(WILD), Y)),
        ["train:", *X_WORDS],
    ),
    "valid": (training((X, Y), (WILD, Y)), ["valid:", *X_WORDS]),
    "a callable": (
        training(lambda: (WILD, Y), (X, Y)),
        ["train: batch 0 of epoch 1:", *X_WORDS],
    ),
    "a list of batches": (
        training([(X, Y), (X, WILD_Y)], (X, Y)),
        ['train: batch 1 of epoch 1: "target"', *Y_WORDS],
    ),
    "streamed arrays": (streaming((WILD, Y)), ["train:", *X_WORDS]),
    "a sequence": (
        lambda: RECURRENT.predict(WILD[None]),
        ['"in" holds 1e+39 in row 0, at (3, 7) in it'],
    ),
    "a state": (
        lambda: RECURRENT.predict(
            np.zeros((8, 2, 10)), state={"hid1.h": wild(np.zeros((8, 3)), 1e39, (3, 1))}
        ),
        ['state["hid1.h"]', *Y_WORDS],
    ),
    "a parameter": (
        lambda: CLASSES.find("out", "w").set_value(wild(np.zeros((10, 3)), 1e39, 3)),
        ['parameter "out.w"', "1e+39 in row 3, column 0", "Its old values stay"],
    ),
    "minimize": (
        lambda: theanets.minimize(lambda p, x: (p * x).mean(), 1.0, WILD, **ONCE),
        ['"array 0" holds 1e+39 in row 3, column 7'],
    ),
    "long numbers": (
        lambda: CLASSES.predict(wild(X.astype("g"), np.longdouble("1e400"))),
        ["x holds 1e+400 in row 3, column 7, which float64 cannot hold"],
    ),
    "long sparse numbers": (
        lambda: CLASSES.predict(
            scipy.sparse.csr_matrix(wild(X.astype("g"), np.longdouble("1e400")))
        ),
        ["x holds 1e+400 in row 3, column 7, which float64 cannot hold"],
    ),
    "a whole number of Python": (
        lambda: CLASSES.predict([[10**400, *[0.5] * 9]]),
        ["x holds a number that no float can hold"],
    ),
    "a whole number in a frame": (
        lambda: CLASSES.predict(
            pd.DataFrame(X).astype(object).replace(X[0, 0], 10**400)
        ),
        ["x holds a number that no float can hold"],
    ),
}
LONG = [name for name in DOORS if name.startswith("long")]
if np.dtype("g").itemsize == 8:
    DOORS = {name: row for name, row in DOORS.items() if name not in LONG}


@pytest.mark.parametrize(("action", "words"), DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("strict", [False, True])
def test_what_float32_cannot_hold_is_named(action, words, strict):
    told = np.errstate(all="raise" if strict else "warn")
    with told, pytest.raises(DataError) as caught:
        action()
    for word in words:
        assert word in str(caught.value)


def test_the_message_says_what_to_do():
    with pytest.raises(DataError) as caught:
        CLASSES.predict(WILD)
    assert str(caught.value) == (
        'x: "in" holds 1e+39 in row 3, column 7, which float32 cannot hold: its '
        "largest number is 3.4e+38. Scale the data, or compute in float64: set "
        "theanets.config.floatX before the model is made."
    )


@pytest.mark.parametrize(
    ("value", "dtype", "holds"),
    [
        (3.4028234e38, "float32", True),
        # Halfway to the next number there would be, rounding goes either way.
        (3.40282356e38, "float32", True),
        (3.40282357e38, "float32", False),
        (3.39e38, "bfloat16", True),
        (3.4e38, "bfloat16", False),
        (1e308, "float64", True),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_bound_is_that_of_rounding(value, dtype, holds, sign):
    array = np.array([[0.5, sign * value], [1, 2]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole_cast = np.isfinite(array.astype(jnp.dtype(dtype)).astype("f8")).all()
    assert whole_cast == holds
    assert (too_large(array, jnp.dtype(dtype)) == "") == holds


@pytest.mark.parametrize("method", ["predict", "train", "stream"])
def test_bfloat16_holds_less_than_float32(method, monkeypatch):
    monkeypatch.setattr(theanets.config, "floatX", "bfloat16")
    net = theanets.Regressor([10, 2])
    x = wild(X.astype("f4"), 3.4e38)
    actions = {
        "predict": lambda: net.predict(x),
        "train": lambda: net.train((x, Y), **ONCE),
        "stream": lambda: net.train([(x, Y)], (X, Y), **ONCE),
    }
    with pytest.raises(DataError, match=r"holds 3.4e\+38 in row 3.* bfloat16 cannot"):
        actions[method]()


def test_targets_and_weights_of_bfloat16_are_float32(monkeypatch):
    """Losses are computed in float32, so that what that holds is taken."""
    monkeypatch.setattr(theanets.config, "floatX", "bfloat16")
    net = theanets.Regressor([10, 2], loss="mae", weighted=True)
    net.find("out.w").set_value(np.zeros((10, 2)))
    target = np.zeros((8, 2))
    target[3, 1] = 3.4e38
    with pytest.warns(UserWarning, match=r'"target" column 1 \(mean 4.2e\+37'):
        training, _ = net.train(
            (X, target, ONES), algo="sgd", learning_rate=0, batch_size=None, **ONCE
        )
    assert training["loss"] == pytest.approx(3.4e38 / 16, rel=1e-5)
    with pytest.raises(DataError, match="which float32 cannot hold"):
        net.train((X, target * 10, ONES), **ONCE)


def test_float64_holds_it(float64):
    net = regressor()
    w, b = net.find("out.w").get_value(), net.find("out.b").get_value()
    np.testing.assert_allclose(net.predict(WILD), WILD @ w + b, rtol=1e-12)
    with np.errstate(all="raise"):
        net.predict(WILD)


def test_squares_beyond_float64_are_no_score(float64):
    net = regressor()
    with np.errstate(all="raise"), pytest.raises(DataError, match="squares"):
        net.score(X, wild(Y, 1e200, (3, 1)))


def test_weights_whose_sum_is_no_number_are_refused():
    with np.errstate(all="raise"), pytest.raises(DataError, match="as their sum"):
        regressor().score(X, Y, np.full(8, 1e308))


SMALL = np.where(np.arange(10) == 4, 1e-300, X)


def small():
    """Return a model, and all that it computes of numbers below those of float32."""
    net = theanets.Regressor([10, 4, 2], weighted=True)
    data = (SMALL, Y * 1e-300, ONES * 1e-3)
    return net, {
        "predict": lambda: net.predict(SMALL),
        "feed_forward": lambda: net.feed_forward(SMALL),
        "score": lambda: net.score(*data),
        "encode": lambda: AUTO.encode(SMALL),
        "decode": lambda: AUTO.decode(Y * 1e-300),
        "train": lambda: net.train(data, **ONCE),
        "train in streams": lambda: net.train([data], **ONCE),
        "train with streamed arrays": streaming((SMALL, Y * 1e-300)),
        "sparse": lambda: net.predict(scipy.sparse.csr_matrix(SMALL)),
        "set_value": lambda: net.find("out.w").set_value(np.full((4, 2), 1e-300)),
        "classes": lambda: CLASSES.train((SMALL, LABELS.astype("f8")), **ONCE),
        "long": lambda: net.predict(SMALL.astype("g") * np.longdouble("1e-100")),
    }


@pytest.mark.parametrize("name", small()[1])
def test_numpy_raises_nothing_of_what_becomes_zero(name):
    """Less than float32 can tell from 0 is 0, as in every rounding."""
    net, actions = small()
    with np.errstate(all="raise"):
        actions[name]()
    flat = np.where(np.arange(10) == 4, 0, X)
    np.testing.assert_array_equal(net.predict(SMALL), net.predict(flat))


def test_what_needs_no_other_precision_is_not_copied():
    for dtype in ("f4", "u1", ml_dtypes.bfloat16):
        array = np.ones((4, 2), dtype)
        assert narrowed(as_array(array, "x"), np.float32) is array


def test_first_values_have_to_fit():
    with pytest.raises(
        ConfigurationError, match=r'layer "out": mean_b is 1e\+39; it has'
    ):
        theanets.Regressor([4, {"size": 2, "mean_b": 1e39}])


def test_first_values_of_a_layer_of_ones_own_have_to_fit():
    class Wild(theanets.Layer):
        def setup(self):
            self.add_param("w", (2, 3), lambda rng: np.full((2, 3), 1e39))

        def transform(self, params, inputs):
            return next(iter(inputs.values()))

    with pytest.raises(ConfigurationError, match=r"1e\+39 in row 0, column 0"):
        theanets.Regressor([4, Wild(size=4, name="wild"), 2])


@pytest.mark.parametrize("value", [1e39, np.array([1.0, 1e39]), np.float64(1e39)])
def test_parameters_of_minimize_have_to_fit(value):
    with np.errstate(all="raise"), pytest.raises(ConfigurationError) as caught:
        theanets.minimize(lambda p, x: (p["a"] * x).mean(), {"a": value}, Y, **ONCE)
    assert "params['a'] holds 1e+39 in row" in str(caught.value)


def test_a_state_that_is_no_number_is_refused():
    state = {"hid1.h": wild(np.zeros((8, 3)), np.nan, (3, 1))}
    with pytest.raises(DataError, match=r'state\["hid1.h"\] holds NaN'):
        RECURRENT.predict(np.zeros((8, 2, 10)), state=state)
