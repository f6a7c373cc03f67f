"""Trainers that follow the shape of a network: sample, layerwise, pretrain."""

import io

import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError, DataError
from theanets.models import stages as pretraining

from ..golden import case
from ..helpers import bits, blobs, compilations

SHORT = {"max_epochs": 2, "progress": False}
POINTS, LABELS = blobs()


def values(net):
    return {p.name: p.get_value() for p in net.params}


def changed(before, after):
    return {name for name in before if (before[name] != after[name]).any()}


def parts(net, algo):
    """Return the layers of each stage."""
    found = pretraining.stages(algo, net._state.topology)
    return [[layer.name for layer in stage.topology.layers] for stage in found]


# Which parts there are.


def test_stages_of_a_classifier_reach_ever_deeper():
    net = theanets.Classifier([4, 6, 5, 3, 2])
    assert parts(net, "supervised") == [
        ["in", "hid1", "out"],
        ["in", "hid1", "hid2", "out"],
        ["in", "hid1", "hid2", "hid3", "out"],
    ]


def test_stages_of_tied_layers_go_from_the_outermost_pair_inwards():
    net = theanets.Autoencoder([4, 6, 5, 3, "tied", "tied", "tied"])
    assert parts(net, "layerwise") == [
        ["in", "hid1", "out"],
        ["in", "hid1", "hid2", "hid5", "out"],
        ["in", "hid1", "hid2", "hid3", "hid4", "hid5", "out"],
    ]


def test_stages_of_pretraining_are_those_of_a_shadow():
    net = theanets.Classifier([4, 6, "batchnorm", (5, "tanh"), 2])
    stages = pretraining.stages("unsupervised", net._state.topology)
    assert [stage.name for stage in stages] == ["pretrain hid1", "pretrain hid3"]
    assert parts(net, "pretrain") == [
        ["in", "hid1", "hid2", "out"],
        ["in", "hid1", "hid2", "hid3", "hid3_tied", "out"],
    ]
    last = stages[-1].topology
    assert last.by_name["hid3_tied"].activation.spec == "tanh"
    assert last.by_name["out"].activation.spec == "linear"


def test_a_layer_without_parameters_goes_with_the_one_before():
    net = theanets.Classifier([(3, 4), 6, 5, "flat", "batchnorm", 2])
    assert parts(net, "layerwise") == [
        ["in", "hid1", "out_flat", "out"],
        ["in", "hid1", "hid2", "hid3", "out"],
        ["in", "hid1", "hid2", "hid3", "hid4", "out"],
    ]
    data = np.random.default_rng(0).normal(size=(32, 3, 4)), np.arange(32) % 2
    net.train(data, algo="layerwise", subalgo="sgd", **SHORT)
    assert len(net.history["stage"]) == 6


# What they train.


@pytest.mark.parametrize("algo", ["layerwise", "pretrain"])
def test_each_stage_trains_its_own_parameters_and_no_others(algo):
    net = theanets.Classifier([4, 6, 5, 3, 2])
    handle = net.find("hid1", "w")
    before, found = values(net), {}
    for training, _ in net.itertrain(blobs(), algo=algo, subalgo="sgd", **SHORT):
        after = values(net)
        found.setdefault(training.stage, set()).update(changed(before, after))
        before = after
    encoders = [{f"hid{i}.w", f"hid{i}.b"} for i in (1, 2, 3)]
    outer = {"out.w", "out.b"} if algo == "layerwise" else set()
    assert found == {
        f"{algo} hid1": encoders[0],
        f"{algo} hid2": encoders[0] | encoders[1],
        f"{algo} hid3": encoders[0] | encoders[1] | encoders[2] | outer,
    }
    np.testing.assert_array_equal(handle.get_value(), before["hid1.w"])


def test_a_tied_autoencoder_keeps_the_biases_of_its_own_outer_layers():
    net = theanets.Autoencoder([4, (5, "tanh"), (3, "tanh"), "tied", "tied"])
    pairs = net.itertrain([POINTS], algo="layerwise", subalgo="sgd", **SHORT)
    before = values(net)
    next(pairs)
    assert changed(before, values(net)) == {"hid1.w", "hid1.b", "out.b"}
    assert len(list(pairs)) == 3


def test_one_hidden_layer_layerwise_is_the_plain_training():
    nets = [theanets.Classifier([4, 6, 2]) for _ in range(2)]
    nets[0].train(blobs(), algo="layerwise", subalgo="nag", **SHORT)
    nets[1].train(blobs(), algo="nag", **SHORT)
    assert bits(nets[0]) == bits(nets[1])
    assert nets[0].history["stage"] == ["layerwise hid1"] * 2
    assert nets[1].history["stage"] == [""] * 2


def test_learned_activations_are_kept():
    net = theanets.Classifier([4, (6, "prelu"), (5, "prelu"), 2])
    net.find("hid1", "leak").set_value(np.full(6, 0.7))
    net.train(blobs(), algo="pretrain", subalgo="sgd", learning_rate=1e-6, **SHORT)
    np.testing.assert_allclose(net.find("hid1", "leak"), 0.7, atol=1e-3)


def test_batch_normalization_within_a_stage_keeps_its_statistics():
    net = theanets.Classifier([4, (6, "linear"), ("batchnorm", "relu"), 5, 2])
    pairs = net.itertrain(blobs(), algo="pretrain", subalgo="sgd", **SHORT)
    next(pairs)
    assert (net.find("hid2", "mean").get_value() != 0).any()
    pairs.close()


@pytest.mark.parametrize("data", ["alone", "pair", "batches", "callable"])
def test_pretraining_reads_inputs_with_or_without_labels(data):
    given = {
        "alone": [POINTS],
        "pair": (POINTS, LABELS),
        "batches": [(POINTS[:32], LABELS[:32]), (POINTS[32:], LABELS[32:])],
        "callable": lambda: POINTS[:32],
    }[data]
    net = theanets.Classifier([4, 6, 2], weighted=True)
    before = values(net)
    if data in ("pair", "batches"):
        net = theanets.Classifier([4, 6, 2])
    net.train(given, algo="pretrain", train_batches=2, valid_batches=1, **SHORT)
    assert changed(before, values(net)) == {"hid1.w", "hid1.b"}


def test_regularizers_and_monitors_reach_the_stages_that_have_them():
    net = theanets.Classifier([4, 6, 5, 2])
    pairs = list(
        net.itertrain(
            blobs(),
            algo="layerwise",
            subalgo="adam",
            learning_rate=0.01,
            weight_l2={"weight": 0.1, "pattern": "hid2.w"},
            hidden_dropout=0.1,
            monitors={"hid*:out": 0.1},
            **SHORT,
        )
    )
    names = [sorted(set(training) - {"err", "loss", "acc"}) for training, _ in pairs]
    assert names == [["hid1:out<0.1"]] * 2 + [["hid1:out<0.1", "hid2:out<0.1"]] * 2
    assert pairs[0][1]["loss"] == pytest.approx(pairs[0][1]["err"])
    assert pairs[-1][1]["loss"] > pairs[-1][1]["err"] + 1e-6


# Who hears of it.


def test_stages_are_told_to_everyone(capsys):
    net, seen = theanets.Classifier([4, 6, 5, 2]), []
    last = net.train(
        blobs(),
        algo="layerwise",
        max_epochs=1,
        callbacks=lambda epoch, training, validation: seen.append(
            (epoch, training.stage, validation.stage)
        ),
    )
    stages = ["layerwise hid1", "layerwise hid2"]
    assert seen == [(1, stage, stage) for stage in stages]
    assert [monitors.stage for monitors in last] == [stages[1]] * 2
    assert net.history["stage"] == stages
    assert len(net.history["training"]["loss"]) == 2
    shown = capsys.readouterr().err
    assert all(f"{stage}  epoch 1" in shown for stage in stages)


def test_snapshots_hold_the_whole_network(tmp_path):
    net = theanets.Classifier([4, 6, 5, 2])
    file = tmp_path / "net"
    pairs = net.itertrain(
        blobs(), algo="layerwise", save_progress=file, save_every=1, **SHORT
    )
    next(pairs)
    assert bits(theanets.load(file)) == bits(net)
    assert [layer.name for layer in theanets.load(file).layers][-2:] == ["hid2", "out"]
    pairs.close()


# However it ends.


@pytest.mark.parametrize("algo", ["layerwise", "pretrain"])
@pytest.mark.parametrize("way", ["break", "error", "interrupt"])
def test_the_network_is_whole_however_it_ends(algo, way):
    net, count = theanets.Classifier([4, 6, 5, 2]), []
    topology, names = net._state.topology, [p.name for p in net.params]
    handle = net.find("out", "w")

    def note(*_):
        count.append(1)
        if way != "break" and len(count) == 3:
            raise KeyboardInterrupt if way == "interrupt" else ZeroDivisionError

    pairs = net.itertrain(
        blobs(), algo=algo, callbacks=note, **SHORT, on_interrupt="raise"
    )
    try:
        for number, _ in enumerate(pairs):
            if number == 2:
                break
    except (KeyboardInterrupt, ZeroDivisionError):
        assert way != "break"
    pairs.close()
    assert len(count) == 3
    assert net._state.topology is topology
    assert [p.name for p in net.params] == names
    assert handle.shape == (5, 2)
    assert net.predict_proba(POINTS).shape == (64, 2)
    net.train(blobs(), algo="sgd", **SHORT)
    assert np.isfinite(handle.get_value()).all()


def test_a_second_run_compiles_nothing_and_equal_seeds_give_equal_bits():
    nets = [theanets.Classifier([4, 7, 5, 2]) for _ in range(2)]
    keywords = {"algo": "pretrain", "subalgo": "nag", **SHORT}
    nets[0].train(blobs(), input_noise=0.1, **keywords)
    with compilations() as compiled:
        nets[1].train(blobs(), input_noise=0.1, **keywords)
    assert not compiled
    assert bits(nets[0]) == bits(nets[1])


# Weights from the data.


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def assert_among(vectors, rows):
    nearest = np.abs(vectors[:, None] - rows[None]).max(axis=2).min(axis=1)
    np.testing.assert_allclose(nearest, 0, atol=1e-6)


def test_samples_are_examples_as_in_the_original():
    meta, arrays = case("trainer/sample_autoencoder")
    x = arrays["data/0"]
    ours = theanets.Autoencoder(meta["layers"])
    before = values(ours)
    ours.train([x], algo="sample", progress=False)
    theirs = {
        name: arrays[f"final/{name}"] for name in ("hid1.w", "hid1.b", "out.w", "out.b")
    }
    for found, begun in (
        (values(ours), before),
        (theirs, {name: arrays[f"init/{name}"] for name in theirs}),
    ):
        assert_among(found["hid1.w"].T, unit(x))
        assert_among(found["out.w"], unit(x))
        for bias in ("hid1.b", "out.b"):
            np.testing.assert_array_equal(found[bias], begun[bias])


def test_deeper_layers_sample_what_they_read():
    net = theanets.Regressor([4, (6, "tanh"), (5, "tanh"), 3])
    target = POINTS[:, :3] * 2
    training, validation = net.train((POINTS, target), algo="sample", progress=False)
    found = values(net)
    outputs = net.feed_forward(POINTS)
    assert_among(found["hid1.w"].T, unit(POINTS))
    assert_among(found["hid2.w"].T, unit(outputs["hid1:out"]))
    assert_among(found["out.w"], unit(target))
    assert len({tuple(column) for column in found["hid1.w"].T}) == 6
    error = ((net.predict(POINTS) - target) ** 2).mean()
    assert training["loss"] == pytest.approx(error, rel=1e-4)
    assert validation.stage == "sample" == net.history["stage"][0]


def test_few_examples_are_made_up_for():
    net = theanets.Classifier([4, 50, 2])
    before = values(net)
    net.train((POINTS[:7], LABELS[:7]), algo="sample", progress=False)
    w = net.find("hid1", "w").get_value()
    np.testing.assert_allclose(np.linalg.norm(w, axis=0), 1, rtol=1e-5)
    assert len(np.unique(w.round(6), axis=1).T) == 50
    assert changed(before, values(net)) == {"hid1.w"}


@pytest.mark.parametrize("source", ["callable", "batches", "resident"])
def test_samples_come_from_every_kind_of_data(source):
    rows = np.eye(4)[np.arange(64) % 4] * np.arange(1, 65)[:, None]
    given = {
        "callable": lambda: (rows[:32], LABELS[:32]),
        "batches": [(rows[:32], LABELS[:32]), (rows[32:], LABELS[32:])],
        "resident": (rows, LABELS),
    }[source]
    net = theanets.Classifier([4, 40, 2])
    net.train(given, algo="sample", train_batches=2, valid_batches=1, progress=False)
    assert_among(net.find("hid1", "w").get_value().T, np.eye(4))


def test_every_example_is_drawn_equally_often():
    counts = np.zeros(64)
    data = np.eye(64, dtype="f4"), LABELS
    net = theanets.Classifier([64, 8, 2])
    for seed in range(60):
        net.train(data, algo="sample", rng=seed, progress=False)
        counts[net.find("hid1", "w").get_value().argmax(axis=0)] += 1
    assert counts.sum() == 480
    # 7.5 of each, with a standard deviation of 2.6.
    assert counts.min() > 0
    assert counts.max() < 20
    assert abs(counts[:32].sum() - 240) < 50


def test_sampling_again_draws_others_and_equal_seeds_the_same():
    nets = [theanets.Autoencoder([4, 6, 4]) for _ in range(2)]
    for net in nets:
        net.train([POINTS], algo="sample", progress=False)
    assert bits(nets[0]) == bits(nets[1])
    nets[0].train([POINTS], algo="sample", progress=False)
    assert bits(nets[0]) != bits(nets[1])


def test_examples_of_zeros_are_never_drawn():
    net = theanets.Autoencoder([4, 6, 4])
    half = np.where(np.arange(64)[:, None] % 2, POINTS, 0)
    net.train([half], algo="sample", progress=False)
    assert np.isfinite(net.find("hid1", "w").get_value()).all()
    with pytest.raises(DataError, match="zero"):
        net.train([np.zeros_like(POINTS)], algo="sample", progress=False)


def test_an_iterator_cannot_be_read_several_times():
    net = theanets.Classifier([4, 6, 5, 2])
    with pytest.raises(DataError, match=r"layerwise.*starts anew"):
        net.train(iter([blobs()]), blobs(), algo="layerwise", **SHORT)
    with pytest.raises(DataError, match=r"sample.*starts anew"):
        net.train(iter([blobs()]), blobs(), algo="sample", **SHORT)


def test_a_model_in_a_file_is_what_it_was(tmp_path):
    net = theanets.Classifier([4, 6, 5, 2])
    net.train(blobs(), algo="pretrain", **SHORT)
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    assert bits(theanets.load(file)) == bits(net)


def test_a_loss_out_of_reach_is_named():
    net = theanets.Classifier([4, 6, (5, "linear"), 2])
    net.add_loss("mae", output_name="hid2:out", target="code")
    with pytest.raises(ConfigurationError, match=r"layerwise hid1.*hid2"):
        net.train(blobs(), algo="layerwise", **SHORT)
