"""Any list of layers makes a model that works, or is refused when it is made."""

import io
import json

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import theanets
from theanets.errors import ConfigurationError
from theanets.layers import FORMS

NAMES = ["in", "hid1", "hid2", "out", "a", "hid1:pre", "in:out", "a:b", ""]
ACTIVATIONS = ["relu", "tanh", "softmax", "norm:z", "maxout:2", "prelu+elu", "rellu"]

sizes = st.integers(-1, 6)
shapes = st.lists(st.none() | sizes, max_size=3).map(tuple)
forms = st.sampled_from([*FORMS, "lsmt"])
activations = st.sampled_from(ACTIVATIONS)
odd = st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.just([[]])

dicts = st.fixed_dictionaries(
    {},
    optional={
        "form": forms,
        "size": sizes | odd,
        "shape": shapes | odd,
        "name": st.sampled_from(NAMES) | odd,
        "inputs": st.sampled_from(NAMES) | st.lists(st.sampled_from(NAMES)) | odd,
        "activation": activations | odd,
        "partner": st.sampled_from(NAMES) | odd,
        "ndim": st.integers(0, 4) | odd,
        "std": st.floats(-1, 1) | odd,
        "mean_b": st.floats(-1, 1) | odd,
        "sparsity_w": st.floats(-1, 2) | odd,
        "diagonal": st.floats(-1, 1) | odd,
        "rng": st.integers(-1, 3) | odd,
    },
)
tuples = st.lists(sizes | activations | forms, max_size=3).map(tuple)
plain = st.integers(1, 6) | st.tuples(st.integers(1, 6), activations)
entries = st.one_of(plain, plain, forms, tuples, shapes, dicts, odd)

# Compiling takes its time; the search does not have to be the same on a slow machine.
relaxed = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def make(layers):
    try:
        return theanets.Network(layers)
    except ConfigurationError as error:
        assert str(error)
        return None


@relaxed
@given(st.lists(entries, max_size=4))
def test_anything_is_refused_or_works(layers):
    net = make(layers)
    if net is not None and len(net.layers) > 1:
        works(net)


@relaxed
@given(plain | shapes, st.lists(plain | dicts | forms, max_size=3), st.integers(1, 5))
def test_what_begins_well_is_refused_or_works(first, hidden, last):
    net = make([first, *hidden, last])
    if net is not None:
        works(net)


def works(net):
    """Check a model without compiling it, which would take too long here."""
    shapes = {
        layer.name: (2, *(3 if n is None else n for n in layer.shape))
        for layer in net.inputs
    }
    traced = net._state.topology.traced_shapes(shapes)
    for layer in net.layers:
        for name, shape in layer.outputs.items():
            actual = traced[f"{layer.name}:{name}"]
            assert len(actual) == len(shape) + 1
            assert all(n in (None, m) for n, m in zip(shape, actual[1:], strict=True))
    for name, value in net.functional()[1].items():
        assert np.isfinite(value).all(), name
    hash(net._state.topology.key)
    specs = json.loads(json.dumps([layer.to_spec() for layer in net.layers]))
    again = theanets.Network(specs)
    assert again._state.topology.key == net._state.topology.key
    net.save(io.BytesIO())
