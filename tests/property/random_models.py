"""Hypothesis strategies: models of any kind, how to train them, and data for them.

They know the shapes they build on, so that most models work; now and then they choose
what may not fit, which has to be refused in words.
"""

from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.sparse
from hypothesis import assume
from hypothesis import strategies as st

import theanets
from theanets.graph.expected import Expectations
from theanets.optimizers import ALGORITHMS
from theanets.regularizers.base import ROLES
from theanets.utils.registry import is_ours

from .graphs import GRAPHS, Graph, functions, rarely, sizes, small

DTYPES = ["f4", "f8", "f2", "i1", "u1", "i8", "?", "bfloat16", ">f4"]


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
        expect = Expectations(net._state.objective())
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


@st.composite
def cases(draw: Any, kind: str) -> Case:
    """Draw a model of a kind, and how to train it on what."""
    graph, package = GRAPHS[kind](draw)
    case = Case(layers=graph.layers, make="Network")
    case.seed, case.rng = draw(st.integers(0, 99)), draw(st.integers(0, 9))
    _objective(draw, case, graph, package)
    # Divided twice by no deviation, a row leaves what float32 can hold.
    assume(str(case.layers).count("norm:std") < 2)
    _training(draw, case, graph)
    case.examples = draw(st.integers(1, 5))
    case.steps = draw(st.integers(1, 4))
    case.dtype = draw(st.sampled_from(["f4", *DTYPES]))
    case.constant = rarely(draw)
    case.form = draw(st.sampled_from(["tuple", "tuple", "callable", "list", "sparse"]))
    if rarely(draw):
        case.precision = "bfloat16"
    return case


def _objective(draw: Any, case: Case, graph: Graph, package: str) -> None:
    """Draw the last layer, and the losses."""
    shape = graph.shapes[graph.last]
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
    ours = [name for name in ALGORITHMS if is_ours(ALGORITHMS[name])]
    case.algo = draw(st.sampled_from(ours))
    hyper: dict[str, Any] = {"max_epochs": 2, "progress": False}
    if case.algo != "lbfgs":
        # A row without deviation, divided by it, is 1e8 times as large, and the
        # gradient of a squared error 1e24 times.
        divides = any("norm:" in x.get("activation", "") for x in case.layers)
        hyper["learning_rate"] = 1e-30 if divides else 1e-5
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
