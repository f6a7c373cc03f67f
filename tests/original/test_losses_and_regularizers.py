"""Losses and regularizers in the ways that the original had them written."""

import numpy as np
import pytest

import theanets
from theanets import losses, regularizers
from theanets.errors import ConfigurationError


def regressor(**kwargs):
    return theanets.Regressor([3, 4, 2], **kwargs)


@pytest.mark.parametrize(
    "add",
    [
        lambda net: net.set_loss(dict(form="mae", weight=0.5)),
        lambda net: net.set_loss(form="mae", weight=0.5),
        lambda net: net.set_loss("MAE", weight=0.5),
        lambda net: net.set_loss({"form": "MAE"}, weight=0.5),
        lambda net: net.set_loss(losses.MeanAbsoluteError(2, 0.5)),
    ],
)
def test_a_loss_can_be_given_in_many_ways(add):
    net = regressor()
    add(net)
    assert [(x.form(), x.weight) for x in net.losses] == [("mae", 0.5)]


def test_add_loss_takes_a_form_and_a_dict():
    net = regressor(loss=dict(form="mae"))
    net.add_loss(form="MSE")
    net.add_loss(dict(form="huber", weight=0.5))
    assert [x.form() for x in net.losses] == ["mae", "mse", "huber"]


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("MeanSquaredError", losses.MeanSquaredError),
        ("MAE", losses.MeanAbsoluteError),
        ("GLL", losses.GaussianLogLikelihood),
        ("MMD", losses.MaximumMeanDiscrepancy),
        ("KL", losses.KullbackLeibler),
        ("KLD", losses.KullbackLeibler),
        ("KullbackLeiblerDivergence", losses.KullbackLeibler),
        ("XE", losses.CrossEntropy),
        ("CrossEntropy", losses.CrossEntropy),
        ("Hinge", losses.Hinge),
    ],
)
def test_the_names_of_the_original(name, cls):
    assert type(losses.Loss.build(name)) is cls


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda net: net.add_loss("mae", form="mse"), "Give one of them"),
        (lambda net: net.add_loss(dict(weight=2)), "has no form"),
        (
            lambda net: net.add_loss(dict(form="mae", weight=1), weight=2),
            "weight as a keyword too",
        ),
        (lambda net: net.add_loss(losses.MeanAbsoluteError(3)), "target is 3.*has 2"),
        (lambda net: losses.MeanAbsoluteError(object()), "name, or left out"),
    ],
)
def test_what_has_no_one_meaning_is_refused(act, says):
    with pytest.raises(ConfigurationError, match=says):
        act(regressor())


def test_labels_have_one_axis_less():
    net = theanets.Classifier([3, 2])
    net.set_loss(losses.CrossEntropy(1))
    with pytest.raises(ConfigurationError, match="target is 2"):
        net.set_loss(losses.CrossEntropy(2))


@pytest.mark.parametrize(
    "made",
    [
        regularizers.WeightL2("*.w", 0.1),
        regularizers.WeightL2("*.w", weight=0.1),
        regularizers.WeightL2(pattern="*.w", weight=0.1),
        regularizers.WeightL2(0.1, "*.w"),
        regularizers.WeightL2(0.1, pattern="*.w"),
    ],
)
def test_weight_and_pattern_come_in_either_order(made):
    assert (made.weight, made.pattern) == (0.1, "*.w")


def test_the_default_pattern_is_none():
    assert regularizers.WeightL2(None, 0.1).pattern == "*"
    assert regularizers.HiddenL1(pattern=None, weight=0.1).role == "hidden"
    with pytest.raises(ConfigurationError, match="weight is given twice"):
        regularizers.WeightL2(0.1, weight=0.2)


@pytest.mark.parametrize(
    "given",
    [
        {"weight_l2": 0.1, "regularizers": {"hidden_l1": 0.2}},
        {"regularizers": {"hidden_l1": 0.2, "weight_l2": 0.1}},
        {
            "weight_l2": 0.1,
            "regularizers": [dict(form="hidden_l1", weight=0.2)],
        },
    ],
)
def test_regularizers_in_a_dict_or_a_list(given):
    made = regularizers.from_kwargs(regressor(), **given)
    assert isinstance(made, list)
    found = {r.form: r.weight for r in made}
    assert found == {"weight_l2": 0.1, "hidden_l1": 0.2}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"weight_l2": 1, "regularizers": {"weight_l2": 1}}, "Give each once"),
        ({"regularizers": {"wieght_l2": 1}}, 'Did you mean "weight_l2"'),
        ({"regularizers": ["weight_l2"]}, "weight=0.1"),
        ({"regularizers": [dict(form="weight_l2", size=1)]}, "unknown keyword 'size'"),
        ({"batch_size": 1}, "unknown regularizer 'batch_size'"),
    ],
)
def test_regularizers_that_mean_nothing_are_refused(given, says):
    with pytest.raises(ConfigurationError, match=says):
        regularizers.from_kwargs(regressor(), **given)


def test_contractive_by_the_name_of_an_output():
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("f4")
    found = [
        regressor().train(
            [x, x[:, :2]],
            contractive=dict(weight=1, wrt=wrt),
            max_epochs=1,
            progress=False,
        )[0]["loss"]
        for wrt in ("in:out", "in")
    ]
    assert found[0] == found[1]
    with pytest.raises(ConfigurationError, match="matches no input"):
        regressor().train([x, x[:, :2]], contractive=dict(weight=1, wrt="hid1:out"))
