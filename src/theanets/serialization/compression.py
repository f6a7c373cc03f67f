"""Files compressed with gzip: equal bytes for equal content, read within bounds."""

import struct
import zlib

from theanets.errors import ModelFileError

MAGIC = b"\x1f\x8b"
"""How a gzip file begins."""
MOST_RATIO = 32
"""A compressed file holds at most this many times its own bytes, ..."""
LEAST_LIMIT = 64 << 20
"""... or this many, if that is more: a few bytes must not fill the memory."""

# No name, no time, no operating system: equal models give equal files.
_HEADER = MAGIC + b"\x08\x00\x00\x00\x00\x00\x00\xff"


def limit(size: int) -> int:
    """Return how many bytes a compressed file of a size may hold."""
    return max(LEAST_LIMIT, MOST_RATIO * size)


def compressed(content: bytes) -> bytes:
    """Return the bytes of a gzip file with some content.

    >>> compressed(b"a" * 1000) == compressed(b"a" * 1000)
    True
    >>> expanded(compressed(b"abc"), "the file")
    b'abc'
    """
    packed = _packed(content, 6)
    # If it shrank too much, for nearly equal numbers, `expanded` would refuse it.
    return packed if len(content) <= limit(len(packed)) else _packed(content, 0)


def expanded(content: bytes, where: str) -> bytes:
    """Return what a gzip file holds; ``where`` begins the messages."""
    most = limit(len(content))
    stream = zlib.decompressobj(wbits=31)
    try:
        result = stream.decompress(content, most + 1)
        if len(result) > most:
            raise ModelFileError(
                f"{where} is compressed with gzip and holds more than {most} bytes, "
                f"the most that is read from {len(content)} compressed ones: it could "
                "fill the memory. If you trust it, expand it with gunzip first."
            )
        if not stream.eof:
            raise zlib.error("it ends too early")
        if stream.unused_data:
            raise zlib.error("it goes on after its end")
    except zlib.error as error:
        raise ModelFileError(
            f"{where} is a damaged gzip file: {error}. It has to be a file that save "
            "has written; if it was copied, copy it again."
        ) from None
    return result


def _packed(content: bytes, level: int) -> bytes:
    stream = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    end = struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return b"".join((_HEADER, stream.compress(content), stream.flush(), end))
