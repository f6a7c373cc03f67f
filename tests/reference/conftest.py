"""Everything here is computed in float64."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def precise(module_in_float64):
    """Compute every module in double precision."""
