"""docs/file-format.md, followed by a reader that knows nothing else."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest

import theanets
from theanets.errors import ModelFileError
from theanets.models import saving
from theanets.serialization import format as container

PAGE = (Path(__file__).parents[1] / "docs" / "file-format.md").read_text()
TYPES = {
    "BOOL": "?", "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "I8": "i1",
    "I16": "<i2", "I32": "<i4", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip


def read(content):
    """Return the description and the arrays of a file, checked."""
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size].decode("utf-8"))
    text = header.pop("__metadata__")["theanets"]
    parts = [(text[:12] + 64 * "0" + text[76:]).encode("utf-8")]
    arrays, used = {}, 0
    for name in sorted(header):
        begin, end = header[name]["data_offsets"]
        numbers = content[8 + size + begin : 8 + size + end]
        dtype, shape = header[name]["dtype"], header[name]["shape"]
        parts += [name.encode("utf-8"), dtype.encode()]
        parts += [",".join(map(str, shape)).encode(), numbers]
        used += end - begin
        if dtype == "BF16":
            upper = np.frombuffer(numbers, "<u2").astype("<u4") << 16
            arrays[name] = upper.view("<f4").reshape(shape)
        else:
            arrays[name] = np.frombuffer(numbers, TYPES[dtype]).reshape(shape)
    assert 8 + size + used == len(content)
    total = hashlib.sha256()
    for part in parts:
        total.update(struct.pack("<Q", len(part)) + part)
    description = json.loads(text)
    assert text.startswith('{"sha256": "')
    assert description["sha256"] == total.hexdigest()
    return description, arrays


def test_any_array_is_found_as_the_page_says():
    rng = np.random.default_rng(0)
    arrays = {
        f"ä{number}": rng.integers(0, 2, size=(3, 0, 2)[number % 3 :]).astype(dtype)
        for number, dtype in enumerate(TYPES.values())
    }
    description, found = read(container.packed({"rng": 3}, arrays))
    assert description["rng"] == 3
    assert description["format"] == 2
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("floatX", ["float32", "bfloat16"])
def test_a_model_is_found_as_the_page_says(tmp_path, monkeypatch, floatX):
    monkeypatch.setattr(theanets.config, "floatX", floatX)
    worker = {"form": "bidirectional", "size": 4, "name": "both"}
    net = theanets.recurrent.Classifier([3, worker, 2], rng=5)
    net.save(tmp_path / "model")
    description, arrays = read((tmp_path / "model").read_bytes())
    assert description["model"] == "recurrent.Classifier"
    assert [layer["name"] for layer in description["layers"]] == ["in", "both", "out"]
    assert description["layers"][2]["inputs"] == ["both:out"]
    assert [loss["form"] for loss in description["losses"]] == ["xe"]
    assert (description["rng"], description["epochs"]) == (5, 0)
    assert description["floatX"] == floatX
    assert "both_fw.xh" in arrays
    assert arrays.keys() == net._state.arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, np.asarray(net._state.arrays[name], "f4"))


def test_the_file_that_stays_is_as_the_page_says():
    kept = Path(__file__).parent / "data" / "format-2.safetensors"
    description, arrays = read(kept.read_bytes())
    assert description["format"] == 2
    assert arrays["code.w"].shape == (4, 4)


def test_the_bounds_on_the_page_are_those_of_the_reader():
    page = " ".join(PAGE.split())
    for words in (
        f"at most {container.MOST_BYTES:,} ".replace(",", " "),
        f"at most {container.MOST_NESTED:,} objects".replace(",", " "),
        f"at most {container.MOST_DEEP} levels",
        f"at most {container.MOST_DIGITS} digits",
        f"axes, up to {container.MOST_AXES};",
        f"at most {saving._FREE} layers, and four more for each array before",
        f"| `format` | the version of this format: {container.FORMAT} |",
    ):
        assert words in page
    assert all(f"`{name}`" in page for name in container.TYPES)


@pytest.mark.parametrize("what", ["layers", "losses"])
def test_what_takes_time_and_no_bytes_is_bounded(what):
    """A model of more is refused when it is saved, as it would be when read."""
    net = theanets.Regressor([3, 2])
    for number in range(80):
        if what == "layers":
            net.add_layer(form="dropout", level=0.1, name=f"more{number}")
        else:
            net.add_loss("mse")
    if what == "losses":
        with pytest.raises(
            theanets.ConfigurationError, match="81 losses, and with 2 l"
        ):
            saving.describe(net._state)
        return
    with pytest.raises(theanets.ConfigurationError, match="layers, and with 2 arrays"):
        saving.describe(net._state)
    arrays = {name: np.asarray(value) for name, value in net._state.arrays.items()}
    specs = [layer.to_spec() for layer in net.layers]
    description = saving.describe(theanets.Regressor([3, 2])._state) | {"layers": specs}
    with pytest.raises(ModelFileError, match="layers, and with 2 arrays"):
        theanets.load(container.packed(description, arrays))
