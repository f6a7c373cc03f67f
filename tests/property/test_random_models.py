"""Random models on random data: each trains, predicts and is saved, or is refused.

Refused means: a `TheanetsError` when the model is made, or from ``train`` before
anything is compiled. Learning rates are too small for numbers to diverge.
"""

import io
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import theanets
from theanets.errors import ConfigurationError, DataError

from ..helpers import bits, compilations
from .graphs import GRAPHS
from .random_models import Case, cases


def outcome(case: Case) -> str:
    """Make a model, train, predict, save and load; return how far that went."""
    try:
        net = case.model()
    except ConfigurationError as error:
        assert str(error)
        return "refused when made"
    with compilations() as compiled:
        try:
            arrays = case.data(net)
            given = (lambda: tuple(arrays)) if case.form == "callable" else arrays
            batches = {"train_batches": 2} if case.form == "callable" else {}
            pair = net.train(given, arrays, case.algo, **{**case.hyper, **batches})
        except (ConfigurationError, DataError) as error:
            assert str(error)
            assert not compiled, "refused late"
            return "refused by train"
    for monitors in pair:
        assert monitors and all(map(np.isfinite, monitors.values())), monitors
    inputs = arrays[: len(net.inputs)]
    inputs = inputs[0] if len(inputs) == 1 else inputs
    predicted = net.predict(inputs)
    shape = net.layers[-1].shape[: -1 if "Classifier" in case.make else None]
    assert len(predicted) == case.examples
    assert predicted.ndim == 1 + len(shape)
    assert all(n in (None, m) for n, m in zip(shape, predicted.shape[1:], strict=True))
    assert np.isfinite(predicted.astype("f8")).all()
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    again = theanets.load(file)
    assert bits(again) == bits(net)
    assert again.predict(inputs).tobytes() == predicted.tobytes()
    return "trained"


@pytest.fixture
def quickly_compiled() -> Iterator[None]:
    """Let XLA compile twice as fast, to programs that round in other places."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


# A model takes a second or more, most of it to compile.
@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("kind", GRAPHS)
@settings(
    max_examples=settings().max_examples // len(GRAPHS),
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_a_random_model_works_or_is_refused(kind: str, data: Any) -> None:
    event(outcome(data.draw(cases(kind))))
