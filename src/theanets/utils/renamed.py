"""Names of the original theanets and of other libraries, and what to write instead."""

from collections.abc import Collection, Mapping
from typing import NoReturn

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
        "compile": "nothing: algo and learning_rate are keywords of net.train, the "
        "loss one of the model",
        "evaluate": "net.score(x, y), the accuracy or r2 of data",
        "fit": "net.train((x, y))",
        "fit_predict": "net.train((x, y)), then net.predict(x)",
        "inputs_and_targets": _THEANO,
        "loss": "net.losses, and net.score",
        "monitors": "net.train(..., monitors=...), and net.history",
        "partial_fit": "net.train((x, y), max_epochs=1)",
        "set_params": 'net.find("hid1", "w").set_value(array) for each',
        "summary": "print(net)",
        "updates": "net.train, or theanets.minimize for a function of your own",
        "variables": _THEANO,
    },
}
"""By module or class: what to write instead of each name."""

_PARTS = "valid, the second argument: data that are not trained with"
_FRACTION = "valid: 0.1, as the second argument, holds out a tenth"

ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "train": {
        "alpha": "weight_l2",
        "clipnorm": "max_gradient_norm",
        "clipvalue": "max_gradient_elem",
        "criterion": "loss, a keyword of the model",
        "early_stopping": "patience: validations without improvement; it is always on",
        "epochs": "max_epochs",
        "eval_set": _PARTS,
        "gradient_clip_val": "max_gradient_norm",
        "initial_epoch": "checkpoint, to go on with a training",
        "iterator_train": "train, the first argument: any iterable of batches",
        "l1": "weight_l1",
        "l2": "weight_l2",
        "loss": "loss, a keyword of the model; or net.set_loss",
        "lr": "learning_rate",
        "max_iter": "max_epochs",
        "metrics": "monitors",
        "min_delta": "min_improvement, a part of the best loss",
        "n_epochs": "max_epochs",
        "n_iter_no_change": "patience",
        "nb_epoch": "max_epochs",
        "num_epochs": "max_epochs",
        "random_state": "rng",
        "restore_best_weights": "nothing: the best parameters always come back",
        "sample_weight": "weights in the data: weighted=True of the model, and train "
        "on (inputs, target, weights)",
        "seed": "rng",
        "shuffle": "nothing: each epoch has an order of its own; rng is its seed",
        "solver": 'algo, the third argument of train, such as "adam"',
        "steps_per_epoch": "train_batches",
        "tol": "min_improvement, a part of the best loss",
        "validation_data": _PARTS,
        "validation_freq": "validate_every",
        "validation_fraction": _FRACTION,
        "validation_split": _FRACTION,
        "validation_steps": "valid_batches",
        "verbose": "progress: False prints nothing",
    },
    "layer": {
        "filters": "size",
        "go_backwards": 'direction="back"',
        "hidden_size": "size",
        "kernel_initializer": "init, or mean, std, sparsity, diagonal",
        "kernel_regularizer": "weight_l2 of train",
        "kernel_size": "filter_size",
        "n_units": "size",
        "nonlinearity": "activation",
        "num_units": "size",
        "out_channels": "size",
        "out_features": "size",
        "padding": "border_mode",
        "rate": "level",
        "return_sequences": 'a layer "last" behind it, for the last step alone',
        "stateful": "stateful of train",
        "strides": "stride",
        "units": "size",
    },
    "monitor": {
        "accuracy": "acc",
        "roc_auc": "auc",
        "val_acc": "acc",
        "val_accuracy": "acc",
        "val_auc": "auc",
        "val_loss": "loss",
        "valid_acc": "acc",
        "valid_loss": "loss",
    },
    "model": {
        "activation": 'the activation of each layer, such as (100, "tanh")',
        "alpha": "weight_l2 of train",
        "hidden_layer_sizes": "layers, from the input to the output: [4, 100, 3]",
        "learning_rate": "learning_rate of train",
        "optimizer": "algo of train",
        "random_state": "rng",
        "scale": "scale of the first layer, dict(size=4, scale=True)",
        "seed": "rng",
        "sizes": "layers",
    },
}
"""By the place where they are written, names in other libraries: the names here."""


def answer(where: str, name: str, there: Collection[str] | None = None) -> str:
    """Return what a keyword of another library is here, as the end of a message.

    The text is empty if that is unknown, or is none of the names ``there``.

    >>> answer("train", "lr")
    ' Here it is learning_rate.'
    """
    here = ELSEWHERE[where].get(name)
    known = here is not None and (there is None or here in there)
    return f" Here it is {here}." if known else ""


def missing(where: str, name: str) -> NoReturn:
    """Raise an AttributeError; if the original had the name, say what to write now."""
    message = f"{where} has no {name!r}."
    if name in REPLACED[where]:
        message += f" Write now: {REPLACED[where][name]}. See docs/moving.md."
    raise AttributeError(message)


class Replaced:
    """An attribute of the original: an error says what to use instead."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> NoReturn:
        missing(self._where, self._name)
