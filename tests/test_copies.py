"""Pickles and copies of networks: whole, independent, and training on the same."""

import copy
import functools
import io
import pickle
import sys

import cloudpickle
import joblib
import numpy as np
import pytest

import theanets
from theanets.activations import REGISTRY

from .helpers import bits, blobs, compilations

NOISY = {"hidden_dropout": 0.3, "input_noise": 0.1, "max_epochs": 2, "progress": False}


def softened(x):
    return x / (1 + abs(x))


def absolute(output, target):
    return abs(output - target)


class Kept(theanets.Layer):
    """A layer with a random first value that only a closure knows."""

    def setup(self):
        self.add_param("gain", (self.size,), lambda rng: rng.normal(size=self.size))

    def transform(self, params, inputs):
        return inputs[self.input_name] * params["gain"]


class Steep(theanets.Activation):
    def setup(self):
        self.add_param("steep", (self.size,), lambda rng: np.ones(self.size))

    def transform(self, params, x):
        return params["steep"] * x


class Cubes(theanets.Loss):
    def terms(self, outputs, target):
        return abs(outputs[self.output_name] - target) ** 3


class Shrunk(theanets.Regularizer):
    def penalty(self, evaluation):
        return abs(evaluation.params["out.b"]).mean()


def pickled(value):
    return pickle.loads(pickle.dumps(value))


def joblib_dumped(value):
    file = io.BytesIO()
    joblib.dump(value, file)
    file.seek(0)
    return joblib.load(file)


WAYS = [pickled, copy.deepcopy, copy.copy, joblib_dumped]


def classifier(**keywords):
    layers = [4, (8, softened), "kept", "batchnorm", (6, "steep+tanh"), 2]
    return theanets.Classifier(layers, **keywords)


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_is_whole(way):
    net = classifier(rng=7)
    net.add_loss(absolute, output_name="hid1", target="code", weight=0.1)
    net.add_loss(Cubes(output_name="hid1", target="code", weight=0.2))
    points, labels = blobs()
    codes = np.ones((len(points), 8), "f4")
    net.train([points, labels, codes], max_epochs=2, progress=False)
    again = way(net)
    assert type(again) is theanets.Classifier
    assert bits(again) == bits(net)
    assert again.history == net.history
    assert [loss.weight for loss in again.losses] == [1, 0.1, 0.2]
    assert str(again) == str(net)
    np.testing.assert_array_equal(
        again.find("hid3", "mean"), net.find("hid3", "mean").get_value()
    )
    np.testing.assert_array_equal(
        again.predict_proba(points), net.predict_proba(points)
    )


@pytest.mark.parametrize("way", [pickled, copy.deepcopy])
@pytest.mark.parametrize("algo", ["adam", "layerwise"])
def test_a_copy_trains_on_with_the_same_bits(way, algo):
    net = theanets.Classifier([4, 8, (6, softened), 2], rng=3)
    net.train(blobs(), algo="adam", **NOISY)
    points, _ = blobs()
    net.predict_proba(points, hidden_noise=0.1)
    again = way(net)
    for each in (net, again):
        each.train(blobs(), algo=algo, **NOISY)
    assert bits(again) == bits(net)
    assert again.history == net.history
    np.testing.assert_array_equal(
        again.predict_proba(points, hidden_noise=0.1),
        net.predict_proba(points, hidden_noise=0.1),
    )


@pytest.mark.parametrize("way", [pickled, copy.deepcopy, copy.copy])
def test_a_copy_is_independent(way):
    net = classifier()
    before, history = bits(net), copy.deepcopy(net.history)
    again = way(net)
    again.train(blobs(), **NOISY)
    again.losses[0].weight = 3
    again.add_layer({"size": 5, "name": "more"})
    assert bits(net) == before != bits(again)
    assert net.history == history
    assert net.losses[0].weight == 1
    assert "more" not in [layer.name for layer in net.layers]


def test_a_copy_compiles_nothing_new():
    net = classifier()
    keywords = {"algo": "sgd", "max_epochs": 1, "progress": False}
    net.train(blobs(), **keywords)
    points = blobs()[0]
    net.predict(points)
    with compilations() as compiled:
        for again in (pickled(net), copy.deepcopy(net)):
            again.train(blobs(), **keywords)
            again.predict(points)
    assert compiled == []


def test_copying_shares_arrays_which_never_change():
    net = theanets.Regressor([3, 2])
    again = copy.deepcopy(net)
    assert again.functional()[1]["out.w"] is net.functional()[1]["out.w"]


@pytest.mark.parametrize("way", [pickled, copy.deepcopy])
def test_handles_go_along_with_their_network(way):
    net = theanets.Regressor([3, 2])
    again, handle = way((net, net.find("out", "b")))
    handle.set_value([1, 2])
    np.testing.assert_array_equal(again.find("out", "b"), [1, 2])
    np.testing.assert_array_equal(net.find("out", "b"), [0, 0])


@pytest.mark.parametrize("floatX", ["float64", "bfloat16"])
def test_copies_keep_their_precision(floatX):
    before = theanets.config.floatX
    theanets.config.floatX = floatX
    try:
        net = theanets.Regressor([3, 2])
    finally:
        theanets.config.floatX = before
    for way in WAYS:
        again = way(net)
        apply, params = again.functional()
        assert apply(params, np.ones((1, 3)))["out:out"].dtype == floatX
        assert bits(again) == bits(net)
        assert again.predict(np.ones(3)).tolist() == net.predict(np.ones(3)).tolist()


def test_no_program_and_no_array_of_jax_is_in_a_pickle():
    net = theanets.Regressor([3, 2])
    net.predict(np.ones(3))
    net.train([np.ones((4, 3)), np.ones((4, 2))], max_epochs=1, progress=False)
    assert b"jax" not in pickle.dumps(net)


def nested():
    class Inner(theanets.Layer):
        def transform(self, params, inputs):
            return inputs[self.input_name]

    return Inner(name="inner")


@pytest.mark.parametrize(
    ("layer", "name"),
    [((8, lambda x: abs(x)), "hid1"), (nested(), "inner")],
    ids=["lambda", "class"],
)
def test_what_pickle_cannot_write_is_named(layer, name, monkeypatch):
    monkeypatch.delitem(sys.modules, "cloudpickle")
    net = theanets.Regressor([3, layer, 2])
    with pytest.raises(theanets.ConfigurationError) as error:
        pickle.dumps(net)
    assert f'layer "{name}" cannot be pickled' in str(error.value)
    assert "top level of a module" in str(error.value)
    again = copy.deepcopy(net)
    assert again.predict(np.ones(3)).tolist() == net.predict(np.ones(3)).tolist()


def test_a_loss_that_pickle_cannot_write_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "cloudpickle")
    net = theanets.Regressor([3, 2], loss=lambda output, target: abs(output - target))
    with pytest.raises(theanets.ConfigurationError, match="the loss custom cannot"):
        pickle.dumps(net)
    assert bits(copy.deepcopy(net)) == bits(net)


def test_a_class_of_models_that_pickle_cannot_write_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "cloudpickle")

    class Mine(theanets.Regressor):
        pass

    with pytest.raises(theanets.ConfigurationError, match="the class Mine cannot"):
        pickle.dumps(Mine([3, 2]))
    assert type(copy.deepcopy(Mine([3, 2]))) is Mine


def test_where_cloudpickle_is_loaded_the_error_is_that_of_pickle():
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(theanets.Regressor([3, (8, lambda x: abs(x)), 2]))


def test_cloudpickle_writes_lambdas():
    net = theanets.Regressor([3, (8, lambda x: abs(x)), 2])
    again = pickle.loads(cloudpickle.dumps(net))
    assert again.predict(np.ones(3)).tolist() == net.predict(np.ones(3)).tolist()


def test_a_layer_from_a_pickle_says_that_it_cannot_draw_again():
    layer = pickled(theanets.Regressor([3, 2])).layers[-1]
    with pytest.raises(theanets.ConfigurationError, match="comes from a pickle"):
        layer.initial_values(3)


@pytest.mark.parametrize("activation", sorted(REGISTRY))
def test_every_activation_can_be_pickled(activation):
    spec = {"maxout": "maxout:2", "leak": "leak:0.1"}.get(activation, activation)
    net = theanets.Regressor([3, (4, spec), 2])
    for layer in (theanets.layers.Feedforward(size=4, activation=spec), net.layers[1]):
        assert pickled(layer).activation.key == layer.activation.key
        assert copy.deepcopy(layer).activation.key == layer.activation.key
    assert bits(pickled(net)) == bits(net)


def test_experiments_losses_and_regularizers_can_be_pickled():
    experiment = theanets.Experiment(theanets.Regressor, layers=[3, 2])
    assert bits(pickled(experiment).network) == bits(experiment.network)
    assert bits(copy.deepcopy(experiment).network) == bits(experiment.network)
    loss = Cubes(weight=2)
    assert pickled(loss).key() == loss.key()
    assert pickled(Shrunk(0.3)).weight == 0.3


def test_data_sets_can_be_pickled():
    text = theanets.recurrent.Text("to be or not to be")
    assert pickled(text).text == text.text
    series = np.arange(50.0)[:, None]
    for draw in (
        text.classifier_batches(steps=4, batch_size=2, rng=1),
        theanets.recurrent.batches(series, steps=4, rng=1),
        theanets.recurrent.batches(series, steps=4, rng=np.random.default_rng(1)),
    ):
        draw()
        again = pickled(theanets.Dataset(draw, iteration_size=3))
        assert again.iteration_size == 3
        for mine, other in zip(draw(), again.inputs(), strict=True):
            np.testing.assert_array_equal(mine, other)


def answers(net, points):
    return net.predict_proba(points)


@pytest.mark.parametrize("activation", [softened, lambda x: abs(x)])
def test_joblib_sends_networks_to_its_workers(activation):
    net = theanets.Classifier([4, (8, activation), 2])
    points = blobs()[0]
    jobs = [
        joblib.delayed(functools.partial(answers, net))(p) for p in (points, -points)
    ]
    with joblib.parallel_config("loky", n_jobs=2):
        found = joblib.Parallel()(jobs)
    np.testing.assert_array_equal(found[0], net.predict_proba(points))
    np.testing.assert_array_equal(found[1], net.predict_proba(-points))


@pytest.mark.parametrize("shape", [(4,), (1, 4), (7, 4), (2000, 4)])
def test_an_answer_is_an_array_of_the_user_s_own(shape):
    """It can be changed, and keeps nothing else alive."""
    net = theanets.Regressor([4, 3, 2])
    for answer in (
        net.predict(np.ones(shape)),
        *net.feed_forward(np.ones(shape)).values(),
    ):
        answer += 1
        assert answer.base is None or answer.base.flags.owndata
