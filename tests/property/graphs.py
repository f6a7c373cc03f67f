"""Random graphs of layers, in the form that models take them."""

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

import theanets
from theanets import activations
from theanets.layers import FORMS, Recurrent

OURS = [name for name in FORMS if FORMS.lookup(name).__module__.startswith("theanets")]
RECURRENT = [name for name in OURS if issubclass(FORMS.lookup(name), Recurrent)]
FUNCTIONS = [
    {"maxout": "maxout:2", "leak": "leak:0.1"}.get(name, name)
    for name in activations.REGISTRY
    if activations.REGISTRY.lookup(name).__module__.startswith("theanets")
]

sizes = st.integers(1, 5)
small = st.floats(0, 0.3).map(lambda x: round(x, 2))
functions = st.lists(st.sampled_from(FUNCTIONS), min_size=1, max_size=2).map("+".join)


def rarely(draw: Any, one_in: int = 8) -> bool:
    """Draw True now and then, and False first when an example is made simpler."""
    return draw(st.integers(0, one_in - 1)) == one_in - 1


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
            # Where one has no last axis, or one of open length, it is refused.
            lasts = [axis for name in inputs for axis in self.shapes[name][-1:]]
            total = sum(axis or 0 for axis in lasts)
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
        lengths = st.sampled_from([1, 1, 2, 2, 2, 3] if axes > 1 else [1, 2])
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


def _vectors(draw: Any) -> tuple[Graph, str]:
    sparse = {"sparse": "csr"} if rarely(draw) else {}
    graph = Graph(draw, source("in", (draw(sizes),), **sparse))
    graph.grow(draw(st.integers(0, 3)))
    return graph, ""


def _sequences(draw: Any) -> tuple[Graph, str]:
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
    return graph, "recurrent."


def _images(draw: Any) -> tuple[Graph, str]:
    side = st.integers(2, 5)
    shape = (draw(side), draw(side), draw(st.integers(1, 2)))
    graph = Graph(draw, source("in", shape))
    graph.windowed(shape)
    graph.grow(draw(st.integers(0, 2)))
    last = graph.shapes[graph.last]
    if len(last) > 1 and None not in last and not rarely(draw):
        graph.flat(last)
    return graph, "convolution."


def _indices(draw: Any) -> tuple[Graph, str]:
    shape = draw(st.sampled_from([(), (None,), (2,)]))
    graph = Graph(draw, source("in", shape))
    words, size = draw(st.integers(1, 6)), draw(sizes)
    graph.add((*shape, size), form="embedding", vocabulary=words, size=size)
    graph.grow(draw(st.integers(0, 2)))
    return graph, "recurrent." if shape == (None,) else ""


def _graphs(draw: Any) -> tuple[Graph, str]:
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
    return graph, ""


GRAPHS = {
    "vectors": _vectors,
    "sequences": _sequences,
    "images": _images,
    "indices": _indices,
    "graphs": _graphs,
}
