"""Misuse is named in plain words, before anything is compiled.

One table: what a person does wrong, the error, and words that its message has to hold:
the name of the thing, what was expected, what came, and the way out.
"""

import io
import itertools
import json
import pickle
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest
import scipy.sparse
from safetensors.numpy import save as save_arrays

import theanets
from theanets import (
    Autoencoder,
    Classifier,
    Dataset,
    Network,
    Regressor,
    container,
    minimize,
)
from theanets.errors import (
    ConfigurationError,
    DataError,
    ModelFileError,
    TheanetsError,
)

from .helpers import compilations

X = np.random.default_rng(0).standard_normal((8, 4)).astype("f4")
LABELS = np.arange(8) % 3
Y = X[:, :2]
WITH_NAN = np.where(np.arange(8)[:, None] == 2, np.nan, X)
TWO_INPUTS = [
    4,
    {"form": "input", "name": "extra", "size": 2},
    {"size": 3, "inputs": ["in", "extra"]},
]


class Pipe(io.RawIOBase):
    def write(self, data):
        return len(data)


class Silent(theanets.Layer):
    """Has no transform."""


class Outless(theanets.Layer):
    def transform(self, params, inputs):
        return {"other": inputs[self.input_name]}


class Misshapen(theanets.Layer):
    def transform(self, params, inputs):
        return inputs[self.input_name]


class Doubled(theanets.Layer):
    def setup(self):
        self.add_bias("b", 3)
        self.add_bias("b", 3)


def layers(*entries):
    """Make a model of these layers between an input of 4 and an output of 2."""
    return lambda: Regressor([4, *entries, 2])


def model(*entries, **keywords):
    return lambda: Regressor(list(entries), **keywords)


def train(data=(X, LABELS), valid=None, algo="sgd", **keywords):
    """Train a classifier of 4 inputs and 3 classes for one epoch."""
    keywords = {"max_epochs": 1, "progress": False, **keywords}
    return lambda: Classifier([4, 5, 3]).train(data, valid, algo, **keywords)


def regress(data, weighted=False):
    net = Regressor([4, 2], weighted=weighted)
    return lambda: net.train(data, max_epochs=1, progress=False)


def weighted(data):
    net = Classifier([4, 3], weighted=True)
    return lambda: net.train(data, max_epochs=1, progress=False)


def on(net, method, *args, **keywords):
    return lambda: getattr(net, method)(*args, **keywords)


_sizes = itertools.count(20)


def fresh(model, outputs):
    """Return a model that no other test has compiled."""
    return model([4, next(_sizes), outputs])


def classifier():
    return fresh(Classifier, 3)


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


def described(**description):
    """Return a file with this description and no arrays."""
    return save_arrays({}, metadata={"theanets": json.dumps(description)})


def mean_square(params, x):
    return ((params * x) ** 2).mean()


def minimized(loss=mean_square, params=1.0, data=X, **keywords):
    return lambda: minimize(loss, params, data, **{"progress": False, **keywords})


LAYERS = {
    "layers is a text": (lambda: Regressor("784"), ["layers is '784'", "list"]),
    "layers is a number": (lambda: Regressor(784), ["layers is 784", "[784, 100, 10]"]),
    "layers is a dict": (lambda: Regressor({4: 2}), ["layers is {4: 2}", "list"]),
    "no size": (layers({"activation": "tanh"}), ['"hid1"', "needs a size"]),
    "a form alone": (layers("feedforward"), ['"hid1"', "needs a size"]),
    "size 0": (layers(0), ['"hid1"', "size is 0", "from 1 on"]),
    "negative size": (layers(-3), ['"hid1"', "size is -3", "from 1 on"]),
    "half a unit": (layers(2.5), ['"hid1"', "2.5 describes no layer", "an int"]),
    "True as size": (layers(True), ['"hid1"', "True describes no layer"]),
    "an empty tuple": (layers(()), ['"hid1"', "() describes no layer", "a tuple"]),
    "two sizes": (layers((3, "tanh", 5)), ['"hid1"', "size twice: 3 and 5"]),
    "two activations": (
        layers((3, "tanh", "relu")),
        ['"hid1"', "activation twice: 'tanh' and 'relu'"],
    ),
    "two forms": (
        layers((3, "tied", "classifier")),
        ['"hid1"', "form twice: 'tied' and 'classifier'"],
    ),
    "size and shape disagree": (
        layers({"size": 3, "shape": (4,)}),
        ['"hid1"', "size 3", "shape (4,)", "Give one of them"],
    ),
    "something else in a tuple": (layers((3, 2.5)), ['"hid1"', "2.5 in (3, 2.5)"]),
    "unknown form": (
        layers("flatt"),
        ['"hid1"', "unknown layer form 'flatt'", "Known: ", 'Did you mean "flat"?'],
    ),
    "unknown form in a dict": (
        layers({"form": "feedfoward", "size": 3}),
        ['"hid1"', "'feedfoward'", 'Did you mean "feedforward"?'],
    ),
    "an activation for a layer": (
        layers("relu"),
        ['"hid1"', "'relu' is an activation", "(100, 'relu')"],
    ),
    "unknown activation": (
        layers((3, "tanhh")),
        ['"hid1"', "unknown activation 'tanhh'", 'Did you mean "tanh"?'],
    ),
    "an activation that is a number": (
        layers({"size": 3, "activation": 5}),
        ['"hid1"', "the activation is 5", '"linear"'],
    ),
    "an activation without its argument": (
        layers((3, "maxout")),
        ['"hid1"', '"maxout" needs the number', 'Write "maxout:2"'],
    ),
    "an activation with another's argument": (
        layers((3, "relu:3")),
        ['"hid1"', '"relu" takes no argument', 'Write "relu"'],
    ),
    "an activation that changes the shape": (
        layers((3, lambda x: x.sum(-1))),
        ['"hid1"', "declares an output of shape (3,)", "computes ()"],
    ),
    "an activation of NumPy": (layers((3, np.sin)), ['"hid1"', "NumPy", "jax.numpy"]),
    "an activation for a form without": (
        layers({"form": "flat", "activation": "relu"}),
        ['"hid1"', "form 'flatten' has no activation", "'relu'"],
    ),
    "an activation for the input": (
        model((4, "relu"), 2),
        ['"in"', "form 'input' has no activation"],
    ),
    "unknown keyword of a layer": (
        layers({"size": 3, "actvation": "relu"}),
        ['"hid1"', "no keyword 'actvation'", 'Did you mean "activation"?'],
    ),
    "attribute of a parameter that is not there": (
        layers({"size": 3, "std_q": 1}),
        ['"hid1"', "'std_q' names no parameter", "b, w", 'Did you mean "std_w"?'],
    ),
    "negative std": (layers({"size": 3, "std": -1}), ['"hid1"', "std is -1"]),
    "std is a text": (layers({"size": 3, "std": "big"}), ['"hid1"', "'big'", "number"]),
    "sparsity of more than all": (
        layers({"size": 3, "sparsity": 1.5}),
        ['"hid1"', "sparsity is 1.5", "from 0 on and below 1"],
    ),
    "unknown input": (
        layers(3, {"size": 3, "inputs": "hidd1"}),
        ['"hid2"', '"hidd1"', "Earlier outputs: in:out", 'Did you mean "hid1"?'],
    ),
    "an input twice": (
        layers({"size": 3, "inputs": ["in", "in"]}),
        ['"hid1"', "one output twice: in, in"],
    ),
    "inputs is a number": (
        layers({"size": 3, "inputs": 5}),
        ['"hid1"', "inputs is 5", "name"],
    ),
    "inputs with sizes": (
        layers({"size": 3, "inputs": {"in": 3}}),
        ['"hid1"', "inputs is {'in': 3}", "list"],
    ),
    "a name twice": (
        layers({"size": 3, "name": "a"}, {"size": 3, "name": "a"}),
        ['"a"', "has this name already", "a, in"],
    ),
    "a name with a colon": (layers({"size": 3, "name": "a:b"}), ["'a:b'", "without"]),
    "a product of unequal shapes": (
        layers(3, {"form": "product", "inputs": ["in", "hid1"]}),
        ['"hid2"', "in:out (4,), hid1:out (3,)"],
    ),
    "joining unequal ranks": (
        model((3, 4), "flat", {"form": "concat", "inputs": ["in", "hid1"]}, 2),
        ['"hid2"', "in:out (3, 4), hid1:out (12,)", "flatten them first"],
    ),
    "flattening two": (
        layers(3, {"form": "flatten", "inputs": ["in", "hid1"]}),
        ['"hid2"', "at most 1 input", "got 2", '"concatenate"'],
    ),
    "a shape that does not hold the values": (
        layers({"form": "reshape", "shape": (3, 5)}),
        ['"hid1"', "(3, 5)", "4 values"],
    ),
    "reshape without a shape": (layers("reshape"), ['"hid1"', "needs shape"]),
    "unknown partner": (
        model(4, 3, {"form": "tied", "partner": "hidd1"}),
        ['"out"', "'hidd1'", 'Did you mean "hid1"?'],
    ),
    "nobody to be tied to": (model(4, ("tied", 4)), ['"out"', "no earlier layer"]),
    "a partner of another size": (
        model(4, 3, 5, {"form": "tied", "partner": "hid1"}),
        ['"out"', '"hid1" has 3 units', "hid2:out has 5"],
    ),
    "a tied layer with a size of its own": (
        model(4, 3, ("tied", 7)),
        ['"out"', "size 7 was given", "make it 4"],
    ),
    "no input layer": (
        model({"form": "feedforward", "size": 3}, 2),
        ["first layer", "has to be an input"],
    ),
    "an input without a size": (model({"form": "input"}, 2), ['"in"', "needs a size"]),
    "an input that reads a layer": (
        layers(3, {"form": "input", "size": 3, "inputs": "hid1"}),
        ['"hid2"', "reads data and no other layer", "['hid1']"],
    ),
    "an input of rank 1": (
        model({"form": "input", "size": 3, "ndim": 1}, 2),
        ['"in"', "ndim is 1", "2 or more"],
    ),
    "a seed that is a text": (model(4, 2, rng="x"), ["rng is 'x'", "whole number"]),
    "a negative seed": (model(4, 2, rng=-1), ["rng is -1", "from 0 on"]),
    "a layer's seed": (layers({"size": 3, "rng": "x"}), ['"hid1"', "rng is 'x'"]),
    "keywords beside a layer": (
        on(classifier(), "add_layer", 3, nme="a"),
        ["nme"],
    ),
    "a layer of one's own without transform": (
        layers(Silent(size=3)),
        NotImplementedError,
        ["Silent", "transform"],
    ),
    "a layer of one's own without output": (
        layers(Outless(size=3)),
        ['"outless"', 'no "out"', "only other"],
    ),
    "a layer of one's own with another shape": (
        layers(Misshapen(size=3)),
        ['"misshapen"', "(3,)", "computes (4,)"],
    ),
    "a parameter declared twice": (
        layers(Doubled(size=3)),
        ['"doubled"', 'parameter "b" is declared twice'],
    ),
    "a class with a name of ours": (
        lambda: type("Tied", (theanets.Layer,), {"__module__": "mine"}),
        ["class Tied", '"tied" is already', "another name"],
    ),
    "too few layers to predict": (
        on(Regressor([4]), "predict", X),
        ["1 layer(s)", "[784, 10]"],
    ),
    "no layers to train": (on(Network(), "train", X), ["0 layer(s)", "[784, 10]"]),
}

LOSSES = {
    "unknown loss": (
        model(4, 2, loss="msee"),
        ["unknown loss 'msee'", 'Did you mean "mse"?'],
    ),
    "a loss that is a number": (model(4, 2, loss=5), ["the loss is 5", "a function"]),
    "unknown keyword of a loss": (
        on(classifier(), "add_loss", "mse", wieght=2),
        ["mse loss", "'wieght'", 'Did you mean "weight"?'],
    ),
    "a weight that is a text": (
        on(classifier(), "add_loss", "mse", weight="a"),
        ["mse loss", "weight is 'a'", "number"],
    ),
    "a weight that is no number": (
        on(classifier(), "add_loss", "mse", weight=float("nan")),
        ["mse loss", "weight is nan", "number"],
    ),
    "the output of an unknown layer": (
        on(classifier(), "add_loss", "mse", output_name="hidd1"),
        ["mse loss", '"hidd1:out"', 'Did you mean "hid1"?'],
    ),
    "an unknown output of a layer": (
        on(classifier(), "add_loss", "mse", output_name="hid1:oot"),
        ["mse loss", "hid1:oot", "It has: out, pre"],
    ),
    "two losses that share a target": (
        on(classifier(), "add_loss", "mse"),
        [
            'mse loss: its target "target" is also that of another',
            "as labels",
            "as target",
            'target="other"',
        ],
    ),
    "outputs of two sizes for one target": (
        on(fresh(Regressor, 3), "add_loss", "mae", output_name="hid1"),
        ['mae loss: its target "target"', "out:out (3,)", "hid1:out"],
    ),
    "an autoencoder of another size": (
        lambda: Autoencoder([4, 3, 2]),
        ['"out:out" (2,)', 'input "in" (4,)', "Change the size"],
    ),
    "an input of numbers as labels": (
        on(classifier(), "add_loss", "xe", target="in"),
        ["xe loss", 'input "in" (4,)', "labels of the shape ()"],
    ),
    "keywords beside a loss": (
        on(classifier(), "add_loss", theanets.Loss.build("mse"), weight=2),
        ["mse loss", "weight", "its class"],
    ),
}

REGULARIZERS = {
    "unknown keyword": (
        train(hiden_dropout=0.1),
        ['"hiden_dropout"', 'Did you mean "hidden_dropout"?', "Known: "],
    ),
    "two unknown keywords": (
        train(hiden_dropout=0.1, learnin_rate=1),
        ['"hiden_dropout"', '"learnin_rate"', 'Did you mean "learning_rate"?'],
    ),
    "unknown keyword of predict": (
        on(classifier(), "predict", X, hiden_noise=1),
        ['"hiden_noise"', 'Did you mean "hidden_noise"?'],
    ),
    "a negative weight": (train(weight_l2=-1), ["weight_l2 is -1", "from 0 on"]),
    "a weight of text": (train(weight_l2="a"), ["weight_l2 is 'a'", "number"]),
    "a weight of True": (train(weight_l2=True), ["weight_l2 is True", "number"]),
    "dropout of all": (
        train(hidden_dropout=1.0),
        ["hidden_dropout is 1.0", "below 1"],
    ),
    "dropout without a pattern": (
        train(dropout=0.5),
        ["dropout is 0.5", "a dict", "hidden_dropout"],
    ),
    "negative noise": (train(noise={"hid1:out": -1}), ["noise is -1", "from 0 on"]),
    "a pattern that matches nothing": (
        train(dropout={"hid9:out": 0.5}),
        ["dropout", "'hid9:out' matches nothing", 'Did you mean "hid1:out"?'],
    ),
    "a misspelt key": (
        train(weight_l2={"weight": 0.1, "patern": "hid*"}),
        ["weight_l2", "unknown patern", 'Did you mean "pattern"?'],
    ),
    "names in the list": (
        train(regularizers=["weight_l2"]),
        ["regularizers holds 'weight_l2'", "keywords of their own"],
    ),
    "no list": (train(regularizers=5), ["regularizers holds 5", "list"]),
}

TRAINING = {
    "unknown algorithm": (train(algo="sdg"), ["algo 'sdg'", 'Did you mean "sgd"?']),
    "an algorithm that is a number": (train(algo=5), ["algo is 5", "optax", "nag"]),
    "a maker of transformations": (train(algo=optax.sgd), ["algo is <function sgd"]),
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
    "saving to a number": (train(save_progress=5), ["save_progress is 5"]),
}


def shrinking():
    """Return an autoencoder whose output is shorter than its input."""
    layer = {"form": "conv1", "size": 4, "filter_size": 2}
    return theanets.recurrent.Autoencoder([(None, 4), layer])


DATA = {
    "an output shorter than its target": (
        on(shrinking(), "train", np.ones((2, 3, 4)), max_epochs=1, progress=False),
        ['output "out:out" has the shape (examples, 2, 4)', '"in" (examples, 3, 4)'],
    ),
    "no data": (train(None), ["train is None", "a tuple of arrays"]),
    "data of text": (train("mnist"), ["train is 'mnist'", "an array"]),
    "a number": (train(5), ["train is 5", "an array"]),
    "an empty list": (train([]), ["train is empty"]),
    "no labels": (train(X), ["train holds 1 array", "expects 2", "in (examples, 4)"]),
    "an array too many": (
        train((X, LABELS, LABELS)),
        ["train holds 3 array", "expects 2", "labels 0 to 2"],
    ),
    "labels for an autoencoder": (
        on(Autoencoder([4, 2, 4]), "train", (X, LABELS)),
        ["train holds 2 array", "expects 1"],
    ),
    "another width": (
        train((X[:, :3], LABELS)),
        ["train", '"in"', "(8, 3)", "(examples, 4)", "Change"],
    ),
    "another width in validation": (
        train(valid=(X[:, :3], LABELS)),
        ["valid", '"in"', "(8, 3)", "(examples, 4)"],
    ),
    "another width, with a name": (
        train(Dataset((X[:, :3], LABELS), name="digits")),
        ["digits", "(8, 3)"],
    ),
    "another rank": (
        train((X.reshape(8, 2, 2), LABELS)),
        ["(8, 2, 2)", "(examples, 4)", ".reshape(-1, 4)"],
    ),
    "another width of the target": (
        regress((X, X)),
        ['"target"', "(8, 4)", "(examples, 2)"],
    ),
    "another rank of the target": (
        regress((X, X[:, 0])),
        ['"target"', "(8,)", "(examples, 2)"],
    ),
    "other lengths": (
        train((X, LABELS[:5])),
        ["train", "differ in length", "in has 8", "target has 5"],
    ),
    "no examples": (train((X[:0], LABELS[:0])), ["train is empty", "no examples"]),
    "labels from 1": (
        train((X, LABELS + 1)),
        ['"target"', "from 1 to 3", "3 classes, 0 to 2", "renumber"],
    ),
    "negative labels": (train((X, LABELS - 1)), ['"target"', "from -1 to 1", "0 to 2"]),
    "labels out of range in validation": (
        train(valid=(X, LABELS + 5)),
        ["valid", '"target"', "from 5 to 7"],
    ),
    "fractions": (train((X, LABELS + 0.5)), ['"target"', "fractions", "whole numbers"]),
    "one-hot labels": (
        train((X, np.eye(3)[LABELS])),
        ['"target"', "(8, 3)", ".argmax(axis=1)"],
    ),
    "labels in a column": (train((X, LABELS[:, None])), ['"target"', ".reshape(-1)"]),
    "labels that are missing": (
        train((X, np.where(LABELS == 1, np.nan, LABELS))),
        ['"target"', "NaN", "3 example(s)", "index 1"],
    ),
    "NaN": (train((WITH_NAN, LABELS)), ['"in"', "NaN", "1 example(s)", "index 2"]),
    "infinity": (
        regress((X, np.full((8, 2), np.inf))),
        [
            '"target"',
            "infinity",
            "8 example(s)",
        ],
    ),
    "text in an array": (
        train((X.astype(str), LABELS)),
        ["train[0]", "type <U32", "real numbers"],
    ),
    "complex numbers": (train((X + 1j, LABELS)), ["train[0]", "complex64"]),
    "dates": (train((X.astype("M8[s]"), LABELS)), ["train[0]", "dates into a count"]),
    "a frame with text": (
        train((pd.DataFrame({"a": ["x"] * 8, "b": 1}), LABELS)),
        ["train[0]", "real numbers", "categories"],
    ),
    "a frame with gaps": (
        train((pd.DataFrame(X).astype("Float64").mask(X > 1), LABELS)),
        ['"in"', "NaN"],
    ),
    "lists of unequal lengths": (
        train(([[1, 2, 3, 4], [1, 2]], [0, 1])),
        ["train[0]", "nested lists of equal lengths"],
    ),
    "weights left out": (weighted((X, LABELS)), ["expects 3", "weights (examples,)"]),
    "negative weights": (
        weighted((X, LABELS, -np.ones(8))),
        ['"weights"', "-1", "0 or more"],
    ),
    "weights of another shape": (
        weighted((X, LABELS, np.ones((8, 3)))),
        ['"weights"', "(8, 3)", "(examples,)"],
    ),
    "weights of another width": (
        regress((X, Y, np.ones((8, 3))), weighted=True),
        ['"weights"', "(8, 3)", "(examples, 2)"],
    ),
    "a dict with another name": (
        train({"in": X, "traget": LABELS}),
        ["in, traget", "missing: target", 'Did you mean "target"?'],
    ),
    "a dict with a name too few": (train({"in": X}), ["train", "missing: target"]),
    "a callable that returns one array": (
        train(lambda: X),
        ["train: batch 0", "holds 1 array", "expects 2"],
    ),
    "a callable that returns three": (
        train(lambda: (X, LABELS, LABELS)),
        ["train: batch 0", "holds 3 array", "expects 2"],
    ),
    "a callable that returns nothing": (
        train(lambda: None),
        ["train: batch 0", "NoneType", "tuple of arrays"],
    ),
    "a callable that returns another width": (
        train(lambda: (X[:, :3], LABELS)),
        ["train: batch 0", "(8, 3)", "(examples, 4)"],
    ),
    "a callable that returns no examples": (
        train(lambda: (X[:0], LABELS[:0])),
        ["train: batch 0", "empty"],
    ),
    "an iterator of text": (
        train((X, LABELS), iter("ab")),
        ["valid: batch 0", "str"],
    ),
    "an iterator without batches": (
        train((X, LABELS), iter([])),
        ["valid gave no batch", "only once"],
    ),
    "an iterator for both": (
        train(iter([(X, LABELS)])),
        ["train is an iterator", "Give valid"],
    ),
    "a set of a batch of 0": (
        train(Dataset((X, LABELS), batch_size=0)),
        ["batch_size is 0", "from 1 on"],
    ),
    "a set of no batches": (
        train(Dataset((X, LABELS), iteration_size=0)),
        ["iteration_size is 0", "from 1 on"],
    ),
    "a set along an axis that is not there": (
        train(Dataset((X, LABELS), axis=1)),
        ["axis is 1", "(8,)"],
    ),
    "a set along no axis": (train(Dataset((X, LABELS), axis="x")), ["axis is 'x'"]),
    "a set with a seed of text": (train(Dataset((X, LABELS), rng="x")), ["rng is 'x'"]),
    "a set of nothing": (train(Dataset(None)), ["train is None"]),
}

USE = {
    "another width": (
        on(classifier(), "predict", X[:, :3]),
        ['"in"', "(8, 3)", "(examples, 4)"],
    ),
    "another rank": (
        on(classifier(), "predict", X[:, :, None]),
        ["(8, 4, 1)", ".reshape(-1, 4)"],
    ),
    "a single number": (on(classifier(), "predict", 5), ["()", "(examples, 4)"]),
    "text": (on(classifier(), "predict", "abc"), ["x is str", "array"]),
    "nothing": (on(classifier(), "predict", None), ["x is NoneType", "array"]),
    "NaN": (on(classifier(), "predict", WITH_NAN), ["NaN", "index 2"]),
    "no examples": (on(classifier(), "predict", X[:0]), ["x is empty"]),
    "one of two inputs": (
        on(Regressor(TWO_INPUTS), "predict", X),
        ["2 inputs", "in, extra", "a dict"],
    ),
    "another name": (
        on(Regressor(TWO_INPUTS), "predict", {"in": X, "more": Y}),
        ["in, more", "extra, in"],
    ),
    "inputs of other lengths": (
        on(Regressor(TWO_INPUTS), "predict", [X, Y[:3]]),
        ["differ in length", "in has 8", "extra has 3"],
    ),
    "a score with other lengths": (
        on(classifier(), "score", X, LABELS[:5]),
        ["y", "(5,)", "(8,)"],
    ),
    "a score with fractions": (
        on(classifier(), "score", X, LABELS + 0.5),
        ["y", "fractions"],
    ),
    "a score with labels out of range": (
        on(classifier(), "score", X, LABELS + 5),
        ["y", "from 5 to 7", "0 to 2"],
    ),
    "a score with NaN": (on(fresh(Regressor, 4), "score", X, WITH_NAN), ["y", "NaN"]),
    "a score with other weights": (
        on(classifier(), "score", X, LABELS, np.ones(5)),
        ["w", "(5,)", "(8,)"],
    ),
    "a score with negative weights": (
        on(classifier(), "score", X, LABELS, -np.ones(8)),
        ["w", "not negative"],
    ),
    "a score with no weight at all": (
        on(fresh(Regressor, 4), "score", X, X, np.zeros(8)),
        ["w", "sum 0"],
    ),
    "an unknown layer to encode with": (
        on(Autoencoder([4, 2, 4]), "encode", X, "hidd1"),
        KeyError,
        ["no layer 'hidd1'", 'Did you mean "hid1"?'],
    ),
    "a code of another width": (
        on(Autoencoder([4, 2, 4]), "decode", X),
        ["(8, 4)", "(examples, 2)"],
    ),
    "an unknown layer": (
        on(classifier(), "find", "hidd1", "w"),
        KeyError,
        ["no layer 'hidd1'", "in, hid1, out", 'Did you mean "hid1"?'],
    ),
    "a layer too far": (
        on(classifier(), "find", 7, 0),
        KeyError,
        ["no layer 7", "in, hid1, out"],
    ),
    "an unknown parameter": (
        on(classifier(), "find", "hid1", "ww"),
        KeyError,
        ["layer \"hid1\" has no parameter 'ww'", "w, b", 'Did you mean "w"?'],
    ),
    "a value of another shape": (
        on(Classifier([4, 5, 3]).find("hid1", "w"), "set_value", X),
        ['"hid1.w"', "(4, 5)", "(8, 4)"],
    ),
    "a value of NaN": (
        on(Classifier([4, 5, 3]).find("hid1", "b"), "set_value", [np.nan] * 5),
        ['"hid1.b"', "NaN"],
    ),
    "a value of text": (
        on(Classifier([4, 5, 3]).find("hid1", "b"), "set_value", ["a"] * 5),
        ['"hid1.b"', "numbers"],
    ),
    "an experiment with a number": (
        lambda: theanets.Experiment(5),
        ["got 5", "a network, its class or a file"],
    ),
    "an experiment with a model and its arguments": (
        lambda: theanets.Experiment(classifier(), layers=[4, 2]),
        ["made already", "theanets.Classifier"],
    ),
}

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
        a_file(edited(lambda d: d["losses"][0].update(form="myloss"))),
        ["'myloss'", "define or import them"],
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
    "more arrays than layers": (
        a_file(edited(lambda d: d["layers"].pop())),
        ["not those that its description asks for", "no layer has out.b, out.w"],
    ),
    "a pickle": (
        lambda: theanets.load(pickle.dumps({"layers": [4, 5, 3]})),
        ["looks like a pickle", "never read", "save has written"],
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
    "no examples": (minimized(data=X[:0]), ["train is empty"]),
    "other lengths": (minimized(data=(X, X[:3])), ["array 0 has 8", "array 1 has 3"]),
}

# Sparse data, sequences and text.

SPARSE = scipy.sparse.csr_matrix(WITH_NAN)


def text(*args, **keywords):
    return lambda: theanets.recurrent.Text(*args, **keywords)


def windows(*args, **keywords):
    return lambda: theanets.recurrent.batches(*args, **keywords)


def sparse_input(**keywords):
    return model({"form": "input", "name": "in", **keywords}, 2)


DATA_OF_OTHER_KINDS = {
    "NaN in a sparse matrix": (
        train((SPARSE, LABELS)),
        ['"in"', "NaN", "1 example", "index 2"],
    ),
    "infinity in a sparse matrix": (
        on(fresh(Classifier, 3), "predict", np.inf * SPARSE.tocsc()),
        ['"in"', "infinity"],
    ),
    "another width of a sparse matrix": (
        train((SPARSE[:, :3], LABELS)),
        ['"in"', "(8, 3)", "(examples, 4)"],
    ),
    "complex numbers in a sparse matrix": (
        train((SPARSE.astype("c8"), LABELS)),
        ["train[0]", "complex64", "real numbers"],
    ),
    "windows longer than the sequence": (
        windows([X], steps=9),
        ["8 steps", "9 of a window"],
    ),
    "sequences of unequal lengths": (
        windows([X, X[:3]], 2),
        ["8, 3", "each time step"],
    ),
    "windows of no steps": (windows([X], steps=0), ["steps is 0", "from 1 on"]),
    "a batch of no windows": (
        windows([X], 2, batch_size=0),
        ["batch_size is 0", "from 1 on"],
    ),
    "windows by a text": (windows([X], 2, rng="one"), ["rng is 'one'", "numpy.random"]),
    "an empty text": (text(""), ["text is ''", "not empty"]),
    "bytes as a text": (text(b"abc"), ["text is b'abc'", "str"]),
    "an empty alphabet": (text("abc", alpha=""), ["alpha is ''", "characters"]),
    "a text of rare characters": (
        text("abc"),
        ["no character", "2 times", "min_count"],
    ),
    "a character twice in the alphabet": (
        text("abc", alpha="aba"),
        ["alpha holds 'a' twice"],
    ),
    "the unknown in the alphabet": (
        text("abc", alpha="abc", unknown="b"),
        ["'b'", "unknown"],
    ),
    "two characters for the unknown": (text("aa", unknown="??"), ["unknown is '??'"]),
    "a text shorter than its windows": (
        lambda: theanets.recurrent.Text("abab").classifier_batches(steps=4),
        ["the text has 3 steps", "4 of a window"],
    ),
    "labels beyond the alphabet": (
        lambda: theanets.recurrent.Text("abab").decode([3]),
        ["0 to 2"],
    ),
}

SPARSE_LAYERS = {
    "an unknown format": (
        sparse_input(size=4, sparse="coo"),
        ['layer "in"', "sparse is 'coo'", '"csr"'],
    ),
    "sparse images": (
        sparse_input(shape=(4, 4), sparse="csr"),
        ['layer "in"', "(examples, size)", "3 axes"],
    ),
}

# Convolution and pooling: a model over images of 6 x 5 with 2 channels.


def images(form, shape=(6, 5, 2), **spec):
    if form.startswith("conv"):
        spec = {"size": 3, "filter_size": 2, **spec}
    return lambda: theanets.convolution.Regressor([shape, {"form": form, **spec}])


IMAGES = {
    "a filter larger than the image": (
        images("conv2", filter_size=(3, 6)),
        ['"out"', "filter_size 3 x 6", "6 x 5", "nothing would be left"],
    ),
    "a filter longer than the sequence": (
        images("conv1", (4, 2), filter_size=5),
        ['"out"', "filter_size 5", "which is 4", "nothing would be left"],
    ),
    "a pool that leaves nothing": (
        images("pool2", pool_size=7),
        ['"out"', "pool_size 7 x 7", "6 x 5", "nothing would be left"],
    ),
    "no filter size": (images("conv2", filter_size=None), ["filter_size is None"]),
    "a filter of another rank": (
        images("conv2", filter_size=(3, 3, 3)),
        ['"out"', "filter_size is (3, 3, 3)", "one or two", "(3, 3)"],
    ),
    "a filter of two lengths over time": (
        images("conv1", (6, 2), filter_size=(3, 3)),
        ['"out"', "filter_size is (3, 3)", "one"],
    ),
    "a stride of 0": (
        images("conv2", stride=(1, 0)),
        ['"out"', "stride is (1, 0)", "from 1 on"],
    ),
    "a negative stride of a pool": (
        images("pool2", pool_size=2, stride=-1),
        ['"out"', "stride is -1", "from 1 on"],
    ),
    "half a stride": (images("conv2", stride=1.5), ["stride is 1.5", "whole"]),
    "an unknown border": (
        images("conv2", border_mode="vallid"),
        ['"out"', "border_mode is 'vallid'", 'Did you mean "valid"?'],
    ),
    "an unknown mode": (
        images("pool2", pool_size=2, mode="average"),
        ['"out"', "mode is 'average'", "max", "mean"],
    ),
    "vectors as images": (
        lambda: Classifier([784, {"form": "conv2", "size": 3, "filter_size": 2}]),
        ['"out"', "images (width, height, channels)", "(784,)", "reshape"],
    ),
    "images as sequences": (
        images("conv1"),
        ['"out"', "sequences (time, channels)", "(6, 5, 2)"],
    ),
    "sequences in a pool of images": (
        images("pool2", (6, 2), pool_size=2),
        ['"out"', "images (width, height, channels)", "(6, 2)"],
    ),
    "no number of filters": (
        images("conv2", size=None),
        ['"out"', "needs a size", "number of filters"],
    ),
    "a shape that is not computed": (
        lambda: theanets.convolution.Regressor(
            [(6, 5, 2), {"form": "conv2", "shape": (6, 5, 3), "filter_size": 2}]
        ),
        ['"out"', "shape (6, 5, 3)", "computes (5, 4, 3)"],
    ),
    "an activation of a pool": (
        images("pool2", pool_size=2, activation="tanh"),
        ['"out"', "has no activation"],
    ),
    "an input of unknown shape": (
        lambda: theanets.convolution.Classifier([784, 10]),
        ['"in"', "(28, 28, 1)", "784"],
    ),
    "two inputs": (
        lambda: Regressor(
            [
                (6, 2),
                {"form": "conv1", "size": 3, "filter_size": 1},
                {
                    "form": "conv1",
                    "size": 3,
                    "filter_size": 1,
                    "inputs": ["in", "hid1"],
                },
            ]
        ),
        ['"out"', "at most 1"],
    ),
}

SHORT = np.zeros((2, 2, 3))


def sequences(**spec):
    """Make a model of sequences of any length, and give it two that are short."""
    return on(Regressor([(None, 3), spec]), "predict", SHORT)


SHORT_SEQUENCES = {
    "shorter than the filters": (
        sequences(form="conv1", size=2, filter_size=3),
        ['"out"', "filter_size 3", "which is 2", "nothing would be left"],
    ),
    "shorter than a window": (
        sequences(form="pool1", pool_size=5),
        ['"out"', "pool_size 5", "which is 2", "nothing would be left"],
    ),
}

# Losses, penalties, activations, small layers, initial values, weights of classes.

EMBEDDING = {"form": "embedding", "vocabulary": 5, "size": 3}


def embedded(x):
    net = Regressor([{"form": "input", "shape": ()}, {**EMBEDDING}, 2])
    return on(net, "predict", x)


def gaussian(**keywords):
    layers = [4, {"size": 2, "name": "mean"}, {"size": 3, "name": "covar"}]
    return lambda: Network(layers, loss="mse").add_loss("gll", **keywords)


CATALOGUE = {
    "a misspelt keyword of a model": (
        lambda: Classifier([4, 3], weigthed=True),
        ["Classifier takes no keyword 'weigthed'", 'Did you mean "weighted"?'],
    ),
    "half a composition": (
        layers((3, "relu+")),
        ['"hid1"', '"relu+"', "a name is missing", "relu+norm:z"],
    ),
    "no slope": (layers((3, "leak")), ['"hid1"', '"leak" needs the slope', "prelu"]),
    "another slope": (layers((3, "leak:a")), ['"hid1"', '"a" came', "leak:0.1"]),
    "no level": (layers("dropout"), ['"hid1"', "form 'dropout' needs level"]),
    "dropout of all": (
        layers({"form": "dropout", "level": 1}),
        ['"hid1"', "level is 1", "below 1"],
    ),
    "negative noise": (
        layers({"form": "noise", "level": -1}),
        ['"hid1"', "level is -1", "from 0 on"],
    ),
    "an eps of 0": (
        layers({"form": "layernorm", "eps": 0}),
        ['"hid1"', "eps is 0", "above 0"],
    ),
    "a sum of two shapes": (
        layers(3, {"form": "add", "inputs": ["hid1", "in"]}),
        ['"hid2"', "form 'add' needs inputs of one shape", "hid1:out (3,)"],
    ),
    "no vocabulary": (
        model(4, {"form": "embedding", "size": 3}, 2),
        ['"hid1"', "form 'embedding' needs vocabulary"],
    ),
    "a vocabulary of 0": (
        model(4, {"form": "embedding", "size": 3, "vocabulary": 0}, 2),
        ['"hid1"', "vocabulary is 0", "from 1 on"],
    ),
    "no size of vectors": (
        model(4, {"form": "embedding", "vocabulary": 5}, 2),
        ['"hid1"', "needs a size"],
    ),
    "an embedding of a layer": (
        layers(3, EMBEDDING),
        ['"hid2"', "whole numbers", "an input layer", "hid1:out", "Inputs: in"],
    ),
    "a number for each example to another layer": (
        model({"form": "input", "shape": ()}, 3),
        ['"out"', '"in:out" is one number', "embedding"],
    ),
    "noise on indices": (
        on(Regressor([4, EMBEDDING, 2]), "predict", np.ones((2, 4)), input_noise=0.1),
        ["noise", "in:out holds whole numbers"],
    ),
    "an index too large": (
        embedded(np.array([0, 5])),
        DataError,
        ["indices from 0 to 5", "5 entries, 0 to 4", "larger vocabulary"],
    ),
    "a negative index": (embedded([-1]), DataError, ["indices from -1", "0 to 4"]),
    "half an index": (embedded([0.5]), DataError, ["fractions", "0 to 4"]),
    "unknown initial values": (
        layers({"size": 3, "init": "hee"}),
        ['"hid1"', "init is 'hee'", "glorot", 'Did you mean "he"?'],
    ),
    "initial values twice": (
        layers({"size": 3, "init": "he", "std": 0.1}),
        ['"hid1"', "init and std were both given", "Give one"],
    ),
    "initial values of a bias": (
        layers({"size": 3, "init_b": "he"}),
        ['"hid1"', "'init_b'"],
    ),
    "a variance of another shape": (
        gaussian(),
        ["gll loss", "outputs of one shape", "mean:out (2,), covar:out (3,)"],
    ),
    "no variance": (
        gaussian(covar_name="covr"),
        ["gll loss", 'covar_name "covr:out"', 'Did you mean "covar"?'],
    ),
    "contractive by an unknown input": (
        train(contractive={"weight": 0.1, "wrt": "inn"}),
        ["contractive", "'inn' matches no input", "in"],
    ),
    "contractive by indices": (
        on(Regressor([4, EMBEDDING, 2]), "predict", np.ones((2, 4)), contractive=0.1),
        ["contractive", "whole numbers alone"],
    ),
    "half a sample": (
        train(contractive={"weight": 0.1, "samples": 0.5}),
        ["samples is 0.5", "from 0 on"],
    ),
    "a misspelt sample": (
        train(contractive={"weight": 0.1, "sampels": 1}),
        ["unknown sampels", 'Did you mean "samples"?'],
    ),
    "recurrent_norm without a pattern": (
        train(recurrent_norm=0.1),
        ["recurrent_norm needs a pattern", 'pattern="hid1:out"'],
    ),
    "recurrent_state without a pattern": (
        train(recurrent_state={"weight": 0.1}),
        ["recurrent_state needs a pattern"],
    ),
    "recurrent_state without time": (
        train(recurrent_state={"weight": 0.1, "pattern": "hid1:*"}),
        ["recurrent_state", "axis of time", "hid1:out (5,)"],
    ),
    "targets of bce out of range": (
        lambda: Regressor([4, 2], loss="bce").train((X, Y * 9), progress=False),
        DataError,
        ['"target" holds values from', "from 0 to 1", "Rescale"],
    ),
    "a bandwidth of 0": (
        lambda: Regressor([4, 2]).add_loss("mmd", kernel=0),
        ["mmd loss: kernel is 0", "above 0"],
    ),
    "an unknown class weight": (
        train(class_weight="balance"),
        ["class_weight is 'balance'", 'Did you mean "balanced"?'],
    ),
    "a weight of no class": (
        train(class_weight={3: 2}),
        ["the label 3", "3 classes, 0 to 2"],
    ),
    "balanced streams": (
        train(lambda: (X, LABELS), class_weight="balanced"),
        DataError,
        ["batch by batch", "class_weight={0: 1, 1: 5}"],
    ),
    "class weights without classes": (
        lambda: Regressor([4, 2]).train((X, Y), class_weight="balanced"),
        ["class_weight is for classifiers", "weighted=True"],
    ),
}

# Recurrent layers and models.

SEQUENCES = np.random.default_rng(1).standard_normal((6, 5, 4)).astype("f4")
MASK = {"form": "input", "name": "mask", "shape": (None,)}
MASKED = [4, MASK, {"form": "rnn", "size": 3, "inputs": "in", "mask": "mask"}, 2]


def recurrent(*entries):
    """Make a model of these layers between sequences of 4 and of 2 values."""
    return lambda: theanets.recurrent.Regressor([4, *entries, 2])


def rnn(form="rnn", size=6, **keywords):
    return recurrent({"form": form, "size": size, **keywords})


def masked(mask):
    net = theanets.recurrent.Regressor(MASKED)
    return lambda: net.predict([SEQUENCES, mask])


def train_masked(mask):
    net = theanets.recurrent.Regressor(MASKED)
    data = (SEQUENCES, mask, SEQUENCES[:, :, :2])
    return lambda: net.train(data, max_epochs=1, progress=False)


def sequence(*layers, labels=(1,), steps=2, **keywords):
    net = theanets.recurrent.Classifier(layers)
    return lambda: net.predict_sequence(labels, steps, **keywords)


STATE = {"form": "input", "name": "state", "size": 5, "ndim": 2}

RECURRENT = {
    "no size": (recurrent("lstm"), ['"hid1"', "form 'lstm' needs a size"]),
    "vectors for a recurrent layer": (
        layers((3, "lstm")),
        ['"hid1"', "form 'lstm' reads sequences", "(batch, 4)", "theanets.recurrent"],
    ),
    "several inputs": (
        recurrent((3, "tanh"), {"form": "rnn", "size": 3, "inputs": ["in", "hid1"]}),
        ['"hid2"', "at most 1 input", '"concatenate"'],
    ),
    "an unknown direction": (
        rnn(direction="bakward"),
        ['"hid1"', "direction is 'bakward'", 'Did you mean "backward"?'],
    ),
    "no step for derivatives": (
        rnn(bptt_limit=0),
        ['"hid1"', "bptt_limit is 0", "from 1 on"],
    ),
    "a negative radius": (rnn(radius=-1), ['"hid1"', "radius is -1", "from 0 on"]),
    "a radius of a matrix of inputs": (
        rnn(radius_xh=1),
        ['"hid1"', "'radius_xh'", 'Did you mean "radius_hh"?'],
    ),
    "periods that do not divide the size": (
        rnn("clockwork", 7, periods=[1, 2, 4]),
        ['"hid1"', "periods [1, 2, 4]", "3 modules", "size 7"],
    ),
    "no periods": (rnn("clockwork"), ['"hid1"', "'clockwork' needs periods"]),
    "periods that are a number": (
        rnn("clockwork", periods=3),
        ['"hid1"', "periods is 3", "a list"],
    ),
    "a period of 0": (
        rnn("clockwork", periods=[0, 1]),
        ['"hid1"', "a period is 0", "from 1 on"],
    ),
    "modules that do not divide the size": (
        rnn("bcrnn", num_modules=4),
        ['"hid1"', "num_modules 4", "4 modules", "size 6"],
    ),
    "no modules": (
        rnn("bcrnn", num_modules=None),
        ['"hid1"', "num_modules is None", "from 1 on"],
    ),
    "an unknown rate": (
        rnn("rrnn", rate="vectr"),
        ['"hid1"', "rate is 'vectr'", "matrix", 'Did you mean "vector"?'],
    ),
    "no rate": (rnn("rrnn", rate=None), ['"hid1"', "rate is None", "matrix"]),
    "no context": (
        rnn("scrn", context_size=0),
        ['"hid1"', "context_size is 0", "from 1 on"],
    ),
    "half a factor": (rnn("mrnn", factors=1.5), ['"hid1"', "factors is 1.5"]),
    "another activation for an lstm": (
        recurrent((3, "lstm", "relu")),
        ['"hid1"', "always uses tanh", "'relu'"],
    ),
    "an unknown worker": (
        rnn("bidirectional", worker="lstmm"),
        ['"hid1"', "worker is 'lstmm'", 'Did you mean "lstm"?'],
    ),
    "a worker that is not recurrent": (
        rnn("bidirectional", worker="feedforward"),
        ['"hid1"', "worker is 'feedforward'", "clockwork"],
    ),
    "an odd number of units for two workers": (
        rnn("bidirectional", 7),
        ['"hid1"', "size is 7", "even"],
    ),
    "no size for two workers": (
        recurrent("bidirectional"),
        ['"hid1"', "size is None", "even"],
    ),
    "a direction for two workers": (
        rnn("bidirectional", direction="back"),
        ['"hid1"', "direction is 'back'", "Leave it out"],
    ),
    "a keyword that the worker does not know": (
        rnn("bidirectional", perods=[1]),
        ['"hid1_fw"', "no keyword 'perods'"],
    ),
    "a name that a worker has": (
        recurrent(
            {"form": "bidirectional", "size": 4, "name": "both"},
            {"size": 3, "name": "both_bw"},
        ),
        ['"both_bw"', "an earlier layer has this name already"],
    ),
    "an initial state that is not there": (
        rnn(h_0="stat"),
        ['"hid1"', 'h_0 names "stat"', "no earlier layer's output", "in:out"],
    ),
    "an initial state that is an array": (
        rnn(h_0=np.zeros(6)),
        ['"hid1"', "h_0 is array", "the name of an earlier layer's output"],
    ),
    "an initial state of another size": (
        recurrent(STATE, {"form": "rnn", "size": 6, "inputs": "in", "h_0": "state"}),
        ['"hid1"', "h_0 names state:out", "(batch, 5)", "(batch, 6)"],
    ),
    "a sequence as initial state": (
        rnn("lstm", 4, c_0="in"),
        ['"hid1"', "c_0 names in:out", "(batch, None, 4)", "(batch, 4)"],
    ),
    "an initial state of another form": (
        rnn("gru", c_0="in"),
        ['"hid1"', "form 'gru' takes no keyword 'c_0'"],
    ),
    "a mask of another shape": (
        rnn(mask="in"),
        ['"hid1"', "mask names in:out", "(batch, time)", "shape=(None,)"],
    ),
    "a mask that is no input": (
        recurrent(
            MASK,
            {"size": 3, "inputs": "in"},
            {"form": "rnn", "size": 3, "mask": "hid1"},
        ),
        ['"hid2"', "mask names hid1:out", "has to be an input"],
    ),
    "a sequence from a layer that needs all of it": (
        sequence(4, (6, "bidirectional"), 4),
        ['"hid1"', "'bidirectional' needs the whole sequence", '"forward"'],
    ),
    "a sequence from a layer that runs backwards": (
        sequence(4, {"form": "gru", "size": 6, "direction": "back"}, 4),
        ['"hid1"', "'gru' needs the whole sequence", '"forward"'],
    ),
    "a sequence from inputs that are no classes": (
        sequence(4, (6, "gru"), 3),
        ["predict_sequence", "(None, 3)", "in (None, 4)"],
    ),
    "no steps": (sequence(4, (6, "gru"), 4, steps=0), ["steps is 0", "from 1 on"]),
    "no streams": (sequence(4, (6, "gru"), 4, streams=0), ["streams is 0"]),
    "a seed that is a text": (sequence(4, (6, "gru"), 4, rng="a"), ["rng is 'a'"]),
}

SEQUENCE_DATA = {
    "a mask of fractions": (
        masked(np.full((6, 5), 0.5)),
        ['the mask "mask" holds 0.5', "1 where", "0 where"],
    ),
    "a mask of counts": (
        train_masked(np.full((6, 5), 2)),
        ['the mask "mask" holds 2', "1 where"],
    ),
    "a mask of another length": (
        masked(np.ones((6, 4))),
        ['"hid1"', "mask:out has 4", "in:out has 5", "a number for each"],
    ),
    "a mask of another length in training": (
        train_masked(np.ones((6, 4))),
        ['"hid1"', "mask:out has 4", "in:out has 5", "a number for each"],
    ),
    "a mask with values": (
        masked(np.ones((6, 5, 4))),
        ['"mask" has the shape (6, 5, 4)', "(examples, any)"],
    ),
    "one image for sequences": (
        on(theanets.recurrent.Regressor([4, (3, "rnn"), 2]), "predict", X[None, None]),
        ['"in" has the shape (1, 1, 8, 4)', "(examples, any, 4)"],
    ),
    "no labels to begin with": (
        sequence(4, (6, "gru"), 4, labels=[]),
        ["predict_sequence is empty"],
    ),
    "a label that is no class": (
        sequence(4, (6, "gru"), 4, labels=[1, 4]),
        ["labels from 1 to 4", "4 classes"],
    ),
}

# Batch normalization, and training that follows the shape of a network.


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

NOT_A_NUMBER = {
    "a learning rate of text": (
        train(learning_rate="0.1"),
        ["learning_rate is '0.1'", "a number"],
    ),
    "a learning rate of True": (
        train(learning_rate=True),
        ["learning_rate is True", "a number"],
    ),
    "a complex learning rate": (
        train(learning_rate=np.complex64(1)),
        ["learning_rate is ", "a number"],
    ),
    "momentum of NumPy's True": (
        train(momentum=np.True_),
        ["momentum is ", "at least 0 and below 1"],
    ),
    "several learning rates": (
        train(learning_rate=np.array([0.1])),
        ["learning_rate is array([0.1])", "a number"],
    ),
    "a loss's weight of True": (
        on(classifier(), "add_loss", "mse", weight=True),
        ["mse loss", "weight is True", "a finite number"],
    ),
    "an infinite weight": (
        train(weight_l2=np.inf),
        ["weight_l2 is inf", "number from 0 on"],
    ),
    "a weight of an array": (
        train(weight_l2={"weight": np.ones(2)}),
        ["weight_l2 is array([1., 1.])", "number from 0 on"],
    ),
    "an eps of True": (
        layers("batchnorm", {"form": "batchnorm", "eps": True}),
        ['"hid2"', "eps is True", "above 0"],
    ),
    "a level of text": (
        layers({"form": "noise", "level": "0.1"}),
        ['"hid1"', "level is '0.1'", "from 0 on"],
    ),
    "a deviation of NumPy's True": (
        layers({"size": 3, "std": np.True_}),
        ['"hid1"', "std is ", "a finite number"],
    ),
    "a mean of more than any float": (
        layers({"size": 3, "mean": 10**400}),
        ['"hid1"', "mean is 1000", "a finite number"],
    ),
    "epochs of True": (train(max_epochs=True), ["max_epochs is True", "from 1 on"]),
    "a batch of True": (train(batch_size=True), ["batch_size is True", "from 1 on"]),
    "snapshots each NaN minutes": (
        train(save_progress=io.BytesIO(), save_every=np.nan),
        ["save_every is nan", "epochs", "minutes"],
    ),
    "a level of a monitor that is NaN": (
        train(monitors={"hid1:out": np.nan}),
        ["'hid1:out' has level nan", "finite number"],
    ),
    "memory of True": (
        lambda: setattr(theanets.config, "resident_bytes", True),
        ["resident_bytes is True", "of bytes"],
    ),
    "a step of True": (
        sequence(4, (3, "rnn"), 4, steps=True),
        ["steps is True", "from 1 on"],
    ),
    "a rank of True": (
        model({"form": "input", "size": 4, "ndim": True}, 2),
        ['"in"', "ndim is True"],
    ),
}

TABLE = {
    **{("short", k): (DataError, row) for k, row in SHORT_SEQUENCES.items()},
    **{("images", k): (ConfigurationError, row) for k, row in IMAGES.items()},
    **{("catalogue", k): (ConfigurationError, row) for k, row in CATALOGUE.items()},
    **{("layers", k): (ConfigurationError, row) for k, row in LAYERS.items()},
    **{("losses", k): (ConfigurationError, row) for k, row in LOSSES.items()},
    **{
        ("regularizers", k): (ConfigurationError, row)
        for k, row in REGULARIZERS.items()
    },
    **{("training", k): (ConfigurationError, row) for k, row in TRAINING.items()},
    **{("data", k): (DataError, row) for k, row in DATA.items()},
    **{("use", k): (TheanetsError, row) for k, row in USE.items()},
    **{("files", k): (ModelFileError, row) for k, row in FILES.items()},
    **{("recurrent", k): (ConfigurationError, row) for k, row in RECURRENT.items()},
    **{("sequences", k): (DataError, row) for k, row in SEQUENCE_DATA.items()},
    **{("settings", k): (ConfigurationError, row) for k, row in SETTINGS.items()},
    **{("minimize", k): (TheanetsError, row) for k, row in MINIMIZE.items()},
    **{("data", k): (DataError, row) for k, row in DATA_OF_OTHER_KINDS.items()},
    **{("layers", k): (ConfigurationError, row) for k, row in SPARSE_LAYERS.items()},
    **{("numbers", k): (ConfigurationError, row) for k, row in NOT_A_NUMBER.items()},
    **{("stages", k): (ConfigurationError, row) for k, row in STAGES.items()},
}


@pytest.mark.parametrize(
    ("usual", "row"), TABLE.values(), ids=[": ".join(key) for key in TABLE]
)
def test_message(usual, row):
    action, error, words = row if len(row) == 3 else (row[0], usual, row[1])
    with compilations() as compiled, pytest.raises(error) as caught:
        action()
    message = str(caught.value)
    for word in words:
        assert word in message
    assert not compiled
    assert len(message) < 1000


@pytest.mark.parametrize(
    "number", [np.float32, np.float64, np.array, jnp.float32, jnp.bfloat16]
)
def test_numbers_of_numpy_and_jax_are_numbers(number):
    whole = jnp.int32 if number in (jnp.float32, jnp.bfloat16) else np.int16
    norm = {"form": "batchnorm", "eps": number(0.5), "momentum": number(0.25)}
    net = Classifier(
        [
            {"form": "input", "size": whole(4), "ndim": whole(2)},
            norm,
            {"form": "dropout", "level": number(0.5)},
            {"size": whole(5), "std": number(0.5)},
            3,
        ]
    )
    assert (net.layers[1].eps, net.layers[1].momentum) == (0.5, 0.25)
    assert net.layers[3].size == 5
    net.set_loss("xe", weight=number(2.0))
    net.train(
        (X, LABELS),
        algo="sgd",
        learning_rate=number(0.5),
        weight_l2=number(0.5),
        batch_size=whole(4),
        max_epochs=whole(1),
        min_improvement=number(0.5),
        monitors={"hid1:out": number(0.5)},
        progress=False,
    )
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    again = theanets.load(file)
    assert again.layers[1].eps == 0.5
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
