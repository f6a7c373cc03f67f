"""What every loss keeps; their derivatives are in the tests of layers."""

import json

import numpy as np
import pytest

import theanets
from theanets import losses

from ..helpers import compilations
from .collection import parts

PARTS = parts(losses.REGISTRY)


@pytest.fixture
def spec(name):
    return {"form": name, **PARTS[name].example}


def data(name):
    rng = np.random.default_rng(0)
    x, p = rng.normal(size=(32, 4)), rng.dirichlet(np.ones(3), 32)
    return x.astype("f4"), p.argmax(1) if PARTS[name].integer_target else p.astype("f4")


def model(spec):
    return theanets.Network([4, (5, "tanh"), (3, "softmax")], loss=spec, rng=1)


@pytest.mark.parametrize("name", PARTS)
def test_its_description_makes_it_again(name, spec):
    loss = theanets.Loss.build(**spec)
    again = theanets.Loss.build(**json.loads(json.dumps(loss.to_spec())))
    assert again.to_spec() == loss.to_spec()
    assert again.key() == loss.key()
    assert theanets.Loss.build(**spec, weight=0.5).key() == loss.key()


@pytest.mark.parametrize("name", PARTS)
def test_it_is_learned_and_another_weight_compiles_nothing(name, spec):
    net = model(spec)
    first, *_, last = [t["loss"] for t, _ in net.itertrain(
        data(name), algo="adam", learning_rate=0.01, max_epochs=20, progress=False
    )]  # fmt: skip
    assert last < first
    other = model({**spec, "weight": 0.5})
    with compilations() as compiled:
        other.train(data(name), algo="adam", max_epochs=1, progress=False)
    assert not compiled


@pytest.mark.parametrize("name", PARTS)
def test_a_model_with_it_is_saved_and_loaded(name, spec, tmp_path):
    net = model(spec)
    net.save(tmp_path / "net")
    again = theanets.load(tmp_path / "net")
    assert [x.to_spec() for x in again.losses] == [x.to_spec() for x in net.losses]
    rows = [
        n.train(data(name), max_epochs=1, progress=False)[0]["loss"]
        for n in (net, again)
    ]
    assert rows[0] == rows[1]
