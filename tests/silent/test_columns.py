"""The columns of a data frame are found by their names, whatever their order."""

import copy
import hashlib
import importlib.util
import io
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score, roc_auc_score

import theanets
from theanets.data.columns import Columns
from theanets.data.names import Digest, names_of
from theanets.errors import DataError, ModelFileError
from theanets.models import saving
from theanets.serialization import format as container

RNG = np.random.default_rng(0)
NAMES = ["age", "height", "weight", "pulse"]
FRAME = pd.DataFrame(RNG.normal(size=(64, 4)), columns=NAMES)
TURNED = FRAME[["pulse", "weight", "age", "height"]]
Y = pd.DataFrame({"risk": FRAME.age * 2 - FRAME.pulse, "cost": FRAME.weight})
Y_TURNED = Y[["cost", "risk"]]
LABELS = (FRAME.age + 3 * FRAME.pulse > 0).astype(int)
ONCE = {"max_epochs": 1, "progress": False}


class Polars:
    """What a frame of polars offers: names in a list."""

    def __init__(self, frame):
        self.columns = list(frame.columns)
        self.shape = frame.shape
        self._frame = frame

    def to_numpy(self):
        return self._frame.to_numpy()


class Arrow:
    """What a table of pyarrow offers: its columns are arrays."""

    def __init__(self, frame):
        self.columns = [frame[name].to_numpy() for name in frame]
        self.column_names = list(frame.columns)
        self.shape = frame.shape

    def __array__(self, dtype=None, copy=None):
        return np.stack(self.columns, axis=1)


KINDS = {"pandas": lambda frame: frame, "like polars": Polars, "like pyarrow": Arrow}
if importlib.util.find_spec("polars"):
    import polars

    KINDS["polars"] = lambda frame: polars.DataFrame(dict(frame.items()))
if importlib.util.find_spec("pyarrow"):
    import pyarrow

    KINDS["pyarrow"] = lambda f: pyarrow.table({k: v.to_numpy() for k, v in f.items()})


def regressor(**keywords):
    return theanets.Regressor([4, 2], **keywords)


def trained(x=FRAME, y=Y, net=None, **keywords):
    net = net or regressor()
    net.train((x, y), algo="sgd", **ONCE, **keywords)
    return net


def by_hand(net):
    """Return the answers for the frame, by what the parameters are."""
    return FRAME.to_numpy() @ net.find("out.w") + net.find("out.b")


def test_the_area_under_the_curve_does_not_depend_on_the_order():
    net = theanets.Classifier([4, 8, 2])
    net.train(
        (FRAME, LABELS), algo="adam", learning_rate=0.1, max_epochs=20, progress=False
    )
    plain = net.predict_proba(FRAME.to_numpy())[:, 1]
    turned = net.predict_proba(TURNED)[:, 1]
    by_position = net.predict_proba(TURNED.to_numpy())[:, 1]
    assert roc_auc_score(LABELS, turned) == roc_auc_score(LABELS, plain) > 0.9
    assert roc_auc_score(LABELS, by_position) < 0.8
    np.testing.assert_array_equal(net.predict(TURNED), net.predict(FRAME))
    assert net.score(TURNED, LABELS) == net.score(FRAME, LABELS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_frames_of_every_kind_are_matched(kind):
    net = trained(kind(FRAME))
    assert net.columns == {"in": NAMES, "target": ["risk", "cost"]}
    expected = by_hand(net)
    for other in KINDS.values():
        np.testing.assert_allclose(net.predict(other(TURNED)), expected, rtol=1e-5)
    with pytest.raises(DataError, match="missing: pulse; unexpected: puls"):
        net.predict(kind(FRAME.rename(columns={"pulse": "puls"})))


def test_every_answer_is_that_of_the_order_learned():
    net = trained()
    expected = by_hand(net)
    np.testing.assert_allclose(net.predict(TURNED), expected, rtol=1e-5)
    np.testing.assert_allclose(net.feed_forward(TURNED)["out:out"], expected, rtol=1e-5)
    np.testing.assert_allclose(net.predict({"in": TURNED}), expected, rtol=1e-5)
    np.testing.assert_allclose(
        net.predict(TURNED.to_numpy()[:, [2, 3, 1, 0]]), expected, rtol=1e-5
    )
    # A row of a frame names its numbers too.
    np.testing.assert_allclose(net.predict(TURNED.iloc[5]), expected[5], rtol=1e-5)
    with pytest.raises(DataError, match="missing: age; unexpected: a"):
        net.predict(TURNED.iloc[5].rename({"age": "a"}))
    score = r2_score(Y.to_numpy(), expected)
    for x, y in ((TURNED, Y), (FRAME, Y_TURNED), (TURNED, Y_TURNED)):
        assert net.score(x, y) == pytest.approx(score, abs=1e-5)
    assert net.score(TURNED, Y, Y_TURNED.abs()) == net.score(FRAME, Y, Y_TURNED.abs())


def test_an_autoencoder_codes_and_scores_by_name():
    net = theanets.Autoencoder([4, 2, 4])
    net.train(FRAME, algo="sgd", **ONCE)
    np.testing.assert_array_equal(net.encode(TURNED), net.encode(FRAME.to_numpy()))
    assert net.score(TURNED) == net.score(FRAME.to_numpy())


def test_weights_are_matched_too():
    weights = pd.DataFrame({"a": np.arange(64.0), "b": 1.0})
    net = regressor(weighted=True)
    net.train((FRAME, Y, weights), algo="sgd", learning_rate=0, **ONCE)
    turned = (TURNED, Y_TURNED, weights[["b", "a"]])
    _, found = net.train((FRAME, Y, weights), turned, "sgd", learning_rate=0, **ONCE)
    squares = weights.to_numpy() * (by_hand(net) - Y.to_numpy()) ** 2
    assert found["loss"] == pytest.approx(
        squares.sum() / weights.to_numpy().sum(), rel=1e-4
    )
    score = r2_score(Y.to_numpy(), by_hand(net), sample_weight=None)
    assert net.score(TURNED, Y_TURNED) == pytest.approx(score, abs=1e-5)
    assert net.score(*turned) == pytest.approx(net.score(FRAME, Y, weights), rel=1e-12)


def test_validation_is_matched():
    net = regressor()
    for valid in ((TURNED, Y), (FRAME, Y_TURNED), [(TURNED, Y_TURNED)]):
        _, found = net.train((FRAME, Y), valid, algo="sgd", learning_rate=0, **ONCE)
        expected = np.square(by_hand(net) - Y.to_numpy()).mean()
        assert found["loss"] == pytest.approx(expected, rel=1e-5)


def same(a, b):
    for one, other in zip(a.params, b.params, strict=True):
        np.testing.assert_array_equal(one.get_value(), other.get_value())


@pytest.mark.parametrize("algo", ["sgd", "layerwise", "pretrain", "sample"])
def test_a_later_training_is_matched(algo):
    def twice(x, y):
        net = theanets.Regressor([4, 3, 2])
        net.train((FRAME, Y), algo="sgd", **ONCE)
        net.train((x, y), algo=algo, **ONCE)
        return net

    same(twice(FRAME, Y), twice(TURNED, Y_TURNED))


@pytest.mark.parametrize("make", [list, iter, lambda b: iter(b).__next__])
def test_frames_that_stream_are_matched(make):
    plain = [(FRAME[:32], Y[:32]), (FRAME[32:], Y[32:])]
    mixed = [plain[0], (TURNED[32:], Y_TURNED[32:])]
    bound = {"train_batches": 2, "algo": "sgd"}
    nets = regressor(), regressor()
    for net, batches in zip(nets, (plain, mixed), strict=True):
        net.train(make(batches), (FRAME, Y), **bound, **ONCE)
        assert net.columns == {"in": NAMES, "target": ["risk", "cost"]}
    same(*nets)


def test_the_first_frame_of_a_stream_sets_the_names():
    net = regressor()
    net.train([(TURNED, Y)], algo="sgd", **ONCE)
    assert net.columns["in"] == list(TURNED.columns)
    np.testing.assert_array_equal(net.predict(FRAME), net.predict(TURNED.to_numpy()))


def test_a_stream_whose_frames_differ_is_refused():
    batches = [(FRAME, Y), (FRAME.rename(columns={"age": "years"}), Y)]
    with pytest.raises(DataError, match=r'batch 1 of .*"in" has other columns'):
        regressor().train(batches, algo="sgd", **ONCE)


def test_streamed_arrays_are_matched(monkeypatch):
    monkeypatch.setattr(theanets.config, "resident_bytes", 0)
    twice = trained(net=trained()), trained(TURNED, Y_TURNED, net=trained())
    same(*twice)


def test_each_input_has_names_of_its_own():
    layers = [
        {"form": "input", "name": "left", "size": 3},
        {"form": "input", "name": "right", "size": 1},
        {"size": 2, "inputs": ["left", "right"]},
    ]
    left, right = FRAME[NAMES[:3]], FRAME[NAMES[3:]]
    turned = left[["weight", "age", "height"]]
    net = theanets.Regressor(layers)
    net.train([left, right, Y], algo="sgd", **ONCE)
    assert net.columns == {
        "left": NAMES[:3], "right": NAMES[3:], "target": ["risk", "cost"],
    }  # fmt: skip
    expected = net.predict([left.to_numpy(), right.to_numpy()])
    np.testing.assert_array_equal(net.predict([turned, right]), expected)
    np.testing.assert_array_equal(
        net.predict({"right": right, "left": turned}), expected
    )
    with pytest.raises(DataError, match=r'x: "right" has other .* unexpected: age'):
        net.predict([left, FRAME[["age"]]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pulse": "puls"}, ["missing: pulse", "unexpected: puls", '"pulse"?']),
        ({"age": "a", "height": "h"}, ["missing: age, height", "unexpected: a, h"]),
    ],
)
@pytest.mark.parametrize("door", ["predict", "score", "train", "valid", "stream"])
def test_other_names_are_listed(change, words, door):
    net, other = trained(), FRAME.rename(columns=change)
    before = net.find("out.w").get_value()
    doors = {
        "predict": lambda: net.predict(other),
        "score": lambda: net.score(other, Y),
        "train": lambda: trained(other, net=net),
        "valid": lambda: net.train((FRAME, Y), (other, Y), **ONCE),
        "stream": lambda: net.train([(other, Y)], **ONCE),
    }
    with pytest.raises(DataError) as caught:
        doors[door]()
    message = str(caught.value)
    for word in [
        *words, '"in" has other columns than the training data',
        "age, height, weight, pulse", "to_numpy()", "by position",
    ]:  # fmt: skip
        assert word in message
    np.testing.assert_array_equal(net.find("out.w").get_value(), before)
    assert net.columns["in"] == NAMES


def test_one_column_too_many_or_too_few():
    net = trained()
    with pytest.raises(DataError, match="data: unexpected: more"):
        net.predict(FRAME.assign(more=0))
    with pytest.raises(DataError, match="data: missing: age"):
        net.predict(FRAME.drop(columns="age"))


def test_a_message_about_many_columns_stays_short():
    names = [f"column_{i}" for i in range(500)]
    wide = pd.DataFrame(np.zeros((2, 500)), columns=names)
    net = theanets.Autoencoder([500, 2, 500])
    net.train(wide, **ONCE)
    with pytest.raises(DataError, match=r"\(500 in all\)") as caught:
        net.predict(wide.add_prefix("a_"))
    assert len(str(caught.value)) < 1000


def test_columns_of_one_name_cannot_be_told_apart():
    twice = FRAME.set_axis(["a", "b", "b", "c"], axis=1)
    net = trained(twice)
    np.testing.assert_allclose(net.predict(twice), by_hand(net), rtol=1e-5)
    with pytest.raises(DataError, match="several of the name b"):
        net.predict(twice.iloc[:, [3, 1, 2, 0]])


def test_arrays_are_taken_by_position():
    net = trained()
    np.testing.assert_array_equal(
        net.predict(FRAME.to_numpy()), net.predict(FRAME.to_numpy().tolist())
    )
    unnamed = FRAME.set_axis(range(4), axis=1)
    np.testing.assert_array_equal(net.predict(unnamed), net.predict(FRAME))
    # Those that have learned from arrays know no names.
    plain = trained(FRAME.to_numpy(), Y.to_numpy())
    assert plain.columns == {}
    np.testing.assert_array_equal(
        plain.predict(TURNED), plain.predict(TURNED.to_numpy())
    )
    trained(FRAME, Y, net=plain)
    assert plain.columns["in"] == NAMES


def test_the_way_out_is_an_array():
    net = trained()
    other = FRAME.rename(columns={"pulse": "beat"})
    trained(other.to_numpy(), net=net)
    assert net.columns["in"] == NAMES


def test_the_one_column_of_a_target_may_have_any_name():
    net = theanets.Regressor([4, 1])
    net.train((FRAME, Y[["risk"]]), **ONCE)
    assert net.columns == {"in": NAMES}
    assert np.isfinite(net.score(TURNED, Y[["cost"]]))


def test_examples_along_another_axis_have_no_names():
    data = theanets.Dataset(
        (FRAME.T.set_axis(map(str, range(64)), axis=1), Y.T), axis=1
    )
    net = regressor()
    net.train(data, **ONCE)
    assert net.columns == {}


def test_what_was_not_trained_knows_no_names():
    net = regressor()
    with pytest.raises(DataError):
        net.train((FRAME, Y), (FRAME, Y[["risk"]]), **ONCE)
    with pytest.raises(DataError):
        net.train([(FRAME, Y[["risk"]])], **ONCE)
    with pytest.raises(DataError):
        net.train([(FRAME, Y), (FRAME, Y[["risk"]])], (FRAME.to_numpy(), Y), **ONCE)
    net.itertrain((FRAME, Y), **ONCE)
    assert net.columns == {}
    assert trained(FRAME.add_prefix("my_"), net=net).columns["in"][0] == "my_age"


def saved(net):
    file = io.BytesIO()
    net.save(file)
    return theanets.load(file.getvalue())


COPIES = {
    "save": saved,
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_knows_the_names(copied):
    net = trained()
    again = copied(net)
    assert again.columns == net.columns
    np.testing.assert_array_equal(again.predict(TURNED), net.predict(FRAME))
    with pytest.raises(DataError, match="missing: pulse"):
        again.predict(FRAME.rename(columns={"pulse": "beat"}))


def test_a_copy_learns_names_of_its_own():
    net = regressor()
    twin = copy.deepcopy(net)
    trained(net=twin)
    assert (net.columns, twin.columns["in"]) == ({}, NAMES)


def test_a_snapshot_and_a_checkpoint_know_the_names(tmp_path):
    files = tmp_path / "snapshot", tmp_path / "checkpoint"
    trained(save_progress=files[0], checkpoint=files[1])
    for file in files:
        assert theanets.load(file).columns == {"in": NAMES, "target": ["risk", "cost"]}


def test_a_run_that_goes_on_keeps_the_order_it_began_with(tmp_path):
    """The first batch after the interruption is not the one that set the names."""

    def batches():
        frames = [(FRAME, Y), (TURNED, Y_TURNED), (TURNED, Y_TURNED)]
        return iter(frames * 2).__next__

    def run(updates):
        net = regressor()
        net.train(
            batches(), (FRAME.to_numpy(), Y.to_numpy()), algo="sgd", train_batches=3,
            max_updates=updates, checkpoint=tmp_path / f"run{updates == 6}",
            progress=False,
        )  # fmt: skip
        return net

    whole = run(6)
    (tmp_path / "runTrue").unlink()
    run(1)
    (tmp_path / "runFalse").rename(tmp_path / "runTrue")
    again = run(6)
    assert again.columns["in"] == NAMES
    same(whole, again)


def test_a_model_without_names_has_the_file_it_had():
    assert "columns" not in saving.describe(regressor()._state)
    file = io.BytesIO()
    trained(FRAME.to_numpy(), Y.to_numpy()).save(file)
    assert b"columns" not in file.getvalue()


@pytest.mark.parametrize(
    "columns",
    [
        [],
        "age",
        {"in": "age"},
        {"in": [1, 2, 3, 4]},
        {"in": []},
        {"in": NAMES[:3]},
        {"in": {"sha256": "0", "count": 3}},
        {"in": {"sha256": "0"}},
        {"in": {"sha256": 1, "count": 4}},
    ],
)
def test_a_file_with_other_columns_is_refused(columns):
    net = trained()
    description = {**saving.describe(net._state), "columns": columns}
    arrays = {name: np.asarray(value) for name, value in net._state.arrays.items()}
    with pytest.raises(ModelFileError, match="columns"):
        theanets.load(container.packed(description, arrays))


@pytest.mark.parametrize("name", ["column_number_{}", "x[{}]"])
def test_names_too_long_for_a_file_are_checked_by_a_checksum(name):
    names = [name.format(i) for i in range(20_000)]
    wide = pd.DataFrame(RNG.normal(size=(4, 20_000)), columns=names)
    turned = wide[names[::-1]]
    net = theanets.Regressor([20_000, 1])
    net.train((wide, np.zeros((4, 1))), **ONCE)
    np.testing.assert_array_equal(net.predict(turned), net.predict(wide))
    again = saved(saved(net))
    assert again.columns == {}
    np.testing.assert_array_equal(again.predict(wide), net.predict(wide))
    np.testing.assert_array_equal(again.predict(wide.to_numpy()), net.predict(wide))
    with pytest.raises(DataError, match=r"another order. .* 20000 columns"):
        again.predict(turned)
    with pytest.raises(DataError, match="checksum"):
        again.predict(wide.rename(columns={names[0]: "other"}))
    with pytest.raises(DataError, match="checksum"):
        again.train((turned, np.zeros((4, 1))), **ONCE)
    # Data that fit bring the names back.
    again.train((wide, np.zeros((4, 1))), **ONCE)
    np.testing.assert_array_equal(again.predict(turned), again.predict(wide))


def test_the_checksum_is_that_of_the_page():
    names = ["alter", "größe"]
    parts = b"".join(len(n.encode()).to_bytes(8, "little") + n.encode() for n in names)
    assert Digest.of(names) == Digest(hashlib.sha256(parts).hexdigest(), 2)
    assert Digest.of(["ab", "c"]) != Digest.of(["a", "bc"])


def test_a_run_that_goes_on_keeps_long_names():
    columns, wide = Columns({"in": NAMES, "a": ["b"]}), Digest.of(NAMES)
    columns.restore(Columns({"in": wide, "a": Digest.of(["c"]), "more": ["d"]}))
    assert columns.known == {
        "in": tuple(NAMES), "a": Digest.of(["c"]), "more": ("d",),
    }  # fmt: skip


def test_windows_of_frames_have_names():
    net = theanets.recurrent.Regressor([4, (3, "rnn"), 2])
    plain = theanets.recurrent.Regressor([4, (3, "rnn"), 2])
    cut = theanets.recurrent.batches([FRAME, Y], steps=5, batch_size=3, rng=1)
    again = theanets.recurrent.batches(
        [FRAME.to_numpy(), Y.to_numpy()], steps=5, batch_size=3, rng=1
    )
    net.train(cut, train_batches=2, **ONCE)
    plain.train(again, train_batches=2, **ONCE)
    same(net, plain)
    assert (net.columns["in"], plain.columns) == (NAMES, {})
    # One sequence, time by values.
    np.testing.assert_array_equal(net.predict(TURNED), net.predict(FRAME.to_numpy()))
    _, state = net.predict(TURNED, return_state=True)
    _, expected = net.predict(FRAME.to_numpy(), return_state=True)
    np.testing.assert_array_equal(state["hid1.h"], expected["hid1.h"])


def test_minimize_matches_validation():
    def loss(params, x):
        return ((x - params) ** 2).mean()

    found = [
        theanets.minimize(loss, np.arange(4.0), FRAME, valid, "sgd", **ONCE)
        for valid in (FRAME, TURNED)
    ]
    assert found[0].validation["loss"] == found[1].validation["loss"]


def test_what_has_names():
    assert names_of(FRAME) == tuple(NAMES)
    for value in (
        FRAME.to_numpy(), FRAME.age, [1, 2], FRAME.set_axis(range(4), axis=1),
        FRAME.set_axis([1, "a", "b", "c"], axis=1), None, "text",
    ):  # fmt: skip
        assert names_of(value) == ()


def test_what_is_known_is_not_changed_by_a_copy():
    columns = Columns({"in": NAMES})
    columns.copy().known["other"] = ("a",)
    assert columns.described() == {"in": NAMES}
