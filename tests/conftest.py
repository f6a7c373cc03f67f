"""What holds for every test: no window is opened, the precision is the default.

``HYPOTHESIS_PROFILE=nightly`` makes random tests try many more examples.
"""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"
os.environ.pop("THEANETS_FLOATX", None)
# Tests count compilations, and leave nothing in the user's folders.
os.environ["THEANETS_CACHE"] = ""

settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("nightly", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let one case stand for all of a test, which `make test-fast` asks for."""
    parser.addoption(
        "--first-cases",
        action="store_true",
        help="of a test with several cases, run only the first",
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Drop all cases but the first of each test, if asked to."""
    if config.getoption("--first-cases"):
        first = {item.nodeid.split("[")[0]: item for item in reversed(items)}
        kept = set(first.values())
        config.hook.pytest_deselected(items=[x for x in items if x not in kept])
        items[:] = [item for item in items if item in kept]


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the process, and its haste."""
    gc.freeze()
    gc.set_threshold(20_000)


def _restored_precision() -> Iterator[None]:
    # Imported late, since it reads the environment.
    import jax

    import theanets

    precision, wide = theanets.config.floatX, jax.config.jax_enable_x64
    yield
    theanets.config.floatX = precision
    if jax.config.jax_enable_x64 != wide:
        # Double precision, once asked for, stays on in JAX.
        jax.config.update("jax_enable_x64", wide)


def _in_float64() -> Iterator[None]:
    import theanets

    restored = _restored_precision()
    next(restored)
    theanets.config.floatX = "float64"
    yield
    next(restored, None)


restored_precision = pytest.fixture(_restored_precision, autouse=True)
"""No test leaves another precision to the next."""


float64 = pytest.fixture(_in_float64, name="float64")
"""One test in double precision, so that finite differences tell."""
module_in_float64 = pytest.fixture(
    _in_float64, name="module_in_float64", scope="module"
)
"""The same for all tests of a module."""
