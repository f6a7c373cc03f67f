"""Losses, regularizers and activations; small layers, weights of classes."""

import numpy as np

import theanets
from theanets import (
    Autoencoder,
    Classifier,
    Network,
    Regressor,
)
from theanets.errors import (
    ConfigurationError,
    DataError,
)

from .rows import LABELS, X, Y, classifier, fresh, layers, model, on, train

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
        ['keyword "hiden_dropout"', 'Did you mean "hidden_dropout"?'],
    ),
    "two unknown keywords": (
        train(hiden_dropout=0.1, learnin_rate=1),
        ['"hiden_dropout"', '"learnin_rate"', 'Did you mean "learning_rate"?'],
    ),
    "a keyword like none": (
        train(qqq=1),
        ['unknown keyword "qqq"', "Known: batch_size, callbacks", "user guide"],
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
        ["weight_l2", "unknown keyword 'patern'", 'Did you mean "pattern"?'],
    ),
    "names in the list": (
        train(regularizers=["weight_l2"]),
        ["regularizers holds 'weight_l2'", "keywords of their own"],
    ),
    "no list": (train(regularizers=5), ["regularizers holds 5", "list"]),
}


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
        ["unknown keyword 'sampels'", 'Did you mean "samples"?'],
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


SECTIONS = [
    ("losses", ConfigurationError, LOSSES),
    ("regularizers", ConfigurationError, REGULARIZERS),
    ("catalogue", ConfigurationError, CATALOGUE),
]
