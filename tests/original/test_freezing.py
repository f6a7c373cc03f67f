"""Parameters that training leaves as they are: `freeze`, in a model and in a call."""

import copy
import json
import pickle

import numpy as np
import optax
import pytest

import theanets
from theanets.errors import CheckpointError, ConfigurationError, ModelFileError

from ..helpers import blobs, compilations

X, LABELS = blobs()
Y = X[:, :2]
FROM_INPUTS = ("layerwise", "pretrain")


def regressor():
    return theanets.Regressor([4, (8, "tanh"), (6, "relu"), 2])


def normed():
    return theanets.Regressor([4, (8, "linear"), ("batchnorm", "relu"), 2])


def train(net, data=(X, Y), **keywords):
    settings = {"algo": "sgd", "max_epochs": 3, "progress": False}
    return net.train(data, **settings | keywords)


def bits(net):
    """Return the bytes of every array, also of those that are not learned."""
    return {
        name: np.asarray(x).tobytes() for name, x in net._state.arrays.now().items()
    }


def changed(net, before):
    return sorted(name for name, value in bits(net).items() if value != before[name])


ALL_BUT_HID1 = ["hid2.b", "hid2.w", "out.b", "out.w"]


# What stays.


@pytest.mark.parametrize(
    "algo",
    ["sgd", "nag", "rmsprop", "adam", "adagrad", "adadelta", "esgd", "rprop", "lbfgs"],
)
def test_every_algorithm_leaves_what_is_frozen(algo):
    net = regressor()
    net.freeze("hid1")
    before = bits(net)
    extra = {} if algo == "lbfgs" else {"momentum": 0.5}
    train(net, algo=algo, weight_l2=0.1, **extra)
    assert changed(net, before) == ALL_BUT_HID1


def test_a_transformation_of_optax_does_not_decay_what_is_frozen():
    net = regressor()
    before = bits(net)
    train(net, algo=optax.adamw(0.01, weight_decay=0.1), freeze="hid1")
    assert changed(net, before) == ALL_BUT_HID1


def test_the_others_are_trained_as_if_nothing_were_frozen():
    whole, part = regressor(), regressor()
    first, _ = train(whole, max_updates=1, weight_l2=0.1)
    again, _ = train(part, max_updates=1, weight_l2=0.1, freeze="hid1*")
    assert first["loss"] == pytest.approx(again["loss"], rel=1e-6)
    for name in ALL_BUT_HID1:
        pair = (net.find(*name.split(".")).get_value() for net in (whole, part))
        np.testing.assert_allclose(*pair, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("pattern", "frozen"),
    [
        ("hid1", ["hid1.b", "hid1.w"]),
        ("hid1.w", ["hid1.w"]),
        ("hid?", ["hid1.b", "hid1.w", "hid2.b", "hid2.w"]),
        ("*.b", ["hid1.b", "hid2.b", "out.b"]),
        (["out", "hid1.b"], ["hid1.b", "out.b", "out.w"]),
        ([], []),
    ],
)
def test_patterns_are_globs_over_parameters_or_layers(pattern, frozen):
    net = regressor()
    net.freeze(pattern)
    assert sorted(net.frozen) == frozen
    before = bits(net)
    train(net)
    assert changed(net, before) == sorted(before.keys() - set(frozen))


def test_a_worker_of_a_bidirectional_layer_can_be_frozen_alone():
    net = theanets.recurrent.Regressor([4, ("bidirectional", 6), 2])
    x = np.random.default_rng(0).normal(size=(8, 5, 4)).astype("f4")
    before = bits(net)
    train(net, (x, x[:, :, :2]), freeze="hid1_fw")
    stays = {name for name in before if name.startswith("hid1_fw.")}
    assert changed(net, before) == sorted(before.keys() - stays)
    net.freeze("hid1")
    before = bits(net)
    train(net, (x, x[:, :, :2]))
    assert changed(net, before) == ["out.b", "out.w"]


@pytest.mark.parametrize("form", ["rnn", "lstm", "gru", "clockwork"])
def test_recurrent_layers_stay(form):
    spec = {"form": form, "size": 6}
    spec |= {"periods": [1, 2, 4]} if form == "clockwork" else {}
    net = theanets.recurrent.Regressor([4, spec, 2])
    x = np.random.default_rng(0).normal(size=(8, 5, 4)).astype("f4")
    before = bits(net)
    train(net, (x, x[:, :, :2]), freeze="hid1")
    assert changed(net, before) == ["out.b", "out.w"]


# Batch normalization.


def test_a_frozen_batchnorm_keeps_its_statistics_and_uses_them():
    net = normed()
    train(net)
    net.freeze("hid2")
    before = bits(net)
    # With its running statistics, one batch of the training says what it predicts.
    error = np.square(net.predict(X) - Y).mean()
    training, _ = train(net, batch_size=None, max_epochs=1)
    assert training["err"] == pytest.approx(error, rel=1e-5)
    assert changed(net, before) == ["hid1.b", "hid1.w", "out.b", "out.w"]


def test_one_statistic_can_be_frozen_alone():
    net = normed()
    before = bits(net)
    train(net, freeze="hid2.mean")
    assert sorted(before.keys() - set(changed(net, before))) == ["hid2.mean"]


def test_a_batchnorm_with_frozen_gain_and_bias_goes_on_with_its_statistics():
    net = normed()
    before = bits(net)
    train(net, freeze=["hid2.gain", "hid2.bias"])
    assert "hid2.mean" in changed(net, before)
    assert "hid2.gain" not in changed(net, before)


def test_dropout_of_train_reaches_a_frozen_layer():
    net = regressor()
    noisy, _ = train(net, freeze="hid1", max_updates=1, hidden_dropout=0.9)
    plain, _ = train(regressor(), freeze="hid1", max_updates=1)
    assert noisy["loss"] != plain["loss"]


# Training part by part.


def test_a_tied_layer_stays_tied_to_frozen_weights():
    net = theanets.Autoencoder([4, 3, "tied"])
    net.freeze("hid1.w")
    before = bits(net)
    train(net, [X])
    assert changed(net, before) == sorted(before.keys() - {"hid1.w"})
    assert len(before) == 3


@pytest.mark.parametrize("algo", FROM_INPUTS)
def test_stages_leave_what_is_frozen(algo):
    net = theanets.Classifier([4, 6, 5, 3])
    net.freeze(["hid2", "out.b"])
    before = bits(net)
    train(net, (X, LABELS), algo=algo, subalgo="adam", max_epochs=1)
    stages = {"layerwise": ["layerwise hid1", "layerwise hid2"]}
    stages["pretrain"] = ["pretrain hid1", "pretrain hid2"]
    assert net.history["stage"] == stages[algo]
    trained = ["hid1.b", "hid1.w", "out.w"]
    assert changed(net, before) == (trained if algo == "layerwise" else trained[:2])


@pytest.mark.parametrize("algo", FROM_INPUTS)
def test_a_stage_that_would_train_only_what_is_dropped_is_left_out(algo):
    net = theanets.Classifier([4, 6, 5, 3])
    before = bits(net)
    train(net, (X, LABELS), algo=algo, max_epochs=1, freeze="hid1")
    assert net.history["stage"] == [f"{algo} hid2"]
    assert "hid2.w" in changed(net, before)
    assert "hid1.w" not in changed(net, before)


def test_layerwise_of_tied_layers_leaves_what_is_frozen():
    net = theanets.Autoencoder([4, 3, 2, "tied", "tied"])
    before = bits(net)
    train(net, [X], algo="layerwise", max_epochs=1, freeze="hid1.w")
    assert changed(net, before) == sorted(before.keys() - {"hid1.w"})


def test_pretrain_of_frozen_layers_is_refused():
    with pytest.raises(ConfigurationError, match="pretrain has nothing to train"):
        train(regressor(), algo="pretrain", freeze="hid*")


def test_sample_draws_no_frozen_weights():
    net, free = regressor(), regressor()
    before = bits(net)
    train(net, algo="sample", freeze="hid2.w")
    assert changed(net, before) == ["hid1.w", "out.w"]
    train(free, algo="sample")
    assert bits(free)["hid1.w"] == bits(net)["hid1.w"]
    with pytest.raises(ConfigurationError, match="has none that is not frozen"):
        train(net, algo="sample", freeze="*.w")


# How long it holds.


def test_what_train_freezes_is_for_that_call_and_comes_on_top():
    net = regressor()
    net.freeze("hid1")
    before = bits(net)
    train(net, freeze="out")
    assert changed(net, before) == ["hid2.b", "hid2.w"]
    assert net.frozen == ["hid1.b", "hid1.w"]
    train(net, freeze=None)
    assert changed(net, before) == ALL_BUT_HID1


def test_unfreeze_frees_some_or_all():
    net = regressor()
    net.freeze("hid*")
    net.unfreeze("*.b")
    assert net.frozen == ["hid1.w", "hid2.w"]
    net.unfreeze("out")
    assert net.frozen == ["hid1.w", "hid2.w"]
    net.unfreeze()
    assert net.frozen == []
    before = bits(net)
    train(net)
    assert changed(net, before) == sorted(before)


def test_freezing_between_epochs_holds_from_the_next_training_on():
    net = regressor()
    before = bits(net)
    epochs = net.itertrain([X, Y], algo="sgd", max_epochs=2, progress=False)
    next(epochs)
    net.freeze("hid1")
    middle = bits(net)
    list(epochs)
    assert "hid1.w" in changed(net, before) and "hid1.w" in changed(net, middle)
    before = bits(net)
    train(net)
    assert changed(net, before) == ALL_BUT_HID1


def test_a_value_set_by_hand_is_kept_by_training():
    net = regressor()
    net.freeze("hid1.w")
    net.find("hid1", "w").set_value(np.full((4, 8), 0.25))
    before = bits(net)
    train(net)
    assert "hid1.w" not in changed(net, before)
    assert (net.find("hid1", "w").get_value() == 0.25).all()


def test_a_layer_that_is_added_is_free():
    net = theanets.Network([4])
    net.add_layer(3)
    net.freeze("hid1")
    net.add_layer(2, is_output=True)
    net.set_loss("mse")
    before = bits(net)
    train(net)
    assert net.frozen == ["hid1.b", "hid1.w"]
    assert changed(net, before) == ["out.b", "out.w"]


# What goes along.


def test_params_are_the_same_and_gradients_are_those_of_what_is_trained():
    net = regressor()
    net.freeze("hid1")
    assert len(net.params) == 6
    training, _ = train(net, monitor_gradients=True)
    found = sorted(name for name in training if name.startswith("grad("))
    assert found == [f"grad({name})" for name in ALL_BUT_HID1]


def test_a_penalty_of_frozen_parameters_alone_is_a_constant():
    net = regressor()
    net.freeze("hid1")
    penalty = {"weight": 0.5, "pattern": "hid1.w"}
    plain = copy.deepcopy(net)
    training, _ = train(net, weight_l2=penalty)
    train(plain)
    weights = net.find("hid1", "w").get_value()
    constant = 0.5 * np.square(weights).mean()
    assert training["loss"] - training["err"] == pytest.approx(constant, rel=1e-4)
    np.testing.assert_allclose(net.predict(X), plain.predict(X), rtol=1e-5, atol=1e-6)


def test_print_shows_what_is_frozen():
    net = normed()
    assert "frozen" not in str(net)
    net.freeze(["hid1.w", "hid2"])
    title, heads, _, *rows = str(net).splitlines()
    assert "74 learned parameters (48 of them frozen)" in title
    assert heads.split()[-2:] == ["frozen", "parameters"]
    assert [row.split()[-2:] for row in rows[1:3]] == [["w", "40"], ["all", "32"]]
    assert "all" not in rows[3]


def test_copies_pickles_and_files_have_it(tmp_path):
    net = normed()
    net.freeze("hid2")
    file = tmp_path / "net.safetensors"
    net.save(file)
    twins = [copy.deepcopy(net), pickle.loads(pickle.dumps(net)), theanets.load(file)]
    net.unfreeze()
    for twin in twins:
        assert twin.frozen == ["hid2.bias", "hid2.gain", "hid2.mean", "hid2.variance"]
        before = bits(twin)
        train(twin)
        assert changed(twin, before) == ["hid1.b", "hid1.w", "out.b", "out.w"]


def test_an_experiment_passes_it_on():
    made = theanets.Experiment(theanets.Regressor, layers=[4, 8, 2])
    before = bits(made.network)
    made.train([X, Y], freeze="hid1", max_epochs=1, progress=False)
    assert changed(made.network, before) == ["out.b", "out.w"]


def test_a_file_without_frozen_names_is_as_it_was():
    net = regressor()
    plain = theanets.models.saving.describe(net._state)
    assert "frozen" not in plain
    net.freeze("hid1")
    net.unfreeze()
    assert theanets.models.saving.describe(net._state) == plain


@pytest.mark.parametrize("names", [["hid7.w"], ["hid1"], "hid1.w", [3], None, {}])
def test_a_file_that_freezes_what_is_not_there_is_refused(tmp_path, names):
    net = regressor()
    description = {**theanets.models.saving.describe(net._state), "frozen": names}
    file = tmp_path / "net.safetensors"
    theanets.serialization.files.write(
        file, json.loads(json.dumps(description)), net._state.arrays.now()
    )
    with pytest.raises(ModelFileError, match=r"frozen"):
        theanets.load(file)


# What is refused.


@pytest.mark.parametrize("pattern", ["hdi1", ["hid1", "hdi1"]])
def test_a_pattern_that_matches_nothing_is_refused(pattern):
    net = regressor()
    net.freeze("out")
    wanted = (
        r"'hdi1' matches no parameter\. There are: hid1\.b, .*Did you mean \"hid1\""
    )
    with pytest.raises(ConfigurationError, match=f"^freeze: {wanted}"):
        net.freeze(pattern)
    with pytest.raises(ConfigurationError, match=f"^unfreeze: {wanted}"):
        net.unfreeze(pattern)
    with pytest.raises(ConfigurationError, match=f"^freeze: {wanted}"):
        train(net, freeze=pattern)
    assert net.frozen == ["out.b", "out.w"]


@pytest.mark.parametrize("pattern", [3, True, [1], {"hid1": True}])
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(ConfigurationError, match="has to be a text such as"):
        train(regressor(), freeze=pattern)


def test_nothing_left_to_train_is_refused_before_compiling():
    net = theanets.Regressor([4, 9, 2])
    net.freeze("hid1")
    with (
        compilations() as compiled,
        pytest.raises(
            ConfigurationError, match=r"all parameters .* are frozen.*hid1\.b"
        ),
    ):
        train(net, freeze="out")
    assert not compiled


# Programs and checkpoints.


def test_the_same_freeze_compiles_nothing_again():
    net = theanets.Regressor([4, 13, 2])
    train(net)
    with compilations() as compiled:
        train(net, freeze="hid1")
    assert compiled
    with compilations() as compiled:
        train(net, freeze=["hid1.w", "hid1.b"])
        net.freeze("hid1")
        train(net)
        net.unfreeze()
        train(net)
        net.freeze("out")
        net.predict(X)
        net.unfreeze()
        net.predict(X)
    # The prediction, once for both.
    assert len(compiled) <= 1


def test_freezing_compiles_no_prediction():
    net = theanets.Regressor([4, 14, 2])
    answer = net.predict(X)
    with compilations() as compiled:
        net.freeze("hid1")
        assert (net.predict(X) == answer).all()
    assert not compiled


def test_a_checkpoint_goes_on_with_the_same_freeze_alone(tmp_path):
    file = tmp_path / "run.safetensors"
    settings = {"algo": "adam", "freeze": "hid1", "checkpoint": file}
    whole = regressor()
    train(whole, algo="adam", freeze="hid1", max_epochs=4)
    train(regressor(), max_epochs=2, **settings)
    with pytest.raises(CheckpointError, match=r"frozen was .*hid1\.w.* and is nothing"):
        train(regressor(), max_epochs=4, **settings | {"freeze": None})
    # Who has frozen it makes no difference.
    resumed = regressor()
    resumed.freeze("hid1")
    train(resumed, max_epochs=4, **settings | {"freeze": None})
    assert bits(resumed) == bits(whole)
    assert theanets.load(file).frozen == ["hid1.b", "hid1.w"]


def test_a_checkpoint_of_stages_goes_on(tmp_path):
    file = tmp_path / "run.safetensors"
    settings = {"algo": "layerwise", "freeze": "hid1", "max_epochs": 2}

    def stop(epoch, *_):
        raise RuntimeError("stopped")

    whole, resumed = regressor(), regressor()
    train(whole, **settings)
    with pytest.raises(RuntimeError, match="stopped"):
        train(regressor(), checkpoint=file, callbacks=stop, **settings)
    train(resumed, checkpoint=file, **settings)
    assert bits(resumed) == bits(whole)


@pytest.mark.filterwarnings("ignore:.*deviation beyond 1000:UserWarning")
def test_numbers_gone_bad_are_found_in_what_is_frozen_too():
    net = regressor()
    net.freeze("hid1")
    x = np.full_like(X, 1e30)
    with pytest.raises(theanets.errors.NonFiniteError):
        train(net, (x, 1e30 * Y))
