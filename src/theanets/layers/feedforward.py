"""Layers of a graph's edges and its plain matrix products."""

import math
from collections.abc import Sequence
from typing import ClassVar, Unpack

import numpy as np

from theanets.errors import ConfigurationError
from theanets.layers.base import Layer
from theanets.layers.binding import Node
from theanets.layers.options import LayerOptions
from theanets.types import MOST_AXES, JsonDict, LayerOutput, Outputs, Params, Shape
from theanets.utils.checks import check_bool, is_whole, shown
from theanets.utils.registry import join_names, suggest


class Input(Layer):
    """The place where an array of data enters the graph.

    Parameters
    ----------
    size : int
        Length of the last axis of the data.
    shape : tuple of int, optional
        Shape of one example, instead of ``size``; None for an axis of any length,
        () for a single number, the index of an embedding.
    ndim : int, optional
        Rank of the data with its batch axis; by default the model's. The axes
        between the first and the last may have any length.
    sparse : bool or str, optional
        Whether sparse matrices of SciPy stay sparse until a batch is made of their
        rows: True, "csr" or "csc", which all mean the same. Dense data are taken
        too. Without it sparse data are made dense first where they are small.
    scale : bool, optional
        Whether to standardize the data: subtract the mean of each column, on the last
        axis, and divide by its standard deviation. The first training computes both,
        in float64, over all valid steps of its data, and later ones keep them. Where
        data come batch by batch they have to be set before.

    With ``scale``, not learned: mean and std, one number for each column, which begin
    as 0 and 1; std is 1 for a column that never changes.
    Outputs: ``out``, the data as it came, or standardized.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> x, y = np.array([[2020, 3e5], [2022, 1e5]]), np.zeros((2, 1))
    >>> net = theanets.Regressor([dict(size=2, scale=True), 3, 1])
    >>> _ = net.train((x, y), max_epochs=1, progress=False)
    >>> net.find("in", "mean").get_value(), net.find("in", "std").get_value()
    (array([  2021., 200000.], dtype=float32), array([1.e+00, 1.e+05], dtype=float32))
    >>> net.feed_forward(x)["in:out"]
    array([[-1.,  1.],
           [ 1., -1.]], dtype=float32)
    """

    example_inputs: ClassVar = ()
    example: ClassVar = {"size": 4}
    takes_activation = False
    max_inputs = 0

    def __init__(
        self,
        *,
        ndim: int | None = None,
        sparse: bool | str | None = None,
        scale: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        shape = kwargs.get("shape")
        scalar = isinstance(shape, tuple | list) and len(shape) == 0
        super().__init__(**{**kwargs, "shape": None} if scalar else kwargs)
        if self._size is None and not self._shape and not scalar:
            raise ConfigurationError(
                f"{self.where}an input needs a size, or the shape of one example."
            )
        if ndim is not None and not (is_whole(ndim, 2) and ndim <= MOST_AXES):
            raise ConfigurationError(
                f"{self.where}ndim is {shown(ndim)}; data has a batch axis and at "
                f"least one more, so it has to be from 2 to {MOST_AXES}."
            )
        if ndim is not None and self._shape and len(self._shape) != ndim - 1:
            raise ConfigurationError(
                f"{self.where}ndim {ndim} counts the batch axis, so it does not agree "
                f"with shape {self._shape}. Give one of them."
            )
        flag = isinstance(sparse, bool | np.bool_) or sparse is None
        if not flag and not (isinstance(sparse, str) and sparse in ("csr", "csc")):
            raise ConfigurationError(
                f'{self.where}sparse is {shown(sparse)}; it has to be "csr", "csc", '
                "True or False."
            )
        axes = max(ndim or 2, len(self._shape) + 1)
        if sparse and axes != 2:
            raise ConfigurationError(
                f"{self.where}sparse data are matrices, (examples, size), but this "
                f"input has {axes} axes. Give size and ndim=2, or leave sparse out."
            )
        self.ndim = None if ndim is None else int(ndim)
        self.sparse = sparse
        self.scale = check_bool(scale, self.where + "scale")
        if self.scale and sparse:
            raise ConfigurationError(
                f"{self.where}scale and sparse do not go together: with its mean "
                "subtracted, few numbers of a sparse matrix are 0. Leave one out."
            )
        if self.scale and (self._size, *self._shape)[-1] is None:
            raise ConfigurationError(
                f"{self.where}scale standardizes columns, on the last axis, but shape "
                f"{shape} does not say how many there are. Give that axis a length, or "
                "leave scale out."
            )

    def infer_output_shape(self) -> Shape:
        if self._size is None:
            return self._shape
        return self._shape or (*(None,) * ((self.ndim or 2) - 2), self._size)

    def setup(self) -> None:
        if not self.scale:
            return
        size = self.size
        self.add_param("mean", (size,), lambda _: np.zeros(size), False, wide=True)
        # In the precision to compute in: `transform` reads it from here.
        self.add_param("std", (size,), lambda _: np.ones(size), learned=False)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        x = inputs[self.output_name]
        if not self.scale:
            return x
        return ((x - params["mean"]) / params["std"]).astype(params["std"].dtype)


class Feedforward(Layer):
    """A matrix product for each input, and an activation of their sum.

    out = g(sum of x @ w + b), with g the layer's activation.

    Parameters: w (inputs, size), or w_NAME for each of several inputs; b (size,).
    Outputs: out and pre (before the activation), both (batch, ..., size). A layer that
    reads vectors can have any ``shape``, such as (6, 7): it has as many units as that
    has values, 42, and its outputs have that shape.

    Examples
    --------
    >>> import theanets
    >>> net = theanets.Regressor([4, (3, "tanh"), 2])
    >>> net.find("hid1", "w").shape
    (4, 3)
    """

    example: ClassVar = {"size": 5}
    aliases = ("ff",)

    def infer_output_shape(self) -> Shape:
        size = self.given_size("units", f"(100, {self.form!r})")
        advice = 'Give the size alone, and add a "reshape" layer for another shape.'
        return self._made() or self.check_shape((*self.leading_shape(), size), advice)

    def setup(self) -> None:
        units = math.prod(self._made() or (self.size,))
        for source, weight in self._weights().items():
            rows = self.known(self.input_shapes[source][-1])
            self.add_weights(weight, rows, units)
        self.add_bias("b", units)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        products = [inputs[x] @ params[w] for x, w in self._weights().items()]
        pre = sum(products[1:], products[0]) + params["b"]
        if self._made():
            pre = pre.reshape(len(pre), *self._made())
        return {"pre": pre, "out": self.activate(params, pre)}

    def _made(self) -> tuple[int, ...]:
        """Return the shape of the outputs that is made from vectors; () for vectors."""
        vectors = all(len(shape) == 1 for shape in self.input_shapes.values())
        if not vectors or len(self._shape) < 2 or None in self._shape:
            return ()
        return tuple(map(self.known, self._shape))

    def _weights(self) -> dict[str, str]:
        if len(self.input_names) == 1:
            return {self.input_name: "w"}
        return {name: f"w_{name}" for name in self.input_names}


class Classifier(Feedforward):
    """A feedforward layer whose activation is always the softmax.

    Parameters and outputs are as in `Feedforward`.
    """

    aliases = ("softmax",)
    fixed_activation = "softmax"


class Tied(Layer):
    """A layer that undoes another one with the transpose of its weights.

    out = g(x @ w.T + b), with w the weights of the partner.

    Parameters
    ----------
    partner : str or Layer, optional
        The layer whose weights to use, or its name: any with one learned matrix of
        weights. By default the layers before are walked back, matching tied layers
        with untied ones like brackets. Once the layer is in a model, the attribute
        ``partner`` is the layer itself.

    Parameters of its own: b (size,).
    Outputs: out and pre, both (batch, ..., size), the size of the partner's input.
    """

    example_inputs: ClassVar = (4, (5, "tanh"))
    example: ClassVar = {}
    max_inputs = 1

    def __init__(
        self, *, partner: str | Layer | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.partner: str | Node | None = partner

    def find_partner(self, earlier: Sequence[Node]) -> None:
        named = self.partner is not None
        partner = self._named(earlier) if named else self._bracket(earlier)
        name = weight_matrix(partner)
        assert name is not None
        rows, columns = partner.params[name].shape
        if self.input_size != columns:
            raise ConfigurationError(
                f'{self.where}its partner "{partner.name}" has {columns} units, '
                f"but its input {self.input_name} has {self.input_size}. A tied layer "
                "has to read as many values as its partner gives."
            )
        self.borrowed = {"w": partner.full_name(name)}
        self.partner = partner
        self._partner_size = rows

    def infer_output_shape(self) -> Shape:
        return (*self.input_shape[:-1], self._partner_size)

    def setup(self) -> None:
        self.add_bias("b", self.size)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        pre = inputs[self.input_name] @ params["w"].T + params["b"]
        return {"pre": pre, "out": self.activate(params, pre)}

    def to_spec(self) -> JsonDict:
        return super().to_spec() | {"partner": self.borrowed["w"].rpartition(".")[0]}

    def _named(self, earlier: Sequence[Node]) -> Node:
        candidates = {layer.name: layer for layer in earlier if weight_matrix(layer)}
        wanted = self.partner
        if isinstance(wanted, Layer) and any(wanted is x for x in candidates.values()):
            return wanted
        if not isinstance(wanted, str) or wanted not in candidates:
            raise ConfigurationError(
                f"{self.where}partner {shown(wanted)} is no earlier layer with one "
                f"weight matrix. Such layers: {join_names(candidates)}."
                + suggest(wanted, candidates)
            )
        return candidates[wanted]

    def _bracket(self, earlier: Sequence[Node]) -> Node:
        open_brackets = 0
        for layer in reversed(earlier):
            if isinstance(layer, Tied):
                open_brackets += 1
            elif weight_matrix(layer):
                if not open_brackets:
                    return layer
                open_brackets -= 1
        raise ConfigurationError(
            f"{self.where}no earlier layer is left to be tied to. Each tied layer "
            "undoes one feedforward layer before it; name it with partner=."
        )


def weight_matrix(layer: Node) -> str | None:
    """Return the parameter that maps a layer's input to its units, if there is one.

    It is the only learned array with more than one axis, (inputs, units), apart from
    the activation's. A layer that shares arrays with another has none.
    """
    if layer.workers or layer.borrowed or layer.reads_indices or not layer.input_names:
        return None
    own = [x for name, x in layer.params.items() if name not in layer.activation_params]
    matrices = [param for param in own if param.learned and len(param.shape) > 1]
    if len(matrices) != 1 or matrices[0].shape[:1] != layer.input_shape[-1:]:
        return None
    return matrices[0].name if len(matrices[0].shape) == 2 else None
