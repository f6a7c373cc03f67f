"""Sequences go on from a state, in every recurrent model."""

import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError, DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 12, 3)).astype("f4")

FORMS = {
    "rnn": {},
    "rrnn": {},
    "mrnn": {},
    "lstm": {},
    "gru": {},
    "mut1": {},
    "scrn": {"context_size": 2},
    "clockwork": {"periods": (1, 2, 5)},
    "bcrnn": {"num_modules": 3},
}


def model(form, cls=theanets.recurrent.Regressor, **more):
    hidden = dict(form=form, size=6, **FORMS[form], **more)
    return cls([3, hidden, dict(form="gru", size=4), 2])


def test_every_recurrent_form_is_here():
    forms = {
        cls.__name__.lower()
        for cls in vars(theanets.layers).values()
        if isinstance(cls, type) and issubclass(cls, theanets.layers.Recurrent)
    }
    assert forms - {"recurrent"} == set(FORMS)


@pytest.mark.parametrize("form", FORMS)
def test_two_halves_are_the_whole(form):
    net = model(form)
    # Seven steps end within a period of the clockwork.
    first, state = net.predict(X[:, :7], return_state=True)
    second, after = net.predict(X[:, 7:], state=state, return_state=True)
    whole, end = net.predict(X, return_state=True)
    halves = np.concatenate([first, second], axis=1)
    np.testing.assert_allclose(halves, net.predict(X), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(whole, net.predict(X), rtol=1e-5, atol=1e-6)
    assert all(len(part) == 5 for part in state.values())
    for name, part in end.items():
        np.testing.assert_allclose(after[name], part, rtol=1e-5, atol=1e-6)


def test_names_of_a_state():
    _, state = model("lstm").predict(X, return_state=True)
    assert {name: part.shape for name, part in state.items()} == {
        "hid1.h": (5, 6),
        "hid1.c": (5, 6),
        "hid2.h": (5, 4),
    }


def test_steps_one_by_one():
    net, state, found = model("gru"), None, []
    for step in range(X.shape[1]):
        output, state = net.predict(
            X[:, step : step + 1], state=state, return_state=True
        )
        found.append(output)
    whole = net.predict(X)
    np.testing.assert_allclose(np.concatenate(found, 1), whole, rtol=1e-5, atol=1e-6)


def test_one_example():
    net = model("lstm")
    first, state = net.predict(X[0, :5], return_state=True)
    assert state["hid1.c"].shape == (6,)
    second = net.predict(X[0, 5:], state=state)
    assert second.shape == (7, 2)
    halves = np.concatenate([first, second])
    np.testing.assert_allclose(halves, net.predict(X)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_with_a_mask(form):
    net = theanets.recurrent.Regressor(
        [
            dict(size=3, name="x", ndim=3),
            dict(form="input", name="mask", shape=(None,)),
            dict(form=form, size=6, inputs="x", mask="mask", **FORMS[form]),
            2,
        ]
    )
    mask = (RNG.random((5, 12)) < 0.7).astype("f4")
    first, state = net.predict([X[:, :7], mask[:, :7]], return_state=True)
    second = net.predict([X[:, 7:], mask[:, 7:]], state=state)
    whole = net.predict([X, mask])
    halves = np.concatenate([first, second], axis=1)
    np.testing.assert_allclose(halves, whole, rtol=1e-5, atol=1e-6)


def test_a_model_with_an_initial_state():
    net = theanets.recurrent.Regressor(
        [
            dict(size=3, name="x", ndim=3),
            dict(form="input", name="begin", shape=(4,)),
            dict(form="rnn", size=4, inputs="x", h_0="begin"),
            2,
        ]
    )
    begin = RNG.normal(size=(5, 4)).astype("f4")
    first, state = net.predict([X[:, :7], begin], return_state=True)
    # The state that is given takes the place of the initial one.
    second = net.predict([X[:, 7:], 0 * begin], state=state)
    whole = net.predict([X, begin])
    halves = np.concatenate([first, second], axis=1)
    np.testing.assert_allclose(halves, whole, rtol=1e-5, atol=1e-6)


def test_classifiers():
    net = model("gru", theanets.recurrent.Classifier)
    for method in (net.predict, net.predict_proba, net.predict_logit):
        first, state = method(X[:, :7], return_state=True)
        second = method(X[:, 7:], state=state)
        halves = np.concatenate([first, second], axis=1)
        np.testing.assert_allclose(halves, method(X), rtol=1e-4, atol=1e-5)


def test_more_examples_than_one_program_takes(monkeypatch):
    monkeypatch.setattr("theanets.models.prediction._LARGEST_BATCH", 2)
    net = model("lstm")
    first, state = net.predict(X[:, :7], return_state=True)
    second = net.predict(X[:, 7:], state=state)
    halves = np.concatenate([first, second], axis=1)
    np.testing.assert_allclose(halves, net.predict(X), rtol=1e-5, atol=1e-6)


def test_a_state_goes_through_a_file(tmp_path):
    net = model("clockwork")
    _, state = net.predict(X[:, :7], return_state=True)
    np.savez(tmp_path / "state.npz", **state)
    with np.load(tmp_path / "state.npz") as loaded:
        again = net.predict(X[:, 7:], state=dict(loaded))
    np.testing.assert_array_equal(again, net.predict(X[:, 7:], state=state))


def test_layers_that_need_the_whole_sequence():
    for layer in (
        (6, "bidirectional"),
        dict(form="rnn", size=6, direction="back"),
    ):
        net = theanets.recurrent.Regressor([3, layer, 2])
        with pytest.raises(ConfigurationError, match=r'layer "hid1".*whole sequence'):
            net.predict(X, return_state=True)


def test_a_model_without_a_state():
    with pytest.raises(ConfigurationError, match="no recurrent layer"):
        theanets.Regressor([3, 2]).predict(X[0], return_state=True)


def test_noise_beside_a_state():
    with pytest.raises(ConfigurationError, match="hidden_noise together with a state"):
        model("rnn").predict(X, return_state=True, hidden_noise=0.1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: None or {}, "state is none; it has to be a dict of the arrays hid1"),
        (lambda s: [1], r"state is \[1\]"),
        (lambda s: {**s, "hid3.h": 1}, "hid3.h"),
        (lambda s: {**s, "hid1.h": s["hid1.h"][:3]}, r"\(3, 6\).*has to be \(5, 6\)"),
        (lambda s: {**s, "hid1.h": "no"}, r'state\["hid1.h"\]'),
    ],
)
def test_what_is_no_state(change, says):
    net = model("rnn")
    _, state = net.predict(X, return_state=True)
    with pytest.raises(DataError, match=says):
        net.predict(X, state=change(state))
