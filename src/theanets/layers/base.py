"""What every layer is: a named piece of a graph that declares arrays and computes."""

import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import jax
import numpy as np

from theanets import activations
from theanets.activations import Activation, numbered
from theanets.errors import ConfigurationError
from theanets.initializers import (
    Param,
    as_seed,
    random_matrix,
    random_vector,
    stream,
)
from theanets.layers import keywords
from theanets.utils import originals
from theanets.utils.checks import counted, shown, whole
from theanets.utils.registered import Registered
from theanets.utils.registry import Registry, listing, parameters
from theanets.utils.renamed import Replaced

Array = jax.Array
Shape = keywords.Shape

FORMS: Registry["Layer"] = Registry("layer form")

# What every layer has, which a graph's key holds as far as it matters.
_SET_HERE = frozenset(
    (
        "given",
        "_as_given",
        "name",
        "rng",
        "attributes",
        "_size",
        "_shape",
        "input_names",
        "_input_sizes",
        "activation",
        "input_shapes",
        "side_inputs",
        "side_shapes",
        "params",
        "_takes",
        "borrowed",
        "_activation_names",
        "outputs",
        "shape",
        "workers",
        "_in_model",
    )
)


class Layer(Registered):
    """A layer of a model: subclass it to make a form of your own.

    A subclass declares its arrays in :meth:`setup`, with :meth:`add_weights`,
    :meth:`add_bias` or :meth:`add_param`, and computes in :meth:`transform`. Its
    name in lower case, and each of ``aliases``, is a layer form at once.

    Parameters
    ----------
    size : int, optional
        Number of units: the length of the last axis of the output.
    shape : tuple of int, optional
        Shape of the output without its batch axis, instead of ``size``.
    name : str, optional
        Name within the model; by default ``in``, ``hid1``, ``hid2``, ..., ``out``.
    inputs : str or Layer, or a sequence of such, optional
        Outputs of earlier layers to read; by default the layer before. A dict gives
        names and sizes, which are checked.
    activation : str, callable or Activation, optional
        Function of the output; by default relu, or the model's for the last layer.
    **attributes
        Of the initial values: ``mean``, ``std``, ``sparsity``, ``diagonal`` and
        ``rng``, for every weight array, or for one parameter with its name behind,
        as in ``std_w=0.1`` or ``mean_b=1``, each a number or one for each unit; and
        ``init`` instead of ``std``:
        "glorot", "he", "lecun" or "orthogonal".

    Examples
    --------
    >>> import theanets
    >>> class Scale(theanets.Layer):
    ...     takes_activation = False
    ...     def setup(self):
    ...         self.add_bias("gain", self.size, mean=1)
    ...     def transform(self, params, inputs):
    ...         return inputs[self.input_name] * params["gain"]
    >>> net = theanets.Regressor([3, "scale", 2])
    >>> net.find("hid1", "gain").get_value()
    array([1., 1., 1.], dtype=float32)
    """

    catalogue = FORMS
    not_compared = _SET_HERE
    takes_activation: bool = True
    """Whether the layer passes its result through an activation."""
    fixed_activation: str | None = None
    """The only activation of this form, if it has just one."""
    default_activation: ClassVar[str] = "relu"
    """The activation where none is given, if the layer takes one."""
    max_inputs: ClassVar[int | None] = None
    """How many inputs the layer can read; None for any number."""
    trains_differently: ClassVar[bool] = False
    """Whether the layer computes `transform_training` while the model trains."""
    reads_indices: ClassVar[bool] = False
    """Whether its input is whole numbers below ``vocabulary``, straight from data."""
    attribute_names: ClassVar[tuple[str, ...]] = (
        "mean",
        "std",
        "sparsity",
        "diagonal",
        "init",
    )
    """What ``**attributes`` may hold, alone or with a parameter's name behind."""
    general_names: ClassVar[tuple[str, ...]] = attribute_names
    """Those of them that hold for every weight matrix."""
    stepwise: bool = True
    """Whether each time step of a sequence is computed from the same step of the
    inputs alone, or from that and a state that the layer carries."""
    probes: tuple[int, int] = (64, 65)
    """Lengths of open axes at which the layer is traced, to see what follows them."""

    given: dict[str, Any]
    _as_given: dict[str, Any]
    workers: tuple["Layer", ...] = ()
    """Layers within this one that hold its parameters, under names of their own."""
    vocabulary: int = 0
    """How many whole numbers there are, where it reads such."""
    _in_model: bool = False
    """Whether it is in a model, so that nothing of it can be changed."""
    side_inputs: dict[str, Any]
    """Outputs that keywords name, such as an initial state: full names by keyword."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "transform" in vars(cls) and "outline" not in vars(cls):
            # That of a base class would tell of another transform.
            cls.outline = Layer.outline  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **given: Any) -> Self:
        # The arguments are the layer's description: files and cache keys read them.
        layer = super().__new__(cls)
        names = list(inspect.signature(cls.__init__).parameters)[1:]
        layer.given = dict(zip(names, args, strict=False)) | given
        try:
            layer._as_given = {k: keywords.copied(x) for k, x in layer.given.items()}
        except RecursionError:
            raise ConfigurationError(
                f"{cls.__name__} got a list that is nested too deeply, or holds itself."
            ) from None
        return layer

    def __init__(
        self,
        *,
        size: int | None = None,
        shape: Sequence[int | None] | None = None,
        name: str | None = None,
        inputs: Any = None,
        activation: str | Callable[..., Any] | Activation | None = None,
        rng: Any = None,
        **attributes: Any,
    ) -> None:
        self.name = self.form if name is None else keywords.check_name(name)
        self.rng = rng
        self.attributes = attributes
        self._size = None if size is None else whole(size, self.where + "size")
        self._shape = keywords.lengths(shape, self.where)
        if size is not None and shape is not None and self._shape[-1:] != (size,):
            raise ConfigurationError(
                f"{self.where}size {size} and shape {tuple(shape)} were both given "
                "and do not agree. Give one of them."
            )
        self.input_names = keywords.output_names(inputs, self.where)
        self._input_sizes = keywords.input_sizes(inputs, self.where)
        self._set_activation(activation)
        self.input_shapes: dict[str, Shape] = {}
        self.side_inputs = {}
        self.side_shapes: dict[str, Shape] = {}
        self.params: dict[str, Param] = {}
        self._takes: dict[str, tuple[str, ...]] = {}
        self.borrowed: dict[str, str] = {}
        self._activation_names: dict[str, str] = {}
        self.outputs: dict[str, Shape] = {}
        keywords.check_attributes(
            attributes,
            self.attribute_names,
            parameters(type(self)),
            self.form,
            self.where,
        )

    @classmethod
    def build(cls, form: str, **given: Any) -> "Layer":
        """Make a layer of a form, with the keywords that its class takes.

        Raises
        ------
        ConfigurationError
            If there is no such form, or the form does not take a keyword.
        """
        name = given.get("name")
        called = shown(form) if name is None else f'"{keywords.check_name(name)}"'
        where = f"layer {called}: "
        kind = FORMS.lookup(form, where)
        missing = [
            name
            for name, parameter in inspect.signature(kind.__init__).parameters.items()
            if parameter.default is parameter.empty
            and parameter.kind is parameter.KEYWORD_ONLY
            and name not in given
        ]
        if missing:
            example = ", ".join(f"{name}=..." for name in sorted(missing))
            raise ConfigurationError(
                f"{where}form {shown(form)} needs {listing(missing)}. Give that in a "
                f"dict: dict(form={shown(form)}, {example})."
            )
        return kind(**given)

    if not TYPE_CHECKING:
        connect = Replaced("Layer")
        inputs = Replaced("Layer")
        log = Replaced("Layer")
        log_params = Replaced("Layer")
        resolve_inputs = Replaced("Layer")
        resolve_outputs = Replaced("Layer")

    # What subclasses write.

    def setup(self) -> None:
        """Declare the parameters. Sizes and input shapes are known here."""

    def transform(
        self, params: Mapping[str, Array], inputs: Mapping[str, Array]
    ) -> Any:
        """Compute the outputs of a batch.

        Parameters
        ----------
        params : mapping of str to array
            The parameters of this layer by the names that `setup` gave them.
        inputs : mapping of str to array
            The outputs this layer reads, by full name; see ``input_names``.

        Returns
        -------
        array, or dict of str to array
            The output, or several by name; ``out`` has to be among them.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a transform method")

    def outline(self, params: Mapping[str, Array], inputs: Mapping[str, Array]) -> Any:
        """Return what `transform` returns, as far as shapes go.

        The graph traces it instead, to learn the shapes. A layer whose `transform`
        takes many steps says it in a few, so that a model is made, and read from a
        file, in no time.
        """
        return self.transform(params, inputs)

    def transform_training(
        self, params: Mapping[str, Array], inputs: Mapping[str, Array], key: Array
    ) -> Any:
        """Compute the outputs of a batch that the model learns from.

        Called instead of `transform` where ``trains_differently`` is set. ``key`` is
        a random key of this layer and this batch alone. A layer that keeps statistics
        returns a tuple: the outputs, and a dict with the new values of parameters
        that are not learned.
        """
        raise NotImplementedError(
            f"{type(self).__name__} needs a transform_training method"
        )

    def infer_output_shape(self) -> Shape:
        """Return the shape of ``out`` without its batch axis.

        By default the shape or size that was given, else that of the input.
        """
        if self._shape:
            return self._shape
        if self._size is None:
            return self.input_shape
        return (*self.input_shape[:-1], self._size)

    # What subclasses use.

    def rename(self, name: str) -> None:
        """Take another name, before the layer is part of a model."""
        self.name = keywords.check_name(name)

    def add_weights(
        self,
        name: str,
        rows: int | None = None,
        columns: int | None = None,
        **defaults: Any,
    ) -> None:
        """Declare a matrix of random numbers, N(0, 1 / sqrt(rows + columns)).

        ``defaults`` hold for this parameter where the user's keywords do not:
        mean, std, sparsity, diagonal and init.

        Raises
        ------
        ConfigurationError
            If a size is missing, or there is another keyword.
        """
        originals.refuse_keywords(self.where, defaults)
        unknown = listing(defaults.keys() - set(Layer.attribute_names))
        if unknown != "none":
            raise ConfigurationError(
                f"{self.where}add_weights takes no keyword {unknown}. It takes: "
                f"{listing(Layer.attribute_names)}."
            )
        if not (rows and columns):
            raise ConfigurationError(
                f'{self.where}add_weights("{name}", {rows}, {columns}): both sizes '
                "have to be given, and 1 or more."
            )
        self._takes[name] = Layer.attribute_names
        options = self._options(name, defaults, general=self.general_names)
        self.add_param(
            name,
            (rows, columns),
            lambda rng: random_matrix(rng, rows, columns, **options),
        )

    def add_bias(
        self,
        name: str,
        size: int,
        mean: float | Sequence[float] = 0.0,
        std: float = 0.0,
    ) -> None:
        """Declare a vector, of zeros unless told otherwise.

        Several ``mean`` are those of as many equal parts of the vector.
        """
        self._takes[name] = ("mean", "std")
        options = self._options(name, {"mean": mean, "std": std}, general=())

        def init(rng: np.random.Generator) -> np.ndarray:
            means = np.atleast_1d(options["mean"])
            parts, rest = divmod(size, len(means))
            each = means if rest else np.repeat(means, parts)
            return random_vector(rng, size, **{**options, "mean": each})

        self.add_param(name, (size,), init)

    def add_param(
        self,
        name: str,
        shape: tuple[int, ...],
        init: Callable[[np.random.Generator], np.ndarray],
        learned: bool = True,
        wide: bool = False,
    ) -> None:
        """Declare any array; ``init`` draws its first value from a generator.

        One that is not learned stays as it is, unless `transform_training` hands back
        new values. In a model of bfloat16 layers read parameters in that precision,
        and in float32 those that are ``wide``, as sums of many batches need it.
        """
        if name in self.params:
            raise ConfigurationError(
                f'{self.where}parameter "{name}" is declared twice. Rename one.'
            )
        self.params[name] = Param(name, shape, init, learned, wide)

    def activate(self, params: Mapping[str, Array], pre: Array) -> Array:
        """Apply the layer's activation to an array of (..., size)."""
        own = {inner: params[outer] for inner, outer in self._activation_names.items()}
        return self.activation.transform(own, pre)

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
        return FORMS.label(type(self))

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
        """Shape of the output without its batch axis, once it is in a model.

        Raises
        ------
        ConfigurationError
            If the layer is in no model yet.
        """
        if "shape" not in vars(self):
            raise ConfigurationError(
                f"{self.where}its shape is known once it is part of a model, as it "
                "depends on what the layer reads."
            )
        return self.shape

    @property
    def output_size(self) -> int:
        """Length of the last axis of the output; the same as ``size``."""
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

    # What the graph does with a layer.

    @classmethod
    def leaves_activation_open(cls, spec: Mapping[str, Any]) -> bool:
        """Return whether a layer of this description can have any activation."""
        return cls.takes_activation and cls.fixed_activation is None

    def bind(
        self,
        inputs: Mapping[str, Shape],
        earlier: Sequence["Layer"],
        sides: Mapping[str, tuple[str, Shape]] | None = None,
    ) -> None:
        """Fix the input shapes, and with them all shapes and parameters.

        Parameters
        ----------
        inputs : mapping of str to shape
            The outputs to read, by full name.
        earlier : sequence of Layer
            The layers before.
        sides : mapping of str to (str, shape), optional
            The outputs that keywords name: full name and shape by keyword.
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
        self.side_inputs = {key: name for key, (name, _) in (sides or {}).items()}
        self.side_shapes = dict((sides or {}).values())
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
        keywords.check_suffixes(
            self.attributes, self.attribute_names, self._takes, self.params, self.where
        )

    def fix(self, outputs: Mapping[str, Shape]) -> None:
        """Take the outputs that were found, and allow no more changes."""
        self.shape = outputs["out"]
        self.outputs = dict(outputs)
        for part in (*self.workers, self):
            part.activation.fix(self.name)
            part.__dict__["_in_model"] = True

    def find_partner(self, earlier: Sequence["Layer"]) -> None:
        """Look up another layer whose parameters this one uses; most have none."""

    def initial_values(self, seed: int) -> dict[str, np.ndarray]:
        """Draw the first value of each parameter from a stream of its own."""
        own = seed if self.rng is None else as_seed(self.rng, self.where + "rng")
        seeds = {
            name: as_seed(self.attributes.get(f"rng_{name}", own), self.where)
            for name in self.params
        }
        return {
            name: self._drawn(param, seeds[name]) for name, param in self.params.items()
        }

    def describe_inputs(self) -> str:
        """Return the inputs with their shapes, for messages."""
        return ", ".join(f"{name} {shape}" for name, shape in self.input_shapes.items())

    def to_spec(self) -> dict[str, Any]:
        """Return the description that makes this layer again."""
        spec = {
            key: keywords.plain(self._as_saved(key))
            for key, value in self.given.items()
            if value is not None and key not in ("name", "inputs", "activation", "rng")
        }
        spec |= {"form": self.form, "name": self.name} | self.side_inputs
        if self.input_names:
            spec["inputs"] = list(self.input_names)
        if self.takes_activation and self.fixed_activation is None:
            spec["activation"] = self.activation.spec
        return spec

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def __setattr__(self, name: str, value: Any) -> None:
        if self._in_model:
            raise ConfigurationError(self._refusal(name, value))
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if self._in_model:
            raise ConfigurationError(self._refusal(name, ...))
        super().__delattr__(name)

    def _refusal(self, name: str, value: Any) -> str:
        """Return why an attribute cannot be set, and what to do."""
        plain = isinstance(value, str | int | float | tuple) and len(repr(value)) < 40
        shown = repr(value) if plain else "..."
        said = f"{self.where}its {name} is fixed once the layer is in a model, where "
        said += "predictions, files and copies have to agree. "
        if name == "name":
            return f"{said}Make another model, with the names you want."
        if name in parameters(type(self)) or name in self.given:
            return (
                f"{said}Make a model with the change: "
                f'net.replace("{self.name}", {name}={shown}).'
            )
        return (
            f"{said}Let it be a keyword of the class, and make a model with the "
            f'change: net.replace("{self.name}", {name}=...). What changes while the '
            "model computes is an output, or an array of `add_param`."
        )

    def _as_saved(self, name: str) -> Any:
        """Return what a keyword was given, whatever has become of a list since.

        A list that the layer itself computes with is returned as it is now.
        """
        value = self.given[name]
        held = any(value is x for x in vars(self).values())
        return value if held else self._as_given.get(name, value)

    def _drawn(self, param: Param, seed: int) -> np.ndarray:
        """Return the first value of a parameter, if there is room for it."""
        size = 8 * math.prod(param.shape)
        try:
            if size > sys.maxsize:
                raise MemoryError
            # Nothing is written to it: whether there is room shows before any work.
            np.empty(param.shape)
            return param.init(stream(seed, self.name, param.name))
        except MemoryError:
            raise ConfigurationError(
                f'{self.where}its array "{param.name}" of shape {param.shape} does not '
                f"fit into memory: drawing it takes {size // 10**9:,} GB. Use a "
                "smaller size, here or in the layer before."
            ) from None
        except ConfigurationError as error:
            raise ConfigurationError(f"{self.where}{error}") from None

    def _set_activation(self, given: Any) -> None:
        if given is not None and not self.takes_activation:
            raise ConfigurationError(
                f"{self.where}form {self.form!r} has no activation, got "
                f"{shown(given)}. Give the activation to the layer before or after."
            )
        chosen = self.fixed_activation or given
        if chosen is None:
            chosen = self.default_activation if self.takes_activation else "linear"
        self.activation = activations.build(chosen, self.where)

    def _add_activation(self) -> None:
        """Declare the activation's parameters; one whose name is taken gets a number.

        As in a composition of activations: beside a ``gain`` of the layer's own, that
        of the activation is ``gain2``.
        """
        if self.takes_activation:
            self.activation.bind(self.size)
        theirs = self.activation.params
        taken = {*self.params, *(param.name for param in theirs)}
        self._activation_names = {}
        for param in theirs:
            name = param.name
            if name in self.params:
                name = numbered(name, taken)
            self.add_param(name, param.shape, param.init, param.learned)
            self._activation_names[param.name] = name

    def _options(
        self, name: str, defaults: Mapping[str, Any], general: Sequence[str]
    ) -> dict[str, Any]:
        taken = self._takes[name]
        return keywords.options(
            self.attributes, name, taken, general, defaults, self.where
        )


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Return a layer that the original had in this module."""
        cls = FORMS.lookup(name) if name in FORMS else None
        if cls is None or cls.__name__ != name:
            raise AttributeError(f"{__name__} has no {name!r}.")
        return cls
