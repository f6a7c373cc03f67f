"""The bytes of a file: any array comes back, and nothing else is ever read."""

import hashlib
import json
import struct

import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from theanets.errors import ConfigurationError, ModelFileError
from theanets.serialization import format as container
from theanets.serialization.format import packed, unpacked

TYPES = ["?", *(f"{kind}{n}" for kind in "iu" for n in (1, 2, 4, 8)), "f2", "f4", "f8"]
DESCRIPTION = {"a": [1, 2.5, None, True], "ü": {"b": "\ud800\0\u2028"}}


def same(a, b):
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


@pytest.mark.parametrize("dtype", [*TYPES, jnp.bfloat16, ">f4", ">i8"])
@pytest.mark.parametrize("shape", [(), (3,), (0,), (2, 0, 3), (2, 3, 4), (1,) * 30])
def test_every_type_and_shape(dtype, shape):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 200, size=shape).astype(dtype)
    description, arrays = unpacked(packed(DESCRIPTION, {"x": array, "": array.T}))
    assert description == DESCRIPTION
    assert list(arrays) == ["", "x"]
    for name, expected in (("x", array), ("", array.T)):
        assert same(
            arrays[name],
            np.ascontiguousarray(expected)
            .reshape(shape[::-1] if name == "" else shape)
            .astype(array.dtype.newbyteorder("<")),
        )


@given(
    st.dictionaries(
        st.text(max_size=9),
        npst.arrays(st.sampled_from(TYPES), npst.array_shapes(min_dims=0, min_side=0)),
        max_size=6,
    )
)
def test_any_names_and_arrays(arrays):
    content = packed({}, arrays)
    assert content == packed({}, dict(reversed(arrays.items())))
    _, found = unpacked(content)
    assert found.keys() == arrays.keys()
    assert all(same(found[name], arrays[name]) for name in arrays)
    # The library that others use reads the same.
    assert all(same(x, arrays[n]) for n, x in safetensors.numpy.load(content).items())


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros(2, "c8")}, 'array "x" has 1 axes and the type complex64'),
        ({"x": np.array(["text"])}, "type <U4"),
        ({"x": np.array([object()])}, "type object"),
        ({"x": np.zeros((1,) * 33)}, "33 axes"),
        ({"__metadata__": np.zeros(2)}, "'__metadata__', which no file can hold"),
        ({"\ud800": np.zeros(2)}, "no file can hold"),
        ({f"{i:0200}": np.zeros(0) for i in range(10_000)}, "holds at most 2097152"),
    ],
)
def test_arrays_that_no_file_can_hold(arrays, message):
    with pytest.raises(ConfigurationError, match=message):
        packed({}, arrays)


def deep(levels):
    return {} if not levels else {"a": deep(levels - 1)}


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"a": {1, 2}}, "set is not JSON"),
        ({"a": float("nan")}, "not JSON compliant"),
        ({"a": float("inf")}, "not JSON compliant"),
        ({"a": 10**64}, "more than 64 digits"),
        ({"a": deep(64)}, "more than 64 levels deep"),
        ({"a": [[]] * 70_000}, "more than 65536 objects"),
        ({"a": "x" * (2 << 20)}, "longer than 2097152"),
        ({"a": {1: 2, "1": 3}}, "a key twice"),
    ],
)
def test_descriptions_that_no_file_can_hold(description, message):
    with pytest.raises(ConfigurationError, match=message):
        packed(description, {})


def test_one_bit_is_enough_to_be_refused_or_changes_nothing():
    arrays = {"w": np.arange(6, dtype="f4").reshape(2, 3), "n": np.array(7)}
    content = packed({"size": 3}, arrays)
    refused = 0
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            description, found = unpacked(bytes(damaged))
        except ModelFileError:
            refused += 1
            continue
        assert description == {"size": 3}
        assert found.keys() == arrays.keys()
        assert all(same(found[name], arrays[name]) for name in arrays)
    assert refused > 0.95 * 8 * len(content)


@pytest.mark.parametrize("change", ["text", "name", "type", "shape", "number"])
def test_the_checksum_is_over_everything(change):
    arrays = {"w": np.arange(6, dtype="f4").reshape(2, 3), "v": np.zeros(3, "f4")}
    content = packed({"size": 3}, arrays)
    old, new = {
        "text": (b'\\"size\\": 3', b'\\"size\\": 4'),
        "name": (b'"v":{', b'"u":{'),
        "type": (b'"F32"', b'"I32"'),
        "shape": (b"[2,3]", b"[3,2]"),
        "number": (np.float32(5).tobytes(), np.float32(6).tobytes()),
    }[change]
    assert old in content
    with pytest.raises(ModelFileError, match="agree with its checksum"):
        unpacked(content.replace(old, new))


def test_the_checksum_cannot_be_left_out():
    text = json.dumps({"format": container.FORMAT})
    content = safetensors.numpy.save({}, metadata={"theanets": text})
    with pytest.raises(ModelFileError, match="not begin with a checksum"):
        unpacked(content)


def test_the_first_format_has_none_and_may_name_infinity():
    text = '{"format": 1, "least": -Infinity}'
    content = safetensors.numpy.save({}, metadata={"theanets": text})
    assert unpacked(content) == ({"least": -np.inf}, {})


def file_of(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


ABOUT = {"theanets": '{"format": 1}'}
HUGE = 1 << 61


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "too early"),
        (b"\0" * 7, "too early"),
        (struct.pack("<Q", 100) + b"{}", "too early"),
        (struct.pack("<Q", 1 << 63), "does not begin as model files do"),
        (b"\x80\x04\x95pickle" * 20, "is a pickle, as the original"),
        (b"some text\n" * 20, "does not begin as model files do"),
        (file_of(b"[" * 1_000_000), "objects and lists"),
        (file_of(b"[" * 60_000), "recursion|nested|levels"),
        (file_of(b'{"a":' * 200 + b"1" + b"}" * 200), "levels deep"),
        (file_of({"__metadata__": ABOUT, "w": entry(offsets=(0, 9))}, b"x" * 9), "be"),
        (file_of({"__metadata__": ABOUT, "w": entry()}, b"x" * 7), "ends before"),
        (file_of({"__metadata__": ABOUT, "w": entry()}, b"x" * 9), "after its last"),
        (file_of({"__metadata__": ABOUT, "w": entry("F8")}, b"x" * 8), "type 'F8'"),
        (file_of({"__metadata__": ABOUT, "w": entry([])}, b"x" * 8), "unknown type"),
        (file_of({"__metadata__": ABOUT, "w": entry(shape=(-2, -1))}), "no shape"),
        (file_of({"__metadata__": ABOUT, "w": entry(shape=(True, 2))}), "no shape"),
        (file_of({"__metadata__": ABOUT, "w": entry(shape=2)}), "no shape"),
        (file_of({"__metadata__": ABOUT, "w": entry(shape=[1] * 33)}), "no shape"),
        (file_of({"__metadata__": ABOUT, "w": entry(offsets=(0, 8, 8))}), "no place"),
        (file_of({"__metadata__": ABOUT, "w": entry(offsets=(8, 0))}), "where it sh"),
        (file_of({"__metadata__": ABOUT, "w": entry() | {"x": 1}}), "not described"),
        (file_of({"__metadata__": ABOUT, "w": {}}), "not described"),
        (
            file_of(
                {"__metadata__": ABOUT, "w": entry(shape=[HUGE], offsets=(0, 4 * HUGE))}
            ),
            "no place",
        ),
        (
            file_of(
                {
                    "__metadata__": ABOUT,
                    "w": entry(shape=[1 << 59], offsets=(0, 1 << 61)),
                }
            ),
            "ends before",
        ),
        (
            file_of(
                {
                    "__metadata__": ABOUT,
                    "w": entry(shape=[0, HUGE, HUGE], offsets=(0, 0)),
                }
            ),
            "damaged",
        ),
        (
            file_of({"__metadata__": ABOUT, "v": entry(), "w": entry()}, b"x" * 8),
            "not where it should be",
        ),
        (
            file_of({"__metadata__": ABOUT, "w": entry(offsets=(8, 16))}, b"x" * 16),
            "not where it should be",
        ),
        (file_of({"__metadata__": {"theanets": '{"a": 1, "a": 2}'}}), "key twice"),
        (file_of(b'{"w": 1, "w": 2}'), "a key twice"),
        (file_of({"__metadata__": {"theanets": '{"a": NaN}'}}), "NaN, which is not"),
        (file_of({"__metadata__": {"theanets": '{"a": 1e999}'}}), "1e999, which is"),
        (file_of({"__metadata__": {"theanets": '{"a": ' + "9" * 65}}), "64 digits"),
        (file_of({"__metadata__": {"theanets": "[" * 60_000}}), "recursion|nested"),
        (file_of({"__metadata__": {"theanets": ABOUT}}), "is not text"),
        (file_of('{"__metadata__"'.encode("utf-16")), "damaged"),
    ],
)
def test_lies(content, message):
    with pytest.raises(ModelFileError, match=message):
        unpacked(content)


def test_the_checksum_by_hand():
    """What the document says of it, in its words."""
    content = packed({"size": 3}, {"w": np.ones((1, 2), "f4"), "n": np.array(7, "u1")})
    size = int.from_bytes(content[:8], "little")
    text = json.loads(content[8 : 8 + size])["__metadata__"]["theanets"]
    parts = [text[:12] + "0" * 64 + text[76:], "n", "U8", "", b"\7"]
    parts += ["w", "F32", "1,2", np.ones(2, "<f4").tobytes()]
    joined = b"".join(
        struct.pack("<Q", len(part))
        + (part if isinstance(part, bytes) else part.encode())
        for part in parts
    )
    assert text[12:76] == hashlib.sha256(joined).hexdigest()
