"""The base of layers: what a class sets, what it writes, and what it can use.

What the graph does with a layer is in `theanets.layers.binding`.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from theanets.activations import Activation
from theanets.errors import ConfigurationError
from theanets.initializers import Param, random_matrix, random_vector
from theanets.layers import keywords
from theanets.layers.binding import Node
from theanets.types import Array, LayerOutput, Outputs, Params, Shape
from theanets.utils import originals
from theanets.utils.checks import check_int, is_whole, shown
from theanets.utils.registry import Registry, join_names
from theanets.utils.renamed import Replaced

FORMS: Registry["Layer"] = Registry("layer form")


class Layer(Node):
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
    inputs : str or Layer, or a sequence of them, optional
        Outputs of earlier layers to read; by default the layer before. A dict gives
        names and their sizes, which are checked.
    activation : str, callable or Activation, optional
        Function of the output; by default relu, or the model's for the last layer.
    **attributes
        How parameters begin: ``mean``, ``std``, ``sparsity``, ``diagonal`` and
        ``rng``, for every weight array, or for one parameter with its name behind,
        as in ``std_w=0.1`` or ``mean_b=1``, each a number or one for each unit; and
        ``init`` instead of ``std``: "glorot", "he", "lecun" or "orthogonal".

    Attributes
    ----------
    example_inputs : Sequence[object]
        The layers before it in a small model, the first of them the input; ``example``
        has its own keywords.
    takes_activation : bool
        Whether the layer passes its result through an activation.
    fixed_activation : str | None
        The only activation of this form, if it has just one.
    default_activation : str
        The activation where none is given, if the layer takes one.
    max_inputs : int | None
        How many inputs the layer can read; None for any number.
    trains_differently : bool
        Whether the layer computes `transform_training` while the model trains.
    mixes_examples : bool
        Whether what it computes of an example depends on the others in the batch.
    reads_indices : bool
        Whether its input is whole numbers below ``vocabulary``, straight from data.
    attribute_names : tuple[str, ...]
        What ``**attributes`` may hold, alone or with a parameter's name behind.
    general_names : tuple[str, ...]
        The ones that hold for every weight matrix.
    stepwise : bool
        Whether each time step of a sequence is computed from the same step of the
        inputs alone, or from that and a state that the layer carries.
    probes : tuple[int, int]
        Lengths of open axes at which the layer is traced, to see what follows them.
    workers : tuple[Layer, ...]
        Layers within this one that have its parameters, under their own names.
    vocabulary : int
        How many whole numbers there are, for a layer that reads indices.

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
    example_inputs: ClassVar[Sequence[object]] = (4,)
    takes_activation: bool = True
    fixed_activation: str | None = None
    default_activation: ClassVar[str] = "relu"
    max_inputs: ClassVar[int | None] = None
    trains_differently: ClassVar[bool] = False
    mixes_examples: ClassVar[bool] = False
    reads_indices: ClassVar[bool] = False
    attribute_names: ClassVar[tuple[str, ...]] = (
        "mean",
        "std",
        "sparsity",
        "diagonal",
        "init",
    )
    general_names: ClassVar[tuple[str, ...]] = attribute_names
    stepwise: bool = True
    probes: tuple[int, int] = (64, 65)

    workers: tuple["Layer", ...] = ()
    vocabulary: int = 0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "transform" in vars(cls) and "outline" not in vars(cls):
            # The outline of a base class describes another transform.
            cls.outline = Layer.outline  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        size: int | None = None,
        shape: Sequence[int | None] | None = None,
        name: str | None = None,
        inputs: object = None,
        activation: str | Callable[[Array], Array] | Activation | None = None,
        rng: object = None,
        **attributes: Any,
    ) -> None:
        self.name = self.form if name is None else keywords.check_name(name)
        self.rng = rng
        self.attributes = attributes
        self._size = None if size is None else check_int(size, self.where + "size")
        self._shape = keywords.lengths(shape, self.where)
        if size is not None and shape is not None and self._shape[-1:] != (size,):
            raise ConfigurationError(
                f"{self.where}size {size} and shape {tuple(shape)} were both given "
                "and do not agree. Give one of them."
            )
        read = keywords.outputs_to_read(inputs, self.where)
        self.input_names, self._input_sizes = read
        self._set_activation(activation)
        self.input_shapes = {}
        self.side_inputs = {}
        self.side_shapes = {}
        self.params = {}
        self._takes = {}
        self.borrowed = {}
        self._activation_names = {}
        self.outputs = {}
        keywords.check_attributes(self)

    @classmethod
    def build(cls, form: str, **arguments: Any) -> "Layer":
        """Make a layer of a form, with the keywords that its class takes.

        Raises
        ------
        ConfigurationError
            If there is no such form, or the form does not take a keyword.
        """
        name = arguments.get("name")
        label = shown(form) if name is None else f'"{keywords.check_name(name)}"'
        where = f"layer {label}: "
        kind = FORMS.lookup(form, where)
        takes = inspect.signature(kind.__init__).parameters.values()
        needed = [
            x.name for x in takes if x.kind is x.KEYWORD_ONLY and x.default is x.empty
        ]
        missing = [name for name in needed if name not in arguments]
        if missing:
            example = ", ".join(f"{name}=..." for name in sorted(missing))
            raise ConfigurationError(
                f"{where}form {shown(form)} needs {join_names(missing)}. Give that "
                f"in a dict: dict(form={shown(form)}, {example})."
            )
        return kind(**arguments)

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

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
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

    def outline(self, params: Params, inputs: Outputs) -> LayerOutput:
        """Return what `transform` returns, as far as shapes go.

        The graph traces it instead, to learn the shapes. A layer whose `transform`
        takes many steps computes the shapes here in a few, so that models are made,
        and read from files, quickly.
        """
        return self.transform(params, inputs)

    def transform_training(
        self, params: Params, inputs: Outputs, key: Array
    ) -> LayerOutput | tuple[LayerOutput, Params]:
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

        By default the shape or size that was given, or the shape of the input.
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
        known, problem = Layer.attribute_names, ""
        if not isinstance(name, str) or not name:
            problem = "the name comes first, as a text"
        elif unknown := sorted(set(defaults) - set(known)):
            problem = f"it takes no keyword {join_names(unknown)}"
        elif not (is_whole(rows, 1) and is_whole(columns, 1)):
            problem = (
                "both sizes have to be given, as two arguments, not one shape, in "
                "whole numbers from 1 on. add_param declares arrays of other shapes"
            )
        if problem:
            raise ConfigurationError(
                f"{self.where}add_weights({shown(name)}, {shown(rows)}, "
                f"{shown(columns)}): {problem}. Write self.add_weights("
                '"w", self.input_size, self.size), and by keyword, if need be, '
                f"{join_names(known)}."
            )
        assert rows is not None and columns is not None
        options = self._options(name, self.general_names, defaults)
        init = partial(random_matrix, rows=rows, cols=columns, **options)
        self.add_param(name, (rows, columns), init)

    def add_bias(
        self,
        name: str,
        size: int,
        mean: float | Sequence[float] = 0.0,
        std: float = 0.0,
    ) -> None:
        """Declare a vector, of zeros by default.

        Several ``mean`` are for as many equal parts of the vector, one for each.
        """
        defaults = {"mean": mean, "std": std}
        options = self._options(name, (), defaults, taken=("mean", "std"))

        def init(rng: np.random.Generator) -> np.ndarray:
            means = np.atleast_1d(options["mean"])
            parts, rest = divmod(size, len(means))
            mean = means if rest else np.repeat(means, parts)
            return random_vector(rng, size, **{**options, "mean": mean})

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

        One that is not learned stays as it is, unless `transform_training` returns new
        values. In a bfloat16 model, layers read parameters in that precision, but
        ``wide`` ones in float32, which sums over many batches need.
        """
        if name in self.params:
            raise ConfigurationError(
                f'{self.where}parameter "{name}" is declared twice. Rename one.'
            )
        self.params[name] = Param(name, shape, init, learned, wide)

    def activate(self, params: Params, pre: Array) -> Array:
        """Apply the layer's activation to an array of (..., size)."""
        values = {own: params[name] for own, name in self._activation_names.items()}
        return self.activation.transform(values, pre)

    def _options(
        self,
        name: str,
        general: Sequence[str],
        defaults: Mapping[str, object] = MappingProxyType({}),
        taken: tuple[str, ...] = attribute_names,
    ) -> dict[str, Any]:
        """Return how a parameter begins, and note which attributes hold for it."""
        self._takes[name] = taken
        return keywords.options(self, name, taken, general, defaults)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Return a layer that the original had in this module."""
        cls = FORMS.lookup(name) if name in FORMS else None
        if cls is None or cls.__name__ != name:
            raise AttributeError(f"{__name__} has no {name!r}.")
        return cls
