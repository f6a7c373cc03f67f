import json
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import theanets
from theanets.errors import CheckpointError, ConfigurationError, ModelFileError
from theanets.training import checkpoint as checkpoints
from theanets.training import loop, measure
from theanets.training.locks import Lock

KILLS = 50 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 8
SCENARIOS = ["feedforward", "lstm", "batchnorm", "layerwise", "streamed"]


def blobs(n=90, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, 4)).astype("f4")
    return x, (x[:, 0] > 0).astype("i4")


DATA = blobs()


def train(file=None, net=None, data=DATA, **keywords):
    net = net or theanets.Classifier([4, 5, 2])
    settings = {"algo": "adam", "max_epochs": 7, "validate_every": 3, "progress": False}
    settings |= {"checkpoint": file} if file else {}
    pair = net.train(data, data, **settings | keywords)
    return net, pair


def same(a, b):
    assert a.history == b.history
    assert a._values.keys() == b._values.keys()
    for name, value in a._values.items():
        assert np.asarray(value).tobytes() == np.asarray(b._values[name]).tobytes()


def stop_after(epochs):
    def callback(epoch, *_):
        if epoch == epochs:
            raise RuntimeError("stopped")

    return callback


# Going on.


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 6])
def test_a_shorter_run_goes_on_as_the_longer_one(tmp_path, epochs):
    calm, pair = train(tmp_path / "calm")
    train(tmp_path / "cut", max_epochs=epochs)
    net, resumed = train(tmp_path / "cut")
    same(net, calm)
    assert resumed == pair
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "calm").read_bytes()
    bare, _ = train()
    same(bare, calm)


@pytest.mark.parametrize(
    "keywords",
    [
        {"algo": "nag", "hidden_dropout": 0.3, "monitor_gradients": True},
        {"algo": optax.chain(optax.clip(1.0), optax.add_noise(0.1, 0.5, 3))},
        {"algo": "rprop"},
        {"algo": "lbfgs"},
        {"on_nonfinite": "skip", "weight_l2": 0.1},
        {"max_updates": 11, "max_epochs": None},
        {"class_weight": "balanced", "batch_size": 7},
        {"algo": "layerwise", "subalgo": "nag"},
        {"algo": "pretrain", "subalgo": "adam", "input_noise": 0.2},
    ],
    ids=lambda keywords: "-".join(
        str(x) for x in keywords.values() if isinstance(x, str | float)
    ),
)
def test_an_error_in_a_callback_costs_nothing(tmp_path, keywords):
    def make():
        return theanets.Classifier([4, 5, 3, 2])

    calm, _ = train(tmp_path / "calm", make(), **keywords)
    for epoch in (1, 3):
        with pytest.raises(RuntimeError, match="stopped"):
            stop = [stop_after(epoch)]
            train(tmp_path / "cut", make(), callbacks=stop, **keywords)
    net, _ = train(tmp_path / "cut", make(), **keywords)
    same(net, calm)
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "calm").read_bytes()


def test_a_run_goes_on_from_within_an_epoch(tmp_path, monkeypatch):
    calm, _ = train(tmp_path / "calm", batch_size=2, hidden_dropout=0.2)
    monkeypatch.setattr(measure, "_SECONDS_PER_CALL", 1e-9)
    real, calls = checkpoints.Checkpoint.write, []

    def write(self, saved):
        real(self, saved)
        calls.append(saved.facts["progress"]["batches"])
        if len(calls) in (5, 60):
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints.Checkpoint, "write", write)
    keywords = {"batch_size": 2, "hidden_dropout": 0.2, "checkpoint_every": 1e-9}
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "cut", **keywords)
    assert max(calls) > 3
    net, _ = train(tmp_path / "cut", **keywords)
    same(net, calm)
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "calm").read_bytes()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_validation_that_was_interrupted_is_made_up_for(
    tmp_path, monkeypatch, number
):
    real, calls = loop.measure, []

    def measured(*given):
        calls.append(given)
        if len(calls) == number:
            raise KeyboardInterrupt
        return real(*given)

    calm, _ = train(tmp_path / "calm")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "measure", measured)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "cut")
    net, _ = train(tmp_path / "cut")
    same(net, calm)
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "calm").read_bytes()


def test_parameters_that_the_caller_changes_are_part_of_it(tmp_path):
    def run(file, cuts):
        for cut in (*cuts, None):
            net = theanets.Classifier([4, 5, 2])
            steps = net.itertrain(
                DATA,
                algo="sgd",
                max_epochs=6,
                progress=False,
                checkpoint=file,
                checkpoint_every=1,
            )
            for _ in steps:
                handle = net.find("out", "b")
                handle.set_value(handle.get_value() + 0.5)
                if net._epochs == cut:
                    steps.close()
        return net

    same(run(tmp_path / "cut", (2, 4)), run(tmp_path / "calm", ()))


def test_the_file_is_a_model_too(tmp_path):
    net, _ = train(tmp_path / "run.safetensors")
    loaded = theanets.load(tmp_path / "run.safetensors")
    assert (
        loaded.predict_proba(DATA[0]).tobytes() == net.predict_proba(DATA[0]).tobytes()
    )


def test_minimize_goes_on_too(tmp_path):
    x = np.linspace(-1, 1, 64).astype("f4")

    def loss(params, x, y):
        return ((params["slope"] * x + params["offset"] - y) ** 2).mean()

    def run(file, **keywords):
        return theanets.minimize(
            loss,
            {"slope": 0.0, "offset": 0.0},
            (x, 3 * x + 1),
            algo="adam",
            progress=False,
            checkpoint=file,
            **{"max_epochs": 8} | keywords,
        )

    calm = run(tmp_path / "calm")
    run(tmp_path / "cut", max_epochs=3)
    found = run(tmp_path / "cut")
    assert found.params == calm.params
    assert found.validation == calm.validation
    again = run(tmp_path / "cut")
    assert again.params == calm.params
    assert (again.training, again.history) == (calm.training, [])
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "calm").read_bytes()


def test_streams_are_read_again_up_to_where_the_run_was(tmp_path):
    def batches():
        rng = np.random.default_rng(2)

        def batch():
            x = rng.normal(size=(8, 4)).astype("f4")
            return x, (x[:, 0] > 0).astype("i4")

        return batch

    def run(file, **more):
        net = theanets.Classifier([4, 5, 2])
        settings = {"max_epochs": 5, "train_batches": 6, "valid_batches": 2}
        net.train(
            batches(),
            progress=False,
            validate_every=2,
            checkpoint=file,
            **settings | more,
        )
        return net

    calm = run(tmp_path / "calm")
    run(tmp_path / "cut", max_epochs=1)
    run(tmp_path / "cut", max_epochs=4)
    same(run(tmp_path / "cut"), calm)


# Whose it is.


def test_another_run_is_told_every_difference(tmp_path):
    train(tmp_path / "c", max_epochs=1)
    before = (tmp_path / "c").read_bytes()
    with pytest.raises(CheckpointError) as caught:
        train(
            tmp_path / "c",
            theanets.Classifier([4, 6, 2], rng=5),
            blobs(80, 1),
            algo="nag",
            weight_l2=0.1,
            batch_size=16,
        )
    for words in (
        "size was 5 and is 6",
        "rng was 13 and is 5",
        "algo was 'adam' and is 'nag'",
        "learning_rate was",
        "weight_l2",
        "batch_size",
        "train arrays 0 shape was [90, 4] and is [80, 4]",
        "train arrays 1 content is another",
        "resume=False",
    ):
        assert words in str(caught.value)
    assert (tmp_path / "c").read_bytes() == before


@pytest.mark.parametrize("bound", [{"max_epochs": 9}, {"max_updates": 12}])
def test_a_bound_may_change(tmp_path, bound):
    train(tmp_path / "c", max_epochs=2)
    net, _ = train(tmp_path / "c", **bound)
    other, _ = train(None, **bound)
    same(net, other)


@pytest.mark.parametrize("updates", [1, 2, 3, 4, 7])
def test_a_bound_that_cuts_an_epoch_may_change(tmp_path, updates):
    calm, _ = train(tmp_path / "calm", max_updates=11, max_epochs=None)
    for bound in (updates, 11):
        net, _ = train(tmp_path / "cut", max_updates=bound, max_epochs=None)
        alone, _ = train(max_updates=bound, max_epochs=None)
        same(net, alone)
    same(net, calm)
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "calm").read_bytes()


def test_starting_over_keeps_the_old_file_aside(tmp_path):
    train(tmp_path / "c", max_epochs=2)
    first = (tmp_path / "c").read_bytes()
    for number in (1, 2):
        net, _ = train(tmp_path / "c", algo="sgd", resume=False)
        assert (tmp_path / f"c.old{number}").exists()
    assert (tmp_path / "c.old1").read_bytes() == first
    other, _ = train(algo="sgd")
    same(net, other)


def test_a_second_user_of_the_file_is_told(tmp_path):
    steps = theanets.Classifier([4, 5, 2]).itertrain(
        DATA, max_epochs=3, progress=False, checkpoint=tmp_path / "c"
    )
    next(steps)
    with pytest.raises(CheckpointError, match=rf"in use by process {os.getpid()}\b"):
        train(tmp_path / "c", max_epochs=3, algo="rmsprop", validate_every=10)
    code = (
        "import sys; from pathlib import Path;"
        "from theanets.training.locks import Lock; Lock(Path(sys.argv[1])).take()"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "c"], capture_output=True, text=True
    )
    assert "Locked" in found.stderr
    steps.close()
    assert sorted(x.name for x in tmp_path.iterdir()) == ["c"]


def test_a_lock_is_free_once_its_holder_is_gone(tmp_path):
    (tmp_path / ".c.lock").write_text("1")
    lock = Lock(tmp_path / "c")
    lock.take()
    assert (tmp_path / ".c.lock").read_text() == str(os.getpid())
    lock.release()
    assert not list(tmp_path.iterdir())


def test_a_file_without_a_training_is_no_checkpoint(tmp_path):
    theanets.Classifier([4, 5, 2]).save(tmp_path / "model")
    with pytest.raises(CheckpointError, match="holds a model but no training"):
        train(tmp_path / "model")
    (tmp_path / "bad").write_bytes(b"something else")
    with pytest.raises(ModelFileError, match="damaged"):
        train(tmp_path / "bad")
    with pytest.raises(ConfigurationError, match="takes no checkpoint"):
        train(tmp_path / "c", algo="sample", validate_every=10, max_epochs=None)


# When it is written.


def test_it_is_written_every_so_many_epochs(tmp_path):
    seen = []

    def look(epoch, *_):
        seen.append((tmp_path / "c").exists())

    train(tmp_path / "c", checkpoint_every=2, callbacks=[look], max_epochs=4)
    assert seen == [False, False, True, True]


def test_a_folder_that_cannot_be_written_to_is_said_plainly(tmp_path, monkeypatch):
    """Not by the name of the lock, which the caller never gave."""
    opened = os.open

    def forbidden(path, *args, **keywords):
        if str(path).endswith(".lock"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **keywords)

    monkeypatch.setattr(os, "open", forbidden)
    with pytest.raises(PermissionError) as caught:
        train(tmp_path / "c")
    assert "the checkpoint cannot be written: its folder" in str(caught.value)
    assert caught.value.filename == str(tmp_path / "c")


def test_a_full_disk_does_not_end_the_training(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.files, "write", full)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(OSError, match="full"):
                train(tmp_path / "c", checkpoint_every=3)
    assert ["the disk is full" in str(w.message) for w in caught] == [True, True]


def test_the_first_error_goes_before_that_of_the_file(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "the disk is full")

    monkeypatch.setattr(checkpoints.files, "write", full)
    with pytest.raises(RuntimeError, match="stopped") as caught:
        train(tmp_path / "c", callbacks=[stop_after(2)])
    assert "the disk is full" in caught.value.__notes__[0]


def test_a_run_that_is_dropped_leaves_its_file(tmp_path):
    threads = threading.enumerate()
    steps = theanets.Classifier([4, 5, 2]).itertrain(
        DATA,
        algo="adam",
        max_epochs=7,
        validate_every=3,
        progress=False,
        checkpoint=tmp_path / "cut",
    )
    next(steps)
    next(steps)
    del steps
    assert threading.enumerate() == threads
    assert [x.name for x in tmp_path.iterdir()] == ["cut"]
    net, _ = train(tmp_path / "cut")
    same(net, train(tmp_path / "calm")[0])


def test_infinite_monitors_survive(tmp_path):
    monitors = {"worst": lambda values: jnp.inf + values["hid1:out"].sum()}
    train(tmp_path / "c", monitors=monitors, max_epochs=2)
    net, _ = train(tmp_path / "c", monitors=monitors, max_epochs=4)
    assert net.history["training"]["worst"] == [np.inf] * 4


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_any_moment_it_ends_with_the_same_bits(tmp_path, name):
    script = Path(__file__).with_name("killed.py")
    found = subprocess.run(
        [sys.executable, script, name, str(KILLS), tmp_path],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert found.returncode == 0, found.stderr[-3000:]
    told = json.loads(found.stdout.splitlines()[-1])
    assert told == {"killed": KILLS, "in saves": KILLS // 2, "left": []}


HOSTILE = [None, "x", -1, 10**12, 0.5, [], {}]


@pytest.mark.parametrize("wrong", HOSTILE, ids=str)
def test_a_file_that_says_anything_is_refused_or_trained_on(tmp_path, wrong):
    train(tmp_path / "c", max_epochs=2)
    description, arrays = theanets.files.read(tmp_path / "c")
    facts = description["training"]
    places = [(facts, name) for name in facts if name != "run"]
    places += [(facts["progress"], name) for name in facts["progress"]]
    places += [(facts["history"], name) for name in facts["history"]]
    refused = 0
    for holder, name in places:
        before, holder[name] = holder[name], wrong
        theanets.files.write(tmp_path / "hostile", description, arrays)
        holder[name] = before
        try:
            train(tmp_path / "hostile", max_epochs=3)
        except theanets.TheanetsError:
            refused += 1
    assert refused > 3
