"""Settings of the whole process: the precision of new models, and memory.

``theanets.config.floatX`` is "float32", "float64" or "bfloat16"; it starts as the
environment variable ``THEANETS_FLOATX``, or as "float32". A model keeps the precision
it was made with. A bfloat16 model computes in bfloat16, but holds its parameters in
float32, as most updates are smaller than what bfloat16 resolves.

``theanets.config.resident_bytes`` is the size up to which the device keeps a data set
whole; larger ones stream to it in chunks.
"""

import os
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import DTypeLike

from theanets.types import DType
from theanets.utils.checks import check_int
from theanets.utils.forks import refuse_forked
from theanets.utils.registry import choice, unknown


class Config:
    """Settings that hold for every model made from now on.

    Examples
    --------
    >>> import theanets
    >>> theanets.config.floatX
    'float32'
    """

    floatX: str
    """The precision of computations; parameters have at least float32."""

    def __init__(self, floatX: str) -> None:
        self.floatX = floatX

    @cached_property
    def resident_bytes(self) -> int:
        """Largest data set that the device keeps, in bytes.

        By default half of an accelerator's memory, a quarter of the main memory.
        """
        refuse_forked()
        limit = (jax.devices()[0].memory_stats() or {}).get("bytes_limit")
        if limit is not None and jax.default_backend() != "cpu":
            return int(limit) // 2
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
        except (AttributeError, OSError, ValueError):
            return 2 << 30  # Not every system says how much memory it has.

    def __setattr__(self, name: str, value: object) -> None:
        if name == "floatX":
            value = float_type(value, name).name
        elif name == "resident_bytes":
            value = check_int(value, name, 0, ", in bytes")
        else:
            raise unknown("unknown setting", name, ("floatX", "resident_bytes"))
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"Config(floatX={self.floatX!r})"


def precision(name: object, where: str) -> DType:
    """Return the NumPy dtype of a precision, checked; ``where`` begins the message."""
    return jnp.dtype(choice(name, where, ("float32", "float64", "bfloat16")))


def float_type(name: object, where: str) -> DType:
    """Return the NumPy dtype of a precision, ready for JAX to compute with.

    JAX computes in float64 only after a global switch. The first model that asks turns
    it on; it is never turned off, as others may rely on it.
    """
    dtype = precision(name, where)
    if dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    return dtype


def stored_type(dtype: DTypeLike) -> DType:
    """Return the type in which numbers are kept between updates: float32 or wider.

    >>> stored_type("bfloat16").name, stored_type("float64").name
    ('float32', 'float64')
    """
    return jnp.promote_types(dtype, "float32")


def widened(array: np.ndarray, dtype: DType) -> np.ndarray:
    """Return an array of a file in today's type: older files hold some in bfloat16."""
    return array.astype(dtype) if stored_type(array.dtype) == dtype else array


config = Config(os.environ.get("THEANETS_FLOATX", "float32"))
