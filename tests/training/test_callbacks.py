"""What callbacks are called with, when, and what they can do."""

import dataclasses
import itertools
import os
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import theanets
from theanets.callbacks import Callback, Report
from theanets.errors import ConfigurationError
from theanets.training.measure import Monitors

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 4)).astype("f4")
Y = X[:, :2] * 0.5
BRIEF = {"algo": "sgd", "batch_size": 8, "validate_every": 1, "progress": False}


class Noted(Callback):
    """Keeps the name of each method that is called, and the report it is given."""

    def __init__(self, stop_after=None):
        self.calls = []
        self.stop_after = stop_after

    def on_start(self, report):
        self.calls.append(("on_start", report))

    def on_batches(self, report):
        self.calls.append(("on_batches", report))

    def on_epoch(self, report):
        self.calls.append(("on_epoch", report))
        return report.epoch != self.stop_after

    def on_finish(self, report):
        self.calls.append(("on_finish", report))

    def names(self, without=("on_batches",)):
        return [name for name, _ in self.calls if name not in without]

    def reports(self, name):
        return [report for called, report in self.calls if called == name]

    def only(self, name):
        (report,) = self.reports(name)
        return report


def network():
    return theanets.Regressor([4, 3, 2])


def train(callbacks, net=None, train=(X, Y), valid=(X, Y), **keywords):
    net = net or network()
    hyper = {"max_epochs": 3, **BRIEF, **keywords}
    return net, net.train(train, valid, callbacks=callbacks, **hyper)


def values(net):
    return {param.name: param.get_value() for param in net.params}


# What is called, and when.


def test_the_order_of_calls():
    noted = Noted()
    train(noted)
    epochs = ["on_batches", "on_epoch"]
    names = [name for name, _ in itertools.groupby(noted.names(()))]
    assert names == ["on_start", *epochs * 3, "on_finish"]


def test_several_are_called_in_their_order_with_the_same_report():
    order, reports = [], []

    class Named(Callback):
        def __init__(self, name):
            self.name = name

        def on_start(self, report):
            order.append(f"{self.name} starts")

        def on_epoch(self, report):
            order.append(self.name)
            reports.append(report)

        def on_finish(self, report):
            order.append(f"{self.name} ends")

    def function(epoch, training, validation):
        order.append("function")
        assert training is reports[0].training
        assert validation is reports[0].validation

    train([Named("a"), function, Named("b")], max_epochs=1)
    assert order == ["a starts", "b starts", "a", "function", "b", "a ends", "b ends"]
    assert reports[0] is reports[1]


@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_they_come_one_by_one_or_in_any_list(kind):
    first, second = Noted(), Noted()
    train(kind([first, second]))
    expected = ["on_start", "on_epoch", "on_epoch", "on_epoch", "on_finish"]
    assert first.names() == second.names() == expected


def test_they_change_no_bits():
    nets = [train(callbacks)[0] for callbacks in (None, Noted(), [Noted(), print])]
    for net in nets[1:]:
        for name, value in values(net).items():
            np.testing.assert_array_equal(value, values(nets[0])[name])


# The report.


def test_the_report_of_an_epoch():
    noted = Noted()
    net, pair = train(noted, learning_rate=0.125, validate_every=2, patience=7)
    one, two, three = noted.reports("on_epoch")
    assert [report.epoch for report in (one, two, three)] == [1, 2, 3]
    assert [report.validated for report in (one, two, three)] == [False, True, True]
    history = net.history
    assert [dict(report.training) for report in (one, two, three)] == [
        {name.removeprefix("train_"): row[name] for name in row if "train_" in name}
        for row in history
    ]
    assert dict(three.validation) == dict(pair[1])
    assert one.model is net
    assert one.validation == noted.reports("on_batches")[0].validation
    assert two.best == (2, two.validation["loss"])
    assert (one.patience_left, two.patience_left) == (7, 7)
    assert (one.batches, one.batches_per_epoch, one.examples) == (5, 5, 40)
    assert [report.updates for report in (one, two, three)] == [5, 10, 15]
    assert one.seconds > 0
    assert one.learning_rate == 0.125
    assert (one.max_epochs, one.stage, one.last) == (3, "", True)
    assert (one.note, one.reason, one.error) == ("", "", None)


def test_the_reports_before_and_after():
    noted = Noted()
    _, (_, validation) = train(noted, valid=None)
    start, finish = noted.only("on_start"), noted.only("on_finish")
    assert (start.epoch, start.updates, start.batches) == (0, 0, 0)
    assert (start.training, start.validation, start.best) == ({}, {}, None)
    assert start.note.startswith("no validation data")
    assert finish.reason.startswith("reached max_epochs=3: the best parameters")
    assert (finish.epoch, finish.error, finish.last) == (3, None, True)
    assert finish.best == (3, validation["loss"])


def test_the_reports_within_an_epoch():
    noted = Noted()
    train(noted)
    first, *others = noted.reports("on_batches")
    assert (first.epoch, first.batches, first.validated) == (0, 0, True)
    assert (first.best[0], first.training) == (0, {})
    assert first.validation["loss"] > 0
    assert not any(report.validated for report in others)
    places = [(report.epoch, report.batches, report.examples) for report in others]
    assert places == sorted(places)
    assert places[-1] == (2, 5, 40)


def test_a_report_is_read_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Report().epoch = 3


def test_patience_that_runs_out():
    noted = Noted()
    train(noted, learning_rate=0.0, patience=2, max_epochs=None)
    left = [report.patience_left for report in noted.reports("on_epoch")]
    assert left == [1, 0, 0]
    assert noted.only("on_finish").reason.startswith("no improvement in 3 validations")


@pytest.mark.parametrize(
    ("algo", "keywords", "expected"),
    [
        ("rmsprop", {}, 0.001),
        ("sgd", {"learning_rate": lambda count: 1.0 / (1 + count)}, 1 / 6),
        ("sgd", {"learning_rate": optax.linear_schedule(1.0, 0.0, 10)}, 0.5),
        (optax.sgd(0.1), {}, None),
    ],
)
def test_the_learning_rate(algo, keywords, expected):
    noted = Noted()
    train(noted, max_epochs=1, **keywords | {"algo": algo})
    rate = noted.only("on_epoch").learning_rate
    assert rate == (expected if expected is None else pytest.approx(expected))


def test_a_bound_of_updates_cuts_an_epoch():
    noted = Noted()
    train(noted, max_updates=7, max_epochs=None)
    assert [x.batches for x in noted.reports("on_epoch")] == [5, 2]
    assert [x.updates for x in noted.reports("on_epoch")] == [5, 7]


# What they can do.


def test_one_that_returns_false_stops():
    noted, other = Noted(stop_after=2), Noted()
    net, _ = train([noted, other], max_epochs=9)
    assert len(net.history) == 2
    # The others are called for this epoch as well.
    assert other.names() == ["on_start", "on_epoch", "on_epoch", "on_finish"]
    assert other.only("on_finish").reason.startswith("stopped by a callback")
    assert other.only("on_finish").error is None


def test_what_they_change_in_the_parameters_is_trained_on():
    class Zeros(Callback):
        def __init__(self, hook):
            setattr(self, hook, self.change)

        def change(self, report):
            for param in report.model.params:
                param.set_value(np.zeros_like(param.get_value()))

    # For these targets there is nothing better.
    data = (X, 0 * Y)
    for hook in ("on_start", "on_batches", "on_epoch"):
        net, _ = train(Zeros(hook), train=data, valid=data, learning_rate=0.0)
        assert not any(value.any() for value in values(net).values())


def test_best_parameters_are_in_place_at_the_end():
    seen = {}

    class Look(Callback):
        def on_finish(self, report):
            seen.update(values(report.model))

    net, _ = train(Look(), learning_rate=99.0, patience=1, on_nonfinite="ignore")
    for name, value in values(net).items():
        np.testing.assert_array_equal(seen[name], value)


# Errors and interrupts.


@pytest.mark.parametrize("hook", ["on_start", "on_batches", "on_epoch", "on_finish"])
def test_an_error_in_any_of_them_is_that_of_the_training(hook, tmp_path):
    error = ValueError("mine")

    class Fails(Noted):
        pass

    def fail(self, report):
        raise error

    setattr(Fails, hook, fail)
    before, after = Noted(), Noted()
    with pytest.raises(ValueError, match="mine") as caught:
        train([before, Fails(), after], checkpoint=tmp_path / "run")
    assert caught.value is error
    assert before.names()[-1] == "on_finish"
    # Not those that never started.
    assert ("on_finish" in after.names()) == (hook != "on_start")
    ended = before.only("on_finish")
    if hook == "on_finish":
        assert (ended.reason[:7], ended.error) == ("reached", None)
    else:
        assert ended.reason.startswith("stopped by ValueError: ")
        assert (ended.error, ended.last) == (error, True)
    # Nothing of the failure is in the file.
    net, _ = train(None, checkpoint=tmp_path / "run")
    calm, _ = train(None)
    assert net.history == calm.history


def test_an_interrupt_in_one():
    class Interrupts(Noted):
        def on_epoch(self, report):
            if report.epoch == 2:
                raise KeyboardInterrupt

    noted = Interrupts()
    net, _ = train(noted)
    assert len(net.history) == 2
    ended = noted.only("on_finish")
    assert ended.reason.startswith("interrupted in epoch 3: the best parameters")
    assert isinstance(ended.error, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        train(Interrupts(), on_interrupt="raise")


def test_a_caller_that_leaves():
    noted, net = Noted(), network()
    for number, _ in enumerate(net.itertrain((X, Y), callbacks=noted, **BRIEF)):
        if number == 1:
            break
    assert noted.names() == ["on_start", "on_epoch", "on_epoch", "on_finish"]
    ended = noted.only("on_finish")
    assert ended.reason.startswith("stopped by the caller: ")
    assert (ended.error, ended.last) == (None, True)


def test_nothing_is_called_before_the_training_begins():
    noted = Noted()
    pairs = network().itertrain((X, Y), callbacks=noted, **BRIEF)
    assert not noted.calls
    pairs.close()
    assert not noted.calls


class Ends(Callback):
    def on_epoch(self, report):
        return next(iter([]))


class Misspelt(Callback):
    def on_epoch_end(self, report):
        pass


class Narrow(Callback):
    def on_epoch(self):
        pass


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (Ends(), r"the callback .*Ends object.* in epoch 1\. To stop .* its on_epoch"),
        (Ends, r"holds the class Ends\. Give an object .*callbacks=Ends\("),
        ([print, Misspelt()], r"Misspelt with a method on_epoch_end, .* \"on_epoch\""),
        (Narrow(), r"callbacks holds <.*Narrow.*> cannot be called as f\(report\)"),
        ([Noted(), 5], r"callbacks holds 5; .* theanets\.callbacks\.Callback"),
    ],
)
def test_errors_name_the_callback(callbacks, message):
    with pytest.raises(ConfigurationError, match=message.replace("> c", ">.* c")):
        train(callbacks)


FORKED = """
import os, sys, warnings
import numpy as np, theanets
warnings.simplefilter("ignore")

class Forks(theanets.callbacks.Callback):
    ended = 0

    def on_epoch(self, report):
        if report.epoch == 1 and not os.fork():
            self.child = True
        elif report.epoch == 1:
            assert os.waitstatus_to_exitcode(os.wait()[1]) == 7

    def on_finish(self, report):
        self.ended += 1

forks, x = Forks(), np.ones((8, 2), "f4")
try:
    theanets.Autoencoder([2, 1, 2]).train(
        [x], callbacks=forks, max_epochs=2, progress=False)
except theanets.ConcurrencyError:
    assert forks.child
    os._exit(7 + forks.ended)
assert forks.ended == 1
"""


def test_the_end_of_a_training_is_not_called_in_a_forked_process():
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=120)


# Stages, lists of algorithms, resumed runs, other ways to train.


def test_stages_each_begin_and_end():
    noted = Noted()
    net = theanets.Classifier([4, 3, 3, 2])
    labels = (X[:, 0] > 0).astype("i4")
    train(noted, net, (X, labels), None, algo="layerwise", max_epochs=2)
    once = ["on_start", "on_epoch", "on_epoch", "on_finish"]
    assert noted.names() == once * 2
    for name in ("on_start", "on_finish"):
        assert [(x.stage, x.last) for x in noted.reports(name)] == [
            ("layerwise hid1", False),
            ("layerwise hid2", True),
        ]
    assert [x.epoch for x in noted.reports("on_epoch")] == [1, 2, 1, 2]
    assert all(x.model is net for _, x in noted.calls)
    # What there is to note is said once.
    assert [bool(x.note) for x in noted.reports("on_start")] == [True, False]


def test_an_error_in_an_early_stage_is_the_end():
    class Fails(Noted):
        def on_epoch(self, report):
            raise ValueError("mine")

    noted, net = Fails(), theanets.Regressor([4, 3, 3, 2])
    with pytest.raises(ValueError, match="mine"):
        train(noted, net, algo="layerwise")
    ended = noted.only("on_finish")
    assert (ended.stage, ended.last) == ("layerwise hid1", True)


def test_a_list_of_algorithms():
    noted = Noted(stop_after=1)
    train(noted, algo=["sample", "sgd", "adam"])
    assert noted.names() == ["on_start", "on_epoch", "on_finish"] * 3
    drawn = noted.reports("on_finish")[0]
    assert drawn.reason == "weights are drawn from the data"
    assert (drawn.stage, drawn.epoch, drawn.last) == ("sample", 1, True)
    assert drawn.validation["loss"] > 0


def test_a_resumed_run_begins_where_it_was(tmp_path):
    file = tmp_path / "run"
    train(None, max_epochs=2, checkpoint=file)
    noted = Noted()
    train(noted, max_epochs=4, checkpoint=file)
    start = noted.only("on_start")
    assert (start.epoch, start.updates) == (2, 10)
    assert start.validation["loss"] > 0
    assert [x.epoch for x in noted.reports("on_epoch")] == [3, 4]
    # There is nothing left to do.
    done = Noted()
    train(done, max_epochs=4, checkpoint=file)
    assert done.names() == ["on_start", "on_finish"]
    assert done.only("on_finish").reason.startswith("reached max_epochs=4")


def test_a_snapshot_comes_after_the_callbacks(tmp_path):
    there = []

    class Look(Callback):
        def on_epoch(self, report):
            there.append((tmp_path / "net").exists())

        def on_finish(self, report):
            os.remove(tmp_path / "net")

    train(Look(), save_progress=tmp_path / "net", save_every=1, max_epochs=2)
    assert there == [False, True]
    assert (tmp_path / "net").exists()


def test_snapshots_of_stages_are_written_at_the_end_alone(tmp_path):
    ends = []

    class Look(Callback):
        def on_start(self, report):
            ends.append((tmp_path / "net").exists())

    net = theanets.Regressor([4, 3, 3, 2])
    train(Look(), net, algo="layerwise", save_progress=tmp_path / "net")
    assert ends == [False, False]
    assert (tmp_path / "net").exists()


def test_minimize_gives_its_parameters():
    noted = Noted()

    def loss(params, x):
        return jnp.mean((x - params["mean"]) ** 2)

    hyper = {"max_epochs": 3, **BRIEF, "callbacks": [noted, lambda e, t, v: e < 2]}
    found = theanets.minimize(loss, {"mean": 0.0}, X[:, 0], **hyper)
    assert noted.names() == ["on_start", "on_epoch", "on_epoch", "on_finish"]
    assert noted.only("on_start").model == {"mean": 0.0}
    one, two = noted.reports("on_epoch")
    assert 0 != one.model["mean"] != two.model["mean"]
    assert noted.only("on_finish").model == found.params
    assert isinstance(two.training, Monitors)
    assert noted.only("on_finish").reason.startswith("stopped by a callback")


def test_the_display_is_a_callback(capsys):
    from theanets.display.progress import Reporter

    noted = type("Shown", (Noted, Reporter), {})()
    other = Noted()
    train(other, progress=noted)
    assert noted.names() == other.names()
    assert capsys.readouterr() == ("", "")


def test_an_iterator_of_callbacks_serves_every_algorithm_of_a_list():
    calls = []
    theanets.Regressor([3, 2]).train(
        (np.ones((8, 3)), np.ones((8, 2))),
        algo=["sgd", "adam"],
        callbacks=iter([lambda *given: calls.append(given[0])]),
        max_epochs=2,
        progress=False,
    )
    assert calls == [1, 2, 1, 2]
