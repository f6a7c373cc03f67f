"""IDX files: the format in which the MNIST images and labels are published.

An IDX file is two zero bytes, a byte that names the type of the values, a byte
with the number of axes, the length of each axis as a big-endian 32-bit number,
and then the values, the last axis running fastest. Source: the description at
the end of http://yann.lecun.com/exdb/mnist/.
"""

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from theanets.errors import DataError

Values: TypeAlias = NDArray[Any]
UNSIGNED_BYTE = 8
# As much as stays in a core's cache while it is unpacked, summed and scaled.
BLOCK = 1 << 18
# Deflate cannot shrink anything by more than this.
BEST_COMPRESSION = 1032


def read(
    path: Path, rank: int, *, scale: float | None = None, md5: str | None = None
) -> Values:
    """Read an IDX file of unsigned bytes, unpacked if its name ends with ``.gz``.

    ``rank`` is the number of axes that it has to have, ``md5`` the sum of the unpacked
    file. The result is uint8, or float32 and divided by ``scale`` if that is given.
    """
    opened: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            return _read(file, path, rank, scale, md5)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is no complete gzip file: {error}.") from error


def _read(
    file: IO[bytes], path: Path, rank: int, scale: float | None, md5: str | None
) -> Values:
    # Scaled block by block, so that the bytes and the floats of a whole file
    # never exist at the same time.
    digest = hashlib.md5(usedforsecurity=False)
    shape, header = _header(file, path, rank)
    digest.update(header)
    total = math.prod(shape)
    # Memory is taken only for values that the file can hold.
    size = path.stat().st_size * (BEST_COMPRESSION if path.suffix == ".gz" else 1)
    if total > size:
        raise DataError(_truncated(path, shape, "the file is too small for them"))
    values = np.empty(total, np.uint8 if scale is None else np.float32)
    divisor = np.float32(scale or 1)
    done = 0
    while done < total:
        block = file.read(min(BLOCK, total - done))
        if not block:
            raise DataError(_truncated(path, shape, f"there are only {done}"))
        digest.update(block)
        part = values[done : done + len(block)]
        if scale is None:
            part[:] = np.frombuffer(block, np.uint8)
        else:
            np.divide(np.frombuffer(block, np.uint8), divisor, out=part)
        done += len(block)
    if file.read(1):
        raise DataError(
            f"{path} goes on after the {total} values that its header announces, "
            f"{by(shape)}. It is damaged, or no IDX file."
        )
    if md5 is not None and digest.hexdigest() != md5:
        raise DataError(
            f"{path} is damaged: its content has the MD5 sum {digest.hexdigest()}, "
            f"expected {md5}. Put the original file in its place."
        )
    return values.reshape(shape)


def _header(file: IO[bytes], path: Path, rank: int) -> tuple[tuple[int, ...], bytes]:
    """Return the shape that the file announces, and the bytes that say so."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DataError(
            f"{path} is no IDX file: it begins with {magic.hex(' ') or 'nothing'}, "
            f"expected {bytes((0, 0, UNSIGNED_BYTE, rank)).hex(' ')}."
        )
    if magic[2] != UNSIGNED_BYTE or magic[3] != rank:
        raise DataError(
            f"{path} holds values of IDX type {magic[2]} along {magic[3]} axes, "
            f"expected unsigned bytes (type {UNSIGNED_BYTE}) along {rank}."
        )
    lengths = file.read(4 * rank)
    if len(lengths) < 4 * rank:
        raise DataError(f"{path} ends within its header. It is truncated.")
    shape = tuple(int(n) for n in np.frombuffer(lengths, ">u4"))
    return shape, magic + lengths


def _truncated(path: Path, shape: tuple[int, ...], problem: str) -> str:
    return (
        f"{path} is truncated: its header announces {math.prod(shape)} values, "
        f"{by(shape)}, and {problem}."
    )


def by(shape: tuple[int, ...]) -> str:
    """Return a shape for messages: 28 x 28."""
    return " x ".join(map(str, shape))
