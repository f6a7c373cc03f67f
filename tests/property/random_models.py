"""Hypothesis strategies: models of any kind, how to train them, and data for them.

They know the shapes they build on, so that most models work; now and then they choose
what may not fit, which has to be refused in words.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.sparse
from hypothesis import strategies as st

import theanets
from theanets import activations
from theanets.graph.expected import Expectations
from theanets.layers import FORMS, Recurrent
from theanets.optimizers import ALGORITHMS
from theanets.regularizers.base import ROLES

KINDS = ("vectors", "sequences", "images", "indices", "graphs")
OURS = [name for name in FORMS if FORMS.lookup(name).__module__.startswith("theanets")]
RECURRENT = [name for name in OURS if issubclass(FORMS.lookup(name), Recurrent)]
FUNCTIONS = [
    {"maxout": "maxout:2", "leak": "leak:0.1"}.get(name, name)
    for name in activations.REGISTRY
    if activations.REGISTRY.lookup(name).__module__.startswith("theanets")
]
DTYPES = ["f4", "f8", "f2", "i1", "u1", "i8", "?", "bfloat16", ">f4"]

sizes = st.integers(1, 5)
small = st.floats(0, 0.3).map(lambda x: round(x, 2))
functions = st.lists(st.sampled_from(FUNCTIONS), min_size=1, max_size=2).map("+".join)


def rarely(draw: Any, one_in: int = 8) -> bool:
    """Draw True now and then, and False first when an example is made simpler."""
    return draw(st.integers(0, one_in - 1)) == one_in - 1


@dataclass
class Case:
    """A model to make, and what to do with it."""

    layers: list[Any]
    make: str
    loss: dict[str, Any] | None = None
    further: list[dict[str, Any]] = field(default_factory=list)
    weighted: bool = False
    rng: int = 0
    precision: str = "float32"
    algo: str = "sgd"
    hyper: dict[str, Any] = field(default_factory=dict)
    examples: int = 3
    steps: int = 3
    dtype: str = "f4"
    seed: int = 0
    constant: bool = False
    form: str = "tuple"

    def model(self) -> Any:
        """Make the model."""
        theanets.config.floatX = self.precision
        try:
            kind = theanets
            *folders, name = self.make.split(".")
            for folder in folders:
                kind = getattr(kind, folder)
            net = getattr(kind, name)(self.layers, weighted=self.weighted, rng=self.rng)
            if self.loss is not None:
                net.set_loss(**self.loss)
            for loss in self.further:
                net.add_loss(**loss)
            return net
        finally:
            theanets.config.floatX = "float32"

    def data(self, net: Any) -> list[Any]:
        """Return arrays for a model: inputs, targets, weights."""
        rng = np.random.default_rng(self.seed)
        expect = Expectations(net._objective())
        count = len(net.inputs)
        bare = [
            np.zeros((1, *(self.steps if n is None else n for n in layer.shape)))
            for layer in net.inputs
        ]
        arrays: list[Any] = []
        for slot in expect(bare):
            shape = tuple(self.steps if n is None else n for n in slot.shape)
            if slot.role == "weights" and self.seed % 3 == 0:
                shape = shape[: len(shape) - slot.optional_axes]
            arrays.append(self._array(rng, slot, (self.examples, *shape)))
        if self.constant:
            arrays[0] = arrays[0] * 0 + arrays[0].ravel()[:1].sum()
        if self.form == "sparse" and net.inputs[0].given.get("sparse"):
            arrays[0] = scipy.sparse.csr_matrix(arrays[0].astype("f4"))
        if self.form == "list":
            arrays = [a.tolist() for a in arrays]
        assert len(arrays) >= count
        return arrays

    def _array(self, rng: Any, slot: Any, shape: tuple[int, ...]) -> Any:
        if slot.role in ("labels", "indices"):
            return rng.integers(0, slot.classes, shape).astype(rng.choice(["u1", "i8"]))
        if slot.role == "mask":
            return rng.integers(0, 2, shape).astype("f4")
        if slot.role == "weights":
            return rng.integers(0, 3, shape) * rng.choice([0.0, 0.5, 1.0])
        values = rng.uniform(0, 1, shape)
        if slot.role == "input":
            values = 3 * values - 1.5
            dtype = jnp.bfloat16 if self.dtype == "bfloat16" else np.dtype(self.dtype)
            if np.dtype(dtype).kind == "u":
                values = abs(values)
            return values.astype(dtype)
        if self.loss is not None and self.loss.get("loss") == "kl":
            values /= values.sum(axis=-1, keepdims=True)
        return values


class Graph:
    """Layers so far, and the shapes of the outputs that later ones can read."""

    def __init__(self, draw: Any, *inputs: dict[str, Any]) -> None:
        self.draw = draw
        self.layers: list[Any] = list(inputs)
        self.shapes = {spec["name"]: tuple(spec["shape"]) for spec in inputs}
        self.last = inputs[0]["name"]
        self.encoders: list[str] = []
        self.states: dict[str, int] = {}

    def add(self, result: tuple[Any, ...], /, **spec: Any) -> None:
        """Add a layer whose output is thought to have a shape."""
        name = f"l{len(self.layers)}"
        spec = {"name": name, "inputs": self.last, **spec}
        self.layers.append(spec)
        self.shapes[name] = result
        self.last = name

    def plain(self) -> bool:
        """Return whether each layer is dense and reads the one before."""
        return (
            len(self.layers) > 2
            and [x["name"] for x in self.layers[1:-1]] == self.encoders
            and all(
                x["inputs"] in (y["name"], [y["name"]])
                for x, y in pairwise(reversed(self.layers))
            )
        )

    def grow(self, count: int) -> None:
        """Add layers that fit the last one, or seem to."""
        for _ in range(count):
            shape = self.shapes[self.last]
            options = [self.dense, self.dense, self.unary, self.joined, self.normal]
            if len(shape) == 2:
                options += [self.recurrent, self.recurrent, self.windowed]
            if len(shape) == 3:
                options += [self.windowed] * 3
            if len(shape) == 1:
                options += [self.tied, self.reshaped]
            elif None not in shape:
                options += [self.flat]
            self.draw(st.sampled_from(options))(shape)

    def weights(self) -> dict[str, Any]:
        """Draw how weights begin."""
        how = st.fixed_dictionaries(
            {},
            optional={
                "mean": small,
                "std": small,
                "sparsity": small,
                "mean_b": small,
                "rng": st.integers(0, 9),
            },
        )
        init = st.sampled_from(["glorot", "he", "lecun", "orthogonal"])
        named = init.map(lambda name: {"init": name})
        diagonal = st.just({"diagonal": 0.5})
        return self.draw(st.one_of(st.just({}), how, named, diagonal))

    def dense(self, shape: tuple[Any, ...]) -> None:
        size, kind = self.draw(sizes), {}
        if rarely(self.draw):
            kind = {"form": "classifier"}
        else:
            kind = {"activation": self.draw(functions)}
        inputs = [self.last]
        others = [x for x, s in self.shapes.items() if s[:-1] == shape[:-1] and s]
        if rarely(self.draw, 4):
            inputs += self.draw(st.lists(st.sampled_from(others), max_size=2))
            inputs = list(dict.fromkeys(inputs))
        elif len(shape) == 1 and kind.get("form") is None:
            self.encoders.append(f"l{len(self.layers)}")
        own = {} if len(inputs) > 1 or "form" in kind else self.weights()
        self.add((*shape[:-1], size), size=size, inputs=inputs, **kind, **own)

    def unary(self, shape: tuple[Any, ...]) -> None:
        form = self.draw(st.sampled_from(["noise", "dropout"]))
        self.add(shape, form=form, level=self.draw(small))

    def normal(self, shape: tuple[Any, ...]) -> None:
        if self.draw(st.booleans()):
            self.add(shape, form="layernorm")
        else:
            spec = {"activation": self.draw(functions)}
            self.add(shape, form="batchnorm", **spec)

    def joined(self, shape: tuple[Any, ...]) -> None:
        form = self.draw(st.sampled_from(["add", "product", "concatenate"]))
        same = slice(None, -1) if form == "concatenate" else slice(None)
        others = [x for x, s in self.shapes.items() if s[same] == shape[same]]
        others = [x for x in others if x != self.last]
        if rarely(self.draw, 16):
            others = list(self.shapes)
        inputs = [self.last, *([self.draw(st.sampled_from(others))] if others else [])]
        if form == "concatenate":
            total = sum(self.shapes[name][-1] for name in inputs)
            self.add((*shape[:-1], total), form=form, inputs=inputs)
        else:
            self.add(shape, form=form, inputs=inputs)

    def tied(self, shape: tuple[Any, ...]) -> None:
        if not self.encoders:
            self.dense(shape)
            return
        partner = self.encoders.pop()
        spec = next(x for x in self.layers if x["name"] == partner)
        read = spec["inputs"]
        if shape != self.shapes[partner] and not rarely(self.draw, 16):
            self.dense(shape)
            return
        name = {} if rarely(self.draw, 4) else {"partner": partner}
        activation = self.draw(functions)
        read = read if isinstance(read, str) else read[0]
        self.add(self.shapes[read], form="tied", activation=activation, **name)

    def reshaped(self, shape: tuple[Any, ...]) -> None:
        (size,) = shape
        way = [(size, 1), (1, size), (-1, 1)]
        if size % 2 == 0:
            way += [(2, -1), (size // 2, 1, 2)]
        new = self.draw(st.sampled_from(way))
        known = -int(np.prod(new)) if -1 in new else 1
        fixed = tuple(size // known if n == -1 else n for n in new)
        self.add(fixed, form="reshape", shape=new)

    def flat(self, shape: tuple[Any, ...]) -> None:
        self.add((int(np.prod(shape)),), form="flatten")

    def windowed(self, shape: tuple[Any, ...]) -> None:
        axes = len(shape) - 1
        lengths = st.sampled_from([1, 2, 2, 3] if axes > 1 else [1, 2])
        window = self.draw(lengths if axes == 1 else st.tuples(lengths, lengths))
        pool = self.draw(st.booleans())
        stride = {} if self.draw(st.booleans()) else {"stride": self.draw(lengths)}
        border = self.draw(st.sampled_from(["same", "valid", "full", "half"]))
        if pool:
            spec: dict[str, Any] = {"form": f"pool{axes}", "pool_size": window}
            spec["mode"] = self.draw(st.sampled_from(["max", "mean"]))
            size = shape[-1]
        else:
            size = self.draw(sizes)
            spec = {"form": f"conv{axes}", "filter_size": window, "size": size}
            spec |= {"border_mode": border, "activation": self.draw(functions)}
        self.add(shape, **spec, **stride)
        # The layer itself tells what shape it makes.
        name = self.last
        try:
            made = theanets.Network([*self.layers])
            self.shapes[name] = made.layers[-1].shape
        except theanets.errors.TheanetsError:
            pass

    def recurrent(self, shape: tuple[Any, ...]) -> None:
        form = self.draw(st.sampled_from([*RECURRENT, "bidirectional"]))
        size = 2 * self.draw(st.integers(1, 2))
        spec: dict[str, Any] = {"form": form, "size": size}
        kind = form
        if form == "bidirectional":
            kind = self.draw(st.sampled_from(RECURRENT))
            spec["worker"] = kind
        if kind not in ("lstm", "mut1"):
            spec["activation"] = self.draw(functions)
        half = size // 2 if form == "bidirectional" else size
        if kind == "rrnn":
            rates = ["matrix", "vector", "uniform", "log"]
            spec["rate"] = self.draw(st.sampled_from(rates))
        if kind == "scrn":
            spec["rate"] = self.draw(st.sampled_from(["vector", "uniform", "log"]))
            spec["context_size"] = self.draw(st.none() | sizes)
        if kind == "mrnn" and self.draw(st.booleans()):
            spec["factors"] = self.draw(sizes)
        if kind == "clockwork":
            periods = st.permutations([1, 2][: max(half, 1)])
            spec["periods"] = self.draw(st.just([1]) | periods)
        if kind == "bcrnn":
            spec["num_modules"] = self.draw(st.integers(1, min(2, half)))
        if form != "bidirectional" and rarely(self.draw, 4):
            spec["direction"] = "back"
        if rarely(self.draw, 4):
            spec["bptt_limit"] = self.draw(st.integers(1, 4))
        if rarely(self.draw, 4):
            spec["radius"] = 0.9
        for name, state in self.states.items():
            if state == half and rarely(self.draw, 2):
                spec["h_0"] = name
        if "mask" in self.shapes and shape[0] == self.shapes["mask"][0]:
            spec["mask"] = "mask"
        self.add((*shape[:-1], size), **spec)


def source(name: str, shape: tuple[Any, ...], **more: Any) -> dict[str, Any]:
    """Return the description of an input layer."""
    return {"form": "input", "name": name, "shape": shape, **more}


@st.composite
def cases(draw: Any, kind: str) -> Case:
    """Draw a model of a kind, and how to train it on what."""
    graph, package, out = GRAPHS[kind](draw)
    shape = graph.shapes[graph.last]
    case = Case(layers=graph.layers, make="Network")
    case.seed, case.rng = draw(st.integers(0, 99)), draw(st.integers(0, 9))
    _objective(draw, case, graph, package, out, shape)
    _training(draw, case, graph)
    case.examples = draw(st.integers(1, 5))
    case.steps = draw(st.integers(1, 4))
    case.dtype = draw(st.sampled_from(["f4", *DTYPES]))
    case.constant = rarely(draw)
    case.form = draw(st.sampled_from(["tuple", "tuple", "callable", "list", "sparse"]))
    if rarely(draw):
        case.precision = "bfloat16"
    return case


def _vectors(draw: Any) -> tuple[Graph, str, tuple[Any, ...]]:
    sparse = {"sparse": "csr"} if rarely(draw) else {}
    graph = Graph(draw, source("in", (draw(sizes),), **sparse))
    graph.grow(draw(st.integers(0, 3)))
    return graph, "", ()


def _sequences(draw: Any) -> tuple[Graph, str, tuple[Any, ...]]:
    length = draw(st.sampled_from([None, None, 3]))
    inputs = [source("in", (length, draw(sizes)))]
    if rarely(draw, 3):
        inputs.append(source("mask", (length,)))
    states = {}
    if rarely(draw, 3):
        states = {"state": draw(st.sampled_from([2, 4]))}
        inputs.append(source("state", (states["state"],), ndim=2))
    graph = Graph(draw, *inputs)
    graph.states = states
    graph.grow(draw(st.integers(1, 3)))
    return graph, "recurrent.", ()


def _images(draw: Any) -> tuple[Graph, str, tuple[Any, ...]]:
    side = st.integers(2, 5)
    shape = (draw(side), draw(side), draw(st.integers(1, 2)))
    graph = Graph(draw, source("in", shape))
    graph.windowed(shape)
    graph.grow(draw(st.integers(0, 2)))
    last = graph.shapes[graph.last]
    if len(last) > 1 and None not in last and not rarely(draw):
        graph.flat(last)
    return graph, "convolution.", ()


def _indices(draw: Any) -> tuple[Graph, str, tuple[Any, ...]]:
    shape = draw(st.sampled_from([(), (None,), (2,)]))
    graph = Graph(draw, source("in", shape))
    words, size = draw(st.integers(1, 6)), draw(sizes)
    graph.add((*shape, size), form="embedding", vocabulary=words, size=size)
    graph.grow(draw(st.integers(0, 2)))
    return graph, "recurrent." if shape == (None,) else "", ()


def _graphs(draw: Any) -> tuple[Graph, str, tuple[Any, ...]]:
    size = st.integers(1, 3)
    inputs = [source(name, (draw(size),)) for name in ("in", "side", "third")]
    graph = Graph(draw, *inputs[: draw(st.integers(2, 3))])
    others = [x["name"] for x in graph.layers]
    total = sum(graph.shapes[x][-1] for x in others)
    if draw(st.booleans()):
        graph.add((total,), form="concatenate", inputs=others)
    else:
        graph.add((3,), size=3, activation="tanh", inputs=others)
    graph.grow(draw(st.integers(1, 4)))
    return graph, "", ()


GRAPHS = {
    "vectors": _vectors,
    "sequences": _sequences,
    "images": _images,
    "indices": _indices,
    "graphs": _graphs,
}


def _objective(
    draw: Any,
    case: Case,
    graph: Graph,
    package: str,
    out: tuple[Any, ...],
    shape: tuple[Any, ...],
) -> None:
    """Draw the last layer, and the losses."""
    model = draw(st.sampled_from(["Regressor", "Classifier", "Autoencoder"]))
    size, end = draw(sizes), {"name": "out", "inputs": graph.last}
    if model == "Autoencoder":
        first = graph.layers[0]["shape"]
        fits = len(first) and shape[:-1] == first[:-1] and package != "convolution."
        model = "Autoencoder" if fits else "Regressor"
        if fits:
            size = first[-1]
    case.weighted = rarely(draw, 3)
    case.make = package + model
    reads = graph.last
    if model == "Classifier":
        loss = draw(st.sampled_from([None, "hinge", "xe"]))
        case.layers.append({**end, "size": size})
        if loss:
            case.loss = {"loss": loss, "weight": draw(small), "weighted": case.weighted}
    else:
        losses = [None, "mse", "mae", "huber", "kl", "bce", "mmd", "gll"]
        loss = draw(st.sampled_from(losses if model == "Regressor" else losses[:4]))
        fixed = {"kl": "softmax", "bce": "logistic"}.get(loss or "")
        case.layers.append(
            {**end, "size": size, "activation": fixed or draw(functions)}
        )
        if loss == "gll":
            covar = {"name": "covar", "inputs": reads, "size": size}
            case.layers.insert(-1, {**covar, "activation": "softplus"})
            more = {"mean_name": "out", "covar_name": "covar"}
        else:
            more = {"huber": {"delta": 0.5}, "mmd": {"kernel": 2.0}}.get(loss or "", {})
        if loss:
            case.loss = {"loss": loss, "weighted": case.weighted, **more}
    if rarely(draw, 4):
        names = [x["name"] for x in graph.layers]
        case.further = [
            {
                "loss": draw(st.sampled_from(["mse", "mae", "huber", "mmd"])),
                "weight": draw(small),
                "output_name": draw(st.sampled_from(names)),
                "target": draw(
                    st.sampled_from(["other", "other", "other", "target", "in"])
                ),
                "weighted": draw(st.booleans()),
            }
        ]


def _training(draw: Any, case: Case, graph: Graph) -> None:
    """Draw an algorithm, its settings, regularizers and monitors."""
    case.algo = draw(st.sampled_from([*ALGORITHMS]))
    hyper: dict[str, Any] = {"max_epochs": 2, "progress": False}
    if case.algo != "lbfgs":
        # A row without deviation, divided by it, is 1e8 times as large.
        divides = any("norm:" in x.get("activation", "") for x in case.layers)
        hyper["learning_rate"] = 1e-12 if divides else 1e-5
        if rarely(draw, 4):
            hyper["momentum"] = draw(st.sampled_from([0.0, 0.5, 0.9]))
            hyper["nesterov"] = draw(st.booleans())
        if rarely(draw, 4):
            limit = st.sampled_from(["max_gradient_norm", "max_gradient_elem"])
            hyper[draw(limit)] = draw(small)
    elif graph.plain() and "convolution" not in case.make:
        case.algo = draw(st.sampled_from(["sample", "layerwise", "pretrain", "lbfgs"]))
    if case.algo not in ("lbfgs", "rprop"):
        hyper["batch_size"] = draw(st.sampled_from([None, 2, 2, 1, 3, 64]))
    names = [x["name"] for x in case.layers]
    layer = st.sampled_from(names)
    timed = len(graph.shapes[graph.last]) == 2 or rarely(draw)
    fitting = [name for name in REGULARIZERS if timed or "recurrent" not in name]
    kinds = draw(st.lists(st.sampled_from(fitting), max_size=2))
    for name in kinds:
        hyper[name] = draw(REGULARIZERS[name](layer))
    if rarely(draw, 4):
        hyper["monitors"] = {f"{draw(layer)}:out": draw(st.just((0.1, 0.5)))}
    if rarely(draw, 4):
        hyper["monitor_gradients"] = True
    if "Classifier" in case.make and rarely(draw, 4):
        hyper["class_weight"] = draw(st.sampled_from(["balanced", {0: 2.0}]))
    if rarely(draw, 4):
        hyper["validate_every"] = draw(st.integers(1, 2))
        hyper["train_batches"] = draw(st.integers(1, 3))
    case.hyper = hyper


def _on(level: Any, glob: str = "{}:out") -> Any:
    return lambda layer: st.builds(lambda x, n: {glob.format(n): x}, level, layer)


def _weighing(glob: str, **more: Any) -> Any:
    return lambda layer: st.builds(
        lambda x, name: {"weight": x, "pattern": glob.format(name), **more},
        small,
        layer,
    )


REGULARIZERS: dict[str, Any] = {
    **{name: lambda layer: small for name in ("weight_l2", "weight_l1", "hidden_l1")},
    **{f"{role}_noise": lambda layer: small for role in ROLES},
    **{f"{role}_dropout": lambda layer: small for role in ROLES},
    "contractive": lambda layer: small,
    "weight_decay": _weighing("*.w*"),
    "hidden_sparsity": _weighing("{}:out"),
    "noise": _on(small),
    "dropout": _on(small),
    "recurrent_norm": _weighing("{}:out"),
    "recurrent_state": _weighing("*:out"),
}
