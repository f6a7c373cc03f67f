"""What a model can be made of, and what not."""

import numpy as np

import theanets
from theanets import (
    Network,
    Regressor,
)
from theanets.errors import (
    ConfigurationError,
)

from .rows import X, classifier, layers, model, on


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


USED = theanets.layers.Feedforward(size=3, name="used")
Regressor([4, USED, 2])

LAYERS = {
    "a level in a tuple": (
        layers(("dropout", 0.2)),
        ["0.2 in ('dropout', 0.2)", 'a dict for anything else, dict(form="dropout"'],
    ),
    "layers is a text": (lambda: Regressor("784"), ["layers is '784'", "list"]),
    "layers is a number": (lambda: Regressor(784), ["layers is 784", "[784, 100, 10]"]),
    "layers is a dict": (lambda: Regressor({4: 2}), ["layers is {4: 2}", "list"]),
    "no size": (layers({"activation": "tanh"}), ['"hid1"', "needs a size"]),
    "a form alone": (layers("feedforward"), ['"hid1"', "needs a size"]),
    "size 0": (layers(0), ['"hid1"', "size is 0", "from 1 on"]),
    "negative size": (layers(-3), ['"hid1"', "size is -3", "from 1 on"]),
    "a size beyond memory": (
        model(10**7, 10**7, 1),
        ['"hid1"', '"w" of shape (10000000, 10000000)', "800,000 GB", "smaller size"],
    ),
    "a size beyond all memory": (
        model(6, 10**30, 1),
        ['"hid1"', "does not fit into memory", "smaller size"],
    ),
    "factors beyond memory": (
        lambda: theanets.recurrent.Regressor(
            [3, {"form": "mrnn", "size": 8, "factors": 10**12}, 2]
        ),
        ['"hid1"', '"xf" of shape (3, 1000000000000)', "24,000 GB"],
    ),
    "a filter beyond memory": (
        lambda: theanets.recurrent.Regressor(
            [3, {"form": "conv1", "size": 3, "filter_size": 10**12}, 2]
        ),
        ['"hid1"', '"w" of shape (3, 3, 1, 1000000000000)', "72,000 GB"],
    ),
    "a size of text": (layers({"size": "3"}), ['"hid1"', "size is '3'", "from 1 on"]),
    "layers is an array": (
        lambda: Regressor(np.array([4, 2])),
        ["layers is array([4, 2])", "a list"],
    ),
    "layers is a generator": (
        lambda: Regressor(n for n in [4, 2]),
        ["layers is <generator", "a list"],
    ),
    "a class for a layer": (
        layers(theanets.Layer),
        ['"hid1"', "<class 'theanets.layers.base.Layer'> describes no layer"],
    ),
    "a layer of another model": (
        layers(USED),
        ['layer "used"', "part of a model already", "Make another one"],
    ),
    "a form that is a number": (
        layers({"form": 5, "size": 3}),
        ['"hid1"', "unknown layer form 5", "feedforward"],
    ),
    "a shape of text": (
        layers({"form": "reshape", "shape": "x"}),
        ['"hid1"', "shape is 'x'", "a tuple of whole numbers"],
    ),
    "a mask for a layer without time": (
        layers({"size": 3, "mask": "in"}),
        ['"hid1"', "takes no keyword 'mask'"],
    ),
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
        ['"hid1"', '"in" has the size 3', "Leave the size out"],
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
        ['"in"', "ndim is 1", "from 2 to 32"],
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
        ['"hid1"', "Silent needs a transform method", "Write it in the class"],
    ),
    "a layer of one's own without output": (
        layers(Outless(size=3)),
        ['"hid1"', 'no "out"', "only other"],
    ),
    "a layer of one's own with another shape": (
        layers(Misshapen(size=3)),
        ['"hid1"', "(3,)", "computes (4,)"],
    ),
    "a parameter declared twice": (
        layers(Doubled(size=3)),
        ['"hid1"', 'parameter "b" is declared twice'],
    ),
    "a class with a name of ours": (
        lambda: type("Tied", (theanets.Layer,), {"__module__": "mine"}),
        ["class Tied", '"tied" is already', "another name"],
    ),
    "too few layers to predict": (
        on(Regressor([4]), "predict", X),
        ["1 layer;", "[784, 10]"],
    ),
    "no layers to train": (on(Network(), "train", X), ["0 layers", "[784, 10]"]),
}


def sparse_input(**keywords):
    return model({"form": "input", "name": "in", **keywords}, 2)


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


EMBEDDING = {"form": "embedding", "vocabulary": 5, "size": 3}


SECTIONS = [
    ("layers", ConfigurationError, LAYERS),
    ("sparse layers", ConfigurationError, SPARSE_LAYERS),
]
