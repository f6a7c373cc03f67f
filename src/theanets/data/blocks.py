"""Arrays read a block of rows at a time, and a checksum of them."""

import hashlib
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from theanets.config import config

_BLOCK_BYTES = 16 << 20
# A line has a prime number of words; so many lines fit in a cache.
_LANES = 1021
_LINES = 64
_MIXER = np.uint64(0x9E3779B97F4A7C15)


def blocks(
    array: Any, picked: np.ndarray | None = None
) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield all rows of an array, or the picked ones, a block at a time.

    Each block comes with the index of its rows. A view larger than the memory is never
    copied as a whole.
    """
    size = max(1, _BLOCK_BYTES // (8 * max(1, math.prod(array.shape[1:]))))
    for begin in range(0, len(array if picked is None else picked), size):
        part = slice(begin, begin + size)
        rows = part if picked is None else picked[part]
        yield rows, np.asarray(array[rows])


def rounded(array: Any, dtype: DTypeLike) -> Any:
    """Return an array in another precision, without NumPy's warnings.

    Numbers too large for it become infinite.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return array.astype(dtype)


def finite_rows(array: Any, dtype: DTypeLike) -> np.ndarray:
    """Return for each row whether all its values are finite in a precision."""
    finite = [np.isfinite(rounded(block, dtype)) for _, block in blocks(array)]
    return np.concatenate(
        [block.reshape(len(block), -1).all(axis=1) for block in finite]
    )


def digest(arrays: Iterable[Any]) -> str:
    """Return a checksum of some arrays, as a text.

    Of arrays larger than ``config.resident_bytes`` only every n-th row counts.
    """
    total = hashlib.sha256()
    for array in arrays:
        step = -(-array.nbytes // max(config.resident_bytes, 1))
        total.update(checksum(array[::step] if step > 1 and array.ndim else array))
    return total.hexdigest()[:16]


def checksum(array: Any) -> bytes:
    """Return a checksum of an array's whole content, at the speed of reading it.

    It is not a cryptographic hash: it is meant for accidental changes.
    """
    total, line, rest = np.zeros(_LANES, np.uint64), 0, np.empty(0, np.uint8)
    for part in _bytes(array):
        data = np.concatenate([rest, part]) if rest.size else part
        whole = data.size // (8 * _LANES) * (8 * _LANES)
        block = data[:whole].view(np.uint64).reshape(-1, _LANES)
        for start in range(0, len(block), _LINES):
            lines = block[start : start + _LINES]
            # The shift mixes in the high bits, and each line has another odd factor, so
            # that neither changed signs nor swapped lines cancel.
            numbers = np.arange(line, line + len(lines), dtype=np.uint64)
            mixed = (lines ^ (lines >> np.uint64(29))) * (numbers * _MIXER | 1)[:, None]
            total += mixed.sum(axis=0)
            line += len(lines)
        rest = data[whole:]
    return bytes(total.tobytes() + rest.tobytes())


def _bytes(array: Any) -> Iterator[np.ndarray]:
    """Yield the bytes of an array in order; if it is not contiguous, by blocks."""
    contiguous = isinstance(array, np.ndarray) and array.flags.c_contiguous
    for part in (array,) if contiguous else (block for _, block in blocks(array)):
        yield np.ascontiguousarray(part).reshape(-1).view(np.uint8)
