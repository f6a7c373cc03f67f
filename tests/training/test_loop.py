"""When training validates, stops, and which parameters it leaves behind.

Most tests train one number, p, that begins at 0 and grows by exactly 1 per epoch, and
validate it against a table that holds the validation loss at each p. The parameter
that is left at the end is then the number of the epoch that it was put back from.
"""

import gc
import io
import itertools
import math
import shutil
import time
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.config import config, float_type
from theanets.data.columns import Columns
from theanets.data.expected import Expected
from theanets.errors import NonFiniteError
from theanets.models import saving
from theanets.optimizers import resolve
from theanets.training import interval, measure
from theanets.training.options import Controls
from theanets.training.problem import Problem
from theanets.training.programs import Values
from theanets.training.run import run
from theanets.training.steps import Steps

from ..helpers import bits, blobs

TRAIN, VALID = np.zeros((1, 1), "f4"), np.ones((1, 1), "f4")


class Anything:
    names = ()

    def __init__(self):
        self.columns = Columns()
        self.labels = frozenset()

    def __call__(self, arrays):
        return [Expected("x", "input", array.shape[1:]) for array in arrays]


class Counted:
    """A run of training whose parameter counts its epochs."""

    def __init__(self, table, train=TRAIN, **keywords):
        self.p = jnp.zeros(())

        def objective(params, carried, batch, numbers, key):
            p, (x,) = params["p"], batch
            validation = numbers["table"][jnp.round(p).astype(int)]
            loss = jnp.where(x.mean() == 1, validation, -p)
            return loss, {"loss": loss, "err": loss}, carried

        self.problem = Problem(
            objective,
            "counted",
            resolve("sgd", {"learning_rate": 1.0}),
            lambda: {"table": np.resize(np.array(table, "f4"), 20)},
            read=lambda: Values({"p": self.p}),
            commit=self.commit,
            expect=Anything(),
            dtype=float_type(config.floatX, "floatX"),
            seed=1,
        )
        controls = Controls.take({"progress": False, "validate_every": 1, **keywords})
        self.pairs = run(self.problem, train, VALID, controls)

    def commit(self, values):
        self.p = values.learned["p"]

    def finish(self):
        """Train to the end, and return the number of epochs and the one kept."""
        return len(list(self.pairs)), int(self.p)


def outcome(table, **keywords):
    return Counted(table, **keywords).finish()


# When it stops.

FALLING = [10 - i for i in range(10)]


@pytest.mark.parametrize(
    ("table", "patience", "epochs", "best"),
    [
        # The first validation comes before the first epoch.
        ([5, 4, 3, 3, 3, 3, 3, 3], 0, 3, 2),
        ([5, 4, 3, 3, 3, 3, 3, 3], 1, 4, 2),
        ([5, 4, 3, 3, 3, 3, 3, 3], 3, 6, 2),
        ([5, 4, 6, 3, 6, 6, 6, 6], 2, 6, 3),
        ([5, 6, 7, 8, 9, 9, 9, 9], 2, 3, 0),
        ([5, 6, 4, 6, 3, 6, 6, 6, 6], 1, 6, 4),
    ],
)
def test_one_validation_without_improvement_more_than_patience_stops(
    table, patience, epochs, best
):
    assert outcome(table, patience=patience) == (epochs, best)


def test_validations_may_be_far_apart():
    #        0        3        6        9        12
    table = [5, 0, 0, 4, 0, 0, 6, 0, 0, 6, 0, 0, 6, 0]
    assert outcome(table, validate_every=3, patience=2) == (12, 3)


@pytest.mark.parametrize(
    ("table", "min_improvement", "best"),
    [
        ([10, 9, 8, 7.9, 7.9, 7.9, 7.9], 0.0, 3),
        ([10, 9, 8.9, 8.8, 8.7, 8.6], 0.05, 1),
        ([10, 9, 8, 7.9, 7.9, 7.9, 7.9], 0.15, 2),
        ([10, 9, 8, 7, 6, 6, 6], 0.5, 0),
    ],
)
def test_an_improvement_is_relative_to_the_best(table, min_improvement, best):
    assert outcome(table, min_improvement=min_improvement, patience=2)[1] == best


def test_a_negative_loss_can_improve():
    table = [-10, -10.5, -12, -12.1, -12.2, -12.3]
    assert outcome(table, min_improvement=0.1, patience=2) == (5, 2)


def test_a_loss_of_zero_can_improve():
    assert outcome([0, -1, -1, -1, -1], min_improvement=0.1, patience=2) == (4, 1)


def test_losses_that_are_not_finite_are_never_best():
    table = [math.nan, math.inf, 3, math.nan, 4, -math.inf, 4, 4]
    assert outcome(table, patience=2) == (5, 2)


# Bounds.


def test_max_epochs_bounds_the_epochs_and_validates_the_last():
    assert outcome(FALLING, max_epochs=3, validate_every=10) == (3, 3)


def test_the_last_epoch_is_not_best_because_it_is_last():
    assert outcome([5, 1, 2, 3], max_epochs=3) == (3, 1)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("updates", "epochs"), [(1, 1), (4, 1), (5, 2), (8, 2)])
def test_max_updates_counts_updates(updates, epochs, streamed):
    data = np.zeros((4, 1), "f4")
    batches = [data[i : i + 1] for i in range(4)]
    run = Counted(
        FALLING,
        train=(lambda: batches[0]) if streamed else data,
        batch_size=1,
        train_batches=4,
        max_updates=updates,
        validate_every=10,
    )
    assert run.finish() == (epochs, updates)


def test_the_last_pair_holds_the_last_validation():
    pairs = list(Counted(FALLING, max_epochs=3, validate_every=10).pairs)
    assert [validation["loss"] for _, validation in pairs] == [10, 10, 7]
    assert [training["loss"] for training, _ in pairs] == [0, -1, -2]


# Which parameters are left.

TABLE = [9, 5, 7, 8, 8, 8, 8, 8, 8, 8, 8]
"""The first epoch is the best."""


def test_breaking_off_leaves_the_best():
    run = Counted(TABLE)
    for number, _ in enumerate(run.pairs, start=1):
        assert int(run.p) == number
        if number == 4:
            break
    run.pairs.close()
    assert int(run.p) == 1


def test_forgetting_the_iterator_leaves_the_best():
    run = Counted(TABLE)
    pairs, run.pairs = run.pairs, None
    for _ in range(4):
        next(pairs)
    assert int(run.p) == 4
    del pairs
    gc.collect()
    assert int(run.p) == 1


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_in_a_callback_leaves_the_best(error):
    def fail(epoch, training, validation):
        if epoch == 4:
            raise error

    run = Counted(TABLE, callbacks=[fail])
    with pytest.raises(error):
        run.finish()
    assert int(run.p) == 1


def test_an_interrupt_within_an_epoch_leaves_the_best(monkeypatch):
    run = Counted(TABLE)
    for _ in range(3):
        next(run.pairs)

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(Steps, "advance", interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(run.pairs)
    assert int(run.p) == 1


def test_a_run_that_never_validated_keeps_its_last():
    run = Counted([0] * 9, validate_every=10)
    for _ in range(3):
        next(run.pairs)
    run.pairs.close()
    assert int(run.p) == 3


def test_a_callback_that_returns_false_stops_and_validates():
    run = Counted(FALLING, validate_every=10, callbacks=[lambda e, t, v: e < 3])
    pairs = list(run.pairs)
    assert (len(pairs), int(run.p)) == (3, 3)
    assert pairs[-1][1]["loss"] == 7


def test_callbacks_that_return_nothing_do_not_stop():
    seen = []
    run = Counted(
        FALLING,
        max_epochs=3,
        callbacks=[lambda e, t, v: seen.append((e, t["loss"], v["loss"]))],
    )
    assert run.finish() == (3, 3)
    assert seen == [(1, 0, 9), (2, -1, 8), (3, -2, 7)]


def test_a_change_between_epochs_is_trained_on():
    run = Counted(FALLING, max_epochs=3)
    next(run.pairs)
    run.commit(Values({"p": jnp.float32(5)}))
    assert run.finish() == (2, 7)


# Networks.


def net(**keywords):
    return theanets.Classifier([4, 6, 2], **keywords)


def trained(model, data=None, **keywords):
    keywords = {"max_epochs": 2, "progress": False, **keywords}
    return model.train(blobs() if data is None else data, **keywords)


def test_a_changed_parameter_is_trained_on():
    model = net()
    pairs = model.itertrain(blobs(), algo="sgd", learning_rate=0, progress=False)
    next(pairs)
    model.find("out", "b").set_value([3, -3])
    training, _ = next(pairs)
    pairs.close()
    reference = net()
    reference.find("out", "b").set_value([3, -3])
    expected, _ = trained(reference, algo="sgd", learning_rate=0, max_epochs=1)
    assert training["loss"] == pytest.approx(expected["loss"], rel=1e-5)


def test_parameters_are_committed_before_each_yield():
    model = net()
    before = bits(model)
    for _ in model.itertrain(blobs(), max_epochs=3, progress=False):
        assert bits(model) != before
        before = bits(model)


def test_the_history_is_plain_lists():
    model = net()
    pairs = list(model.itertrain(blobs(), max_epochs=3, progress=False))
    trained(model, max_epochs=1, monitors={"hid1:out": 0.5})
    for number, name in enumerate(["training", "validation"]):
        columns = model.history[name]
        found = [pair[number]["loss"] for pair in pairs]
        # Validations were at the ends of the trainings alone.
        assert columns["loss"][:3] == [found, [None, None, found[2]]][number]
        assert {len(column) for column in columns.values()} == {4}
        assert {type(x) for x in columns["loss"] if x is not None} == {float}
        assert columns["hid1:out<0.5"][:3] == [None] * 3
        assert 0 <= columns["hid1:out<0.5"][3] <= 1


def test_monitors_average_over_examples():
    model = net()
    points, labels = blobs(10)
    training, validation = trained(
        model, (points, labels), batch_size=4, learning_rate=0, algo="sgd", max_epochs=1
    )
    assert training["acc"] == pytest.approx(model.score(points, labels))
    assert validation["acc"] == pytest.approx(model.score(points, labels))
    probability = model.predict_proba(points)[np.arange(10), labels]
    assert training["loss"] == pytest.approx(-np.log(probability).mean(), rel=1e-5)


def test_err_is_the_loss_without_regularizers():
    training, _ = trained(net(), weight_l2=10.0, algo="sgd", learning_rate=0)
    plain, _ = trained(net(), algo="sgd", learning_rate=0)
    assert training["err"] == pytest.approx(plain["loss"], rel=1e-5)
    weights = [net().find(name, "w").get_value() for name in ("hid1", "out")]
    penalty = 10 * np.mean([np.square(w).mean() for w in weights])
    assert training["loss"] == pytest.approx(training["err"] + penalty, rel=1e-5)


def test_levels_count_what_is_below():
    model = net()
    points, labels = blobs()
    _, validation = trained(
        model,
        (points, labels),
        algo="sgd",
        learning_rate=0,
        monitors={"hid1:out": (0.1, 0.9), "*.b": 1, "in:*": -0.5},
    )
    hidden = model.feed_forward(points)["hid1:out"]
    for level in (0.1, 0.9):
        found = validation[f"hid1:out<{level}"]
        assert found == pytest.approx((hidden < level).mean(), abs=1e-6)
    assert validation["in:out<-0.5"] == pytest.approx((points < -0.5).mean(), abs=1e-6)
    assert validation["hid1.b<1"] == validation["out.b<1"] == 1


def test_functions_watch_what_they_are_named_after():
    model = net()
    points, labels = blobs()
    _, validation = trained(
        model,
        (points, labels),
        algo="sgd",
        learning_rate=0,
        monitors={
            "hid1.w": lambda w: jnp.abs(w).max(),
            "gap": lambda values: (values["out:out"].max(-1)).mean(),
        },
    )
    largest = np.abs(model.find("hid1", "w").get_value()).max()
    assert validation["hid1.w"] == pytest.approx(largest)
    confidence = model.predict_proba(points).max(axis=1).mean()
    assert validation["gap"] == pytest.approx(confidence, rel=1e-5)


def test_monitors_of_gradients_are_norms():
    model = theanets.Regressor([4, 1], rng=2)
    points = blobs()[0]
    target = points.sum(axis=1, keepdims=True)
    training, validation = model.train(
        (points, target),
        algo="sgd",
        learning_rate=0,
        batch_size=None,
        max_epochs=1,
        monitor_gradients=True,
        progress=False,
    )
    error = 2 * (model.predict(points) - target) / len(points)
    for name, gradient in [("w", points.T @ error), ("b", error.sum(axis=0))]:
        norm = np.linalg.norm(gradient)
        assert training[f"grad(out.{name})"] == pytest.approx(norm, rel=1e-4)
    assert not any(name.startswith("grad") for name in validation)


def test_examples_of_weight_zero_teach_nothing():
    points, labels = blobs()
    weights = np.arange(64) % 2
    models = [net(weighted=True, rng=1) for _ in range(2)]
    wrong = np.where(weights == 1, labels, 1 - labels)
    for model, given in zip(models, (labels, wrong), strict=True):
        training, _ = trained(model, (points, given, weights))
        assert np.isfinite(training["loss"])
    assert bits(models[0]) == bits(models[1])


def test_weights_count():
    points, labels = blobs()
    weights = np.where(labels == 1, 9.0, 1.0)
    model = net(weighted=True)
    training, _ = trained(
        model, (points, labels, weights), algo="sgd", learning_rate=0, batch_size=None
    )
    errors = -np.log(model.predict_proba(points)[np.arange(64), labels])
    expected = (weights * errors).sum() / weights.sum()
    assert training["loss"] == pytest.approx(expected, rel=1e-5)
    assert training["acc"] == pytest.approx(model.score(points, labels, weights))


def test_another_loss_takes_effect():
    model = theanets.Regressor([4, 2])
    data = blobs()[0], blobs()[0][:, :2]
    frozen = {"algo": "sgd", "learning_rate": 0, "max_epochs": 1, "progress": False}
    difference = model.predict(data[0]) - data[1]
    squares, _ = model.train(data, **frozen)
    model.set_loss("mae")
    magnitudes, _ = model.train(data, **frozen)
    model.losses[0].weight = 3.0
    model.add_loss("mse", weight=0.5)
    both, _ = model.train(data, **frozen)
    mse, mae = np.square(difference).mean(), np.abs(difference).mean()
    assert squares["loss"] == pytest.approx(mse, rel=1e-5)
    assert magnitudes["loss"] == pytest.approx(mae, rel=1e-5)
    assert both["loss"] == pytest.approx(3 * mae + 0.5 * mse, rel=1e-5)


def test_losses_of_two_outputs_share_or_have_their_own_target():
    model = theanets.Regressor([4, 2, 2])
    x, y = blobs()[0], blobs()[0][:, :2]
    model.add_loss("mse", output_name="hid1", target="code")
    pair = model.train(
        (x, y, y), algo="sgd", learning_rate=0, max_epochs=1, progress=False
    )
    outputs = model.feed_forward(x)
    expected = sum(
        np.square(outputs[name] - y).mean() for name in ("hid1:out", "out:out")
    )
    assert pair[0]["loss"] == pytest.approx(expected, rel=1e-5)


def test_a_loss_gone_bad_is_an_error_and_the_best_is_put_back():
    model = net()
    before = bits(model)
    with pytest.raises(NonFiniteError, match=r"became (nan|inf) in epoch 1.*learning_"):
        trained(model, algo="sgd", learning_rate=1e30, batch_size=4)
    assert bits(model) == before


def test_a_loss_gone_bad_later_leaves_the_best_validated():
    model, seen = net(), {}
    pairs = model.itertrain(blobs(), algo="nag", validate_every=1, progress=False)
    for _ in range(3):
        _, validation = next(pairs)
        seen[validation["loss"]] = bits(model)
    model.find("out", "b").set_value([1e38, -1e38])
    with pytest.raises(NonFiniteError):
        list(pairs)
    assert bits(model) == seen[min(seen)]


@pytest.mark.parametrize("seconds", [1e-9, 1e-4, 60])
def test_the_numbers_do_not_depend_on_the_chunks(monkeypatch, seconds):
    data = blobs(300)
    models = [net(rng=4) for _ in range(2)]
    pairs = [trained(models[0], data, batch_size=4, hidden_dropout=0.3)]
    monkeypatch.setattr(measure, "_SECONDS_PER_CALL", seconds)
    pairs.append(trained(models[1], data, batch_size=4, hidden_dropout=0.3))
    assert bits(models[0]) == bits(models[1])
    assert pairs[0][0] == pytest.approx(pairs[1][0], rel=1e-4)


def test_two_trainings_are_not_the_same_epochs_again():
    models = [net(rng=4) for _ in range(2)]
    trained(models[0], max_epochs=1, validate_every=1)
    once = bits(models[0])
    trained(models[1], max_epochs=1, rng=4)
    trained(models[0], max_epochs=1)
    trained(models[1], max_epochs=1, rng=4)
    assert bits(models[0]) != once
    assert bits(models[0]) != bits(models[1])


def test_without_a_validation_set_the_training_set_serves():
    model = net()
    _, validation = trained(model)
    assert validation["acc"] == pytest.approx(model.score(*blobs()))


# Snapshots.


def test_progress_is_saved_every_so_many_epochs(tmp_path, monkeypatch):
    clock = iter(range(100, 10_000))
    stopped = SimpleNamespace(monotonic=time.monotonic, time=lambda: next(clock))
    monkeypatch.setattr(saving, "time", stopped)
    trained(net(), save_progress=tmp_path / "net-{}", save_every=2, max_epochs=5)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 3
    assert all(name.startswith("net-1") for name in names)


def test_progress_is_saved_every_so_many_minutes(monkeypatch):
    saved = []
    monkeypatch.setattr(theanets.Network, "save", lambda self, f: saved.append(f))
    # Each epoch takes 45 seconds.
    begun = time.monotonic()
    clock = itertools.count(begun, 45)
    pairs = net().itertrain(
        blobs(), save_progress="net", save_every=1.0, max_epochs=6, progress=False
    )
    # Of this module alone: others read the time of the process meanwhile.
    stopped = SimpleNamespace(monotonic=lambda: next(clock), time=time.time)
    monkeypatch.setattr(interval, "time", stopped)
    written = []
    for _ in pairs:
        written.append(len(saved))
    assert written == [0, 0, 1, 1, 2, 2]
    assert saved == ["net"] * 3


def test_snapshots_in_a_file_object_replace_each_other():
    file, model = io.BytesIO(b"before"), net()
    file.seek(6)
    trained(model, save_progress=file, save_every=1, max_epochs=3)
    file.seek(6)
    assert bits(theanets.load(file)) == bits(model)


def test_progress_is_saved_at_the_end(tmp_path):
    model = net()
    trained(model, save_progress=tmp_path / "net")
    assert bits(theanets.load(tmp_path / "net")) == bits(model)


def gone(folder):
    """Return a callback that removes the folder of a snapshot."""

    def callback(epoch, *_):
        if epoch == 1:
            shutil.rmtree(folder)

    return callback


def test_training_goes_on_without_a_snapshot_and_the_last_one_has_to_be(tmp_path):
    model, folder = net(), tmp_path / "folder"
    folder.mkdir()
    options = {"save_progress": folder / "net", "save_every": 1, "max_epochs": 3}
    with (
        pytest.warns(RuntimeWarning, match="training goes on: .* no such folder"),
        pytest.raises(FileNotFoundError, match="no such folder"),
    ):
        trained(model, callbacks=gone(folder), **options)
    assert len(model.history["stage"]) == 3


def test_an_error_is_not_lost_behind_that_of_the_last_snapshot(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()

    def fails(epoch, *_):
        if epoch == 2:
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught:
        trained(net(), callbacks=[gone(folder), fails], save_progress=folder / "net")
    assert "the snapshot could not be written: " in caught.value.__notes__[0]
