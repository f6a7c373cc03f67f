"""Models of bfloat16: they compute in it, and nothing that adds up is held in it."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.errors import ModelFileError
from theanets.models import saving
from theanets.serialization import format as container

from ..contract.test_layers import GRAPHS, batch, with_activation
from ..helpers import bits, blobs


@pytest.fixture
def half(monkeypatch):
    monkeypatch.setattr(theanets.config, "floatX", "bfloat16")


def in_precision(name, make):
    before, theanets.config.floatX = theanets.config.floatX, name
    try:
        return make()
    finally:
        theanets.config.floatX = before


def test_parameters_are_held_in_full_and_computed_with_in_half(half):
    net = theanets.Classifier([4, (5, "prelu"), "batchnorm", 2])
    apply, params = net.functional()
    assert {x.dtype.name for x in params.values()} == {"float32"}
    assert net.find("hid1", "w").get_value().dtype == "float32"
    outputs = apply(params, blobs()[0])
    assert {x.dtype.name for x in outputs.values()} == {"bfloat16"}


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_other_precisions_are_left_alone(precision):
    net = in_precision(precision, lambda: theanets.Regressor([4, 3, 2]))
    params = net.functional()[1]
    assert net._state.topology.cast_params(params, precision) is params


def moved(precision, updates=200):
    """Return how far many tiny steps of one size move a weight of 1."""
    net = in_precision(precision, lambda: theanets.Regressor([1, 1]))
    net.find("out", "w").set_value([[1.0]])
    ones = np.ones((32, 1))
    pairs = net.itertrain(
        (ones, 101 * ones),
        algo="sgd",
        learning_rate=5e-7,
        max_epochs=updates,
        patience=updates,
        progress=False,
    )
    found = [float(net.find("out", "w").get_value()[0, 0]) for _ in pairs]
    return found[-1] - 1


def test_updates_below_its_resolution_add_up():
    # dL/dw = 2 (w + b - 101), -200 at first; steps of 1e-4 where 1 + 1/256 is 1.
    # Both w and b move: e, the way still to go, shrinks by 1 - 4 α in each update.
    closed = 50 * (1 - (1 - 4 * 5e-7) ** 200)
    assert moved("float32") == pytest.approx(closed, rel=1e-3)
    assert moved("bfloat16") == pytest.approx(closed, rel=0.01)


def test_digits_are_learned_as_in_float32():
    train, _, test = theanets.datasets.load_mnist()
    few = [x[:4000] for x in train]
    scores = []
    for precision in ("float32", "bfloat16"):
        net = in_precision(precision, lambda: theanets.Classifier([784, 30, 10]))
        net.train(
            few,
            algo="nag",
            learning_rate=1e-3,
            momentum=0.9,
            max_epochs=15,
            progress=False,
        )
        scores.append(net.score(*test))
    assert scores[0] > 0.8
    assert scores[1] == pytest.approx(scores[0], abs=0.01)


def test_answers_can_be_added_up_by_numpy(half):
    """NumPy adds up bfloat16 in bfloat16, where 256 + 1 is 256."""
    net = theanets.Regressor([3, (4, "tanh"), 1])
    net.find("out", "b").set_value([1.0])
    net.find("out", "w").set_value(np.zeros((4, 1)))
    x = np.random.default_rng(0).normal(size=(1000, 3))
    assert net.predict(x).mean() == 1
    apply, params = net.functional()
    for name, value in net.feed_forward(x[:8]).items():
        assert value.dtype == "float32"
        np.testing.assert_array_equal(value, apply(params, x[:8])[name])


def test_penalties_and_monitors_see_sums_in_full(half):
    seen = {}

    class Noted(theanets.Regularizer):
        def penalty(self, evaluation):
            seen.update(evaluation.outputs)
            return 0.0

    net = theanets.Regressor([3, 4, 2])
    x = np.ones((32, 3))
    monitors = {"hid1:out": {"sum": lambda h: seen.update(monitor=h) or h.sum()}}
    net.train(
        (x, x[:, :2]),
        monitors=monitors,
        regularizers=[Noted(0.1)],
        max_epochs=1,
        progress=False,
    )
    assert {x.dtype.name for x in seen.values()} == {"float32"}


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_form_computes_in_it(half, graph):
    """Traced without computing: types of outputs, of gradients, of what is updated."""
    net = theanets.Network([*with_activation(graph, "tanh"), (3, "linear")])
    objective, x = net._state.objective(), batch(net)
    apply, params = net.functional()
    outputs = jax.eval_shape(apply, params, x)
    kinds = {value.dtype.name for name, value in outputs.items() if name != "in:out"}
    assert kinds == {"bfloat16"}
    target = np.zeros(outputs["out:out"].shape, "f4")

    def loss(params, key):
        total, monitors, updates = objective(
            params, (x, target), objective.numbers, key
        )
        return total, (monitors, updates)

    graded = jax.value_and_grad(loss, has_aux=True)
    (total, more), gradient = jax.eval_shape(graded, params, jax.random.key(0))
    for value in jax.tree.leaves((total, more, gradient)):
        assert value.dtype == "float32"


def test_statistics_of_a_layer_of_ones_own_are_held_in_full(half):
    class Counting(theanets.Layer):
        takes_activation = False
        trains_differently = True

        def setup(self):
            self.add_param("seen", (1,), lambda rng: np.zeros(1), learned=False)

        def transform(self, params, inputs):
            return inputs[self.input_name]

        def transform_training(self, params, inputs, key):
            return self.transform(params, inputs), {"seen": params["seen"] + 1}

    net = theanets.Classifier([4, "counting", 2])
    net.train(blobs(), max_epochs=1, progress=False)
    seen = net.find("hid1", "seen").get_value()
    assert seen.dtype == "float32" and seen > 0


@pytest.mark.parametrize("form", ["gru", "lstm", "clockwork", "scrn"])
def test_sequences_go_on_with_the_same_bits(half, form):
    more = {"periods": [1, 2]} if form == "clockwork" else {}
    net = theanets.recurrent.Regressor([3, {"form": form, "size": 4, **more}, 2])
    x = np.random.default_rng(1).normal(size=(4, 6, 3))
    first, state = net.predict(x[:, :3], return_state=True)
    second = net.predict(x[:, 3:], state=state)
    whole = net.predict(x)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)


# Files.


def rounded(net):
    return {
        name: np.asarray(value).astype(jnp.bfloat16)
        for name, value in net._state.arrays.items()
    }


def test_a_file_holds_float32_and_says_what_is_computed_in(half):
    net = theanets.Classifier([4, "batchnorm", 2])
    file = io.BytesIO()
    net.save(file)
    description, arrays = container.unpacked(file.getvalue())
    assert description["floatX"] == "bfloat16"
    assert {x.dtype.name for x in arrays.values()} == {"float32"}
    theanets.config.floatX = "float32"
    again = theanets.load(file.getvalue())
    assert bits(again) == bits(net)
    assert again._state.dtype == "bfloat16"


def test_a_file_of_bfloat16_is_widened(half):
    net = theanets.Classifier([4, (5, "prelu"), 2])
    before = rounded(net)
    again = theanets.load(container.packed(saving.describe(net._state), before))
    for name, value in before.items():
        assert again.find(name).dtype == "float32"
        np.testing.assert_array_equal(again.find(name), value.astype("f4"))
    x = blobs()[0]
    np.testing.assert_array_equal(again.predict_proba(x), net.predict_proba(x))
    again.train(blobs(), max_epochs=1, progress=False)


def test_a_model_of_float32_has_no_arrays_of_bfloat16():
    net = theanets.Classifier([4, 2])
    content = container.packed(saving.describe(net._state), rounded(net))
    with pytest.raises(ModelFileError, match=r"bfloat16.* holds it as float32"):
        theanets.load(content)


def test_an_interrupted_run_goes_on_with_the_same_bits(half, tmp_path):
    def run(file, epochs):
        layers = [4, 8, "batchnorm", {"form": "dropout", "level": 0.2}, 2]
        net = theanets.Classifier(layers)
        settings = {"algo": "adam", "progress": False, "patience": 9}
        net.train(blobs(), max_epochs=epochs, checkpoint=tmp_path / file, **settings)
        return bits(net)

    whole = run("whole", 4)
    assert run("parts", 2) != whole
    assert run("parts", 4) == whole


def test_a_checkpoint_of_bfloat16_is_widened(half, tmp_path):
    def run(epochs):
        net = theanets.Classifier([4, 8, 2])
        file = tmp_path / "run"
        net.train(blobs(), max_epochs=epochs, checkpoint=file, progress=False)
        return net

    run(1)
    description, arrays = container.unpacked((tmp_path / "run").read_bytes())
    earlier = {
        name: x.astype(jnp.bfloat16)
        if "learned/" in name or not name.startswith("training/")
        else x
        for name, x in arrays.items()
    }
    (tmp_path / "run").write_bytes(container.packed(description, earlier))
    again = run(2)
    assert again.history.epochs == 2
    assert {x.dtype.name for x in again._state.arrays.values()} == {"float32"}


# The engine for functions of one's own.


def test_minimize_holds_its_parameters_in_full(half):
    seen = []

    def loss(p, x):
        seen.append((p["typed"].dtype.name, p["number"].dtype.name))
        return -((p["typed"] + p["number"]) * x).astype("f4").mean()

    start = {"typed": jnp.ones((), jnp.bfloat16), "number": 1.0}
    found = theanets.minimize(
        loss,
        start,
        np.ones((64, 1)),
        algo="sgd",
        learning_rate=1e-3,
        max_epochs=50,
        validate_every=1,
        patience=50,
        progress=False,
    )
    assert set(seen) == {("bfloat16", "bfloat16")}
    assert found.params["number"].dtype == "float32"
    assert float(found.params["number"]) == pytest.approx(1.1, abs=0.005)
    assert found.params["typed"].dtype == "bfloat16"
    assert float(found.params["typed"]) == pytest.approx(1.1, abs=0.01)


def test_both_workers_of_a_bidirectional_layer_keep_what_they_need_in_full(half):
    spec = {"form": "bidirectional", "worker": "clockwork", "size": 4}
    net = theanets.recurrent.Regressor([1, {**spec, "periods": [1, 257]}, 1])
    params = net.functional()[1]
    read = net._state.topology.cast_params(params, "bfloat16")
    for side in ("fw", "bw"):
        # 257 is 256 in bfloat16.
        assert read[f"hid1_{side}.period"].tolist() == [1, 257]
        assert read[f"hid1_{side}.xh"].dtype == "bfloat16"
