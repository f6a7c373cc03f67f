"""Model files: what is written comes back, and what is damaged is refused."""

import io
import json
import os

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save as save_arrays

import theanets
from theanets import files
from theanets.errors import ConfigurationError, ModelFileError

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
    assert again._topology.key == net._topology.key
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
        header({"__metadata__": {"theanets": "{}"}, "w": 5}),
    ],
)
def test_garbage(tmp_path, content):
    path = tmp_path / "model.net"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged or no model file"):
        theanets.load(path)
    with pytest.raises(ModelFileError, match="damaged or no model file"):
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
    """Change what a model file says, as nobody should."""
    description, held = files.read(path)
    change(description)
    text = json.dumps({"format": files.FORMAT, **description})
    path.write_bytes(save_arrays(arrays(held), metadata={"theanets": text}))


@pytest.mark.parametrize("version", [files.FORMAT + 1, 99, "2", None, 1.5])
def test_a_newer_format(saved, version):
    edit(saved, lambda d: d.update(format=version))
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
    with pytest.raises(ModelFileError, match="arrays of the file are not those"):
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
