"""Files of models."""

import io
import json
import pickle
import tempfile
from pathlib import Path

import jax.numpy as jnp
from safetensors.numpy import save as save_arrays

import theanets
from theanets import Classifier, Regressor
from theanets.errors import (
    ConfigurationError,
    ModelFileError,
)
from theanets.serialization import format as container

from .rows import (
    X,
    on,
    train,
)


def a_file(content):
    return lambda: theanets.load(io.BytesIO(content))


def saved():
    """Return the bytes of a model file."""
    file = io.BytesIO()
    Classifier([4, 5, 3]).save(file)
    return file.getvalue()


def edited(change):
    """Return the bytes of a model file whose description was changed by its writer."""
    description, arrays = container.unpacked(saved())
    change(description)
    return container.packed(description, arrays)


def retyped(dtype):
    """Return the bytes of a model file whose numbers are of another type."""
    description, arrays = container.unpacked(saved())
    return container.packed(
        description, {n: a.astype(dtype) for n, a in arrays.items()}
    )


def described(**description):
    """Return a file with this description and no arrays."""
    return save_arrays({}, metadata={"theanets": json.dumps(description)})


def opened(use, mode="rb", close=False):
    """Use a file that is open in this mode, or was."""

    def run():
        with tempfile.TemporaryFile(mode) as file:
            if close:
                file.close()
            use(file)

    return run


def save(file):
    Classifier([4, 3]).save(file)


FILES = {
    "a missing file": (
        lambda: theanets.load("/no/such/model"),
        FileNotFoundError,
        ["/no/such/model"],
    ),
    "an empty file": (a_file(b""), ["ends too early", "copy it again"]),
    "a truncated file": (a_file(saved()[:-10]), ["damaged", "copy it again"]),
    "a truncated description": (a_file(saved()[:50]), ["ends too early"]),
    "another file": (a_file(b"x,y\n" * 99), ["damaged or no model file", "save"]),
    "arrays alone": (
        a_file(save_arrays({"w": X})),
        ["does not describe a model"],
    ),
    "a newer file": (
        a_file(described(format=99)),
        ["format 99", "Install a newer theanets"],
    ),
    "a newer file of the kind with a checksum": (
        a_file(saved().replace(b'format\\": 2', b'format\\": 3')),
        ["format 3", "reads formats up to 2", "Install a newer theanets"],
    ),
    "a changed file": (
        a_file(saved().replace(b'size\\": 5', b'size\\": 6')),
        ["damaged", "does not agree with its checksum", "copy it again"],
    ),
    "an unknown class": (
        a_file(edited(lambda d: d["layers"][1].update(form="feedbackward"))),
        ["unknown layer form 'feedbackward'", "define or import them", "feedforward"],
    ),
    "an unknown class of models": (
        a_file(edited(lambda d: d.update(model="MyNetwork"))),
        ["unknown model 'MyNetwork'", "define or import them"],
    ),
    "an unknown loss": (
        a_file(edited(lambda d: d["losses"][0].update(form="anylossofmine"))),
        ["'anylossofmine'", "define or import them"],
    ),
    "an unknown activation": (
        a_file(edited(lambda d: d["layers"][1].update(activation="mine"))),
        ['"hid1"', "'mine'", "define or import them"],
    ),
    "arrays of another shape": (
        a_file(edited(lambda d: d["layers"][1].update(size=6))),
        ['"hid1"', "not those that it needs", '"hid1.w"', "(4, 6)", "(4, 5)"],
    ),
    "arrays of a layer of any size": (
        a_file(edited(lambda d: d["layers"][1].update(size=10**9))),
        ['"hid1"', "not those that it needs", "1000000000"],
    ),
    "arrays of a narrower type": (
        a_file(retyped("u1")),
        ['the array "hid1.w" as uint8', "holds it as float32", "copy it again"],
    ),
    "arrays of a wider type": (
        a_file(retyped("f8")),
        ["as float64", "holds it as float32"],
    ),
    "more arrays than layers": (
        a_file(
            edited(lambda d: (d["layers"].pop(), d["losses"][0].update(form="mse")))
        ),
        ["not those that its description asks for", "no layer has out.b, out.w"],
    ),
    "a pickle": (
        lambda: theanets.load(pickle.dumps({"layers": [4, 5, 3]})),
        ["is a pickle", "never read", "docs/moving.md"],
    ),
    "a folder": (
        lambda: theanets.load(Path(__file__).parent),
        IsADirectoryError,
        ["that is a folder", "give the name of a file in it"],
    ),
    "a file opened as text": (
        lambda: theanets.load(io.StringIO("model")),
        ConfigurationError,
        ["StringIO", "a path, the bytes of a file", 'open(path, "rb")'],
    ),
    "a number for a file": (
        lambda: theanets.load(5),
        ConfigurationError,
        ["the file is 5", "a path, the bytes of a file"],
    ),
    "saving to text": (
        on(Classifier([4, 3]), "save", io.StringIO()),
        ConfigurationError,
        ["StringIO", "a path, or a file opened to write bytes", 'open(path, "wb")'],
    ),
    "saving to nothing": (
        on(Classifier([4, 3]), "save", None),
        ConfigurationError,
        ["the file is None", "a path, or a file"],
    ),
    "saving to a file opened to read": (
        opened(save, "rb"),
        ConfigurationError,
        ["the file is <", "opened to write bytes", 'open(path, "wb")'],
    ),
    "saving to a closed file": (
        opened(save, "wb", close=True),
        ConfigurationError,
        ["the file is <", "which is closed", "Give a path"],
    ),
    "loading from a file opened to write": (
        opened(theanets.load, "wb"),
        ConfigurationError,
        ["the file is <", "opened to read bytes", 'open(path, "rb")'],
    ),
    "loading from a closed file": (
        opened(theanets.load, "rb", close=True),
        ConfigurationError,
        ["the file is <", "which is closed", "Give a path"],
    ),
    "loading from bytes read as text": (
        opened(theanets.load, "r"),
        ConfigurationError,
        ["the file is <", "opened to read bytes"],
    ),
    "snapshots to a file opened to read": (
        opened(lambda file: train(save_progress=file)(), "rb"),
        ConfigurationError,
        ["save_progress is <", "opened to write bytes"],
    ),
    "snapshots to a closed file": (
        opened(lambda file: train(save_progress=file, save_every=1)(), close=True),
        ConfigurationError,
        ["save_progress is <", "which is closed"],
    ),
    "snapshots to a NUL byte": (
        train(save_progress="a\0b"),
        ConfigurationError,
        [r"save_progress is 'a\x00b'", "no name of a file can hold"],
    ),
    "saving to a NUL byte": (
        lambda: save("a\0b"),
        ConfigurationError,
        [r"the file is 'a\x00b'", "no name of a file can hold", "Leave it out"],
    ),
    "loading a NUL byte": (
        lambda: theanets.load("a\0b"),
        ConfigurationError,
        [r"the file is 'a\x00b'", "no name of a file can hold"],
    ),
    "loading half of a pair of surrogates": (
        lambda: theanets.load("a\ud800b"),
        ConfigurationError,
        [r"the file is 'a\ud800b'", "no name of a file can hold"],
    ),
    "saving to a long name": (
        lambda: save("x" * 300),
        OSError,
        ["the file was not written: its name is too long", "xxx"],
    ),
    "loading a long name": (
        lambda: theanets.load("x" * 300),
        OSError,
        ["the file was not read: its name is too long", "xxx"],
    ),
    "snapshots to a long name": (
        train(save_progress="x" * 300),
        OSError,
        ["save_progress cannot be written: its name is too long", "xxx"],
    ),
    "saving into no folder": (
        on(Classifier([4, 3]), "save", "/no/such/model"),
        FileNotFoundError,
        ["was not written: there is no such folder; make it first", "/no/such/model"],
    ),
    "saving over a folder": (
        on(Classifier([4, 3]), "save", Path(__file__).parent),
        IsADirectoryError,
        ["was not written: that is a folder; give the name of a file in it"],
    ),
    "saving below a file": (
        on(Classifier([4, 3]), "save", Path(__file__) / "model"),
        NotADirectoryError,
        ["was not written: a part of its path is no folder"],
    ),
    "a compressed archive": (
        a_file(b"PK\x03\x04" + bytes(60)),
        ["looks like a zip file", "which is never read"],
    ),
    "a text": (
        a_file(b"these are no numbers"),
        ["the model file is damaged or no model file", "does not begin as model files"],
    ),
    "nothing to load": (
        lambda: theanets.load(None),
        ConfigurationError,
        ["the file is None", "a path, the bytes of a file"],
    ),
    "a network to load": (
        lambda: theanets.load(Classifier([4, 3])),
        ConfigurationError,
        ["the file is <Classifier", "a path, the bytes of a file"],
    ),
    "keeping -1 files": (
        lambda: Classifier([4, 3]).save("/no/such/model", keep=-1),
        ConfigurationError,
        ["keep is -1", "from 0 on, of older files to keep"],
    ),
    "keeping True files": (
        lambda: Classifier([4, 3]).save("/no/such/model", keep=True),
        ConfigurationError,
        ["keep is True", "from 0 on"],
    ),
    "keeping a part of a file": (
        lambda: Classifier([4, 3]).save("/no/such/model", keep=0.5),
        ConfigurationError,
        ["keep is 0.5", "a whole number from 0 on"],
    ),
    "keeping older files without names": (
        lambda: Classifier([4, 3]).save(io.BytesIO(), keep=1),
        ConfigurationError,
        ["keep is 1", "is no path", "Give a path"],
    ),
    "another model": (
        lambda: Regressor.load(io.BytesIO(saved())),
        ["holds a Classifier, not a Regressor", "Classifier.load"],
    ),
    "saving an activation without a name": (
        on(Classifier([4, (3, jnp.sin), 2]), "save", io.BytesIO()),
        ConfigurationError,
        ['"hid1"', "is a function", "theanets.Activation"],
    ),
    "saving a loss without a name": (
        on(Regressor([4, 2], loss=lambda o, t: o - t), "save", io.BytesIO()),
        ConfigurationError,
        ["is a function", "theanets.Loss"],
    ),
}


SECTIONS = [
    ("files", ModelFileError, FILES),
]
