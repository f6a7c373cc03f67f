"""What the graph does with a layer: gives it shapes, draws its arrays, describes it.

An author of a layer needs only `theanets.layers.base.Layer`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import numpy as np

from theanets import activations
from theanets.activations import Activation, numbered
from theanets.errors import ConfigurationError
from theanets.initializers import Param, as_seed, draw
from theanets.layers import keywords
from theanets.types import Array, JsonDict, Shape
from theanets.utils.checks import counted, shown
from theanets.utils.registered import Registered
from theanets.utils.registry import parameters

Sides: TypeAlias = Mapping[str, tuple[str, Shape]]
"""Outputs that keywords name, such as a mask: full name and shape by keyword."""


class Node(Registered):
    """A layer as the graph sees it: a name, what it reads, its shapes and arrays.

    Once it is in a model, nothing of it can be changed.
    """

    # Set by each class; see Layer.
    takes_activation: bool
    fixed_activation: str | None
    default_activation: ClassVar[str]
    max_inputs: ClassVar[int | None]
    mixes_examples: ClassVar[bool]
    reads_indices: ClassVar[bool]
    attribute_names: ClassVar[tuple[str, ...]]

    given: dict[str, Any]
    _as_given: dict[str, Any]
    name: str
    rng: object
    attributes: dict[str, Any]
    activation: Activation
    input_names: tuple[str, ...]
    input_shapes: dict[str, Shape]
    side_inputs: dict[str, Any]
    """Outputs that keywords name, such as an initial state: full names by keyword."""
    side_shapes: dict[str, Shape]
    shape: Shape
    outputs: dict[str, Shape]
    params: dict[str, Param]
    borrowed: dict[str, str]
    workers: tuple["Node", ...]
    _in_model: bool = False
    _size: int | None
    _shape: Shape
    _input_sizes: dict[str, int]
    _takes: dict[str, tuple[str, ...]]
    _activation_names: dict[str, str]

    if TYPE_CHECKING:
        # Layer defines them.
        def setup(self) -> None: ...
        def infer_output_shape(self) -> Shape: ...
        def add_param(self, *arguments: Any) -> None: ...

    def __new__(cls, *args: object, **given: Any) -> Self:
        # The arguments are the layer's description: files and cache keys read them.
        layer = super().__new__(cls)
        names = parameters(cls) if args else ()
        layer.given = dict(zip(names, args, strict=False)) | given
        try:
            layer._as_given = keywords.copied(layer.given)
        except RecursionError:
            raise ConfigurationError(
                f"{cls.__name__} got a list that is nested too deeply, or holds itself."
            ) from None
        return layer

    def full_name(self, param: str) -> str:
        """Return the name within the model of one of the parameters."""
        return f"{self.name}.{param}"

    @property
    def reads(self) -> tuple[str, ...]:
        """Full names of all outputs that this layer reads."""
        return tuple(dict.fromkeys((*self.input_names, *self.side_inputs.values())))

    @property
    def activation_params(self) -> frozenset[str]:
        """The names of the parameters that belong to the activation."""
        return frozenset(self._activation_names.values())

    @property
    def form(self) -> str:
        """The name of this kind of layer."""
        return str(self.catalogue.label(type(self)))

    @property
    def where(self) -> str:
        """How an error message about this layer begins."""
        return f'layer "{self.name}": '

    @property
    def input_name(self) -> str:
        """Full name of the first output that this layer reads."""
        return self.input_names[0]

    @property
    def input_shape(self) -> Shape:
        """Shape of the first input without its batch axis."""
        if not self.input_shapes:
            raise ConfigurationError(
                f"{self.where}the shape of its input is known once it is part of a "
                "model, and reads another layer."
            )
        return self.input_shapes[self.input_name]

    @property
    def input_size(self) -> int:
        """Length of the last axis of the first input."""
        return self.known(self.input_shape[-1])

    @property
    def size(self) -> int:
        """Length of the last axis of the output."""
        return self.known(self.output_shape[-1])

    @property
    def output_shape(self) -> Shape:
        """Shape of the output without its batch axis, once it is in a model."""
        if "shape" not in vars(self):
            raise ConfigurationError(
                f"{self.where}its shape is known once it is part of a model, as it "
                "depends on what the layer reads."
            )
        return self.shape

    @property
    def output_size(self) -> int:
        """The same as ``size``."""
        return self.size

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keywords that the layer was made with."""
        return dict(self.given)

    @property
    def num_params(self) -> int:
        """Number of values in all parameters of the layer, once it is in a model."""
        counts = [math.prod(param.shape) for param in self.params.values()]
        return sum(counts) if self.output_shape else 0

    @property
    def output_name(self) -> str:
        """Full name of the layer's main output."""
        return f"{self.name}:out"

    def known(self, length: int | None) -> int:
        """Return the length of an axis that has to be known in advance."""
        if length is None:
            raise ConfigurationError(
                f"{self.where}the length of the last axis of its input has to be known."
            )
        return length

    def given_size(self, noun: str, example: str) -> int | None:
        """Return the size that was given, alone or at the end of a shape."""
        if self._size is None and not self._shape:
            raise ConfigurationError(
                f"{self.where}form {self.form!r} needs a size, its number of {noun}, "
                f"such as {example}."
            )
        return self._size or self._shape[-1]

    def check_shape(self, computed: Shape, advice: str) -> Shape:
        """Return the shape computed from the inputs; a given one has to be the same."""
        if self._shape and self._shape != computed:
            raise ConfigurationError(
                f"{self.where}shape {self._shape} was given, but from its inputs "
                f"({self.describe_inputs()}) it computes {computed}. {advice}"
            )
        return computed

    def leading_shape(self) -> Shape:
        """Return the shape of the inputs without the last axis; it is the same."""
        first, *others = (shape[:-1] for shape in self.input_shapes.values())
        if any(other != first for other in others):
            raise ConfigurationError(
                f"{self.where}its inputs differ in more than their last axis: "
                f"{self.describe_inputs()}. Reshape or flatten them first."
            )
        return first

    @classmethod
    def leaves_activation_open(cls, spec: Mapping[str, object]) -> bool:
        """Return whether a layer of this description can have any activation."""
        return cls.takes_activation and cls.fixed_activation is None

    def bind(
        self, inputs: Mapping[str, Shape], earlier: Sequence["Node"], sides: Sides
    ) -> None:
        """Fix the input shapes, and with them all shapes and parameters.

        ``inputs`` are the outputs to read, by full name; ``earlier`` the layers before.
        """
        if self.outputs:
            raise ConfigurationError(
                f"{self.where}this layer is part of a model already. Make another one."
            )
        self.input_names = tuple(inputs)
        self.input_shapes = dict(inputs)
        if self.max_inputs is not None and len(inputs) > self.max_inputs:
            raise ConfigurationError(
                f"{self.where}form {self.form!r} reads at most "
                f"{counted(self.max_inputs, 'input')}, got {len(inputs)}: "
                f"{', '.join(inputs)}. "
                'Join them first with a "concatenate" or "product" layer.'
            )
        for name, size in self._input_sizes.items():
            full = name if ":" in name else f"{name}:out"
            if self.input_shapes[full][-1:] != (size,):
                raise ConfigurationError(
                    f'{self.where}inputs says that "{name}" has the size {size}, but '
                    f"its shape is {self.input_shapes[full]}. Leave the size out."
                )
        self.side_inputs = {key: name for key, (name, _) in sides.items()}
        self.side_shapes = dict(sides.values())
        bare = [name for name, shape in inputs.items() if not shape]
        if bare and not self.reads_indices:
            raise ConfigurationError(
                f'{self.where}its input "{bare[0]}" is one number for each example, '
                "which an embedding alone can read. Give the input a size, such as 1."
            )
        self.find_partner(earlier)
        self.shape = self.infer_output_shape()
        if self._size is not None and self.shape[-1:] != (self._size,):
            raise ConfigurationError(
                f"{self.where}size {self._size} was given, but its inputs "
                f"({self.describe_inputs()}) make it {self.shape[-1]}. "
                "Leave the size out, or change the inputs."
            )
        self.params = {}
        self.setup()
        self._add_activation()
        keywords.check_suffixes(self, self._takes)
        self.check_sides(earlier)

    def fix(self, outputs: Mapping[str, Shape]) -> None:
        """Set the outputs, and allow no more changes."""
        self.shape = outputs["out"]
        self.outputs = dict(outputs)
        for part in (*self.workers, self):
            part.activation.fix(self.name)
            part.__dict__["_in_model"] = True

    def find_partner(self, earlier: Sequence["Node"]) -> None:
        """Look up another layer whose parameters this one uses; most have none."""

    def check_sides(self, earlier: Sequence["Node"]) -> None:
        """Refuse outputs that keywords name, such as a mask, if they do not fit."""

    def initial_values(self, seed: int) -> dict[str, np.ndarray]:
        """Draw the first value of each parameter from a stream of its own."""
        if self.rng is not None:
            seed = as_seed(self.rng, self.where + "rng")
        values = {}
        for name, param in self.params.items():
            own_seed = as_seed(self.attributes.get(f"rng_{name}", seed), self.where)
            values[name] = draw(param, own_seed, self.name)
        return values

    def describe_inputs(self) -> str:
        """Return the inputs with their shapes, for messages."""
        return ", ".join(f"{name} {shape}" for name, shape in self.input_shapes.items())

    def to_spec(self) -> JsonDict:
        """Return the description that makes this layer again."""
        spec = {}
        for key, value in self.given.items():
            if value is None or key in ("name", "inputs", "activation", "rng"):
                continue
            # As it was given, even if it was changed since; but a list that the layer
            # itself computes with is described as it is now.
            used = any(value is x for x in vars(self).values())
            as_saved = value if used else self._as_given.get(key, value)
            spec[key] = keywords.plain(as_saved)
        spec |= {"form": self.form, "name": self.name} | self.side_inputs
        if self.input_names:
            spec["inputs"] = list(self.input_names)
        if self.takes_activation and self.fixed_activation is None:
            spec["activation"] = self.activation.spec
        return spec

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def __setattr__(self, name: str, value: object) -> None:
        self._refuse_change(name, value)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        self._refuse_change(name, ...)
        super().__delattr__(name)

    def _refuse_change(self, name: str, value: object) -> None:
        """Refuse to set an attribute of a layer in a model, and say what to do."""
        if not self._in_model:
            return
        short = isinstance(value, str | int | float | tuple) and len(repr(value)) < 40
        advice = (
            "Make a model with the change: net.replace("
            f'"{self.name}", {name}={repr(value) if short else "..."}).'
        )
        if name == "name":
            advice = "Make another model, with the names you want."
        elif name not in parameters(type(self)) and name not in self.given:
            advice += (
                " For that, let it be a keyword of the class. What changes while the "
                "model computes is an output, or an array of `add_param`."
            )
        raise ConfigurationError(
            f"{self.where}its {name} is fixed once the layer is in a model, where "
            f"predictions, files and copies have to agree. {advice}"
        )

    def _set_activation(
        self, activation: str | Callable[[Array], Array] | Activation | None
    ) -> None:
        if activation is not None and not self.takes_activation:
            raise ConfigurationError(
                f"{self.where}form {self.form!r} has no activation, got "
                f"{shown(activation)}. Give it to the layer before or after."
            )
        activation = self.fixed_activation or activation
        if activation is None:
            activation = self.default_activation if self.takes_activation else "linear"
        self.activation = activations.build(activation, self.where)

    def _add_activation(self) -> None:
        """Declare the activation's parameters; one whose name is taken gets a number.

        As in a composition of activations: next to a ``gain`` of the layer, the
        activation's own is ``gain2``.
        """
        if self.takes_activation:
            self.activation.bind(self.size)
        params = self.activation.params
        taken = {*self.params, *(param.name for param in params)}
        self._activation_names = {}
        for param in params:
            own = param.name
            name = numbered(own, taken) if own in self.params else own
            self.add_param(name, param.shape, param.init, param.learned)
            self._activation_names[own] = name


# The key of a user's class holds what the class itself has set; what every layer has
# is in the graph's key as far as it matters.
_OPEN = {"takes_activation", "fixed_activation"}
Node.not_compared = frozenset(Node.__annotations__) - _OPEN
