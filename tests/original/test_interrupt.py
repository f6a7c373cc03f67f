"""Ctrl-C ends the training, and the script goes on with the best parameters."""

import logging
import signal
import subprocess
import sys

import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError

X = np.random.default_rng(0).normal(size=(40, 4)).astype("f4")

SCRIPT = """
import signal, sys
import numpy as np, theanets
# Whoever runs this in the background may have told it to ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
x = np.random.default_rng(0).normal(size=(20000, 4)).astype("f4")
net = theanets.Autoencoder([4, 3, 4])
def tell(epoch, *_):
    print("epoch", epoch, flush=True)
training, validation = net.train(
    [x], algo="sgd", batch_size=8, callbacks=[tell], validate_every=1, patience=10**6)
print("returned", training["loss"] > 0, validation["loss"] > 0)
net.save(sys.argv[1])
"""


def test_a_script_goes_on_to_save(tmp_path):
    file = tmp_path / "net.safetensors"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "epoch 1\n"
        process.send_signal(signal.SIGINT)
        try:
            printed, messages = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, messages
    assert printed.endswith("returned True True\n")
    last = messages.splitlines()[-1]
    assert last.startswith("interrupted in epoch ")
    assert last.endswith('; the script goes on (on_interrupt="raise" ends it)')
    assert "the best parameters, of epoch " in last
    assert theanets.load(file).find("hid1", "b").get_value().any()


def interrupting(at, net=None, seen=None):
    def interrupt(epoch, *_):
        if seen is not None:
            seen.append(net.find("hid1", "w").get_value())
        if epoch == at:
            raise KeyboardInterrupt

    return interrupt


QUICK = dict(algo="sgd", progress=False, validate_every=1)


def test_the_best_parameters_come_back(caplog):
    net, seen = theanets.Autoencoder([4, 3, 4]), []
    pair = net.train([X], **QUICK, callbacks=interrupting(3, net, seen))
    # The third epoch was over, and validated, when its callback ended it.
    assert pair[0]["loss"] == net.history["training"]["loss"][2]
    assert net.history.best_epoch == 3
    np.testing.assert_array_equal(net.find("hid1", "w").get_value(), seen[2])
    assert "Training was interrupted in epoch 4: the best parameters" in caplog.text
    assert [record.name for record in caplog.records] == ["theanets"]


def test_itertrain_ends():
    net = theanets.Autoencoder([4, 3, 4])
    pairs = net.itertrain([X], **QUICK, callbacks=interrupting(3))
    assert len(list(pairs)) == 2
    assert next(pairs, None) is None


def test_an_interrupt_in_the_loop_is_the_callers():
    net = theanets.Autoencoder([4, 3, 4])
    with pytest.raises(KeyboardInterrupt):
        for _ in net.itertrain([X], **QUICK):
            raise KeyboardInterrupt


def test_before_the_first_epoch(monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("theanets.training.steps.Steps.advance", interrupt)
    net = theanets.Autoencoder([4, 3, 4])
    before = net.find("hid1", "w").get_value()
    assert net.train([X], **QUICK) == ({}, {})
    np.testing.assert_array_equal(net.find("hid1", "w").get_value(), before)


@pytest.mark.parametrize("algo", ["layerwise", "pretrain"])
def test_later_stages_do_not_begin(algo):
    net, stages = theanets.Classifier([4, 3, 3, 2]), []

    def interrupt(epoch, training, validation):
        stages.append(training.stage)
        raise KeyboardInterrupt

    data = X, (X[:, 0] > 0).astype("i4")
    net.train(data, algo=algo, progress=False, callbacks=interrupt)
    assert len(stages) == 1


def test_programs_can_have_it_raised():
    net = theanets.Autoencoder([4, 3, 4])
    with pytest.raises(KeyboardInterrupt):
        net.train([X], **QUICK, callbacks=interrupting(2), on_interrupt="raise")
    with pytest.raises(ConfigurationError, match='Did you mean "raise"'):
        net.train([X], **QUICK, on_interrupt="rise")


def test_minimize_returns_too():
    def loss(params, x):
        return ((params["p"] - x) ** 2).mean()

    found = theanets.minimize(
        loss, {"p": 0.0}, X[:, 0], **QUICK, callbacks=interrupting(3)
    )
    assert len(found.history) == 2
    with pytest.raises(KeyboardInterrupt):
        theanets.minimize(
            loss,
            {"p": 0.0},
            X[:, 0],
            **QUICK,
            callbacks=interrupting(3),
            on_interrupt="raise",
        )


def test_a_snapshot_is_written(tmp_path):
    net = theanets.Autoencoder([4, 3, 4])
    file = tmp_path / "snapshot"
    net.train([X], **QUICK, callbacks=interrupting(3), save_progress=file)
    np.testing.assert_array_equal(theanets.load(file).predict(X), net.predict(X))


def test_progress_says_it_once(capsys, caplog):
    caplog.set_level(logging.DEBUG)
    net = theanets.Autoencoder([4, 3, 4])
    net.train([X], algo="sgd", validate_every=1, callbacks=interrupting(2))
    assert capsys.readouterr().err.count("interrupted in epoch 3") == 1
    assert not [r for r in caplog.records if r.name == "theanets"]
