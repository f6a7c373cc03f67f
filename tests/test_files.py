"""Model files: what is written comes back, and what is damaged is refused."""

import io
import json
import os
import tracemalloc
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save as save_arrays

import theanets
from theanets.errors import ConfigurationError, ModelFileError
from theanets.models.saving import describe
from theanets.serialization import files
from theanets.serialization import format as container

from .helpers import compilations

X = np.random.default_rng(0).normal(size=(5, 3)).astype("f4")
LAYERS = [3, (4, "prelu"), {"size": 4, "std_w": 0.5, "name": "code"}, "tied", 2]

NETS = {
    "network": lambda: theanets.Network(LAYERS, loss="mae"),
    "regressor": lambda: theanets.Regressor(LAYERS, weighted=True, rng=4),
    "classifier": lambda: theanets.Classifier(LAYERS, loss="hinge"),
    "autoencoder": lambda: theanets.Autoencoder([3, (4, "maxout:2"), "tied"]),
    "two inputs": lambda: theanets.Network(
        [
            {"form": "input", "size": 3, "name": "a"},
            {"form": "input", "size": 3, "name": "b"},
            {"inputs": ["a", "b"], "size": 2, "name": "out"},
        ]
    ),
}


@pytest.fixture
def net():
    return theanets.Classifier([3, 4, 2])


@pytest.fixture
def saved(net, tmp_path):
    path = tmp_path / "model.net"
    net.save(path)
    return path


@pytest.mark.parametrize("kind", NETS)
def test_round_trip(kind, tmp_path):
    net = NETS[kind]()
    net.add_loss("mse", weight=0.5, output_name=net.layers[1].name, target="code")
    net.save(tmp_path / "model")
    again = theanets.load(tmp_path / "model")
    assert type(again) is type(net)
    assert [x.to_spec() for x in again.losses] == [x.to_spec() for x in net.losses]
    assert again._state.topology.key == net._state.topology.key
    data = {"a": X, "b": X} if kind == "two inputs" else X
    for name, value in net.feed_forward(data).items():
        np.testing.assert_array_equal(again.feed_forward(data)[name], value)
    # The seed too: a layer that is added begins alike.
    for model in (net, again):
        model.add_layer(size=3, name="more")
    np.testing.assert_array_equal(again.find("more", "w"), net.find("more", "w"))


@pytest.mark.parametrize("name", ["model", "model.net", "with space.safetensors"])
def test_paths(net, tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net.save(name)
    net.save(tmp_path / name)
    assert os.listdir() == [name]
    np.testing.assert_array_equal(theanets.load(name).predict(X), net.predict(X))


def test_file_objects(net, tmp_path):
    memory = io.BytesIO()
    net.save(memory)
    memory.seek(0)
    np.testing.assert_array_equal(theanets.load(memory).predict(X), net.predict(X))
    with open(tmp_path / "model", "wb") as file:
        net.save(file)
    with open(tmp_path / "model", "rb") as file:
        assert theanets.load(file).predict_proba(X).shape == (5, 2)
    assert (tmp_path / "model").read_bytes() == memory.getvalue()


def test_a_new_file_has_the_usual_permissions(net, tmp_path):
    (tmp_path / "plain").touch()
    net.save(tmp_path / "model")
    usual = (tmp_path / "plain").stat().st_mode
    assert (tmp_path / "model").stat().st_mode == usual
    (tmp_path / "model").chmod(0o600)
    net.save(tmp_path / "model")
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o600


def test_arrays_of_no_axes_and_of_others_orders():
    class Temper(theanets.Layer):
        def setup(self):
            self.add_param("heat", (), lambda rng: np.array(2.0))
            self.add_param("turned", (3, 2), lambda rng: rng.random((2, 3)).T)

        def transform(self, params, inputs):
            return inputs[self.input_name] * params["heat"] + params["turned"].sum()

    net = theanets.Regressor([3, "temper", 2])
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    again = theanets.load(file)
    assert again.find("hid1", "heat").shape == ()
    np.testing.assert_array_equal(again.find("hid1", "turned"), net.find(1, "turned"))


def test_numbers_of_numpy_in_a_description():
    layer = {"size": np.int64(4), "std": np.float32(0.25), "diagonal_w": np.float64(1)}
    net = theanets.Regressor([np.int32(3), layer, (np.uint8(2), "tanh")])
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    np.testing.assert_array_equal(theanets.load(file).predict(X), net.predict(X))


def test_classes_of_ones_own(tmp_path):
    class Doubling(theanets.Layer):
        def __init__(self, *, times=2, **kwargs):
            super().__init__(**kwargs)
            self.times = times

        def transform(self, params, inputs):
            return self.activate(params, self.times * inputs[self.input_name])

    class Cubed(theanets.Activation):
        def transform(self, params, x):
            return x**3

    class Fourth(theanets.Loss):
        def terms(self, outputs, target):
            return (outputs[self.output_name] - target) ** 4

    class Special(theanets.Regressor):
        pass

    layers = [3, {"form": "doubling", "times": 5, "activation": "cubed"}, 2]
    net = Special(layers, loss="fourth")
    net.save(tmp_path / "model")
    again = theanets.load(tmp_path / "model")
    assert type(again) is Special
    assert again.layers[1].times == 5
    assert type(again.losses[0]) is Fourth
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_a_class_that_is_not_there(saved):
    edit(saved, lambda d: d["layers"][1].update(form="doublet"))
    with pytest.raises(ModelFileError, match=r"unknown layer form 'doublet'.*import"):
        theanets.load(saved)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda net: net.add_layer((2, lambda x: x + 1)), 'layer "hid.*a function'),
        (lambda net: net.add_layer((2, jnp.sin)), "a function"),
        (lambda net: net.set_loss(lambda output, target: output), "a function"),
        (lambda net: net.layers[1].given.update(std=object()), "cannot be written"),
    ],
)
def test_what_no_file_can_hold_leaves_the_file_alone(net, saved, break_it, message):
    before = saved.read_bytes()
    break_it(net)
    with pytest.raises(ConfigurationError, match=message):
        net.save(saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]
    with pytest.raises(ConfigurationError):
        net.save(saved.with_name("new"))
    assert os.listdir(saved.parent) == [saved.name]


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_failed_save_leaves_the_file_and_nothing_else(net, saved, step, monkeypatch):
    before = saved.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, step, fail)
    net.find("out", "b").set_value([1, 2])
    with pytest.raises(OSError, match="disk full"):
        net.save(saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_an_interrupted_save_leaves_the_file(net, saved, monkeypatch):
    before = saved.read_bytes()

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        net.save(saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_places_that_cannot_be_written(net, tmp_path):
    with pytest.raises(FileNotFoundError):
        net.save(tmp_path / "nowhere" / "model")
    with pytest.raises(OSError):
        net.save(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_missing_file(tmp_path):
    for load in (theanets.load, theanets.Classifier.load):
        with pytest.raises(FileNotFoundError):
            load(tmp_path / "model")


@pytest.mark.parametrize("part", [0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(saved, part):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ModelFileError, match=r"model\.net.* damaged or no model file"):
        theanets.load(saved)


def header(data):
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\x00" * 100,
        b"\xff" * 100,
        b"PK\x03\x04" + b"x" * 200,
        b"\x80\x04\x95" + b"pickle" * 40,
        header([]),
        header("text"),
        header(b"not json"),
        header(b"\xff\xfe"),
        header({}),
        header({"__metadata__": {}}),
        header({"__metadata__": []}),
        header({"__metadata__": 5}),
        header({"__metadata__": {"theanets": "no json"}}),
        header({"__metadata__": {"theanets": "[]"}}),
        header({"__metadata__": {"theanets": 5}}),
        header({"__metadata__": {"theanets": '{"format": 1}'}, "w": 5}),
    ],
)
def test_garbage(tmp_path, content):
    path = tmp_path / "model.net"
    path.write_bytes(content)
    wrong = "damaged or no model file|is a pickle"
    with pytest.raises(ModelFileError, match=wrong):
        theanets.load(path)
    with pytest.raises(ModelFileError, match=wrong):
        theanets.load(io.BytesIO(content))


def test_a_flipped_bit_of_the_description_is_never_another_error(saved):
    content = bytearray(saved.read_bytes())
    size = int.from_bytes(content[:8], "little")
    refused = 0
    for place in range(8, 8 + size, 7):
        damaged = content.copy()
        damaged[place] ^= 4
        try:
            theanets.load(io.BytesIO(damaged))
        except ModelFileError:
            refused += 1
    assert refused > 10


def test_arrays_of_someone_else(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(save_arrays({"w": X}, metadata={"format": "pt"}))
    with pytest.raises(ModelFileError, match="does not describe a model"):
        theanets.load(path)


def edit(path, change, arrays=lambda held: held):
    """Change what a model file says, as nobody should, and its checksum."""
    description, held = files.read(path)
    change(description)
    path.write_bytes(container.packed(description, arrays(held)))


@pytest.mark.parametrize("version", [container.FORMAT + 1, 99, "2", None, 1.5, 0])
def test_a_newer_format(saved, version):
    text = json.dumps({"format": version})
    saved.write_bytes(save_arrays({}, metadata={"theanets": text}))
    with pytest.raises(ModelFileError, match=r"reads formats up to .* newer theanets"):
        theanets.load(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("layers"),
        lambda d: d.pop("model"),
        lambda d: d.pop("losses"),
        lambda d: d.pop("rng"),
        lambda d: d.pop("floatX"),
        lambda d: d.update(model="Clasifier"),
        lambda d: d.update(model=None),
        lambda d: d.update(floatX="float16"),
        lambda d: d.update(rng="x"),
        lambda d: d.update(epochs="x"),
        lambda d: d.update(layers=None),
        lambda d: d.update(layers=["ab", 3]),
        lambda d: d.update(layers=[[1, 2, 3]]),
        lambda d: d["layers"][1].update(size=-1),
        lambda d: d["layers"][1].update(sizes=4),
        lambda d: d["layers"][1].update(inputs="hid9"),
        lambda d: d["layers"][1].update(activation="rellu"),
        lambda d: d["losses"][0].update(form="ex"),
        lambda d: d["losses"][0].update(weigth=2),
        lambda d: d["losses"][0].update(output_name="nothing"),
        lambda d: d["losses"].append(5),
        lambda d: d.update(losses=[[1, 2]]),
    ],
)
def test_a_description_of_no_model(saved, change):
    edit(saved, change)
    with pytest.raises(ModelFileError, match="a model that cannot be made"):
        theanets.load(saved)


LARGE = [
    {"form": "feedforward"},
    {"form": "lstm"},
    {"form": "bidirectional", "worker": "lstm"},
    {"form": "clockwork", "periods": [1, 2]},
    {"form": "bcrnn", "num_modules": 2},
    {"form": "embedding", "vocabulary": 10**9},
    {"form": "conv1", "filter_size": 10**9},
]


@pytest.mark.parametrize("layer", LARGE, ids=lambda layer: layer["form"])
def test_a_claim_takes_no_memory(layer):
    """A few bytes can describe a layer of any size; its arrays have to be there."""
    first = {"form": "input", "name": "in", "shape": [None, 3]}
    if layer["form"] == "embedding":
        first["shape"] = [None]
    claimed = {**layer, "size": 4 * 10**9, "name": "hid1", "inputs": ["in:out"]}
    description = describe(theanets.recurrent.Regressor([3, 2])._state)
    content = container.packed(description | {"layers": [first, claimed]}, {})
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match="not those that it needs"):
            theanets.load(content)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1 << 20


SLOW = [
    ((None, 1), {"form": "pool1", "pool_size": 1024, "stride": 1}),
    ((2000, 2000, 1), {"form": "pool2", "pool_size": 32, "stride": 1, "mode": "mean"}),
    ((None, 1), {"form": "conv1", "size": 1, "filter_size": 3000}),
    ((9000, 1, 1), {"form": "conv2", "size": 1, "filter_size": (3000, 1)}),
]


@pytest.mark.parametrize(("shape", "layer"), SLOW)
def test_what_takes_many_steps_to_compute_takes_few_to_load(shape, layer, monkeypatch):
    """Neither slices for each cell of a window are traced, nor those of a filter."""
    from theanets.layers import convolution, pooling

    for place, name in ((pooling, "_values"), (convolution, "correlate")):
        monkeypatch.delattr(place, name)
    content = io.BytesIO()
    theanets.Network([shape, layer, {**layer, "name": "out"}]).save(content)
    assert theanets.load(content.getvalue()).layers[-1].form == layer["form"]


def test_loading_compiles_and_draws_nothing(saved, monkeypatch):
    monkeypatch.setattr(theanets.Layer, "initial_values", None)
    with compilations() as compiled:
        theanets.load(saved)
    assert not compiled


@pytest.mark.parametrize(
    "arrays",
    [
        lambda held: {},
        lambda held: {**held, "more.w": X},
        lambda held: {**held, "hid1.w": X},
        lambda held: {k: v for k, v in held.items() if k != "out.b"},
    ],
)
def test_arrays_that_are_not_the_models(saved, arrays):
    edit(saved, lambda d: None, arrays)
    with pytest.raises(ModelFileError, match=r"arrays .* are not those"):
        theanets.load(saved)


def test_a_file_of_another_model(saved):
    with pytest.raises(ModelFileError, match=r"holds a Classifier, not a Regressor"):
        theanets.Regressor.load(saved)
    assert isinstance(theanets.Network.load(saved), theanets.Classifier)


def test_training_goes_on_after_loading(tmp_path):
    """Stopping, saving, loading and going on is as never having stopped."""
    y = (X[:, :2] > 0) * 1.0
    options = {"algo": "sgd", "batch_size": 2, "progress": False, "hidden_noise": 0.1}
    whole = theanets.Regressor([3, 4, 2])
    whole.train([X, y], max_epochs=2, **options)
    first = theanets.Regressor([3, 4, 2])
    first.train([X, y], max_epochs=2, **options)
    first.save(tmp_path / "model")
    again = theanets.load(tmp_path / "model")
    whole.train([X, y], max_epochs=2, **options)
    again.train([X, y], max_epochs=2, **options)
    np.testing.assert_array_equal(again.find("hid1", "w"), whole.find("hid1", "w"))


DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize("number", range(1, container.FORMAT + 1))
def test_a_file_of_every_format_stays_loadable(number):
    net = theanets.load(DATA / f"format-{number}.safetensors")
    assert [layer.name for layer in net.layers] == ["in", "hid1", "hid2", "code", "out"]
    x = np.linspace(-1, 1, 10, dtype="f4").reshape(2, 5)
    expected = [[0.26817065, 0.1714514, 0.56037796], [0.25212824, 0.2460462, 0.5018255]]
    np.testing.assert_allclose(net.predict_proba(x), expected, rtol=1e-5)
    assert net.history.epochs == 3


def test_bytes(net, saved):
    content = saved.read_bytes()
    for kind in (bytes, bytearray, memoryview):
        again = theanets.load(kind(content))
        np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_a_file_object_that_takes_and_gives_a_part_at_a_time(net, saved):
    read, write = os.pipe()
    with os.fdopen(read, "rb") as source, os.fdopen(write, "wb", 0) as target:
        net.save(target)
        target.close()
        assert source.read() == saved.read_bytes()
    slow = io.BytesIO()

    class Slow(io.RawIOBase):
        def write(self, data):
            return slow.write(data[:7])

    net.save(Slow())
    assert slow.getvalue() == saved.read_bytes()


def test_a_file_object_that_takes_nothing(net):
    class Full(io.RawIOBase):
        def write(self, data):
            return None

    with pytest.raises(BlockingIOError, match="takes no more bytes"):
        net.save(Full())


def test_older_files_are_kept(tmp_path):
    for number in range(5):
        files.write(tmp_path / "run.net", {"number": number}, {}, keep=3)
    found = {x.name: files.read(x)[0]["number"] for x in tmp_path.iterdir()}
    assert found == {"run.net": 4, "run.net.1": 3, "run.net.2": 2, "run.net.3": 1}
    # A gap is filled before the oldest is lost.
    (tmp_path / "run.net.2").unlink()
    files.write(tmp_path / "run.net", {"number": 5}, {}, keep=3)
    found = {x.name: files.read(x)[0]["number"] for x in tmp_path.iterdir()}
    assert found == {"run.net": 5, "run.net.1": 4, "run.net.2": 3, "run.net.3": 1}
    files.write(tmp_path / "run.net", {"number": 6}, {})
    assert len(os.listdir(tmp_path)) == 4


def test_older_files_of_a_model(net, saved):
    before = saved.read_bytes()
    net.find("out", "b").set_value([1, 2])
    net.save(saved, keep=1)
    assert saved.with_name("model.net.1").read_bytes() == before != saved.read_bytes()


def test_links_stay_links(net, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "model")
    for _ in range(2):
        net.save(tmp_path / "link", keep=1)
        assert (tmp_path / "link").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]
    assert sorted(os.listdir(tmp_path / "real")) == ["model", "model.1"]
    assert theanets.load(tmp_path / "link").predict(X).shape == (5,)


def test_what_is_no_file_is_not_replaced(net):
    net.save(os.devnull)
    assert not Path(os.devnull).is_file()


def test_long_and_strange_names(net, tmp_path):
    for name in ("x" * 255, "ä" * 127, "a[b]*?", " "):
        for _ in range(2):
            net.save(tmp_path / name)
    assert len(os.listdir(tmp_path)) == 4


def test_what_killed_processes_left_is_removed(net, saved):
    folder = saved.parent
    stale, mine = ".model.net.0123456789abcdef.tmp", ".model.net.abcdef0123456789.tmp"
    others = [
        ".model.net.0123456789abcdeg.tmp",
        ".model.net.0123456789abcdef0.tmp",
        ".model.net.mine.tmp",
        ".model.net.safetensors.0123456789abcdef.tmp",
        ".other.tmp",
    ]
    for name in (stale, mine, *others):
        (folder / name).touch()
    for name in (stale, *others):
        os.utime(folder / name, (1, 1))
    net.save(saved)
    assert sorted(os.listdir(folder)) == sorted([mine, *others, "model.net"])


def test_what_a_training_adds_is_no_part_of_the_model(net, tmp_path):
    """A model and the state of its training can share a file."""
    description, arrays = (
        {**describe(net._state), "training": {"epoch": 3}},
        dict(net._state.arrays),
    )
    arrays["training/momentum/out.w"] = np.ones((4, 2))
    files.write(tmp_path / "model", description, arrays)
    again = theanets.load(tmp_path / "model")
    assert again._state.arrays.keys() == net._state.arrays.keys()
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    again, held = files.read(tmp_path / "model")
    assert again == description
    np.testing.assert_array_equal(held["training/momentum/out.w"], np.ones((4, 2)))
