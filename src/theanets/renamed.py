"""Names of the original theanets that are gone, and what takes their place."""

from collections.abc import Mapping
from typing import Any, NoReturn

_TRAINER = (
    'algorithms are names: net.train(..., algo="sgd"), or transformations of optax'
)
_THEANO = "there are no symbolic variables; net.functional() gives a function of JAX"

REPLACED: Mapping[str, Mapping[str, str]] = {
    "theanets": {
        "DownhillTrainer": _TRAINER,
        "SampleTrainer": 'net.train(..., algo="sample")',
        "SupervisedPretrainer": 'net.train(..., algo="layerwise")',
        "UnsupervisedPretrainer": 'net.train(..., algo="pretrain")',
        "dataset": "theanets.Dataset",
        "flags": "keywords of the model and of train",
        "main": "theanets.Experiment",
        "trainer": _TRAINER,
        "util": "theanets.plotting draws; arrays are NumPy's",
    },
    "theanets.graph": {
        "Network": "theanets.Network",
        "load": "theanets.load",
    },
    "theanets.losses": {
        "build": "theanets.Loss.build",
    },
    "theanets.regularizers": {
        "build": "keywords of train, such as weight_l2=0.1",
    },
    "Layer": {
        "inputs": "layer.input_shapes, once the layer is in a model",
        "connect": "the graph connects layers; net.feed_forward(x) gives all outputs",
        "log": "print(net)",
        "log_params": "print(net)",
        "resolve_inputs": "layer.input_shapes, once the layer is in a model",
        "resolve_outputs": "layer.output_shape, once the layer is in a model",
    },
    "Network": {
        "build_graph": "net.feed_forward(x) gives all outputs, and " + _THEANO,
        "cache_graph": "programs are kept by themselves",
        "inputs_and_targets": _THEANO,
        "loss": "net.losses, and net.score",
        "monitors": "net.train(..., monitors=...), and net.history",
        "set_params": 'net.find("hid1", "w").set_value(array) for each',
        "updates": "net.train, or theanets.minimize for a function of your own",
        "variables": _THEANO,
    },
}
"""By module or class: what to write instead of each name."""


def missing(where: str, name: str) -> NoReturn:
    """Raise the error for a name that a module or class does not have.

    Raises
    ------
    AttributeError
        With what to write now, if the original had that name.
    """
    message = f"{where} has no {name!r}."
    if name in REPLACED[where]:
        message += f" Write now: {REPLACED[where][name]}. See docs/moving.md."
    raise AttributeError(message)


class Replaced:
    """An attribute of the original: whoever reads it is told what to write now."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        missing(self._where, self._name)
