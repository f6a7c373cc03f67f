"""Monitors in all the forms that the original took, none of which is lost."""

import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError

X = np.random.default_rng(0).normal(size=(40, 4)).astype("f4")


def monitored(monitors, layers=(4, 3, 4)):
    net = theanets.Autoencoder(layers)
    _, validation = net.train(
        [X],
        algo="sgd",
        batch_size=None,
        max_epochs=1,
        progress=False,
        monitors=monitors,
    )
    own = {k: v for k, v in validation.items() if k not in ("loss", "err")}
    return own, net.feed_forward(X)


def largest(x):
    return x.max()


def mean(x):
    return x.mean()


def test_two_functions_of_one_output_by_label():
    found, outputs = monitored({"hid1:out": {"top": largest, "middle": mean}})
    assert list(found) == ["hid1:out:top", "hid1:out:middle"]
    assert found["hid1:out:middle"] == pytest.approx(outputs["hid1:out"].mean(), 1e-5)


def test_pairs_of_label_and_function():
    found, _ = monitored({"hid1:out": [("top", jnp.max), ("middle", jnp.mean)]})
    assert list(found) == ["hid1:out:top", "hid1:out:middle"]
    found, _ = monitored({"hid1:out": ("top", jnp.max)})
    assert list(found) == ["hid1:out:top"]


def test_a_list_of_pairs_keeps_its_order():
    found, outputs = monitored(
        [("out:out", 0.5), ("hid1:out", largest), ("hid1:out", 0.1)]
    )
    assert list(found) == ["out:out<0.5", "hid1:out", "hid1:out<0.1"]
    below = (outputs["out:out"] < 0.5).mean()
    assert found["out:out<0.5"] == pytest.approx(below)


def test_levels_in_the_order_given():
    found, _ = monitored({"hid1:out": (0.9, 0.1, 0.5)})
    assert list(found) == ["hid1:out<0.9", "hid1:out<0.1", "hid1:out<0.5"]


def test_levels_and_functions_together():
    found, _ = monitored({"hid1:out": [0.1, ("top", largest), mean]})
    assert list(found) == ["hid1:out<0.1", "hid1:out:top", "hid1:out"]


def test_a_level_with_a_label():
    found, outputs = monitored({"hid1:out": {"low": 0.1}})
    assert found["hid1:out:low"] == pytest.approx((outputs["hid1:out"] < 0.1).mean())


def test_two_patterns_over_one_output():
    found, outputs = monitored({"hid1:out": largest, "hid*:out": mean})
    assert list(found) == ["hid1:out", "hid1:out:mean"]
    assert found["hid1:out"] == pytest.approx(outputs["hid1:out"].max(), rel=1e-5)
    assert found["hid1:out:mean"] == pytest.approx(outputs["hid1:out"].mean(), rel=1e-5)
    found, _ = monitored({"hid1:out": 0.1, "hid*:out": (0.1, 0.2)})
    assert list(found) == ["hid1:out<0.1", "hid1:out<0.2"]


def test_a_pattern_with_labels_over_several_outputs():
    found, _ = monitored({"hid*:out": {"top": largest}}, (4, 3, 3, 4))
    assert list(found) == ["hid1:out:top", "hid2:out:top"]


def test_two_functions_that_cannot_be_told_apart():
    with pytest.raises(ConfigurationError, match="Give them labels"):
        monitored({"hid1:out": [lambda x: x.max(), lambda x: x.min()]})
    with pytest.raises(ConfigurationError, match="asked for twice"):
        monitored([("hid1:out", {"a": largest}), ("hid1:out", {"a": mean})])


@pytest.mark.parametrize("wrong", [0.1, "hid1:out", [0.1], [("hid1:out", 1, 2)]])
def test_what_is_neither_dict_nor_pairs(wrong):
    with pytest.raises(ConfigurationError, match="list of pairs"):
        monitored(wrong)


def test_a_label_that_is_no_text():
    with pytest.raises(ConfigurationError, match="label 3"):
        monitored({"hid1:out": {3: largest}})


def test_a_measure_that_is_no_measure():
    with pytest.raises(ConfigurationError, match="level 'low'"):
        monitored({"hid1:out": {"top": "low"}})
