"""Targets and labels in other shapes than the model's, where they have one meaning."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import theanets
from theanets import Classifier, Dataset, Regressor
from theanets.errors import DataError

RNG = np.random.default_rng(2)
X = RNG.normal(size=(12, 4)).astype("f4")
LABELS = np.arange(12) % 3
ONE_HOT = np.eye(3, dtype="u1")[LABELS]
Y = X.sum(axis=1)
ONCE = {"max_epochs": 2, "progress": False, "algo": "sgd"}
STEPS = RNG.normal(size=(6, 5, 4)).astype("f4")
STEP_LABELS = np.arange(30).reshape(6, 5) % 3

FORMS = {
    "a column": LABELS[:, None],
    "a frame": pd.DataFrame({"kind": LABELS}),
    "objects": LABELS.astype(object),
    "one-hot": ONE_HOT,
    "one-hot, floats": ONE_HOT.astype("f8"),
    "one-hot, truth values": ONE_HOT == 1,
    "one-hot, objects": ONE_HOT.astype(object),
    "one-hot, lists": ONE_HOT.tolist(),
    "one-hot, dummies": pd.get_dummies(pd.Series(list("abc" * 4))),
    "one-hot, sparse": scipy.sparse.csr_matrix(ONE_HOT),
    "a sparse column": scipy.sparse.csr_matrix(LABELS[:, None]),
}


def classified(data, valid=None, **keywords):
    net = Classifier([4, 3], rng=1)
    monitors = net.train(data, valid, **ONCE, **keywords)
    return monitors, net.find("out.w").get_value()


def same(found, expected):
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("labels", FORMS.values(), ids=FORMS)
def test_labels_are_taken_in_any_form_of_one_meaning(labels):
    expected = classified((X, LABELS), (X[:6], LABELS[:6]), class_weight="balanced")
    pair = lambda count: (X[:count], labels[:count])  # noqa: E731
    same(classified(pair(12), pair(6), class_weight="balanced"), expected)
    streamed = classified([(X, LABELS)], (X, LABELS))
    same(classified([(X, labels)], Dataset((X, labels))), streamed)
    same(classified(lambda: (X, labels), (X, labels), train_batches=1), streamed)


@pytest.mark.parametrize("labels", FORMS.values(), ids=FORMS)
def test_they_are_scored(labels):
    net = Classifier([4, 3], rng=1)
    assert net.score(X, labels) == net.score(X, LABELS)
    w = np.arange(12.0)
    assert net.score(X, labels, w[:, None]) == net.score(X, LABELS, w)


@pytest.mark.parametrize("shape", [(12,), (12, 1)])
@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], ONE_HOT])
def test_weights_go_with_them(labels, shape):
    def trained(labels, w):
        net = Classifier([4, 3], rng=1, weighted=True)
        monitors = net.train((X, labels, w), class_weight={0: 2}, **ONCE)
        return monitors, net.find("out.w").get_value()

    w = np.arange(12.0)
    same(trained(labels, w.reshape(shape)), trained(LABELS, w))


@pytest.mark.parametrize("labels", [STEP_LABELS[..., None], np.eye(3)[STEP_LABELS]])
def test_labels_of_steps(labels):
    def trained(labels):
        net = theanets.recurrent.Classifier([4, (3, "rnn"), 3], rng=1)
        monitors = net.train((STEPS, labels), class_weight="balanced", **ONCE)
        assert net.score(STEPS, labels) == net.score(STEPS, STEP_LABELS)
        return monitors, net.find("out.w").get_value()

    same(trained(labels), trained(STEP_LABELS))


def test_labels_of_as_many_steps_as_classes_are_no_one_hot_rows():
    net = theanets.recurrent.Classifier([4, (3, "rnn"), 3], rng=1)
    labels = np.eye(3, dtype=int)[:2]
    found, _ = net.train((STEPS[:2, :3], labels), **ONCE)
    expected, _ = theanets.recurrent.Classifier([4, (3, "rnn"), 3], rng=1).train(
        (STEPS[:2, :3], np.eye(3)[labels]), **ONCE
    )
    assert found == expected


def test_one_hot_frames_are_put_into_the_order_of_the_first():
    frame = pd.DataFrame(ONE_HOT, columns=["c", "a", "b"])
    turned = frame[["a", "b", "c"]]
    same(classified((X, frame), (X, turned)), classified((X, LABELS), (X, LABELS)))
    net = Classifier([4, 3], rng=1)
    net.train((X, frame), **ONCE)
    assert net.score(X, turned) == net.score(X, LABELS)


@pytest.mark.parametrize("target", [Y, pd.Series(Y), Y.tolist(), Y.astype(object)])
@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_a_target_of_one_output_may_lack_its_axis(target, loss):
    def trained(target, w):
        net = Regressor([4, 3, 1], loss=loss, rng=1, weighted=True)
        monitors = net.train((X, target, w), (X, target, w), **ONCE)
        assert net.score(X, target, w) == net.score(X, Y[:, None], w)
        return monitors, net.find("out.w").get_value()

    w = np.arange(12.0)
    same(trained(target, w), trained(Y[:, None], w[:, None]))


def test_a_target_of_steps_may_lack_its_axis():
    net = theanets.recurrent.Regressor([4, (3, "rnn"), 1], rng=1)
    y = STEPS.sum(axis=-1)
    assert net.score(STEPS, y) == net.score(STEPS, y[..., None])
    net.train((STEPS, y), **ONCE)


def test_one_label_of_one_class_that_holds_or_not():
    net = Classifier([4, 1], loss="bce", rng=1)
    net.train((X, Y > 0), **ONCE)
    assert net.score(X, Y > 0) == net.score(X, (Y > 0)[:, None])


def test_one_example_is_scored():
    net = Classifier([4, 3], rng=1)
    assert {net.score(X[0], [2]), net.score(X[0], [0, 0, 1])} == {net.score(X[0], 2)}


@pytest.mark.parametrize(
    "rows", [[0, 0, 0], [1, 1, 0], [0.5, 0.5, 0], [2, 0, 0], [1, -1, 1]]
)
def test_other_rows_are_no_labels(rows):
    labels = ONE_HOT.astype("f8")
    labels[7] = rows
    for form in (labels, scipy.sparse.csr_matrix(labels)):
        with pytest.raises(DataError, match="not all of these hold a single 1"):
            classified((X, form))


@pytest.mark.parametrize("labels", [LABELS > 1, LABELS + 7, LABELS.astype(str)])
def test_the_line_that_numbers_labels_does_so(labels):
    with pytest.raises(DataError) as caught:
        classified((X, labels))
    line = str(caught.value).splitlines()[-1].strip()
    there = {"numpy": np, "labels": labels}
    exec(line, there)
    net = Classifier([4, len(there["classes"])], rng=1)
    net.train((X, there["labels"]), **ONCE)
    assert set(there["classes"][net.predict(X)]) <= set(labels)


@pytest.mark.parametrize("labels", [LABELS[:, None], ONE_HOT, ONE_HOT == 1])
def test_a_part_that_is_held_out_has_the_same_part_of_each_class(labels):
    same(classified((X, labels), 0.25), classified((X, LABELS), 0.25))
