"""The bytes of a model file: arrays, a description, and a checksum over both.

``docs/file-format.md`` describes every byte. The library safetensors writes the file.
It is read here, because a file from a stranger has to be checked first: each length is
compared with the bytes that are there before anything is made of it. The arrays are
views of the bytes. The checksum is in the description, because the library writes
metadata in no fixed order, and equal models have to give equal files.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from theanets.errors import ConfigurationError, ModelFileError
from theanets.types import MOST_AXES, DType, Json

FORMAT = 2
"""The version of the description; it grows when older readers would fail."""

TYPES = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"),
    "U16": np.dtype("<u2"),
    "U32": np.dtype("<u4"),
    "U64": np.dtype("<u8"),
    "I8": np.dtype("i1"),
    "I16": np.dtype("<i2"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(jnp.bfloat16),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
"""The types of numbers that a file can hold, by their names in it."""

MOST_BYTES = 2 << 20
"""Length of the longest header: a longer one could take too much memory to read."""
MOST_NESTED = 1 << 16
"""The largest number of objects and lists in a piece of JSON."""
MOST_DEEP = 64
"""How deep objects and lists are nested at most."""
MOST_DIGITS = 64
"""Digits of the longest whole number in JSON."""

_KEY = "theanets"
_NAMES = {dtype: name for name, dtype in TYPES.items()}
_BEFORE = '{"sha256": "'
_ZEROS = "0" * 64
_OTHERS = {b"\x1f\x8b": "a gzip file within a gzip file", b"PK\x03": "a zip file"}
_FIRST_FORMAT = '{"format": 1,'


def packed(description: Mapping[str, Json], arrays: Mapping[str, ArrayLike]) -> bytes:
    """Return the bytes of a file with a description and named arrays.

    The description is what JSON can hold, without infinity and NaN, and without the
    keys "sha256" and "format". Arrays have any shape and a type in ``TYPES``.

    >>> content = packed({"of": "me"}, {"zero": np.zeros(2, "f4")})
    >>> unpacked(content)
    ({'of': 'me'}, {'zero': array([0., 0.], dtype=float32)})
    """
    from safetensors.numpy import save

    first = {"sha256": _ZEROS, "format": FORMAT}
    try:
        text = json.dumps({**first, **description, **first}, allow_nan=False)
        _parsed(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"the description of the model cannot be written: {error}. Keywords of "
            "layers and losses have to be numbers, texts, or lists and dicts of them, "
            "and not too large."
        ) from None
    stored = {name: _as_stored(name, array) for name, array in arrays.items()}
    text = text.replace(_ZEROS, _checksum(text, stored), 1)
    content = save(stored, metadata={_KEY: text})
    if (size := int.from_bytes(content[:8], "little")) > MOST_BYTES:
        raise ConfigurationError(
            f"the description of the model and its {len(stored)} arrays takes {size} "
            f"bytes; a file holds at most {MOST_BYTES}, without the numbers in arrays. "
            "Put long lists of numbers into arrays."
        )
    return content


def unpacked(
    content: bytes, where: str = "the file"
) -> tuple[dict[str, Json], dict[str, np.ndarray]]:
    """Return the description, and the arrays as read-only views, of a whole file.

    A file that is damaged, of another kind or newer raises a ModelFileError, whose
    message begins with ``where``.
    """
    size = int.from_bytes(content[:8], "little")
    if content.startswith(b"\x80") and size > MOST_BYTES:
        raise ModelFileError(
            f"{where} is a pickle, as the original theanets wrote them, which is never "
            "read: a pickle can run any code. Take the arrays out with the program "
            'that wrote it, and put them into a model: net.find("hid1.w").set_value('
            "array). docs/moving.md shows how."
        )
    try:
        header, buffer = _split(content, size)
        metadata = header.pop("__metadata__", None)
        text = metadata.get(_KEY) if isinstance(metadata, dict) else None
        if not isinstance(text, str):
            raise ValueError(
                "it holds arrays but does not describe a model: the description is "
                "missing or is not text"
            )
        description = _parsed(text)
        version = description.pop("format", None)
        known = type(version) is int and 1 <= version <= FORMAT
        if known:
            arrays = dict(_arrays(header, buffer))
            _verify(text, arrays, version)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{where} is damaged or no model file: {error}. It has to be a file that "
            "save has written; if it was copied, copy it again."
        ) from None
    if not known:
        raise ModelFileError(
            f"{where} has format {version!r:.30}; this version of theanets reads "
            f"formats up to {FORMAT}. Install a newer theanets to read it."
        )
    description.pop("sha256", None)
    return description, arrays


def _as_stored(name: str, value: ArrayLike) -> np.ndarray:
    """Return an array with its bytes as they are in a file."""
    if name == "__metadata__" or name != name.encode(errors="replace").decode():
        raise ConfigurationError(
            f"an array is named {name!r}, which no file can hold. Rename it."
        )
    array = np.asarray(value, order="C")
    if array.dtype.newbyteorder("<") not in _NAMES or array.ndim > MOST_AXES:
        raise ConfigurationError(
            f'array "{name}" has {array.ndim} axes and the type {array.dtype}; a file '
            f"holds up to {MOST_AXES} axes, and bool, integers, and floats of up to "
            "64 bits."
        )
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _checksum(text: str, arrays: Mapping[str, np.ndarray]) -> str:
    """Return the checksum for a description, with zeros in the place of its own."""
    begin = len(_BEFORE)
    total = hashlib.sha256()
    parts: list[Any] = [(text[:begin] + _ZEROS + text[begin + 64 :]).encode()]
    for name, array in sorted(arrays.items()):
        shape = ",".join(map(str, array.shape))
        parts += [name.encode(), _NAMES[array.dtype].encode(), shape.encode()]
        parts.append(array.reshape(-1).view("u1").data if array.size else b"")
    for part in parts:
        total.update(len(part).to_bytes(8, "little"))
        total.update(part)
    return total.hexdigest()


def _verify(text: str, arrays: Mapping[str, np.ndarray], version: int) -> None:
    if not text.startswith(_BEFORE):
        if version > 1:
            raise ValueError("its description does not begin with a checksum")
        return
    begin = len(_BEFORE)
    if text[begin : begin + 64] != _checksum(text, arrays):
        raise ValueError("its content does not agree with its checksum")


def _split(content: bytes, size: int) -> tuple[dict[str, Json], memoryview]:
    """Return the header, which has this size, and the bytes after it."""
    if len(content) < 8 or len(content) - 8 < size <= MOST_BYTES:
        raise ValueError("it ends too early")
    if size > MOST_BYTES:
        for start, kind in _OTHERS.items():
            if content.startswith(start):
                raise ValueError(f"it looks like {kind}, which is never read")
        raise ValueError("it does not begin as model files do")
    header = _parsed(content[8 : 8 + size].decode())
    return header, memoryview(content)[8 + size :]


def _parsed(text: str) -> dict[str, Json]:
    """Return a JSON object, after a check of the memory and depth that it takes."""
    if text.count("{") + text.count("[") > MOST_NESTED or len(text) > MOST_BYTES:
        raise ValueError(
            f"its JSON is longer than {MOST_BYTES} bytes or has more than "
            f"{MOST_NESTED} objects and lists"
        )
    parsed = json.loads(
        text,
        object_pairs_hook=_distinct,
        parse_int=_whole,
        parse_float=_finite,
        # In the first format, keywords of a user's layers could be infinite.
        parse_constant=None if text.startswith(_FIRST_FORMAT) else _finite,
    )
    if not isinstance(parsed, dict):
        raise ValueError("its JSON is not an object")
    _check_depth((parsed,), MOST_DEEP)
    return parsed


def _distinct(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("its JSON has a key twice")
    return entries


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"its JSON has a number of more than {MOST_DIGITS} digits")
    return int(digits)


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"its JSON has the number {digits:.30}, which is not finite")
    return number


def _check_depth(parts: Iterable[Json], left: int) -> None:
    for part in parts:
        if isinstance(part, dict | list):
            if not left:
                raise ValueError(f"its JSON is more than {MOST_DEEP} levels deep")
            inner = part.values() if isinstance(part, dict) else part
            _check_depth(inner, left - 1)


def _arrays(
    header: Mapping[str, Json], buffer: memoryview
) -> Iterator[tuple[str, np.ndarray]]:
    """Make views of the bytes, which have to be one array after the other."""
    places = [(name, *_place(name, entry)) for name, entry in header.items()]
    end = 0
    for name, dtype, shape, begin, after in sorted(places, key=lambda x: x[3:]):
        if begin != end or after - begin != math.prod(shape) * dtype.itemsize:
            raise ValueError(f'array "{name:.80}" is not where it should be')
        if after > len(buffer):
            raise ValueError(f'it ends before the end of array "{name:.80}"')
        yield name, np.frombuffer(buffer[begin:after], dtype).reshape(shape)
        end = after
    if end != len(buffer):
        raise ValueError("it goes on after its last array")


def _place(name: str, entry: Json) -> tuple[DType, tuple[int, ...], int, int]:
    """Return the type, the shape, and the place in the buffer of one array."""
    keys = {"dtype", "shape", "data_offsets"}
    if not isinstance(entry, dict) or entry.keys() != keys:
        raise ValueError(f'array "{name:.80}" is not described')
    dtype, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in TYPES:
        raise ValueError(f'array "{name:.80}" has the unknown type {dtype!r:.20}')
    if not (_are_lengths(shape) and len(shape) <= MOST_AXES):
        raise ValueError(f'array "{name:.80}" has no shape')
    if not (_are_lengths(place) and len(place) == 2):
        raise ValueError(f'array "{name:.80}" has no place')
    return TYPES[dtype], tuple(shape), place[0], place[1]


def _are_lengths(value: Json) -> bool:
    return isinstance(value, list) and all(
        type(number) is int and 0 <= number < 1 << 62 for number in value
    )
