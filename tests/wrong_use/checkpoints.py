"""Checkpoints that are not of this run, and keywords that are not of checkpoints."""

import io
import tempfile
from functools import cache
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from theanets import Classifier, minimize
from theanets.errors import CheckpointError, ConfigurationError, ModelFileError

from .rows import LABELS, X, mean_square, train

SETTINGS = {"algo": "sgd", "batch_size": 4, "max_epochs": 1, "progress": False}


def net():
    return Classifier([4, 5, 3])


@cache
def of_a_network():
    """Return the content of a checkpoint of a training."""
    return _written(lambda file: net().train((X, LABELS), checkpoint=file, **SETTINGS))


@cache
def of_minimize():
    return _written(
        lambda file: minimize(mean_square, 1.0, X, checkpoint=file, **SETTINGS)
    )


@cache
def of_stages():
    """Return the content of a checkpoint of the last of three stages."""
    keywords = {**SETTINGS, "algo": "layerwise"}
    deep = Classifier([4, 5, 4, 3])
    return _written(lambda file: deep.train((X, LABELS), checkpoint=file, **keywords))


def _written(run):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.safetensors"
        run(file)
        return file.read_bytes()


def resumed(content, made=net, data=(X, LABELS), **keywords):
    """Go on with a file that has the content which ``content`` returns."""

    def run():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "run.safetensors"
            file.write_bytes(content())
            made().train(data, checkpoint=file, **{**SETTINGS, **keywords})

    return run


def resumed_minimize():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.safetensors"
        file.write_bytes(of_a_network())
        minimize(mean_square, 1.0, X, checkpoint=file, **SETTINGS)


def a_model():
    file = io.BytesIO()
    net().save(file)
    return file.getvalue()


def damaged():
    content = bytearray(of_a_network())
    content[-20] ^= 1
    return bytes(content)


def in_a_folder():
    with tempfile.TemporaryDirectory() as folder:
        train(checkpoint=folder)()


KEYWORDS = {
    "a folder": (in_a_folder, ["which is a folder", "name of a file in it"]),
    "a folder that is not there": (
        train(checkpoint="/no/such/run"),
        ['checkpoint is "/no/such/run"', 'no folder "/no/such"', "Make it first"],
    ),
    "a NUL byte": (
        train(checkpoint="a\0b"),
        [r"checkpoint is 'a\x00b'", "no name of a file can hold", "Leave it out"],
    ),
    "a long name": (
        train(checkpoint="x" * 300),
        OSError,
        ["checkpoint cannot be written: its name is too long"],
    ),
    "a name whose lock is too long": (
        train(checkpoint="x" * 252),
        OSError,
        ["the checkpoint cannot be written: its name is too long", "xxx'"],
    ),
    "a number": (train(checkpoint=5), ["checkpoint is 5", '"run.safetensors"']),
    "an open file": (
        train(checkpoint=io.BytesIO()),
        ["checkpoint is <_io.BytesIO", "the path of a file"],
    ),
    "resume is a text": (
        train(checkpoint="x", resume="yes"),
        ["resume is 'yes'", "True, to go on", "False, to start over"],
    ),
    "resume is None": (train(checkpoint="x", resume=None), ["resume is None"]),
    "every 0": (
        train(checkpoint="x", checkpoint_every=0),
        ["checkpoint_every is 0", "epochs (an int)", "minutes (a float)"],
    ),
    "every True": (
        train(checkpoint="x", checkpoint_every=True),
        ["checkpoint_every is True", "more than 0"],
    ),
    "every day": (
        train(checkpoint="x", checkpoint_every="daily"),
        ["checkpoint_every is 'daily'", "epochs (an int)"],
    ),
    "every NaN": (
        train(checkpoint="x", checkpoint_every=np.nan),
        ["checkpoint_every is nan", "more than 0"],
    ),
    "resume without a file": (
        train(resume=True),
        ["resume is True", "no checkpoint", 'checkpoint="run.safetensors"'],
    ),
    "how often without a file": (
        train(checkpoint_every=3),
        ["checkpoint_every is 3", "no checkpoint", "give the path"],
    ),
    "of an algorithm of one step": (
        train(algo="sample", checkpoint="x"),
        ["algo 'sample'", "takes no checkpoint", "Save the network"],
    ),
    "of a model that no file can hold": (
        lambda: Classifier([4, (3, jnp.sin), 3]).train((X, LABELS), checkpoint="x"),
        ['"hid1"', "is a function", "theanets.Activation"],
    ),
}

FILES = {
    "a damaged file": (
        resumed(damaged),
        ModelFileError,
        ["run.safetensors", "checksum", "copy it again"],
    ),
    "a text": (
        resumed(lambda: b"x,y\n" * 99),
        ModelFileError,
        ["run.safetensors", "does not begin as model files do"],
    ),
    "a model without training": (
        resumed(a_model),
        ["run.safetensors", "holds a model but no training", "resume=False"],
    ),
    "another size": (
        resumed(of_a_network, lambda: Classifier([4, 6, 3])),
        ["of another run", "layers hid1 size was 5 and is 6", "resume=False"],
    ),
    "a layer more": (
        resumed(of_a_network, lambda: Classifier([4, 5, 5, 3])),
        ["layers hid2 was nothing", "['hid1:out'] and is ['hid2:out']"],
    ),
    "another algorithm": (
        resumed(of_a_network, algo="nag"),
        [
            "algo was 'sgd' and is 'nag'",
            "learning_rate was 0.05 and is 0.01",
            "momentum was nothing and is 0.9",
        ],
    ),
    "other numbers": (
        resumed(of_a_network, learning_rate=0.3, batch_size=8, weight_l2=0.1),
        [
            "learning_rate was 0.05 and is 0.3",
            "batch_size was 4 and is 8",
            "regularizers weight_l2 was nothing and is {'name': 'weight_l2'",
        ],
    ),
    "another seed": (
        resumed(of_a_network, lambda: Classifier([4, 5, 3], rng=1)),
        ["rng was 13 and is 1"],
    ),
    "other data": (
        resumed(of_a_network, data=(X + 1, LABELS)),
        ["train arrays 0 content is another", "valid arrays 0 content is another"],
    ),
    "less data": (
        resumed(of_a_network, data=(X[:4], LABELS[:4])),
        ["train arrays 0 shape was [8, 4] and is [4, 4]", "shape was [8] and is [4]"],
    ),
    "a function's file": (resumed(of_minimize), ["loss was 'mean_square'", "algo was"]),
    "a network's file": (resumed_minimize, ["model was {'model': 'Classifier'"]),
    "stages of another run": (
        resumed(of_stages),
        ["algo was 'layerwise' and is 'sgd'", "layers hid2 was {"],
    ),
}

SECTIONS = [
    ("checkpoint keywords", ConfigurationError, KEYWORDS),
    ("checkpoint files", CheckpointError, FILES),
]


def prepare():
    """Train what the rows go on with, before programs are counted."""
    of_a_network(), of_minimize(), of_stages()
