"""A damaged or hostile file is refused, or gives a network that it really holds.

Every example is made by the generator of its number, so that one that fails can be made
again. What was damaged by chance must be refused, or give the very network that was
saved; a stranger can make the checksum right again, and then may get any network that
fits into the file. Nothing may run code, touch the disk, compile a program, or take
more than a second or 64 MB more than the file.
"""

import contextlib
import io
import json
import os
import random
import resource
import struct
import sys
import time
import tracemalloc
from copy import deepcopy

import jax
import numpy as np
import pytest

import theanets
from theanets import activations, losses
from theanets.errors import ModelFileError
from theanets.layers import FORMS
from theanets.models.kinds import MODELS
from theanets.models.saving import describe
from theanets.serialization import format as container

from ..helpers import compilations

EXAMPLES = {"ci": 400, "nightly": 20_000}[os.environ.get("HYPOTHESIS_PROFILE", "ci")]
PARTS = 8
SECONDS = 1.0
MEMORY = 64 << 20

FORBIDDEN = {
    "open", "exec", "import", "compile", "code.__new__", "os.", "subprocess.Popen",
    "socket.", "ctypes.", "shutil.", "tempfile.", "pickle.find_class", "marshal.",
    "glob.glob", "cpython.run_", "sys.addaudithook",
}  # fmt: skip

seen: list[str] | None = None
"""What was done that loading must not do, while somebody watches."""


def _watch(event, args):
    if seen is None or not any(event.startswith(name) for name in FORBIDDEN):
        return
    # An error in a trace lets JAX look at the stack, and Python at the lines there.
    if event == "open" and str(args[0]).endswith(".py") and args[1] in ("r", "rb"):
        return
    seen.append(f"{event} {args!r:.200}")


sys.addaudithook(_watch)


@contextlib.contextmanager
def watched():
    global seen
    seen = found = []
    try:
        yield found
    finally:
        seen = None


def bfloat16():
    theanets.config.floatX = "bfloat16"
    try:
        return theanets.Regressor([3, (4, "elu+tanh"), 2], loss="mae")
    finally:
        theanets.config.floatX = "float32"


NETS = {
    "classifier": lambda: theanets.Classifier(
        [4, (5, "prelu"), "batchnorm", {"form": "dropout", "level": 0.1}, 3]
    ),
    "images": lambda: theanets.convolution.Classifier(
        [
            (8, 8, 1),
            {"form": "conv2", "size": 2, "filter_size": 3},
            {"form": "pool2", "pool_size": 2},
            "flat",
            3,
        ]
    ),
    "sequences": lambda: theanets.recurrent.Classifier(
        [
            3,
            (4, "lstm"),
            {"form": "clockwork", "size": 4, "periods": [1, 2]},
            {"form": "bidirectional", "worker": "gru", "size": 4},
            2,
        ]
    ),
    "autoencoder": lambda: theanets.Autoencoder([3, (4, "maxout:2"), "tied"]),
    "short numbers": bfloat16,
    "embedding": lambda: theanets.Regressor(
        [
            (5,),
            {"form": "embedding", "vocabulary": 7, "size": 2},
            "flat",
            "layernorm",
            2,
        ]
    ),
}

HOSTILE = [
    None, True, False, -1, 0, 1, 2, 3, 7, 1023, 4097, 10**6, 2**31, 2**63, 10**9,
    10**18, 10**60, 10**63, 10**70, 0.5, -0.0, 1e-320, 1e308, -1e308, float("nan"),
    float("inf"), "", "a", "x" * 1000, "x" * 100_000, "\0", "\ud800",
    "../../../etc/passwd", "[", "{}", "os.system", "__import__('os')", "function",
    "custom", "in", "out", "hid1:pre", "in:", "relu+" * 40 + "relu",
    "prelu+" * 30 + "elu", "maxout:1000000000", "maxout:" + "9" * 5000, "leak:1e999",
    "leak:nan", "norm:z", "float64", "bfloat16", "float16", [], [[]], {}, [10**9] * 3,
    [1] * 1000, [None, 3], [None] * 40, [-1, 2], [0], ["in", "in"], ["in:out"],
    {"form": "dropout"}, {"form": {"form": {}}}, [[[[[[[[[[]]]]]]]]]], [{}] * 50,
    {"a" * 100: 1}, {"cls": 1}, {"self": 1, "form": "mse"}, {"given": {}},
    {"rng": 10**60},
]  # fmt: skip
LITERALS = [
    "NaN", "-Infinity", "1e999", "-0", "0x10", "1_000", "'a'", "//", "\ufeff1",
    "[" * 40_000, "9" * 64, "9" * 5000, "[" * 70 + "]" * 70, "[" * 500 + "]" * 500,
    '{"a":1,"a":2}', '{"a":' * 70 + "1" + "}" * 70, "[" + "[]," * 70_000 + "1]",
    '"' + "x" * 500_000 + '"', "[" + "1," * 300_000 + "1]",
    "[" + "0.5," * 300_000 + "1]", '["ab' + '","ab' * 200_000 + '"]',
]  # fmt: skip
KEYS = [
    "form", "size", "shape", "name", "inputs", "activation", "partner", "worker",
    "periods", "filter_size", "pool_size", "stride", "border_mode", "vocabulary",
    "factors", "rate", "bptt_limit", "h_0", "mask", "direction", "ndim", "sparse",
    "num_modules", "level", "context_size", "momentum", "eps", "std", "init", "mean_b",
    "diagonal", "radius", "weight", "output_name", "target", "weighted", "training",
    "self", "cls", "given", "function", "__class__", "rng", "rng_w",
]  # fmt: skip


def names(rng):
    """Return something from the registries."""
    return rng.choice([*FORMS, *activations.REGISTRY, *losses.REGISTRY, *MODELS])


# Damage by chance: the checksum is as it was.


def flip(rng, content):
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        bit = rng.randrange(8 * len(content))
        content[bit // 8] ^= 1 << bit % 8


def truncate(rng, content):
    del content[rng.randrange(len(content)) :]


def extend(rng, content):
    content += rng.randbytes(rng.choice([1, 8, 1000]))


def erase(rng, content):
    begin = rng.randrange(len(content))
    part = content[begin : begin + rng.choice([1, 4, 16, 512])]
    content[begin : begin + len(part)] = bytes([rng.choice([0, 32, 255])]) * len(part)


def lose(rng, content):
    begin = rng.randrange(len(content))
    del content[begin : begin + rng.choice([1, 4, 8, 64])]


def insert(rng, content):
    begin = rng.randrange(len(content))
    content[begin:begin] = rng.choice([b"[", b"{", b'"', b"0", b"\\", rng.randbytes(8)])


def swap(rng, content):
    size = rng.choice([1, 4, 32])
    a, b = rng.sample(range(0, len(content) - size, size), 2)
    content[a : a + size], content[b : b + size] = (
        content[b : b + size],
        content[a : a + size],
    )


def lie_of_length(rng, content):
    size = int.from_bytes(content[:8], "little")
    lie = rng.choice(
        [0, 1, size - 1, size + 1, size + 8, len(content), 2**31, 2**63, 2**64 - 1]
    )
    content[:8] = struct.pack("<Q", lie)


def other_digit(rng, content):
    """Change a number of the header, such as a length or an offset."""
    digits = b"0123456789"
    places = [i for i, byte in enumerate(content[:2000]) if byte in digits]
    content[rng.choice(places)] = rng.choice(digits)


def join(rng, content):
    other = FILES[rng.choice(list(FILES))][0]
    cut = rng.randrange(len(content))
    content[cut:] = other[rng.choice([cut, 0]) :]


CHANCE = [flip, flip, truncate, extend, erase, lose, insert, swap, lie_of_length]
CHANCE += [other_digit, join]


# Malice: the checksum is made right again.


def places(value, found=None):
    """Return (container, key) of every value within a JSON value."""
    found = [] if found is None else found
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        found.append((value, key))
        if isinstance(inner, dict | list):
            places(inner, found)
    return found


def hostile_value(rng, description, arrays):
    inside, key = rng.choice(places(description))
    inside[key] = names(rng) if rng.random() < 0.3 else deepcopy(rng.choice(HOSTILE))


def hostile_key(rng, description, arrays):
    dicts = [description, *description["layers"], *description["losses"]]
    inside = rng.choice([x for x in dicts if isinstance(x, dict)])
    inside[rng.choice(KEYS)] = deepcopy(rng.choice([*HOSTILE, names(rng)]))


def lost_value(rng, description, arrays):
    inside, key = rng.choice(places(description))
    del inside[key]


def swapped_values(rng, description, arrays):
    (a, i), (b, j) = rng.choices(places(description), k=2)
    a[i], b[j] = deepcopy(b[j]), deepcopy(a[i])


def more_layers(rng, description, arrays):
    specs = description[rng.choice(["layers", "layers", "layers", "losses"])]
    entry = rng.choice([rng.choice(specs), {"form": "dropout", "level": 0.1}])
    # The entry may be hostile itself, and long.
    most = 1 + 2_000_000 // len(json.dumps(entry))
    for number in range(min(most, rng.choice([1, 2, 70, 1000, 20_000]))):
        named = {"name": f"more{number}"} if "name" in entry else {}
        specs.append({**entry, **named} if isinstance(entry, dict) else entry)


def same_layers(rng, description, arrays):
    form = rng.choice(list(FORMS))
    size = rng.choice([1, 2, 4, 10**9])
    description["layers"].append({"form": form, "size": size, "name": "last"})


def other_array(rng, description, arrays):
    if not arrays:
        return
    name = rng.choice(list(arrays))
    array = arrays[name]
    change = rng.randrange(7)
    if change == 0:
        del arrays[name]
    elif change == 1:
        arrays[rng.choice(["", "training/x", "hid1.w", "more.w", "\0"])] = array
    elif change == 2:
        arrays[name] = array.reshape(-1)
    elif change == 3:
        arrays[name] = array.astype(rng.choice(["f2", "f8", "i1", "?", "u8"]))
    elif change == 4:
        arrays[name] = np.zeros(rng.choice([(), (0,), (0, 5), (1, 1, 1)]), "f4")
    elif change == 5:
        arrays[name] = np.full_like(array, rng.choice([np.nan, np.inf, 1e38]))
    else:
        other = rng.choice(list(arrays))
        arrays[name], arrays[other] = arrays[other], array


MALICE = [hostile_value, hostile_value, hostile_value, hostile_key, hostile_key]
MALICE += [lost_value, swapped_values, more_layers, same_layers, other_array]


def hostile_text(rng, text):
    """Change the JSON in ways that no writer of JSON would."""
    digits = [i for i in range(90, len(text)) if text[i].isdigit()]
    place = rng.choice(digits)
    return text[:place] + rng.choice(LITERALS) + text[place + 1 :]


def sealed(text, arrays):
    """Return a file with a right checksum, made without the library's own checks."""
    held = {name: np.asarray(array) for name, array in arrays.items()}
    text = text[:12] + container._checksum(text, held) + text[76:]
    header, buffer = {"__metadata__": {"theanets": text}}, b""
    for name, array in held.items():
        begin, buffer = len(buffer), buffer + array.tobytes()
        header[name] = {
            "dtype": container._NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [begin, len(buffer)],
        }
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + buffer


def by_chance(rng, content):
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 3])):
        if len(damaged) > 100:
            rng.choice(CHANCE)(rng, damaged)
    return bytes(damaged)


def by_malice(rng, content):
    description, arrays = container.unpacked(content)
    for _ in range(rng.choice([1, 1, 2, 4])):
        # A second change may find nothing left where the first has been.
        with contextlib.suppress(LookupError, TypeError, AttributeError):
            rng.choice(MALICE)(rng, description, arrays)
    first = {"sha256": "0" * 64, "format": container.FORMAT}
    text = json.dumps({**first, **description})
    return sealed(hostile_text(rng, text) if rng.random() < 0.2 else text, arrays)


def contents(net):
    values = {name: np.asarray(value) for name, value in net._state.arrays.items()}
    said = json.dumps(describe(net._state), sort_keys=True)
    return said, {n: (v.shape, v.dtype, v.tobytes()) for n, v in values.items()}


def written(net):
    file = io.BytesIO()
    net.save(file)
    return file.getvalue()


FILES = {}
"""By name: the bytes of a file, and what its network is."""


@pytest.fixture(scope="module", autouse=True)
def files():
    if not FILES:
        for name, make in NETS.items():
            net = make()
            FILES[name] = written(net), contents(net)
    # What is imported or compiled at first use is not the file's doing.
    for content, _ in FILES.values():
        theanets.load(content)
        with contextlib.suppress(ModelFileError):
            theanets.load(content.replace(b"0", b"1"))
    yield
    # A file may ask for float64, and JAX then computes so from there on.
    jax.config.update("jax_enable_x64", False)


def load(content):
    """Return the network or None, and the processor's time that it took."""
    begin = time.process_time()
    try:
        return theanets.load(content), time.process_time() - begin
    except ModelFileError as error:
        assert len(str(error)) < 5000
        return None, time.process_time() - begin


def check(number):
    rng = random.Random(number)
    content, expected = FILES[rng.choice(list(FILES))]
    malice = rng.random() < 0.6
    damaged = (by_malice if malice else by_chance)(rng, content)
    jax.config.update("jax_enable_x64", False)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    with watched() as done:
        net, seconds = load(damaged)
    memory = tracemalloc.get_traced_memory()[1] - before
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident)
    memory = max(memory, grown) - len(damaged)
    assert not done
    assert memory < MEMORY
    if seconds > SECONDS:
        tracemalloc.stop()
        seconds = min(load(damaged)[1] for _ in range(2))
        tracemalloc.start()
    assert seconds < SECONDS
    if net is not None and malice:
        held = sum(np.asarray(value).nbytes for value in net._state.arrays.values())
        assert held <= len(damaged)
    elif net is not None:
        assert contents(net) == expected
    return net is not None, malice, seconds, memory


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_files(part, record_property):
    results = []
    tracemalloc.start()
    try:
        with compilations() as compiled:
            for number in range(part, EXAMPLES, PARTS):
                try:
                    results.append(check(number))
                except BaseException as error:
                    error.add_note(f"example {number}")
                    raise
    finally:
        tracemalloc.stop()
    assert not compiled
    taken, malice, seconds, memory = zip(*results, strict=True)
    record_property("loaded", sum(taken))
    print(
        f"{len(results)} files, {sum(malice)} of them sealed, {sum(taken)} loaded; "
        f"slowest {max(seconds):.3f} s, most memory {max(memory) / 2**20:.1f} MB"
    )
    assert not all(taken)
    assert any(taken)
