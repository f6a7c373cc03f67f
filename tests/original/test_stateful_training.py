"""Training goes on from the state that the window before has left."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError, DataError, NonFiniteError
from theanets.recurrent import batches

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 3)), RNG.normal(size=(50, 2))
QUIET = dict(algo="sgd", learning_rate=0.1, momentum=0, progress=False)


def windows(steps=4, batch_size=3):
    return batches([X, Y], steps, batch_size, stateful=True)


def model(hidden="rnn", cls=theanets.recurrent.Regressor, **keywords):
    return cls([3, dict(form=hidden, size=5, activation="tanh"), 2], **keywords)


def values_of(net):
    return {param.name: param.get_value() for param in net.params}


# The windows.


def test_each_window_goes_on_where_the_one_before_ended():
    cut = windows(steps=4, batch_size=3)
    found = list(cut)
    # Tracks of 16 steps; the last two of the 50 are left over.
    assert len(cut) == len(found) == 4
    tracks = np.concatenate([x for x, _ in found], axis=1)
    np.testing.assert_array_equal(tracks, X[:48].reshape(3, 16, 3))
    targets = np.concatenate([y for _, y in found], axis=1)
    np.testing.assert_array_equal(targets, Y[:48].reshape(3, 16, 2))


def test_what_is_less_than_a_window_is_left_over():
    assert len(batches(X, steps=7, batch_size=3, stateful=True)) == 2


def test_each_iteration_starts_anew():
    cut = windows()
    np.testing.assert_array_equal(next(iter(cut))[0], next(iter(cut))[0])


def test_windows_of_text():
    text = theanets.recurrent.Text(
        "abcdefghijklmnopqrstu", alpha="abcdefghijklmnopqrstu"
    )
    cut = text.classifier_batches(steps=5, batch_size=2, stateful=True)
    first, second = cut
    assert text.decode(first[0].argmax(-1)[1]) == "klmno"
    assert text.decode(first[1][1]) == "lmnop"
    assert text.decode(second[0].argmax(-1)[1]) == "pqrst"


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (dict(rng=3), "rng is 3, but with stateful=True the windows follow"),
        (dict(batch_size=26), "26 tracks of 1, fewer than the 4"),
        (dict(stateful="yes"), "stateful is 'yes'"),
    ],
)
def test_windows_that_cannot_be(keywords, message):
    with pytest.raises(theanets.TheanetsError, match=message):
        batches([X, Y], **{"steps": 4, "batch_size": 3, "stateful": True, **keywords})


# The numbers.


def by_hand(params, data, h, rate, learns=True):
    """Train a simple recurrent layer on windows; return parameters and losses."""

    def loss(params, x, y, h):
        found = []
        for step in range(x.shape[1]):
            h = jnp.tanh(
                x[:, step] @ params["hid1.xh"]
                + h @ params["hid1.hh"]
                + params["hid1.b"]
            )
            found.append(h @ params["out.w"] + params["out.b"])
        return jnp.mean((jnp.stack(found, 1) - y) ** 2), h

    losses = []
    for x, y in data:
        (value, h), grads = jax.value_and_grad(loss, has_aux=True)(params, x, y, h)
        losses.append(float(value))
        if learns:
            params = {name: params[name] - rate * grads[name] for name in params}
    return params, losses


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("valid", [None, windows(steps=6, batch_size=2)])
def test_derivatives_are_cut_at_the_window_and_states_are_not(valid):
    net = model()
    params = values_of(net)
    settings = dict(stateful=True, max_epochs=3, validate_every=1, **QUIET)
    for training, validation in net.itertrain(windows(), valid, **settings):
        params, losses = by_hand(params, windows(), np.zeros((3, 5)), 0.1)
        assert training["loss"] == pytest.approx(np.mean(losses), rel=1e-12)
        data = valid or windows()
        zeros = np.zeros((data.batch_size, 5))
        _, losses = by_hand(params, data, zeros, 0.1, learns=False)
        assert validation["loss"] == pytest.approx(np.mean(losses), rel=1e-12)
    for name, value in values_of(net).items():
        np.testing.assert_allclose(value, params[name], rtol=1e-11, err_msg=name)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("form", ["rnn", "lstm", "gru", "mut1", "scrn", "rrnn"])
def test_the_loss_of_windows_is_that_of_the_whole(form):
    net = theanets.recurrent.Regressor([3, (5, form), (4, "gru"), 2])
    whole = np.stack([X[:48].reshape(3, 16, 3)])[0]
    target = Y[:48].reshape(3, 16, 2)
    _, validation = net.train(windows(), max_epochs=1, **QUIET, stateful=True)
    error = np.mean((net.predict(whole) - target) ** 2)
    assert validation["loss"] == pytest.approx(error, rel=1e-12)


@pytest.mark.usefixtures("float64")
def test_one_window_is_as_without_states():
    stateful, plain = model(), model()
    data = batches([X, Y], steps=16, batch_size=3, stateful=True)
    stateful.train(data, max_epochs=3, stateful=True, **QUIET)
    plain.train(data, max_epochs=3, **QUIET)
    for name, value in values_of(stateful).items():
        np.testing.assert_allclose(value, values_of(plain)[name], rtol=1e-12)


def test_without_the_keyword_each_window_begins_anew():
    stateful, plain = model(), model()
    stateful.train(windows(), max_epochs=2, stateful=True, **QUIET)
    plain.train(windows(), max_epochs=2, **QUIET)
    assert np.abs(stateful.find("out", "w") - np.asarray(plain.find("out", "w"))).max()


# What it goes along with.


def test_the_state_is_no_part_of_the_model():
    net, other = model("lstm"), model("lstm")
    names = [*net.functional()[1]]
    net.train(windows(), max_epochs=2, stateful=True, **QUIET)
    assert [*net.functional()[1]] == names
    again = type(net).load(saved := net_bytes(net))
    np.testing.assert_array_equal(again.predict(X[None]), net.predict(X[None]))
    assert b"state/" not in saved
    other.train(windows(), max_epochs=2, stateful=True, **QUIET)
    np.testing.assert_array_equal(other.predict(X[None]), net.predict(X[None]))


def net_bytes(net):
    file = io.BytesIO()
    net.save(file)
    return file.getvalue()


@pytest.mark.parametrize("stop", [dict(max_epochs=3), dict(max_updates=9)])
def test_a_resumed_training_has_the_same_bits(tmp_path, stop):
    """Nine updates end within the third epoch."""
    settings = dict(
        algo="adam", progress=False, stateful=True, hidden_dropout=0.2, validate_every=1
    )
    whole = model("lstm")
    whole.train(windows(), windows(8, 2), max_epochs=6, **settings)
    settings["checkpoint"] = tmp_path / "run.safetensors"
    model("lstm").train(windows(), windows(8, 2), **stop, **settings)
    resumed = model("lstm")
    resumed.train(windows(), windows(8, 2), max_epochs=6, **settings)
    for name, value in values_of(whole).items():
        np.testing.assert_array_equal(value, values_of(resumed)[name], err_msg=name)
    assert whole.history["training"] == resumed.history["training"]


def test_a_checkpoint_of_a_run_without_states_is_of_another_run(tmp_path):
    settings = {**QUIET, "checkpoint": tmp_path / "run.safetensors"}
    model().train(windows(), max_epochs=1, **settings)
    with pytest.raises(theanets.CheckpointError, match="stateful was nothing and is"):
        model().train(windows(), max_epochs=2, stateful=True, **settings)


def test_labels_noise_norms_and_weights():
    labels = RNG.integers(0, 2, size=50)
    net = theanets.recurrent.Classifier(
        [3, "batchnorm", (6, "gru"), "layernorm", (5, "lstm"), 2], weighted=True
    )
    data = batches([X, labels, np.ones(50)], steps=4, batch_size=3, stateful=True)
    frozen = net.find("out", "b").get_value()
    pairs = net.itertrain(
        data,
        algo="adam",
        stateful=True,
        max_epochs=3,
        validate_every=1,
        progress=False,
        input_noise=0.01,
        hidden_dropout=0.1,
        weight_l2=1e-4,
        monitors={"hid2:out": 0.1},
        class_weight={0: 1, 1: 2},
        freeze="out.b",
    )
    whole, right = X[:48].reshape(3, 16, 3), labels[:48].reshape(3, 16)
    for _, validation in pairs:
        assert validation["acc"] == pytest.approx(np.mean(net.predict(whole) == right))
        assert validation["hid2:out<0.1"] > 0
    np.testing.assert_array_equal(net.find("out", "b").get_value(), frozen)


def test_a_mask():
    net = theanets.recurrent.Regressor(
        [
            dict(size=3, name="x", ndim=3),
            dict(form="input", name="mask", shape=(None,)),
            dict(form="gru", size=5, inputs="x", mask="mask"),
            2,
        ]
    )
    mask = (RNG.random(50) < 0.7).astype("f4")
    data = batches([X, mask, Y], steps=4, batch_size=3, stateful=True)
    _, validation = net.train(data, max_epochs=2, stateful=True, **QUIET)
    whole = [part[:48].reshape(3, 16, *part.shape[1:]) for part in (X, mask, Y)]
    error = np.mean((net.predict(whole[:2]) - whole[2]) ** 2)
    assert validation["loss"] == pytest.approx(error, rel=1e-5)


def test_layers_one_after_another():
    net = theanets.recurrent.Regressor([3, (5, "rnn"), (4, "lstm"), 2])
    net.train(windows(), algo="layerwise", max_epochs=2, stateful=True, progress=False)
    assert set(net.history["stage"]) == {"layerwise hid1", "layerwise hid2"}


def test_batches_of_ones_own():
    def own():
        for first in range(0, 48, 4):
            yield X[None, first : first + 4], Y[None, first : first + 4]

    net, same = model(), model()
    net.train(list(own()), max_epochs=2, stateful=True, batch_size=1, **QUIET)
    data = theanets.Dataset(batches([X, Y], 4, 1, stateful=True), batch_size=1)
    same.train(data, max_epochs=2, stateful=True, **QUIET)
    np.testing.assert_array_equal(net.predict(X[None]), same.predict(X[None]))


def test_validation_on_whole_sequences():
    whole = X[:48].reshape(3, 16, 3), Y[:48].reshape(3, 16, 2)
    net = model()
    _, validation = net.train(windows(), whole, max_epochs=1, stateful=True, **QUIET)
    assert validation["loss"] == pytest.approx(
        np.mean((net.predict(whole[0]) - whole[1]) ** 2), rel=1e-5
    )


def test_a_bad_batch_left_out():
    y = Y.copy()
    y[20] = 1e30
    net = model()
    data = batches([X, y], 4, 3, stateful=True)
    with pytest.raises(NonFiniteError):
        net.train(data, windows(), max_epochs=1, stateful=True, **QUIET)
    training, _ = net.train(
        data, windows(), max_epochs=2, stateful=True, on_nonfinite="skip", **QUIET
    )
    assert training["skipped"] == 1 and np.isfinite(training["loss"])


# What is refused.


@pytest.mark.parametrize(
    "data",
    [
        (X[None], Y[None]),
        theanets.Dataset((X[None], Y[None]), batch_size=1),
    ],
)
def test_arrays_are_shuffled(data):
    with pytest.raises(DataError, match="examples of arrays are shuffled"):
        model().train(data, stateful=True, batch_size=1, max_epochs=1, **QUIET)


def test_validation_of_examples_in_batches():
    valid = X[:48].reshape(3, 16, 3), Y[:48].reshape(3, 16, 2)
    with pytest.raises(DataError, match="valid: with stateful=True each batch goes on"):
        model().train(
            batches([X, Y], 4, 2, stateful=True),
            valid,
            batch_size=2,
            stateful=True,
            max_epochs=1,
            **QUIET,
        )


def uneven():
    return [(np.ones((n, 4, 3)), np.ones((n, 4, 2))) for n in (3, 3, 2)]


@pytest.mark.parametrize(
    ("train", "keywords", "error", "message"),
    [
        ((X[None], Y[None]), {}, ConfigurationError, "by batch_size how many"),
        (windows(), dict(batch_size=4), ConfigurationError, "each batch .* has 3"),
        (windows(), dict(stateful="yes"), ConfigurationError, "stateful is 'yes'"),
        (
            windows(),
            dict(train_batches=5),
            DataError,
            "has 4 batches, and one epoch is",
        ),
        (uneven(), dict(batch_size=3), DataError, "has 2 sequences, but the states"),
        (uneven(), dict(batch_size=2), DataError, "has 3 sequences, but the states"),
    ],
)
def test_what_cannot_be(train, keywords, error, message):
    with pytest.raises(error, match=message):
        model().train(
            train, windows(), **{**QUIET, "max_epochs": 1, "stateful": True, **keywords}
        )


def test_drawing_weights_takes_no_states():
    with pytest.raises(ConfigurationError, match="'sample' draws weights"):
        model().train(windows(), algo="sample", stateful=True, progress=False)


def test_uneven_validation():
    with pytest.raises(DataError, match="has 2 sequences, but the states"):
        model().train(windows(), uneven(), max_epochs=1, stateful=True, **QUIET)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([3, 5, 2], "the model has no recurrent layer"),
        (
            [3, dict(form="bidirectional", worker="rnn", size=6), 2],
            "needs the whole sequence",
        ),
        (
            [3, dict(form="rnn", size=5, direction="back"), 2],
            "needs the whole sequence",
        ),
        (
            [
                dict(size=3, name="x", ndim=3),
                dict(form="input", name="begin", shape=(5,)),
                dict(form="rnn", size=5, inputs="x", h_0="begin"),
                2,
            ],
            "its initial state is an output of the model",
        ),
    ],
)
def test_models_without_a_state_to_carry(layers, message):
    net = theanets.recurrent.Regressor(layers)
    with pytest.raises(ConfigurationError, match=message):
        net.train(windows(), max_epochs=1, stateful=True, **QUIET)


def test_states_of_a_narrow_model(monkeypatch):
    monkeypatch.setattr(theanets.config, "floatX", "bfloat16")
    _, valid = model("lstm").train(windows(), max_epochs=2, stateful=True, **QUIET)
    assert np.isfinite(valid["loss"])
