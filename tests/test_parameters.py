"""Handles: a path into a network, never a copy."""

import numpy as np
import pytest

import theanets
from theanets.errors import DataError


@pytest.fixture
def net():
    return theanets.Network([3, (4, "prelu"), 2])


def test_what_a_handle_tells(net):
    handle = net.find("hid1", "w")
    assert (handle.name, handle.shape, handle.ndim, handle.size) == (
        "hid1.w", (3, 4), 2, 12,
    )  # fmt: skip
    assert handle.dtype == np.float32
    assert repr(handle) == "<Parameter hid1.w (3, 4) float32>"


def test_all_learned_parameters_in_order(net):
    names = [handle.name for handle in net.params]
    assert names == ["hid1.w", "hid1.b", "hid1.leak", "out.w", "out.b"]


def test_the_value_is_a_copy(net):
    handle = net.find("hid1", "w")
    value = handle.get_value()
    before = value.copy()
    value[:] = 7
    np.testing.assert_array_equal(handle.get_value(), before)
    given = np.ones((3, 4), "f")
    handle.set_value(given)
    given[:] = 7
    assert (handle.get_value() == 1).all()


def test_handles_see_one_value(net):
    first, second = net.find("hid1", "w"), net.find(1, 0)
    first.set_value(np.full((3, 4), 0.5))
    np.testing.assert_array_equal(second.get_value(), 0.5)
    assert second.name == "hid1.w"


def test_a_new_value_changes_what_is_computed(net):
    x = np.ones((2, 3))
    before = net.predict(x)
    net.find("out", "b").set_value([1, 2])
    np.testing.assert_allclose(net.predict(x), before + np.array([1, 2]), rtol=1e-5)


def test_conversion(net):
    handle = net.find("hid1", "w")
    np.testing.assert_array_equal(np.asarray(handle), handle.get_value())
    assert np.asarray(handle, dtype="f8").dtype == "f8"
    assert np.array(handle, copy=True).shape == (3, 4)
    assert np.abs(handle).sum() > 0


@pytest.mark.parametrize("value", [np.ones((4, 3)), np.ones(12), 1.0, np.ones((1, 4))])
def test_another_shape_is_refused(net, value):
    handle = net.find("hid1", "w")
    before = handle.get_value()
    with pytest.raises(DataError, match=r"hid1\.w.*shape is \(3, 4\)"):
        handle.set_value(value)
    np.testing.assert_array_equal(handle.get_value(), before)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(net, bad):
    with pytest.raises(DataError, match="NaN or infinity"):
        net.find("out", "b").set_value([1, bad])


def test_a_value_keeps_the_precision_of_the_model(net):
    handle = net.find("out", "b")
    handle.set_value(np.array([1, 2], "i8"))
    assert handle.get_value().dtype == np.float32
    handle.set_value(np.array([0.1, 0.2], "f8"))
    assert handle.get_value().dtype == np.float32


def test_what_is_not_learned_is_found_but_no_parameter():
    class Shift(theanets.Layer):
        takes_activation = False

        def setup(self):
            self.add_param("by", (self.size,), lambda rng: rng.random(self.size), False)

        def transform(self, params, inputs):
            return inputs[self.input_name] + params["by"]

    net = theanets.Network([3, "shift", 2])
    assert [handle.name for handle in net.params] == ["out.w", "out.b"]
    handle = net.find("hid1", "by")
    before = handle.get_value()
    x = np.random.default_rng(0).normal(size=(8, 3))
    y = np.ones((8, 2))
    net.train([x, y], algo="sgd", weight_l2=0.1, max_epochs=2, progress=False)
    np.testing.assert_array_equal(handle.get_value(), before)
    handle.set_value(np.zeros(3))
    np.testing.assert_allclose(net.feed_forward(x)["hid1:out"], x, rtol=1e-6)
