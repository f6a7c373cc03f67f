"""Everything here is computed in float64."""

import jax
import pytest

import theanets


@pytest.fixture(scope="module", autouse=True)
def float64():
    was = jax.config.jax_enable_x64
    theanets.config.floatX = "float64"
    yield
    theanets.config.floatX = "float32"
    jax.config.update("jax_enable_x64", was)
