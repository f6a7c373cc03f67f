"""What the original's users gave to train works, or is answered with today's name."""

import numpy as np
import optax
import pytest

import theanets
from theanets.errors import ConfigurationError, DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("f4")
LABELS = (X[:, 0] > 0).astype("i4")
QUICK = dict(max_epochs=1, progress=False)


def weights(net):
    return [param.get_value() for param in net.params]


def trained(train=(X, LABELS), valid=None, layers=(4, 3, 2), **keywords):
    net = theanets.Classifier(layers)
    net.train(train, valid, **QUICK | keywords)
    return net


def same(a, b):
    for one, other in zip(weights(a), weights(b), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["RMSProp", "SGD", "Adam", "NAG", "RProp", "ESGD"])
def test_algorithms_in_any_case(name):
    same(trained(algo=name), trained(algo=name.lower()))


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("layer", "layerwise"),
        ("Layerwise", "layerwise"),
        ("sup", "layerwise"),
        ("SUPERVISED", "layerwise"),
        ("pre", "pretrain"),
        ("pretraining", "pretrain"),
        ("unsup", "pretrain"),
    ],
)
def test_staged_algorithms_cut_short(name, full):
    layers = [4, 3, 3, 2]
    same(
        trained(layers=layers, algo=name, subalgo="SGD"),
        trained(layers=layers, algo=full, subalgo="sgd"),
    )


@pytest.mark.parametrize("name", ["pr", "lay", "suprême", "unsupplied", "premature"])
def test_what_only_begins_alike_is_unknown(name):
    with pytest.raises(ConfigurationError, match="unknown algo"):
        trained(algo=name)


@pytest.mark.parametrize("name", ["algorithm", "optimizer", "optimize"])
def test_algorithm_is_algo(name):
    with pytest.raises(ConfigurationError, match=f'"{name}".*algo="rmsprop"'):
        trained(**{name: "sgd"})


@pytest.mark.parametrize("name", ["max_gradient_clip", "gradient_clip"])
def test_clipping(name):
    how = dict(algo="sgd", learning_rate=1.0)
    clipped = trained(**how, **{name: 1e-3})
    same(clipped, trained(**how, max_gradient_elem=1e-3))
    with pytest.raises(ConfigurationError, match="Give max_gradient_elem alone"):
        trained(**{name: 1.0}, max_gradient_elem=1.0)


def test_iteration_size():
    same(
        trained(iteration_size=2, batch_size=4), trained(train_batches=2, batch_size=4)
    )
    with pytest.raises(ConfigurationError, match="Give train_batches alone"):
        trained(iteration_size=2, train_batches=2)


def test_axis():
    series = RNG.normal(size=(5, 40, 3)).astype("f4")

    def net(data, **keywords):
        made = theanets.recurrent.Regressor([3, (4, "rnn"), 3])
        made.train(data, data, **QUICK, **keywords)
        return made

    turned = np.moveaxis(series, 1, 0)
    same(net([series, series], axis=1), net([turned, turned]))


def test_axis_of_batches():
    with pytest.raises(DataError, match="the data are batches"):
        trained(lambda: (X, LABELS), [X, LABELS], axis=1)
    with pytest.raises(ConfigurationError, match="an axis of its own"):
        trained(theanets.Dataset([X, LABELS]), axis=1)


def test_several_algorithms_train_one_after_another():
    both = trained(algo=["sgd", "adam"], learning_rate=0.01)
    net = theanets.Classifier([4, 3, 2])
    for algo in ("sgd", "adam"):
        net.train([X, LABELS], algo=algo, learning_rate=0.01, **QUICK)
    same(both, net)
    assert len(both.history["training"]["loss"]) == 2


def test_pretrain_and_go_on():
    net = theanets.Classifier([4, 3, 3, 2])
    pairs = net.itertrain(
        [X, LABELS], algo=("pre", optax.sgd(0.1)), subalgo="sgd", **QUICK
    )
    assert [pair[0].stage for pair in pairs] == ["pretrain hid1", "pretrain hid2", ""]


def test_keywords_go_to_those_that_take_them():
    keywords = dict(rms_halflife=5, learning_rate=0.01)
    both = trained(algo=["rmsprop", "sgd"], **keywords)
    net = theanets.Classifier([4, 3, 2])
    net.train([X, LABELS], algo="rmsprop", **keywords, **QUICK)
    net.train([X, LABELS], algo="sgd", learning_rate=0.01, **QUICK)
    same(both, net)


def test_all_are_checked_before_the_first_trains():
    net = theanets.Classifier([4, 3, 2])
    before = weights(net)
    for algo, keywords in (
        (["sgd", "sdg"], {}),
        (["sgd", "nag"], {"rms_halflife": 3}),
        ([], {}),
        (["sgd", "nag"], {"checkpoint": "run"}),
    ):
        with pytest.raises(ConfigurationError):
            net.train([X, LABELS], algo=algo, **QUICK, **keywords)
    with pytest.raises(DataError, match="read once"):
        net.train(iter([(X, LABELS)]), [X, LABELS], algo=["sgd", "nag"], **QUICK)
    for one, other in zip(weights(net), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_interrupt_ends_the_whole_list():
    def interrupt(*_):
        raise KeyboardInterrupt

    net = trained(algo=["sgd", "adam"], callbacks=interrupt)
    assert len(net.history["training"]["loss"]) == 1


def test_minimize_takes_the_same_names():
    def loss(params, x):
        return ((params["p"] - x) ** 2).mean()

    found = [
        theanets.minimize(loss, {"p": 0.0}, X[:, 0], algo=algo, **QUICK, **clip)
        for algo, clip in (
            ("SGD", {"gradient_clip": 0.1}),
            ("sgd", {"max_gradient_elem": 0.1}),
        )
    ]
    assert found[0].params["p"] == found[1].params["p"]
