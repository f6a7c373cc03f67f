"""What every regularizer keeps: it counts, its weight is a number, and it is named."""

import json

import numpy as np
import pytest

import theanets
from theanets.regularizers import REGULARIZERS

from ..helpers import bits, compilations
from .collection import parts

PARTS = parts(REGULARIZERS)


def made(name, weight):
    return PARTS[name](weight=weight, **PARTS[name].example)


def trained(**keywords):
    """Return a model with a dense layer hid1 and a recurrent one hid2, trained."""
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(32, 4, n)).astype("f4") for n in (3, 2))
    layers = [3, (5, "tanh"), (4, "rnn"), 2]
    net = theanets.recurrent.Regressor(layers, rng=1)
    net.train((x, y), algo="sgd", max_epochs=2, progress=False, **keywords)
    return net


@pytest.mark.parametrize("name", PARTS)
def test_it_counts_by_its_weight_which_compiles_nothing(name):
    plain = bits(trained())
    by_object = bits(trained(regularizers=[made(name, 0.5)]))
    assert plain != by_object
    with compilations() as compiled:
        form = {"form": name, "weight": 0.5, **PARTS[name].example}
        assert bits(trained(regularizers=[form])) == by_object
        other = bits(trained(regularizers=[made(name, 0.25)]))
    assert not compiled
    assert other not in (plain, by_object)
    for net in (trained(regularizers=[made(name, 0.5)]),):
        assert all(np.isfinite(p.get_value()).all() for p in net.params)


@pytest.mark.parametrize("name", PARTS)
def test_its_settings_are_json_and_its_key_has_no_weight(name):
    found = made(name, 0.5).identity()
    assert json.loads(json.dumps(found)) == found
    assert found["name"] == name
    assert made(name, 0.5).key == made(name, 0.25).key
