"""Keywords of train, training in stages, settings, and minimize."""

import io

import optax

import theanets
from theanets import Autoencoder, Classifier, minimize
from theanets.errors import (
    ConfigurationError,
    DataError,
    TheanetsError,
)

from .rows import (
    LABELS,
    WITH_NAN,
    X,
    classifier,
    mean_square,
    on,
    train,
)


class Pipe(io.RawIOBase):
    def write(self, data):
        return len(data)


def minimized(loss=mean_square, params=1.0, data=X, **keywords):
    return lambda: minimize(loss, params, data, **{"progress": False, **keywords})


TRAINING = {
    "unknown algorithm": (train(algo="sdg"), ["algo 'sdg'", 'Did you mean "sgd"?']),
    "an algorithm of optax by name": (
        train(algo="lion"),
        ["unknown algo 'lion'", "Write algo=optax.lion(0.001)."],
    ),
    "an algorithm that is a number": (train(algo=5), ["algo is 5", "optax", "nag"]),
    "a maker of transformations": (
        train(algo=optax.sgd),
        ["algo is <function sgd", "Call it first, as in optax.sgd(0.1)"],
    ),
    "a negative learning rate": (
        train(learning_rate=-1),
        ["learning_rate is -1", "at least 0"],
    ),
    "a learning rate of text": (
        train(learning_rate="fast"),
        ["learning_rate is 'fast'", "schedule"],
    ),
    "a learning rate of nan": (
        train(learning_rate=float("nan")),
        ["learning_rate is nan", "number"],
    ),
    "no learning rate": (train(learning_rate=None), ["learning_rate is None"]),
    "full momentum": (train(momentum=1), ["momentum is 1", "below 1"]),
    "a keyword of another algorithm": (
        train(rprop_increase=2),
        ['"rprop_increase"', "belongs to algo rprop"],
    ),
    "a learning rate beside a transformation": (
        train(algo=optax.sgd(0.1), learning_rate=0.1),
        ['"learning_rate"', "not to the one chosen"],
    ),
    "shrinking growth": (
        train(algo="rprop", rprop_increase=0.5),
        ["rprop_increase is 0.5", "at least 1"],
    ),
    "a least step above the largest": (
        train(algo="rprop", rprop_min_step=2, rprop_max_step=1),
        ["rprop_min_step is 2", "rprop_max_step"],
    ),
    "a half-life of 0": (
        train(algo="rmsprop", rms_halflife=0),
        ["rms_halflife is 0", "positive"],
    ),
    "a negative limit": (
        train(max_gradient_norm=-1),
        ["max_gradient_norm is -1", "positive"],
    ),
    "a batch of 0": (train(batch_size=0), ["batch_size is 0", "from 1 on", "None"]),
    "a batch of -2": (train(batch_size=-2), ["batch_size is -2", "from 1 on"]),
    "a batch of 2.5": (train(batch_size=2.5), ["batch_size is 2.5", "whole number"]),
    "no batches": (train(train_batches=0), ["train_batches is 0", "from 1 on"]),
    "no batches of validation": (train(valid_batches=0), ["valid_batches is 0"]),
    "validating every 0": (train(validate_every=0), ["validate_every is 0"]),
    "negative patience": (train(patience=-1), ["patience is -1", "from 0 on"]),
    "no epochs": (train(max_epochs=0), ["max_epochs is 0", "from 1 on"]),
    "half epochs": (train(max_epochs=2.5), ["max_epochs is 2.5", "whole number"]),
    "no updates": (train(max_updates=0), ["max_updates is 0", "from 1 on"]),
    "a negative improvement": (
        train(min_improvement=-1),
        ["min_improvement is -1", "from 0 on"],
    ),
    "no improvement": (
        train(min_improvement=None),
        ["min_improvement is None", "number"],
    ),
    "a callback of too few arguments": (
        train(callbacks=lambda: None),
        ["callbacks holds <function", "f(epoch, training, validation)", "too many"],
    ),
    "an unknown guard": (
        train(on_nonfinite="Raise"),
        ["on_nonfinite is 'Raise'", "ignore, raise, skip", 'Did you mean "raise"?'],
    ),
    "a guard of True": (train(on_nonfinite=True), ["on_nonfinite is True", "skip"]),
    "a misspelt bound in itertrain": (
        on(classifier(), "itertrain", (X, LABELS), max_epoch=2),
        ['unknown keyword "max_epoch"', 'Did you mean "max_epochs"?'],
    ),
    "an algorithm in place of validation": (
        on(classifier(), "itertrain", (X, LABELS), "adam"),
        DataError,
        ["valid is 'adam'", "an array"],
    ),
    "labels in place of validation": (
        on(classifier(), "itertrain", X, LABELS),
        DataError,
        ["train holds 1 array", "Give both in one tuple, train((x, y)): in, then"],
    ),
    "epochs of text": (train(max_epochs="3"), ["max_epochs is '3'", "whole number"]),
    "negative class weights": (
        train(class_weight={0: -1}),
        ["class_weight of label 0 is -1", "from 0 on"],
    ),
    "a list of class weights": (
        train(class_weight=[1, 2, 3]),
        ["class_weight is [1, 2, 3]", "a dict from labels to weights"],
    ),
    "a pattern that is a number": (
        train(weight_l2={"weight": 0.1, "pattern": 5}),
        ["weight_l2: pattern is 5", "hid*:out"],
    ),
    "a callback that is a number": (
        train(callbacks=5),
        ["callbacks holds 5", "f(epoch, training, validation)"],
    ),
    "a list of such": (train(callbacks=[5]), ["callbacks holds 5"]),
    "unknown progress": (train(progress="loud"), ["progress is 'loud'", "False"]),
    "a seed that is a text": (train(rng="x"), ["rng is 'x'", "whole number"]),
    "monitors is a name": (train(monitors="hid1:out"), ["monitors is", "a dict"]),
    "a monitor of an unknown output": (
        train(monitors={"hid9:out": 0.5}),
        ["monitors", "'hid9:out'", 'Did you mean "hid1:out"?'],
    ),
    "a level of text": (
        train(monitors={"hid1:out": "low"}),
        ["'hid1:out' has level 'low'", "number"],
    ),
    "a monitor named 5": (train(monitors={5: 0.5}), ["monitors: 5", "pattern"]),
    "saving every -1": (
        train(save_progress="x", save_every=-1),
        ["save_every is -1"],
    ),
    "saving often": (
        train(save_progress="x", save_every="often"),
        ["save_every is 'often'"],
    ),
    "saving often to what cannot be rewound": (
        train(save_progress=Pipe(), save_every=1),
        ["save_progress is", "cannot be rewound", "Give a path"],
    ),
    "saving nowhere": (train(save_every=2), ["save_every is 2", "save_progress"]),
    "saving to a folder that is not there": (
        train(save_progress="/no/such/model"),
        ['"/no/such/model"', 'no folder "/no/such"'],
    ),
    "saving a model that no file can hold": (
        lambda: Classifier([4, (5, abs), 3]).train((X, LABELS), save_progress="x"),
        ['"hid1"', "is a function, which a file cannot hold"],
    ),
    "saving to a number": (train(save_progress=5), ["save_progress is 5"]),
}


def staged(layers, model=Classifier, **keywords):
    data = [X] if model is Autoencoder else (X, LABELS)
    return lambda: model(layers).train(data, progress=False, **keywords)


STAGES = {
    "a subalgo that is none": (
        staged([4, 5, 3], algo="layerwise", subalgo="nagg"),
        ["subalgo 'nagg'", "adam", 'Did you mean "nag"?'],
    ),
    "a subalgo that has stages itself": (
        staged([4, 5, 3], algo="pretrain", subalgo="layerwise"),
        ["subalgo 'layerwise'", "rmsprop"],
    ),
    "a subalgo that is a number": (
        staged([4, 5, 3], algo="pretrain", subalgo=3),
        ["subalgo is 3", "optax"],
    ),
    "a subalgo for an algorithm without stages": (
        staged([4, 5, 3], algo="sgd", subalgo="nag"),
        ["subalgo is 'nag'", "'sgd'", "layerwise"],
    ),
    "a subalgo for sample": (
        staged([4, 5, 3], algo="sample", subalgo="nag"),
        ["subalgo is 'nag'", "'sample'", "pretrain"],
    ),
    "a learning rate for sample": (
        staged([4, 5, 3], algo="sample", learning_rate=0.1),
        ['"learning_rate"', "not to the one chosen"],
    ),
    "nearly a network's algorithm": (
        staged([4, 5, 3], algo="layerwize"),
        ["unknown algo 'layerwize'", 'Did you mean "layerwise"?'],
    ),
    "a keyword of another subalgo": (
        staged([4, 5, 3], algo="layerwise", subalgo="sgd", rms_halflife=3),
        ['"rms_halflife"', "rmsprop"],
    ),
    "layerwise without hidden layers": (
        staged([4, 3], algo="layerwise"),
        ["no hidden layer that learns", "another algo"],
    ),
    "layerwise to a last layer without weights": (
        staged([4, 5, 3, "flat"], algo="layerwise"),
        ['no weights in its last layer "out"'],
    ),
    "tied layers that are not nested": (
        staged(
            [
                4,
                (5, "tanh"),
                {"form": "tied", "partner": "hid1"},
                (3, "tanh"),
                {"form": "tied", "partner": "hid3"},
            ],
            Autoencoder,
            algo="layerwise",
        ),
        ["reverse order", "hid1, hid3"],
    ),
    "pretraining without hidden layers": (
        staged([4, 3], algo="pretrain"),
        ["hidden feedforward layers", "this model has none"],
    ),
    "pretraining of what cannot be undone": (
        staged([(2, 2), "flat", 5, 3], algo="pretrain"),
        ['layer "hid1"', "'flatten'", "no tied layer can undo"],
    ),
    "pretraining of a graph with a bypass": (
        staged([4, 5, {"size": 5, "inputs": ["in", "hid1"]}, 3], algo="pretrain"),
        ['layer "hid2" reads in:out, hid1:out'],
    ),
    "sampling where there is nothing to set": (
        staged([4, 3], algo="sample"),
        ["hidden feedforward layers", "This model has none"],
    ),
    "a momentum of batchnorm above 1": (
        lambda: Classifier([4, {"form": "batchnorm", "momentum": 1.5}, 3]),
        ['layer "hid1"', "momentum is 1.5", "at most 1"],
    ),
    "an eps of 0": (
        lambda: Classifier([4, {"form": "batchnorm", "eps": 0}, 3]),
        ['layer "hid1"', "eps is 0", "above 0"],
    ),
    "another size after batchnorm": (
        lambda: Classifier([4, (5, "batchnorm"), 3]),
        ['layer "hid1"', "size 5", "make it 4"],
    ),
    "statistics of another shape": (
        lambda: Classifier([4, "batchnorm", 3]).find("hid1", "mean").set_value([1, 2]),
        DataError,
        ['"hid1.mean"', "(4,)", "(2,)"],
    ),
}


SETTINGS = {
    "an unknown precision": (
        lambda: setattr(theanets.config, "floatX", "float16"),
        ["floatX is 'float16'", "float32", 'Did you mean "bfloat16"?'],
    ),
    "an unknown setting": (
        lambda: setattr(theanets.config, "floatx", "float32"),
        ["'floatx'", 'Did you mean "floatX"?'],
    ),
    "negative memory": (
        lambda: setattr(theanets.config, "resident_bytes", -1),
        ["resident_bytes is -1", "bytes"],
    ),
}


MINIMIZE = {
    "a loss that is a number": (
        minimized(5),
        ["the loss is 5", "loss(params, *batch)"],
    ),
    "an unknown keyword": (
        minimized(learnng_rate=2),
        ['"learnng_rate"', 'Did you mean "learning_rate"?'],
    ),
    "parameters of text": (minimized(params="one"), ["params holds 'one'", "arrays"]),
    "no parameters": (minimized(params={}), ["params", "no arrays"]),
    "an algorithm of networks": (
        minimized(algo="layerwise"),
        ["unknown algo 'layerwise'", "sgd"],
    ),
    "a regularizer": (minimized(weight_l2=0.1), ['"weight_l2"', "Known: batch_size"]),
    "a file that is a number": (minimized(checkpoint=5), ["checkpoint is 5", "path"]),
    "complex parameters": (minimized(params=1j), ["params holds 1j", "numbers"]),
    "parameters that are objects": (
        minimized(params={"a": object()}),
        ["params holds <object", "a tree of arrays"],
    ),
    "no data": (minimized(data=None), ["train is None", "an array"]),
    "NaN": (minimized(data=WITH_NAN), ['"array 0" holds NaN', "index 2"]),
    "data by name": (minimized(data={"x": X}), ["train is a dict", "a tuple of them"]),
    "no examples": (minimized(data=X[:0]), ["train is empty"]),
    "other lengths": (minimized(data=(X, X[:3])), ["array 0 has 8", "array 1 has 3"]),
}


SECTIONS = [
    ("training", ConfigurationError, TRAINING),
    ("stages", ConfigurationError, STAGES),
    ("settings", ConfigurationError, SETTINGS),
    ("minimize", TheanetsError, MINIMIZE),
]
