"""Numbers that are hard to learn from: a warning, and inputs that standardize them."""

import copy
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import theanets
from theanets import Autoencoder, Classifier, Dataset, Regressor
from theanets.data.scale import moments
from theanets.errors import ConfigurationError, DataError

RNG = np.random.default_rng(4)
X = RNG.normal(size=(40, 3))
Y = X[:, :2] + 1
ONCE = {"max_epochs": 1, "progress": False, "on_nonfinite": "ignore"}
RAW = X * [1, 50, 3e5] + [2020, 0, 1e6]
SCALED = [{"size": 3, "scale": True}, 4, 2]


def told(action):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    for each in caught:
        assert each.category is UserWarning
        assert each.filename == __file__
    return [str(each.message) for each in caught]


def training(x, y=Y, layers=(3, 4, 2), valid=None, model=Regressor, **keywords):
    """Return what begins a training, which checks the data and computes nothing."""
    net = model(list(layers), rng=1)
    return lambda: net.itertrain((x, y), valid, **ONCE, **keywords).close()


def with_column(values):
    return np.concatenate([X[:, :2], np.reshape(values, (40, 1))], axis=1)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (RNG.normal(size=40) + 2020, ["mean 2e+03"]),
        (RNG.normal(size=40) - 2020, ["mean -2e+03"]),
        (np.arange(40) * 1e3 - 2e4, ["deviation 1.2e+04"]),
        (np.full(40, 5000), ["mean 5e+03, deviation 0"]),
    ],
)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4"])
def test_a_column_of_another_scale_is_named(column, words, dtype):
    (found,) = told(training(with_column(column).astype(dtype)))
    assert found.startswith("train has 1 column with a mean or a standard deviation")
    for word in ['"in" column 2', *words, 'dict(form="input", size=3, scale=True)']:
        assert word in found


@pytest.mark.parametrize(
    "x", [X, X * 990 / abs(X).max(), np.full((40, 3), 255, "u1"), X > 0]
)
def test_small_numbers_need_no_warning(x):
    assert told(training(x, x[:, :2])) == []


def test_one_large_number_is_no_scale():
    assert told(training(with_column([4000, *[0] * 39]))) == []


def test_there_is_one_warning_for_all():
    x = pd.DataFrame({f"c{i}": RAW[:, 2] + i for i in range(5)})
    (found,) = told(training(x, Y * 1e5, [5, 4, 2], valid=(x, Y * 1e5)))
    for word in ["7 columns", '"in" column "c0"', '"in" column "c2"', "and 4 more"]:
        assert word in found
    assert '"c3"' not in found
    assert "Learn y = (y - mean) / std" in found
    assert len(found.splitlines()) == 1


def test_of_a_stream_the_first_batch_is_looked_at():
    net = Regressor([3, 4, 2], rng=1)
    with pytest.warns(UserWarning, match="batch 0 of epoch 1 has 2 columns") as caught:
        net.train([(RAW, Y)] * 3, (RAW, Y), **{**ONCE, "max_epochs": 2})
    assert len(caught) == 1


def test_other_arrays_have_no_scale():
    labels = np.arange(40) % 3
    net = Classifier([3, 4, 3], weighted=True)
    data = X, labels, np.full(40, 1e5)
    assert told(lambda: net.itertrain(data, **ONCE).close()) == []
    words = {"form": "embedding", "vocabulary": 9000, "size": 2}
    net = Classifier([(3,), words, "flatten", 3000])
    data = RNG.integers(0, 9000, (40, 3)), np.arange(40) + 2900
    assert told(lambda: net.itertrain(data, **ONCE).close()) == []


def test_sparse_data():
    x = scipy.sparse.csr_matrix(np.where(X > 1, 1e6, 0))
    (found,) = told(training(x))
    assert "3 columns" in found and "scale=True" in found
    (found,) = told(training(x, layers=[{"size": 3, "sparse": True}, 4, 2]))
    assert "scale=True" not in found and "(x - mean) / std" in found
    assert told(training(scipy.sparse.csr_matrix(X))) == []


def test_whole_numbers_that_float32_does_not_hold():
    x = with_column(2.0**24 + np.arange(40))
    found = told(training(x, layers=SCALED))
    assert len(found) == 1 and "1 column of whole numbers beyond 2**24" in found[0]
    assert '"in" column 2 (up to 16777255)' in found[0]
    assert len(told(training(x))) == 2
    assert len(told(training(x.astype("i8"), layers=SCALED))) == 1
    even = with_column(2.0**24 + 2 * np.arange(40))
    assert told(training(even, layers=SCALED)) == []
    assert told(training(x + 0.5, layers=SCALED)) == []


def test_they_are_held_in_float64(float64):
    x = with_column(2.0**24 + np.arange(40))
    assert told(training(x, layers=SCALED)) == []


def test_prediction_and_validation_do_not_warn():
    net = Regressor([3, 4, 2], rng=1)
    assert told(lambda: (net.predict(RAW), net.score(RAW, Y * 1e5))) == []
    assert told(training(X, valid=(RAW, Y))) == []


# Inputs that standardize their data.


def by_hand(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def trained(layers, x, y=Y, model=Regressor, **keywords):
    net = model(list(layers), rng=1)
    kept = {"max_epochs": 3, "progress": False, "batch_size": 8, **keywords}
    return net, net.train((x, y), **kept)


def arrays(net):
    return {
        f"{layer.name}.{name}": net.find(layer.name, name).get_value()
        for layer in net.layers
        for name in layer.params
        if layer.name != "in"
    }


def test_it_is_as_if_the_data_were_standardized(float64):
    net, found = trained(SCALED, RAW)
    hand, expected = trained([3, 4, 2], by_hand(RAW))
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-12)
    for name, value in arrays(hand).items():
        np.testing.assert_allclose(arrays(net)[name], value, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(net.predict(RAW), hand.predict(by_hand(RAW)), rtol=1e-12)
    np.testing.assert_array_equal(net.find("in.mean").get_value(), RAW.mean(axis=0))
    np.testing.assert_array_equal(net.find("in.std").get_value(), RAW.std(axis=0))
    assert net.score(RAW, Y) == pytest.approx(hand.score(by_hand(RAW), Y), rel=1e-12)
    out = net.feed_forward(RAW)["in:out"]
    np.testing.assert_allclose(out, by_hand(RAW), rtol=1e-12)
    apply, params = net.functional()
    np.testing.assert_allclose(apply(params, RAW)["out:out"], net.predict(RAW))


@pytest.mark.parametrize("kind", ["f4", "frame", "sparse", "Dataset"])
def test_in_float32_and_other_containers(kind):
    hand, _ = trained([3, 4, 2], by_hand(RAW))
    x = {
        "f4": RAW.astype("f4"),
        "frame": pd.DataFrame(RAW, columns=list("abc")),
        "sparse": scipy.sparse.csr_matrix(RAW),
        "Dataset": RAW,
    }[kind]
    if kind == "Dataset":
        net = Regressor(SCALED, rng=1)
        data = Dataset((x, Y), batch_size=8)
        net.train(data, max_epochs=3, progress=False)
    else:
        net, _ = trained(SCALED, x)
    np.testing.assert_allclose(
        net.predict(x), hand.predict(by_hand(RAW)), rtol=0.01, atol=1e-3
    )


def test_bfloat16_computes_with_what_is_left(monkeypatch):
    monkeypatch.setattr(theanets.config, "floatX", "bfloat16")
    net, _ = trained(SCALED, RAW)
    assert net.find("in.mean").get_value().dtype == np.float32
    out = net.feed_forward(RAW)["in:out"]
    np.testing.assert_allclose(out, by_hand(RAW), rtol=0.02, atol=0.01)
    apply, params = net.functional()
    assert str(apply(params, RAW)["in:out"].dtype) == "bfloat16"


def test_before_any_training_data_stay_as_they_are():
    np.testing.assert_array_equal(
        Regressor(SCALED).feed_forward(X)["in:out"], X.astype("f4")
    )


def test_later_trainings_and_weights_leave_them():
    net, _ = trained(SCALED, RAW)
    before = net.find("in.mean").get_value()
    net.train((X, Y), weight_l2=0.1, **ONCE)
    np.testing.assert_array_equal(net.find("in.mean").get_value(), before)


def test_a_column_that_never_changes():
    net, _ = trained(SCALED, with_column(np.full(40, 0.1)))
    assert net.find("in.std").get_value()[2] == 1
    assert (net.feed_forward(with_column(np.full(40, 0.1)))["in:out"][:, 2] == 0).all()


def test_they_are_saved_copied_and_replaced(tmp_path):
    net, _ = trained(SCALED, RAW)
    net.save(tmp_path / "net")
    for other in (theanets.load(tmp_path / "net"), copy.deepcopy(net)):
        np.testing.assert_array_equal(other.predict(RAW), net.predict(RAW))
    wider = net.replace("hid1", size=6)
    np.testing.assert_array_equal(
        wider.find("in.std").get_value(), net.find("in.std").get_value()
    )


def test_a_run_that_goes_on_has_the_same_bits(tmp_path):
    calm, _ = trained(SCALED, RAW, max_epochs=4)
    trained(SCALED, RAW, max_epochs=2, checkpoint=tmp_path / "run")
    net, _ = trained(SCALED, RAW, max_epochs=4, checkpoint=tmp_path / "run")
    np.testing.assert_array_equal(net.predict(RAW), calm.predict(RAW))


@pytest.mark.parametrize("algo", ["layerwise", "sample", ["sgd", "sgd"]])
def test_every_algorithm_learns_them_and_warns_once(algo):
    net = Regressor([SCALED[0], 4, 4, 2], rng=1)
    found = told(lambda: net.train((RAW, Y * 1e5), **{**ONCE, "algo": algo}))
    assert len(found) == 1 and '"target" column 1' in found[0]
    np.testing.assert_allclose(net.find("in.mean").get_value(), RAW.mean(0), rtol=1e-5)


def test_frozen_ones_stay():
    net, _ = trained(SCALED, X, freeze="in")
    assert (net.find("in.mean").get_value() == 0).all()


def test_each_of_several_inputs_has_its_own():
    layers = [
        {"form": "input", "name": "a", "size": 3, "scale": True},
        {"form": "input", "name": "b", "size": 2},
        {"form": "input", "name": "c", "size": 3, "scale": True},
        {"size": 4, "inputs": ["a", "b", "c"]},
        2,
    ]
    net = Regressor(layers)
    net.train((RAW, Y, X, Y), **ONCE)
    for name, x in {"a": RAW, "c": X}.items():
        found = net.find(name, "std").get_value()
        np.testing.assert_allclose(found, x.std(axis=0), rtol=1e-5)
    assert "b.std" not in net.functional()[1]


@pytest.mark.parametrize("middle", [[], [{"form": "rnn", "size": 3, "name": "low"}]])
def test_steps_that_a_mask_leaves_out_do_not_count(middle):
    layers = [
        {"form": "input", "name": "x", "size": 3, "scale": True, "ndim": 3},
        {"form": "input", "name": "steps", "shape": (None,)},
        *({**x, "inputs": "x"} for x in middle),
        {"form": "rnn", "size": 4, "inputs": "low" if middle else "x", "mask": "steps"},
        2,
    ]
    x = RNG.normal(size=(6, 5, 3)) * 7 + 3
    steps = np.arange(5) < np.array([1, 2, 3, 4, 5, 5])[:, None]
    net = theanets.recurrent.Regressor(layers)
    padded = np.where(steps[..., None], x, -900)
    net.train((padded, steps, x[..., :2]), **ONCE)
    mean, std = (net.find("x", name).get_value() for name in ("mean", "std"))
    np.testing.assert_allclose(mean, x[steps].mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(std, x[steps].std(axis=0), rtol=1e-4)


def test_batches_of_a_stream_do_not_tell_them():
    net = Regressor(SCALED)
    batches = [(X, Y)]
    with pytest.raises(DataError, match=r'net.find\("in.mean"\).set_value'):
        net.train(batches, **ONCE)
    net.find("in.mean").set_value(X.mean(axis=0))
    net.find("in.std").set_value(X.std(axis=0))
    net.train(batches, **ONCE)
    np.testing.assert_allclose(net.find("in.std").get_value(), X.std(0), rtol=1e-6)


def test_what_is_held_out_does_not_count():
    rows = np.arange(30)
    net = Regressor(SCALED)
    net.train(Dataset((RAW, Y), rows=rows), Dataset((RAW, Y)), **ONCE)
    np.testing.assert_allclose(
        net.find("in.std").get_value(), RAW[rows].std(axis=0), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda: Regressor([{"size": 3, "scale": 1}, 2]), ["scale is 1", "True"]),
        (
            lambda: Regressor([{"size": 3, "scale": True, "sparse": "csr"}, 2]),
            ["scale and sparse", "Leave one out"],
        ),
        (
            lambda: Regressor([{"shape": (3, None), "scale": True}, 2]),
            ["scale", "(3, None)", "how many"],
        ),
        (
            lambda: Regressor([{"shape": (), "form": "input", "scale": True}, 2]),
            ["scale", "how many"],
        ),
        (
            lambda: theanets.recurrent.Classifier(
                [
                    {"shape": (4,), "scale": True},
                    {"form": "embedding", "size": 2, "vocabulary": 3},
                    2,
                ]
            ),
            ["whole numbers", "without scale"],
        ),
        (
            lambda: Autoencoder([{"size": 3, "scale": True}, 2, 3]).train([X]),
            ['its target is the input "in"', "(x - x.mean(axis=0)) / x.std(axis=0)"],
        ),
        (
            lambda: Regressor(SCALED).train((X, Y), algo="pretrain"),
            ['its target is the input "in"'],
        ),
    ],
)
def test_what_cannot_be_standardized(action, words):
    with pytest.raises(ConfigurationError) as caught:
        action()
    for word in words:
        assert word in str(caught.value)


def test_moments_of_blocks_are_those_of_all(monkeypatch):
    monkeypatch.setattr("theanets.data.blocks._BLOCK_BYTES", 300)
    x = RNG.normal(size=(50, 4, 3)) + 1e6
    for given in (x, np.asfortranarray(x)):
        found = moments(given)
        np.testing.assert_allclose(found.mean, x.mean(axis=(0, 1)), rtol=1e-14)
        np.testing.assert_allclose(found.std, x.std(axis=(0, 1)), rtol=1e-9)
        np.testing.assert_array_equal(found.largest, abs(x).max(axis=(0, 1)))
