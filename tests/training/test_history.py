"""What is known of the epochs, and which of them a training leaves in the network."""

import copy
import itertools
import pickle

import numpy as np
import pandas as pd
import pytest

import theanets
from theanets.training.history import History, Row, unpacked
from theanets.training.measure import Monitors

rng = np.random.default_rng(3)
X = rng.normal(size=(60, 4)).astype("f4")
LABELS = (X[:, 0] > 0).astype("i4")
OTHER = (X[::2], LABELS[::2])


WRONG = 1 - LABELS
"""What makes the validation worse with every epoch, once something was learned."""


def train(net, epochs=25, labels=LABELS, **keywords):
    keywords = {"algo": "sgd", "learning_rate": 0.1, "progress": False} | keywords
    return net.train((X, labels), OTHER, max_epochs=epochs, **keywords)


def classifier():
    return theanets.Classifier([4, 5, 2])


def worse_from(epoch, net):
    """Return a callback that spoils the parameters from an epoch on."""

    def callback(done, *_):
        if done >= epoch:
            net.find("out", "b").set_value([900, -900])

    return callback


def test_validations_are_known_where_there_was_one():
    net = classifier()
    train(net)
    loss = net.history["validation"]["loss"]
    assert [i + 1 for i, x in enumerate(loss) if x is not None] == [10, 20, 25]
    assert len(set(loss) - {None}) == 3
    assert None not in net.history["training"]["loss"]


def test_a_table_for_pandas():
    net = classifier()
    train(net, 12)
    train(net, 3, monitors={"hid1:out": 0.5})
    frame = pd.DataFrame(net.history)
    assert list(frame["epoch"]) == list(range(1, 16))
    assert list(frame["train_loss"]) == net.history["training"]["loss"]
    assert list(frame.index[frame["valid_acc"].notna()]) == [9, 11, 14]
    assert frame["train_hid1:out<0.5"].notna().sum() == 3
    assert frame["valid_loss"].dtype == float
    assert set(frame["stage"]) == {""}
    assert pd.DataFrame(classifier().history).empty


def test_rows_and_columns():
    net = classifier()
    train(net, 3)
    history = net.history
    assert len(history) == len(list(history)) == 3
    assert history[-1] == history[2] == list(history)[2]
    assert [row["epoch"] for row in history[1:]] == [2, 3]
    assert "valid_loss" not in history[0]
    assert repr(history).startswith("<history of 3 epochs; the best: 3, valid loss 0.")
    with pytest.raises(IndexError):
        history[3]
    assert history["epoch"] == [1, 2, 3]
    assert history["valid_acc"][:2] == [None, None]
    assert history["train_loss"] == history["training"]["loss"]
    with pytest.raises(KeyError, match=r'no "val_loss".* Did you mean "valid_loss"'):
        history["val_loss"]


@pytest.mark.parametrize("valid", [None, OTHER])
def test_train_returns_the_monitors_of_what_it_leaves(valid):
    net = classifier()
    pair = net.train(
        (X, LABELS),
        valid,
        algo="sgd",
        validate_every=1,
        patience=3,
        callbacks=worse_from(4, net),
        progress=False,
    )
    assert (len(net.history), net.history.best_epoch) == (8, 4)
    training, validation = pair
    assert validation["acc"] == pytest.approx(net.score(*(valid or (X, LABELS))))
    assert validation["loss"] == net.history.best_loss
    assert validation["loss"] == net.history["validation"]["loss"][3]
    assert training["loss"] == net.history["training"]["loss"][3]


def test_no_epoch_was_better():
    net = classifier()
    train(net)
    net = net.replace("out")
    start = net.find("out", "w").get_value()
    training, validation = train(net, labels=WRONG, validate_every=1, patience=2)
    np.testing.assert_array_equal(net.find("out", "w").get_value(), start)
    assert net.history.best_epoch == 0
    assert validation["loss"] == net.history.best_loss
    assert validation["acc"] == pytest.approx(net.score(*OTHER))
    assert training["loss"] == net.history["training"]["loss"][0]


def test_a_second_training_that_finds_nothing_better():
    net = classifier()
    train(net, 12)
    best = net.history.best
    assert best.epoch == 12
    _, validation = train(net, labels=WRONG, validate_every=1, patience=1)
    assert (net.history.best_epoch, len(net.history)) == (12, 14)
    assert validation == best.validation
    train(net, 10)
    assert net.history.best_epoch == 24


def test_a_better_accuracy_may_have_the_higher_loss():
    net = classifier()
    _, validation = train(net, validate_every=1, monitor="acc", patience=2)
    columns = net.history["validation"]
    best = net.history.best_epoch
    assert columns["acc"][best - 1] == max(columns["acc"]) == validation["acc"]
    assert net.history.best_loss == columns["loss"][best - 1]


def test_stages_each_have_their_best():
    net = theanets.Classifier([4, 5, 3, 2])
    pair = train(net, 2, algo="layerwise")
    assert net.history["stage"] == ["layerwise hid1"] * 2 + ["layerwise hid2"] * 2
    assert {x.stage for x in pair} == {"layerwise hid2"}
    assert net.history.best_epoch == 4
    assert pair[1]["loss"] == net.history["validation"]["loss"][3]


def test_sampled_weights_are_an_epoch():
    net = theanets.Regressor([4, 5, 2])
    pair = net.train((X, X[:, :2]), algo="sample", progress=False)
    assert pair == (net.history.best.training, net.history.best.validation)
    assert net.history.best_epoch == len(net.history) == 1


def test_before_there_is_any():
    history = classifier().history
    assert (history.best_epoch, history.best_loss, len(history)) == (None, None, 0)
    assert history["training"] == {} and history["stage"] == []
    assert repr(history) == "<history of 0 epochs>"


def test_a_loaded_model_counts_on(tmp_path):
    net = classifier()
    train(net, 3)
    net.save(tmp_path / "net.safetensors")
    loaded = theanets.load(tmp_path / "net.safetensors")
    assert (len(loaded.history), loaded.history.epochs) == (0, 3)
    run = dict(checkpoint=tmp_path / "run", checkpoint_every=1)
    train(loaded, 2, **run)
    assert [row["epoch"] for row in loaded.history] == [4, 5]
    again = theanets.load(tmp_path / "net.safetensors")
    train(again, 4, **run)
    assert [row["epoch"] for row in again.history] == [4, 5, 6, 7]
    assert again.history["training"]["loss"][:2] == loaded.history["training"]["loss"]


def test_a_resumed_run_knows_its_best(tmp_path):
    def run(file, *bounds):
        for bound in bounds:
            net = classifier()
            pair = train(
                net,
                bound,
                validate_every=1,
                callbacks=worse_from(4, net),
                patience=9,
                checkpoint=tmp_path / file,
                checkpoint_every=1,
            )
        return net, pair

    (cut, cut_pair), (calm, calm_pair) = run("cut", 3, 7, 9), run("calm", 9)
    assert cut.history == calm.history
    assert cut_pair == calm_pair
    assert calm.history.best_epoch == 4
    # Nothing is left to do, and it is still known.
    assert run("calm", 9)[1] == calm_pair


def test_copies_and_pickles():
    net = classifier()
    train(net, 2)
    for made in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert made.history == net.history
        train(made, 1)
        assert made.history != net.history


def test_what_the_caller_does_with_monitors_stays_with_the_caller():
    net = classifier()
    for training, validation in itertools.islice(
        net.itertrain((X, LABELS), validate_every=1, progress=False), 2
    ):
        training.clear()
        validation.clear()
    assert len(net.history["training"]["loss"]) == 2
    assert None not in net.history["validation"]["loss"]


def table():
    made = History(before=2)
    made.write(3, Row(Monitors({"loss": np.inf}, "a"), None))
    made.write(4, Row(Monitors({"loss": 0.5}, "b"), Monitors({"loss": 0.25}, "b")))
    return made


def test_a_table_in_a_file():
    made = table()
    assert unpacked(*made.packed()) == made
    assert unpacked(*History().packed()) == History()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda facts, _: facts.update(stages=[["a", 10**9]]), "has other than"),
        (lambda facts, _: facts.update(stages=[["a", 3], ["b", -1]]), "a stage has"),
        (lambda facts, _: facts.update(stages=[["a", True], ["b", 1]]), "a stage has"),
        (lambda facts, _: facts.update(before=-1), "before the first"),
        (lambda facts, _: facts.update(best=[9, {}, {"loss": 1}, ""]), "the best of"),
        (lambda facts, _: facts.update(best=[1, {}, {}, ""]), "the best of"),
        (
            lambda _, arrays: arrays.update(
                {"history/training/loss": np.zeros((2**30, 0))}
            ),
            "has other than 2 epochs",
        ),
    ],
)
def test_a_table_that_nobody_has_written(change, message):
    facts, arrays = table().packed()
    change(facts["history"], arrays)
    with pytest.raises(ValueError, match=message):
        unpacked(facts, arrays)


@pytest.mark.parametrize(
    ("spoiled", "keywords", "line"),
    [
        (
            9,
            dict(epochs=4),
            "reached max_epochs=4: the best parameters, of epoch 4, are",
        ),
        (
            3,
            dict(validate_every=1, patience=1),
            "no improvement in 2 validations: the best parameters, of epoch 3, are in",
        ),
        (
            9,
            dict(labels=WRONG, validate_every=1, patience=0, learning_rate=99),
            "no improvement in 1 validation: no epoch was better than what it began",
        ),
    ],
)
def test_the_last_line_says_what_came_back(spoiled, keywords, line, capsys):
    net = classifier()
    callback = worse_from(spoiled, net)
    _, validation = train(net, progress=True, callbacks=callback, **keywords)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(line)
    figures = f"valid loss {validation['loss']:.4g} acc {validation['acc']:.4g}"
    assert last.endswith(figures)
