"""What several test modules need."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

_EVENT = "/jax/core/compile/backend_compile_duration"
_counters: list[list[str]] = []


def _listen(event: str, duration: float, **details: Any) -> None:
    if event == _EVENT:
        for counter in _counters:
            counter.append(str(details.get("fun_name", event)))


jax.monitoring.register_event_duration_secs_listener(_listen)


@contextmanager
def compilations() -> Iterator[list[str]]:
    """Collect an entry for every program that XLA compiles meanwhile.

    >>> with compilations() as compiled:
    ...     _ = jax.jit(lambda x: x + 1)(np.float32(1))
    >>> len(compiled)
    1
    """
    counter: list[str] = []
    _counters.append(counter)
    try:
        yield counter
    finally:
        _counters.remove(counter)


def blobs(
    examples: int = 64, classes: int = 2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return points of (examples, 4) around one centre a class, and their labels.

    The default is a multiple of the default batch size: no program for a short batch.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, examples)
    centres = 3 * np.eye(4)[:classes]
    points = centres[labels] + 0.5 * rng.standard_normal((examples, 4))
    return points.astype("f4"), labels.astype("u1")


def bits(net: Any) -> dict[str, bytes]:
    """Return the bytes of every parameter of a network by name."""
    return {parameter.name: parameter.get_value().tobytes() for parameter in net.params}
