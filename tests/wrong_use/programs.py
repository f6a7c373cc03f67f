"""Calls that are right but for one value, and values that are hardly ever right."""

import datetime
import decimal
import fractions
import io
import math

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import scipy.sparse

import theanets
from theanets import activations, layers, losses, optimizers, plotting, recurrent
from theanets.layers.base import FORMS
from theanets.regularizers import REGULARIZERS
from theanets.training import options
from theanets.utils.registry import is_ours, parameters

from .rows import LABELS, X, Y


class Evil:
    """Is nothing that one can compare, count, or ask for its truth."""

    def _refuse(self, *_):
        raise RuntimeError("not to be asked")

    __eq__ = __ne__ = __lt__ = __bool__ = __len__ = __hash__ = __contains__ = _refuse
    __float__ = __int__ = __index__ = __array__ = __iter__ = _refuse


class Unspeakable:
    """Has no text that describes it."""

    def __repr__(self):
        raise RuntimeError("not to be shown")

    __str__ = __repr__


def _deep():
    inside: list = []
    for _ in range(2000):
        inside = [inside]
    return inside


def _endless():
    inside: list = []
    inside.append(inside)
    return inside


# Made anew for each program.
VALUES = {
    "None": lambda: None,
    "True": lambda: True,
    "NumPy's True": lambda: np.True_,
    "a wrong word": lambda: "nonsense",
    "no text": lambda: "",
    "a number as text": lambda: "3",
    "bytes": lambda: b"sgd",
    "a long text": lambda: "x" * 100_000,
    "many digits": lambda: "maxout:" + "9" * 5000,
    "a surrogate": lambda: "\ud800",
    "a NUL": lambda: "a\0b",
    "0": lambda: 0,
    "-1": lambda: -1,
    "2 ** 40": lambda: 2**40,
    "2 ** 63": lambda: 2**63,
    "10 ** 400": lambda: 10**400,
    "10 ** 5000": lambda: 10**5000,
    "-(10 ** 5000)": lambda: -(10**5000),
    "0.5": lambda: 0.5,
    "1e300": lambda: 1e300,
    "NaN": lambda: math.nan,
    "infinity": lambda: math.inf,
    "NumPy's NaN": lambda: np.float32("nan"),
    "complex": lambda: 1j,
    "int8": lambda: np.int8(-1),
    "a decimal": lambda: decimal.Decimal("0.5"),
    "a decimal NaN": lambda: decimal.Decimal("sNaN"),
    "a fraction": lambda: fractions.Fraction(1, 3),
    "an empty list": lambda: [],
    "an empty tuple": lambda: (),
    "an empty dict": lambda: {},
    "an empty set": lambda: set(),
    "a list in a list": lambda: [[]],
    "a list of None": lambda: [None, None],
    "numbers": lambda: [1, 2],
    "words": lambda: ("a", "b"),
    "a dict by names": lambda: {"hid1": 1},
    "a dict by numbers": lambda: {1: 2},
    "a dict of arrays": lambda: {"hid1:out": np.ones(2)},
    "a list of arrays": lambda: [np.ones(2), np.ones(3)],
    "a list that holds itself": _endless,
    "a deep list": _deep,
    "an array without axes": lambda: np.array(3),
    "an array": lambda: np.array([1.0, 2.0]),
    "an array of one": lambda: np.array([1]),
    "an empty array": lambda: np.array([]),
    "an array of text": lambda: np.array(["a", "b"]),
    "text without axes": lambda: np.array("relu"),
    "NumPy's text": lambda: np.str_("nonsense"),
    "an object array": lambda: np.array([None, "a"]),
    "an object without axes": lambda: np.array(None),
    "a structured array": lambda: np.zeros(2, [("a", "f4"), ("b", "i4")]),
    "a structured scalar": lambda: np.zeros((), [("a", "f4")])[()],
    "masked": lambda: np.ma.masked,
    "a masked array": lambda: np.ma.array([1.0, 2.0], mask=[True, False]),
    "a Series": lambda: pd.Series([1.0, 2.0]),
    "a Series of text": lambda: pd.Series(["relu", "tanh"]),
    "an empty Series": lambda: pd.Series([], dtype=float),
    "a frame": lambda: pd.DataFrame({"a": [1, 2]}),
    "an Index": lambda: pd.Index(["a"]),
    "a Categorical": lambda: pd.Categorical(["a", "b"]),
    "pandas' NA": lambda: pd.NA,
    "NaT": lambda: pd.NaT,
    "a Timestamp": lambda: pd.Timestamp("2020-01-01"),
    "a sparse matrix": lambda: scipy.sparse.eye(4, format="csr"),
    "a sparse array": lambda: scipy.sparse.coo_array(np.eye(4)),
    "a date": lambda: datetime.date(2020, 1, 1),
    "a time": lambda: datetime.datetime(2020, 1, 1),
    "a duration": lambda: datetime.timedelta(1),
    "datetime64": lambda: np.datetime64("2020-01-01"),
    "datetime64's NaT": lambda: np.datetime64("NaT"),
    "timedelta64": lambda: np.timedelta64(1, "s"),
    "an array of dates": lambda: np.array(["2020"], "M8[s]"),
    "JAX's array": lambda: jnp.array([1.0, 2.0]),
    "JAX's key": lambda: jax.random.key(0),
    "JAX's NaN": lambda: jnp.float32(jnp.nan),
    "an object": object,
    "what cannot be compared": Evil,
    "what cannot be shown": Unspeakable,
    "a list of such": lambda: [Evil(), Unspeakable()],
    "a dict of such": lambda: {"hid1": Evil(), "b": Unspeakable()},
    "a type": lambda: int,
    "a function": lambda: lambda: None,
    "a function that asserts": lambda: asserts,
    "a function of nothing": lambda: _nothing,
    "a generator": lambda: (n for n in range(2)),
    "an iterator": lambda: iter([1]),
    "a range": lambda: range(2),
    "a slice": lambda: slice(1),
    "an ellipsis": lambda: ...,
    "a module": lambda: math,
    "a file": io.BytesIO,
    "a layer": lambda: layers.Feedforward(size=3),
    "a model": lambda: theanets.Regressor([4, 2]),
    "a loss": lambda: losses.Loss.build("mse"),
    "a parameter": lambda: NET.find("hid1.w"),
    "an activation": lambda: activations.build("tanh"),
    "a generator of random numbers": lambda: np.random.default_rng(0),
}


def asserts(*args):
    raise AssertionError("this function has asserted something")


def _nothing(*args, **kwargs):
    return None


NET = theanets.Classifier([4, 5, 3])
REGRESSOR = theanets.Regressor([4, (5, "tanh"), 2])
CODER = theanets.Autoencoder([4, (3, "logistic"), 4])
SEQUENCES = recurrent.Classifier([3, (4, "rnn"), 3])
STEPS = np.zeros((2, 5, 3), "f4")
CALLS = {}
"""By name: what is called with a value."""

ATTRIBUTES = ["mean", "std", "sparsity", "diagonal", "init", "rng", "std_w", "mean_b"]
ATTRIBUTES += ["rng_w", "init_w", "radius"]
TIME = ["rnn", "lstm", "gru", "mrnn", "mut1", "scrn", "rrnn", "clockwork", "bcrnn"]
NEEDED = {
    "clockwork": {"periods": [1, 2]},
    "mrnn": {"factors": 2},
    "scrn": {"s_0": None},
    "conv1": {"filter_size": 2},
    "conv2": {"filter_size": 2},
    "pool1": {"pool_size": 2},
    "pool2": {"pool_size": 2},
    "dropout": {"level": 0.1},
    "noise": {"level": 0.1},
    "embedding": {"vocabulary": 5},
    "reshape": {"shape": (2, 2)},
}
SIZED = ["feedforward", "classifier", "embedding", "conv1", "conv2", *TIME]
SIZED += ["bidirectional"]


def _layer(form, keyword):
    spec = {"form": form, **NEEDED.get(form, {})}
    spec |= {"size": 4} if form in SIZED else {}
    images, steps = form in ("conv2", "pool2"), ["bidirectional", "last", "pool"]
    data = 4
    if images:
        data = (4, 4, 2)
    elif form in [*TIME, *steps, "conv1", "pool1"]:
        data = (6, 4)
    elif form == "embedding":
        data = (3,)

    def call(value):
        before = [(4, "tanh")] if form == "tied" else []
        theanets.Network([data, *before, {**spec, keyword: value}])

    return call


def _input(keyword):
    def call(value):
        theanets.Network([{"form": "input", "size": 4, keyword: value}, 2])

    return call


def _keywords(cls):
    return [x for x in parameters(cls) if x not in ("args", "kwargs", "attributes")]


for form in FORMS:
    cls = FORMS.lookup(form)
    if not is_ours(cls) or form != cls.__name__.lower():
        continue
    for keyword in dict.fromkeys([*_keywords(cls), *ATTRIBUTES, "form"]):
        made = _input(keyword) if form == "input" else _layer(form, keyword)
        CALLS[f"layer {form}: {keyword}"] = made

CALLS |= {
    "layers": lambda v: theanets.Network(v),
    "an entry": lambda v: theanets.Network([4, v, 2]),
    "the first entry": lambda v: theanets.Network([v, 2]),
    "an entry's size": lambda v: theanets.Network([4, (v, "tanh"), 2]),
    "an entry's activation": lambda v: theanets.Network([4, (5, v), 2]),
    "an entry's form": lambda v: theanets.Network([4, (5, "tanh", v), 2]),
    "a length": lambda v: theanets.Network([(4, v), "flat", 2]),
    "a model's loss": lambda v: theanets.Regressor([4, 2], loss=v),
    "a model's weighted": lambda v: theanets.Regressor([4, 2], weighted=v),
    "a model's rng": lambda v: theanets.Regressor([4, 2], rng=v),
    "a model's unknown keyword": lambda v: theanets.Regressor([4, 2], unknown=v),
    "a layer of a class": lambda v: theanets.Network(
        [4, layers.Feedforward(size=3, inputs=v), 2]
    ),
    "an activation": lambda v: activations.build(v),
    "add_layer": lambda v: theanets.Network([4]).add_layer(v),
    "add_layer: is_output": lambda v: theanets.Network([4]).add_layer(3, is_output=v),
    "add_layer: size": lambda v: theanets.Network([4]).add_layer(size=v),
    "find": lambda v: NET.find(v),
    "find: param": lambda v: NET.find("hid1", v),
    "freeze": lambda v: theanets.Network([4, 2]).freeze(v),
    "unfreeze": lambda v: theanets.Network([4, 2]).unfreeze(v),
    "replace": lambda v: NET.replace(v, size=3),
    "replace: size": lambda v: NET.replace("hid1", size=v),
    "replace: form": lambda v: NET.replace("hid1", form=v),
    "replace: activation": lambda v: NET.replace("hid1", activation=v),
    "replace: name": lambda v: NET.replace("hid1", name=v),
    "replace: inputs": lambda v: NET.replace("hid1", inputs=v),
    "set_loss": lambda v: theanets.Regressor([4, 2]).set_loss(v),
    "add_loss": lambda v: theanets.Regressor([4, 2]).add_loss(v),
    "add_loss: form": lambda v: theanets.Regressor([4, 2]).add_loss(form=v),
    "add_loss: form besides": lambda v: theanets.Regressor([4, 2]).add_loss(
        "mse", form=v
    ),
    "a loss's weight": lambda v: setattr(
        theanets.Regressor([4, 2]).losses[0], "weight", v
    ),
    "a loss's target": lambda v: setattr(
        theanets.Regressor([4, 2]).losses[0], "target", v
    ),
    "a dict of a loss": lambda v: theanets.Regressor([4, 2], loss={"form": v}),
    "save: keep": lambda v: NET.save(io.BytesIO(), keep=v),
    "load": lambda v: theanets.load(v if not isinstance(v, int) else None),
    "functional": lambda v: NET.functional(train=v),
    "predict: state": lambda v: SEQUENCES.predict(STEPS, state=v),
    "predict: a state's part": lambda v: SEQUENCES.predict(STEPS, state={"hid1.h": v}),
    "predict: return_state": lambda v: SEQUENCES.predict(STEPS, return_state=v),
    "predict: unknown": lambda v: NET.predict(X, unknown=v),
    "encode: layer": lambda v: CODER.encode(X, layer=v),
    "encode: sample": lambda v: CODER.encode(X, sample=v),
    "decode: layer": lambda v: CODER.decode(X[:, :3], layer=v),
    "predict_sequence: steps": lambda v: SEQUENCES.predict_sequence([0], v),
    "predict_sequence: streams": lambda v: SEQUENCES.predict_sequence([0], 2, v),
    "predict_sequence: rng": lambda v: SEQUENCES.predict_sequence([0], 2, rng=v),
    "set_value: borrow": lambda v: NET.find("hid1.w").set_value(np.zeros((4, 5)), v),
    "set_value": lambda v: theanets.Regressor([4, 2]).find("out.b").set_value(v),
    "get_value: borrow": lambda v: NET.find("hid1.w").get_value(v),
    "floatX": lambda v: setattr(theanets.config, "floatX", v),
    "load_mnist: flatten": lambda v: theanets.datasets.load_mnist(flatten=v),
    "load_mnist: labels": lambda v: theanets.datasets.load_mnist(labels=v),
    "features: shape": lambda v: plotting.mosaic(np.eye(4), v),
    "features: columns": lambda v: plotting.mosaic(np.eye(4), (2, 2), v),
    "features: ax": lambda v: plotting.features(np.eye(4), (2, 2), ax=v),
    "experiment": lambda v: theanets.Experiment(v),
    "Text": lambda v: recurrent.Text(v),
    "Text: alpha": lambda v: recurrent.Text("abcabc", v),
    "Text: min_count": lambda v: recurrent.Text("abcabc", min_count=v),
    "Text: unknown": lambda v: recurrent.Text("abcabc", unknown=v),
    "from_kwargs": lambda v: theanets.regularizers.from_kwargs(v),
}
for keyword in ("steps", "batch_size", "rng", "stateful"):
    CALLS[f"batches: {keyword}"] = lambda v, k=keyword: recurrent.batches(
        np.zeros((20, 3)), **{"steps": 5, "batch_size": 2, k: v}
    )
for form in losses.base.REGISTRY:
    cls = losses.base.REGISTRY.lookup(form)
    if is_ours(cls) and form == cls.__name__.lower():
        for keyword in _keywords(cls):
            CALLS[f"loss {form}: {keyword}"] = lambda v, f=form, k=keyword: (
                theanets.Regressor([4, 2]).add_loss(f, **{k: v})
            )


def _trained(keyword, algo="sgd", **more):
    def call(value):
        given = {"max_epochs": 1, "progress": False, **more, keyword: value}
        first = next(NET.itertrain((X, LABELS), None, algo, **given), None)
        assert first is None or len(first) == 2

    return call


for keyword in [*options.keywords(), "class_weight", "freeze", "stateful"]:
    CALLS[f"train: {keyword}"] = _trained(keyword)
for keyword in ["monitors", "subalgo", "save_every", "checkpoint_every", "resume"]:
    CALLS[f"train: {keyword}"] = _trained(keyword)
CALLS["train: mode of a monitor"] = _trained("mode", monitor="acc")
CALLS["train: save_progress"] = lambda v: _trained("save_progress")(
    None if isinstance(v, str | int) else v
)
CALLS["train: checkpoint"] = lambda v: _trained("checkpoint")(
    None if isinstance(v, str) else v
)
CALLS["train: algo"] = lambda v: NET.itertrain((X, LABELS), None, v, max_epochs=1)
CALLS["train: subalgo"] = _trained("subalgo", "layerwise")
CALLS["train: a monitor's level"] = lambda v: _trained("monitors")({"hid1:out": v})
CALLS["train: a monitor's levels"] = lambda v: _trained("monitors")(
    {"hid1:out": (0.1, v)}
)
CALLS["train: a monitor's label"] = lambda v: _trained("monitors")(
    [("hid1:out", [(v, 0.1)])]
)
CALLS["train: a class's weight"] = lambda v: _trained("class_weight")({0: v})
CALLS["train: a callback"] = lambda v: _trained("callbacks")([v])
CALLS["train: a pattern of freeze"] = lambda v: _trained("freeze")(["hid1", v])
CALLS["train: a regularizer"] = lambda v: _trained("regularizers")([v])
CALLS["train: several"] = lambda v: NET.itertrain((X, LABELS), None, ["sgd", v])
for algo in optimizers.ALGORITHMS:
    for keyword in optimizers.keywords(algo):
        CALLS[f"train: {keyword} of {algo}"] = _trained(keyword, algo)
# Those that other tests have made are not ours to answer for.
THEIRS = [form for form in REGULARIZERS if not is_ours(REGULARIZERS.lookup(form))]
for keyword in theanets.regularizers.arguments.keywords():
    if keyword in THEIRS:
        continue
    CALLS[f"train: {keyword}"] = _trained(keyword)
    CALLS[f"predict: {keyword}"] = lambda v, k=keyword: NET.predict(X, **{k: v})
for form in REGULARIZERS:
    cls = REGULARIZERS.lookup(form)
    if is_ours(cls) and form not in ("noise", "dropout"):
        for keyword in _keywords(cls):
            CALLS[f"train: {keyword} of {form}"] = lambda v, f=form, k=keyword: (
                _trained(f)({"weight": 0.1, k: v})
            )
CALLS["train: a level of dropout"] = lambda v: _trained("dropout")({"hid1:out": v})
for keyword in _keywords(theanets.Dataset):
    if keyword != "inputs":
        CALLS[f"Dataset: {keyword}"] = lambda v, k=keyword: next(
            NET.itertrain(
                theanets.Dataset([X, LABELS], **{k: v}), max_epochs=1, progress=False
            )
        )
        CALLS[f"Dataset of batches: {keyword}"] = lambda v, k=keyword: NET.itertrain(
            theanets.Dataset(lambda: (X, LABELS), **{k: v}),
            (X, LABELS),
            max_epochs=1,
            progress=False,
        )


def _least(keyword):
    def loss(params, x):
        return ((params * x) ** 2).mean()

    def call(value):
        given = {"max_epochs": 1, "progress": False, "algo": "sgd", keyword: value}
        theanets.minimize(loss, 1.0, Y, **given)

    return call


for keyword in [*options.keywords(), "algo", "learning_rate"]:
    CALLS[f"minimize: {keyword}"] = _least(keyword)
CALLS["minimize: loss"] = lambda v: theanets.minimize(v, 1.0, Y, max_epochs=1)
