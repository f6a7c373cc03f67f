import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import theanets
from theanets import optimizers
from theanets.errors import CheckpointError, ConfigurationError, ModelFileError
from theanets.regularizers import WeightL2
from theanets.serialization.lock import Lock
from theanets.training import checkpoint as checkpoints
from theanets.training import loop, measure, validation

from ..helpers import compilations
from ..injection import count_lines, inject

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
    assert a._state.arrays.keys() == b._state.arrays.keys()
    for name, value in a._state.arrays.items():
        assert (
            np.asarray(value).tobytes() == np.asarray(b._state.arrays[name]).tobytes()
        )


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
            train(tmp_path / "cut", **keywords, on_interrupt="raise")
    assert max(calls) > 3
    net, _ = train(tmp_path / "cut", **keywords)
    same(net, calm)
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "calm").read_bytes()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_validation_that_was_interrupted_is_made_up_for(
    tmp_path, monkeypatch, number
):
    real, calls = validation.measure, []

    def measured(*given):
        calls.append(given)
        if len(calls) == number:
            raise KeyboardInterrupt
        return real(*given)

    calm, _ = train(tmp_path / "calm")
    with monkeypatch.context() as patch:
        patch.setattr(validation, "measure", measured)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "cut", on_interrupt="raise")
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
                if len(net.history) == cut:
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


class Drawn:
    """Batches that each pass draws anew, from where the one before ended."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def draw(self):
        x = self.rng.normal(size=(8, 4)).astype("f4")
        return x, (x[:, 0] > 0).astype("i4")


class Passes(Drawn):
    def __iter__(self):
        for _ in range(5):
            yield self.draw()


class Sized(Passes):
    def __len__(self):
        return 5


def staged(file, algo, source, cut=None, both=False, **keywords):
    """Train stage by stage on sources that go on, to an end or to a cut."""
    net = theanets.Classifier([4, 6, 5, 3, 2])
    seen = []

    def callback(*_):
        seen.append(1)
        if len(seen) == cut:
            raise KeyboardInterrupt

    settings = {"validate_every": 2, "progress": False, "callbacks": [callback]}
    settings |= {"on_interrupt": "raise"}
    settings |= {"train_batches": 5, "valid_batches": 2} if source == "callable" else {}
    make = {
        "callable": lambda seed: Drawn(seed).draw,
        "iterable": Passes,
        "sized": Sized,
    }[source]
    train, valid, pair = make(1), None if both else make(2), None
    with suppress(KeyboardInterrupt):
        pair = net.train(train, valid, algo, checkpoint=file, **settings | keywords)
    return net, pair, len(seen)


@pytest.mark.parametrize("source", ["callable", "iterable", "sized"])
@pytest.mark.parametrize("algo", ["layerwise", "pretrain"])
@pytest.mark.parametrize(
    "bounds",
    [
        {"max_epochs": 3},
        {"max_updates": 12},
        {"max_updates": 7, "both": True},
        {"max_updates": 10},
        {"patience": 0, "min_improvement": 0.05, "validate_every": 1},
    ],
    ids=str,
)
def test_sources_go_on_in_later_stages_as_earlier_ones_left_them(
    tmp_path, source, algo, bounds
):
    calm, pair, epochs = staged(tmp_path / "calm", algo, source, **bounds)
    cuts = [epochs // 2, epochs // 3, None]
    found = [staged(tmp_path / "cut", algo, source, cut, **bounds) for cut in cuts]
    net, resumed, _ = found[-1]
    same(net, calm)
    assert resumed == pair
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "calm").read_bytes()


def test_a_stage_that_had_ended_is_read_again_whole(tmp_path, monkeypatch):
    keywords = {"algo": "layerwise", "source": "callable", "max_updates": 12}
    calm, pair, _ = staged(tmp_path / "calm", **keywords)

    def interrupted(*_):
        raise KeyboardInterrupt

    # The file is that of a stage that is at its end, in the midst of an epoch.
    with monkeypatch.context() as patch:
        patch.setattr(loop.Run, "_finish", interrupted)
        staged(tmp_path / "cut", **keywords)
    description, _ = theanets.serialization.files.read(tmp_path / "cut")
    assert description["training"]["progress"]["batches"] == 2
    net, resumed, _ = staged(tmp_path / "cut", **keywords)
    same(net, calm)
    assert resumed == pair


class Torn(np.memmap):
    """An array in a file of which no batch can be read once it is torn."""

    torn = False

    def __getitem__(self, index):
        if self.torn and isinstance(index, np.ndarray):
            raise OSError("torn")
        return super().__getitem__(index)


@pytest.mark.parametrize("kind", ["list", "array", "callable"])
def test_an_error_after_a_resume_names_its_epoch(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(theanets.config, "resident_bytes", 8)
    points = Torn(tmp_path / "points", "f4", "w+", shape=DATA[0].shape)
    points[:] = DATA[0]

    def run(epochs, *batches):
        given = iter(batches * epochs)
        sources = {
            "list": list(batches),
            "array": (points, DATA[1]),
            "callable": lambda: next(given),
        }
        theanets.Classifier([4, 5, 2]).train(
            sources[kind],
            [DATA],
            max_epochs=epochs,
            train_batches=2,
            batch_size=45,
            progress=False,
            checkpoint=tmp_path / "c",
        )

    run(3, DATA, DATA)
    monkeypatch.setattr(Torn, "torn", True)
    wrong = (DATA[0][:, :3], DATA[1])
    batches = [DATA, wrong] if kind == "list" else [DATA] * 7 + [wrong]
    with pytest.raises((theanets.DataError, OSError)) as caught:
        run(4, *batches)
    told = [str(caught.value), *getattr(caught.value, "__notes__", ())]
    assert " of epoch 4" in " ".join(told)


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


REGULARIZED = {
    "weight": (
        {"input_dropout": 0.1, "hidden_dropout": 0.2},
        {"input_dropout": 0.1, "hidden_dropout": 0.6},
        "dropout weight was 0.2 and is 0.6",
    ),
    "weight of the second": (
        {"hidden_noise": 0.1, "input_noise": 0.2},
        {"hidden_noise": 0.1, "input_noise": 0.3},
        "noise 2 weight was 0.2 and is 0.3",
    ),
    "one of several patterns": (
        {"dropout": {"in:out": 0.1, "hid1:out": 0.2}},
        {"dropout": {"in:out": 0.3, "hid1:out": 0.2}},
        "dropout 2 weight was 0.1 and is 0.3",
    ),
    "one removed": (
        {"input_noise": 0.1, "hidden_noise": 0.2},
        {"input_noise": 0.1},
        "noise 2 was {",
    ),
    "two of a class": (
        {"regularizers": [WeightL2(0.1, "hid1.w"), WeightL2(0.2, "out.w")]},
        {"regularizers": [WeightL2(0.3, "hid1.w"), WeightL2(0.2, "out.w")]},
        "weight_l2 weight was 0.1 and is 0.3",
    ),
    "a setting of its own": (
        {"contractive": {"weight": 0.1, "samples": 1}},
        {"contractive": {"weight": 0.1, "samples": 0}},
        "contractive samples was 1 and is 0",
    ),
}


@pytest.mark.parametrize("then, now, words", REGULARIZED.values(), ids=REGULARIZED)
def test_regularizers_of_one_name_are_told_apart(tmp_path, then, now, words):
    train(tmp_path / "c", max_epochs=1, **then)
    train(tmp_path / "c", max_epochs=2, **then)
    with pytest.raises(CheckpointError) as caught:
        train(tmp_path / "c", max_epochs=3, **now)
    assert f"regularizers {words}" in str(caught.value)


def test_settings_of_regularizers_are_told_in_any_process(tmp_path):
    class Pulled(theanets.Regularizer, register=False):
        def __init__(self, weight, towards, **more):
            super().__init__(weight, "out.w")
            self.towards, self.more = towards, more

        over_params = True

        def penalty(self, evaluation):
            return ((evaluation.params["out.w"] - self.towards) ** 2).sum()

    def run(epochs, **changed):
        settings = {
            "towards": jnp.ones((5, 2)),
            "key": jnp.sin,
            "half": np.float32(0.5),
            "none": np.inf,
            "things": [object(), np.array([None])],
        }
        terms = [Pulled(0.1, **settings | changed)]
        train(tmp_path / "c", max_epochs=epochs, regularizers=terms)

    run(1)
    run(2)
    with pytest.raises(CheckpointError, match="towards content is another"):
        run(3, towards=jnp.zeros((5, 2)))
    with pytest.raises(CheckpointError, match=r"more half was 0\.5 and is 2\.0"):
        run(3, half=np.float32(2))


RULES = """{
    "adamw": lambda x: optax.adamw(1e-3 * x),
    "clipped": lambda x: optax.chain(optax.clip(x), optax.add_noise(0.1, 0.5, 3)),
    "injected": lambda x: optax.inject_hyperparams(optax.adam)(learning_rate=x),
    "scheduled": lambda x: optax.sgd(optax.piecewise_constant_schedule(x, {9: 0.5})),
    "line search": lambda x: optax.lbfgs(memory_size=int(x)),
    "several steps": lambda x: optax.MultiSteps(optax.sgd(0.1), int(x)),
    "an array": lambda x: optax.stateless(
        lambda g, p: jax.tree.map(lambda a: a * np.full(8, x).sum(), g)
    ),
    "an array of an inner function": lambda x: optax.stateless(
        lambda g, p: jax.jit(lambda g: {"w": g["w"] * np.full(2, x)})(g)
    ),
    "an array on the device": lambda x: optax.stateless(
        lambda g, p: jax.tree.map(lambda a: a * jnp.full(8, x)[a.ndim], g)
    ),
}"""
SCHEDULE = "lambda x: lambda count: x / (1.0 + count)"
IMPORTS = "import sys, jax, jax.numpy as jnp, numpy as np, optax, theanets\n"


def made(text):
    names = {"optax": optax, "jax": jax, "jnp": jnp, "np": np}
    return eval(text, names)


@pytest.mark.parametrize("name", made(RULES))
def test_transformations_are_told_apart(name):
    def identity(number):
        optimizer = optimizers.resolve(made(RULES)[name](number), {})
        return optimizer.identity({"w": np.ones((3, 2), "f4")})["transformation"]

    with compilations() as compiled:
        assert identity(2.0) == identity(2.0) != identity(3.0)
    assert not compiled


def test_another_transformation_is_another_run(tmp_path):
    train(tmp_path / "c", algo=optax.adamw(1e-3), max_epochs=1)
    train(tmp_path / "c", algo=optax.adamw(1e-3), max_epochs=2)
    with pytest.raises(CheckpointError, match="run: transformation content is another"):
        train(tmp_path / "c", algo=optax.adamw(1e-1), max_epochs=3)


def test_schedules_are_told_apart(tmp_path):
    schedule = made(SCHEDULE)
    train(tmp_path / "c", learning_rate=schedule(0.1), max_epochs=1)
    train(tmp_path / "c", learning_rate=schedule(0.1), max_epochs=2)
    with pytest.raises(CheckpointError, match="run: schedule content is another"):
        train(tmp_path / "c", learning_rate=schedule(0.2), max_epochs=3)


def test_another_process_finds_the_same_transformations():
    code = f"""{IMPORTS}
from theanets import optimizers
params = {{"w": np.ones((3, 2), "f4")}}
for rule in {RULES}.values():
    print(optimizers.resolve(rule(2.0), {{}}).identity(params)["transformation"])
given = {{"learning_rate": ({SCHEDULE})(0.1)}}
print(optimizers.resolve("sgd", given).identity(params)["schedule"])
"""
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    assert found[0].count("content") == len(made(RULES)) + 1


def test_functions_of_another_version_of_jax_are_not_compared(tmp_path):
    train(tmp_path / "c", algo=optax.sgd(0.1), max_epochs=1)
    description, arrays = theanets.serialization.files.read(tmp_path / "c")
    run = description["training"]["run"]
    run["transformation"] = {"content": "0", "versions": "jax 0.9.9, optax 0.2.0"}
    theanets.serialization.files.write(tmp_path / "other", description, arrays)
    train(tmp_path / "other", algo=optax.sgd(0.1), max_epochs=2)
    del run["transformation"]
    theanets.serialization.files.write(tmp_path / "older", description, arrays)
    with pytest.raises(CheckpointError, match="transformation was nothing"):
        train(tmp_path / "older", algo=optax.sgd(0.1), max_epochs=2)


def test_what_no_trace_tells_apart_is_compared_as_before(tmp_path):
    draws = iter(range(100))

    def update(grads, state, params=None):
        return jax.tree.map(lambda g: -0.01 * g * (1 + next(draws)), grads), state

    def rule():
        return optax.GradientTransformation(lambda params: (), update)

    assert optimizers.resolve(rule(), {}).identity({"w": jnp.ones(3)}) == {
        "optimizer": "optax",
        "nesterov": False,
        "transformation": None,
    }
    train(tmp_path / "c", algo=rule(), max_epochs=1)
    train(tmp_path / "c", algo=rule(), max_epochs=2)


def test_a_minimum_from_elsewhere_is_another_run(tmp_path):
    def run(start):
        theanets.minimize(
            lambda params, x: ((params["a"] * x - params["b"]) ** 2).mean(),
            start,
            DATA[0],
            progress=False,
            max_epochs=1,
            checkpoint=tmp_path / "c",
        )

    run({"a": 0.0, "b": np.ones(4)})
    run({"a": 0.0, "b": np.ones(4)})
    words = r"params \['a'\] content is another; params \['b'\] content is another"
    with pytest.raises(CheckpointError, match=words):
        run({"a": 1.0, "b": np.zeros(4)})


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
        "from theanets.serialization.lock import Lock; Lock(Path(sys.argv[1])).take()"
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


UNWRITABLE = """
import os, resource, sys
from pathlib import Path
from theanets.serialization.lock import Lock
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
lock = Lock(Path(sys.argv[1]))
try:
    lock.take()
except OSError as error:
    assert not isinstance(error, PermissionError), error
else:
    raise AssertionError("written")
assert not os.listdir(os.path.dirname(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
Lock(Path(sys.argv[1])).take()
lock.take()
"""


def test_a_lock_that_cannot_say_whose_it_is_is_not_held(tmp_path):
    """Where the disk is full, or files can have no bytes."""
    code = [sys.executable, "-c", UNWRITABLE, tmp_path / "c"]
    found = subprocess.run(code, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def lines(work, files):
    """Call something again and again, interrupted at each of its lines in turn."""
    count = count_lines(work, files)
    assert count > 10
    for at in range(count):
        # Not by pytest.raises, which would keep alive what the error has seen.
        with suppress(KeyboardInterrupt):
            inject(work, files, at=at)
            raise AssertionError
        yield at


def handles():
    return len(os.listdir("/dev/fd"))


# An interrupt may leave it to CPython to close a file, which it then says.
unclosed = pytest.mark.filterwarnings("ignore::ResourceWarning")


@unclosed
def test_an_interrupt_at_any_line_leaves_a_lock_free(tmp_path):
    path, opened = tmp_path / "c", handles()

    def work():
        lock = Lock(path)
        lock.take()
        lock.release()

    for _ in lines(work, ["serialization/lock.py"]):
        assert handles() == opened
        work()
        assert not list(tmp_path.iterdir())


@unclosed
@pytest.mark.parametrize("resume", [True, False])
def test_an_interrupt_at_any_line_leaves_a_checkpoint_free(tmp_path, resume):
    path, opened = tmp_path / "c", handles()

    def work():
        path.write_bytes(b"before")
        checkpoint = checkpoints.Checkpoint(path, resume=resume)
        checkpoint._seen = checkpoints._stamp(path)
        with checkpoint:
            pass

    for _ in lines(work, ["serialization/lock.py", "training/checkpoint.py"]):
        assert handles() == opened
        work()
        assert not (tmp_path / ".c.lock").exists()


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

    def forbidden(path, mode):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(theanets.serialization.lock, "FileIO", forbidden)
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
    description, arrays = theanets.serialization.files.read(tmp_path / "c")
    facts = description["training"]
    places = [(facts, name) for name in facts if name != "run"]
    places += [(facts["progress"], name) for name in facts["progress"]]
    places += [(facts["history"], name) for name in facts["history"]]
    refused = 0
    for holder, name in places:
        before, holder[name] = holder[name], wrong
        theanets.serialization.files.write(tmp_path / "hostile", description, arrays)
        holder[name] = before
        try:
            train(tmp_path / "hostile", max_epochs=3)
        except theanets.TheanetsError:
            refused += 1
    assert refused > 3


BODY = """
import os, signal, sys
import numpy as np, theanets
folder, kill = sys.argv[1], int(sys.argv[2])
x = np.random.default_rng(0).normal(size=(40, 4)).astype("f4")
net = theanets.Autoencoder([4, 3, 4])
steps = net.itertrain(
    [x], algo="adam", max_epochs=5, progress=False, validate_every=2,
    checkpoint=f"{folder}/run", checkpoint_every=1)
for training, validation in steps:
    handle = net.find("hid1", "w")
    half = handle.get_value()
    handle.set_value(half * 0.5)
    if len(net.history) == kill:
        os.kill(os.getpid(), signal.SIGKILL)
    handle.set_value(half * 0.9)
np.save(f"{folder}/w.npy", net.find("hid1", "w").get_value())
print(net.history["train_loss"])
"""


def test_killed_in_the_body_of_a_loop_that_changes_parameters(tmp_path):
    """Killed between two changes, it makes both of them once more."""

    def run(name, kill):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        command = [sys.executable, "-c", BODY, str(folder), str(kill)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout

    assert run("killed", 2)[0] == -signal.SIGKILL
    assert run("killed", 4)[0] == -signal.SIGKILL
    found, expected = run("killed", 0), run("calm", 0)
    assert found == expected
    assert found[0] == 0
    arrays = [np.load(tmp_path / name / "w.npy") for name in ("killed", "calm")]
    np.testing.assert_array_equal(*arrays)
