"""The function that a layer applies to what it has summed up.

Most activations are plain functions of an array and stand in one table; those
with parameters that are learned, one per unit, are classes. All of them keep
the shape and the dtype of their input, and every derivative is finite; where a
function has a corner, the derivative is the one of its flat or leaky side: at 0
that of ``relu`` is 0, of ``rect:min`` at 1 and of ``rect:minmax`` at 0 and 1 too.
"""

import copy
import itertools
import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array

from theanets.errors import ConfigurationError
from theanets.initializers import Param
from theanets.utils import keys, originals
from theanets.utils.checks import shown
from theanets.utils.registry import Registry

Function = Callable[[Array], Array]

# Keeps a division by the scale of a row finite where the row is constant.
EPSILON = 1e-8
# Each part is traced, which takes time.
_MOST_PARTS = 32
_MOST_DIGITS = 9


class Activation:
    """A function of a layer's pre-activation, possibly with learned parameters.

    Make your own as a subclass: its name in lower case, and each of its
    ``aliases``, can then be given to layers. Declare parameters in ``setup``
    and compute in ``transform``.

    Parameters
    ----------
    argument : str, optional
        What stands behind the colon, ``"3"`` in ``"maxout:3"``; only for a class
        that says ``takes_argument = True``.

    Attributes
    ----------
    spec : str
        The text that makes this activation, such as ``"maxout:3"``.
    params : tuple of Param
        The parameters, once ``bind`` has been called.
    size : int
        Number of units, the last axis of the input; known in ``setup``.
    key : hashable
        Equal for activations that compute the same function of x and parameters.
    serializable : bool
        Whether ``spec`` is enough to make the activation again.

    Raises
    ------
    ConfigurationError
        If there is an argument and the activation takes none.

    Examples
    --------
    >>> class Scaled(Activation):
    ...     def setup(self):
    ...         self.add_param("scale", (self.size,), lambda rng: np.ones(self.size))
    ...
    ...     def transform(self, params, x):
    ...         return params["scale"] * x
    >>> scaled = build("scaled+tanh")
    >>> scaled.bind(3)
    >>> [param.name for param in scaled.params]
    ['scale']
    """

    aliases: tuple[str, ...] = ()
    takes_argument: bool = False
    serializable: bool = True
    _held_by: str | None = None
    """What holds it, once that is in a model; then it is fixed."""

    def __init__(self, argument: str | None = None) -> None:
        if argument is not None and not self.takes_argument:
            raise ConfigurationError(
                f'activation "{self.name()}" takes no argument, but '
                f'":{argument}" came. Write "{self.name()}".'
            )
        self.spec = self.name() + ("" if argument is None else f":{argument}")
        self.params: tuple[Param, ...] = ()
        self._plain_key = self.identity(argument)

    def identity(self, argument: str | None) -> Hashable:
        """Return what tells this activation from others that compute something else."""
        return type(self), argument

    def __init_subclass__(cls, register: bool = True, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        originals.refuse(cls, Activation, abstract=not register)
        if register:
            REGISTRY.register(cls, cls.name(), *vars(cls).get("aliases", ()))

    @classmethod
    def name(cls) -> str:
        """Return the name by which specifications call this class."""
        return cls.__name__.lower()

    def bind(self, size: int) -> None:
        """Tell the number of units, and collect the parameters that they need."""
        self.size = size
        self.params = ()
        self.setup()

    def setup(self) -> None:
        """Declare parameters with ``add_param``; by default there are none."""

    def add_param(
        self,
        name: str,
        shape: tuple[int, ...],
        init: Callable[[np.random.Generator], npt.NDArray[np.floating]],
    ) -> None:
        """Declare a learned parameter; ``init(rng)`` gives its first value."""
        self.params += (Param(name, shape, init),)

    def transform(self, params: Mapping[str, Array], x: Array) -> Array:
        """Return the activation of x, (..., size), given parameters by local name."""
        raise NotImplementedError(f"{type(self).__name__} needs a transform method")

    def fix(self, holder: str) -> None:
        """Allow no more changes, as a layer of this name has it in a model."""
        self.__dict__["_held_by"] = holder

    @property
    def key(self) -> Hashable:
        """What it computes, at this moment; see the class."""
        return self._plain_key if self.is_plain else (type(self), keys.key(self))

    @property
    def is_plain(self) -> bool:
        """Whether it computes the same for ever, as those of a catalogue do."""
        return not keys.is_own(self)

    def _compared(self) -> dict[str, Any]:
        others = ("params", "_held_by")
        return {name: x for name, x in vars(self).items() if name not in others}

    def __setattr__(self, name: str, value: Any) -> None:
        self._check_free(name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        self._check_free(name)
        super().__delattr__(name)

    def _check_free(self, name: str) -> None:
        if self._held_by is not None:
            raise ConfigurationError(
                f'layer "{self._held_by}": {name} of its activation "{self.spec}" is '
                "fixed once the layer is in a model, where predictions, files and "
                "copies have to agree. Make a model with another one: "
                f'net.replace("{self._held_by}", activation=...).'
            )

    def __repr__(self) -> str:
        return f"<activation {self.spec}>"


REGISTRY: Registry[Activation] = Registry("activation")


def build(spec: str | Function | Activation, where: str = "") -> Activation:
    """Make an activation from what a layer's specification says.

    Parameters
    ----------
    spec : str, callable or Activation
        A name; a name with an argument (``"maxout:3"``); several joined by
        ``+``, applied from left to right; a function of one array; or an
        activation, of which a copy is taken, since layers bind their own.
    where : str
        Begins the error message, such as ``'layer "hid1": '``.

    Raises
    ------
    ConfigurationError
        If there is no such activation, or its argument is wrong.

    Examples
    --------
    >>> build("sigmoid"), build("relu+norm:z"), build(jnp.sin)
    (<activation logistic>, <activation relu+norm:z>, <activation sin>)
    >>> build("relu").transform({}, jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    >>> build("rellu")
    Traceback (most recent call last):
        ...
    theanets.errors.ConfigurationError: unknown activation 'rellu'. Known: ...
    """
    if isinstance(spec, Activation):
        return _copy(spec)
    if callable(spec):
        return Custom(spec)
    if not isinstance(spec, str):
        raise ConfigurationError(
            f"{where}the activation is {shown(spec)}; it has to be a name, a function "
            'or an Activation. For none at all, say "linear".'
        )
    names = [part.strip() for part in spec.split("+")]
    if not all(names):
        raise ConfigurationError(
            f'{where}activation "{spec}": a name is missing'
            + (' beside a "+". Write' if len(names) > 1 else "; write")
            + ' "relu", or "relu+norm:z" for one after the other.'
        )
    if len(names) > _MOST_PARTS:
        raise ConfigurationError(
            f"{where}the activation has {len(names)} parts; it can have at most "
            f"{_MOST_PARTS}."
        )
    try:
        parts = [_build_one(name) for name in names]
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}{error}") from None
    return parts[0] if len(parts) == 1 else Composition(parts)


def _build_one(spec: str) -> Activation:
    name, colon, argument = spec.partition(":")
    if spec in REGISTRY or name not in REGISTRY:
        return REGISTRY.lookup(spec)()
    return REGISTRY.lookup(name)(argument if colon else None)


def _copy(given: Activation) -> Activation:
    if isinstance(given, Composition):
        return Composition([_copy(part) for part in given.parts])
    made = copy.copy(given)
    made.__dict__.pop("_held_by", None)
    makers = (Activation.__init__, Maxout.__init__, Leak.__init__)
    if given.serializable and type(given).__init__ not in makers:
        # Only the object itself knows what its own constructor was given.
        made.serializable = False
    return made


class Custom(Activation, register=False):
    """A function of one array, given by the user."""

    serializable = False

    def __init__(self, function: Function) -> None:
        self.function = function
        self.spec = getattr(function, "__qualname__", type(function).__qualname__)
        self.params = ()

    @property
    def is_plain(self) -> bool:
        """Whether it computes the same for ever, which nobody knows."""
        return False

    def transform(self, params: Mapping[str, Array], x: Array) -> Array:
        return self.function(x)


class Composition(Activation, register=False):
    """Several activations, applied from left to right.

    Where two of them have a parameter of one name, the second is called
    ``leak2``, the third ``leak3``.
    """

    def __init__(self, parts: Sequence[Activation]) -> None:
        self.parts = tuple(parts)
        self.spec = "+".join(part.spec for part in self.parts)
        self.params = ()
        self.serializable = all(part.serializable for part in self.parts)

    @property
    def key(self) -> Hashable:
        """What its parts compute, one after the other."""
        return tuple(part.key for part in self.parts)

    @property
    def is_plain(self) -> bool:
        """Whether it computes the same for ever."""
        return all(part.is_plain for part in self.parts)

    def fix(self, holder: str) -> None:
        """Allow no more changes, neither of the parts."""
        for part in self.parts:
            part.fix(holder)
        super().fix(holder)

    def setup(self) -> None:
        seen: set[str] = set()
        self.outer_names: list[dict[str, str]] = []
        for part in self.parts:
            part.bind(self.size)
            names = {}
            for param in part.params:
                names[param.name] = numbered(param.name, seen)
                seen.add(names[param.name])
                self.add_param(names[param.name], param.shape, param.init)
            self.outer_names.append(names)

    def transform(self, params: Mapping[str, Array], x: Array) -> Array:
        for part, names in zip(self.parts, self.outer_names, strict=True):
            own = {inner: params[outer] for inner, outer in names.items()}
            x = part.transform(own, x)
        return x


def numbered(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: this, or with the first free number from 2 on.

    Examples
    --------
    >>> numbered("leak", []), numbered("leak", ["leak"])
    ('leak', 'leak2')
    """
    numbers = (str(number) for number in itertools.count(2))
    free = (name + end for end in itertools.chain([""], numbers))
    return next(full for full in free if full not in taken)


class Prelu(Activation):
    """Rectifier with a learned slope for negative input: x, or leak * x if x <= 0.

    Parameters: leak (size,), which begins as 0.1 |N(0, 1)|.
    Source: K. He et al. (2015), Delving Deep into Rectifiers.
    """

    aliases = ("leaky-relu",)

    def setup(self) -> None:
        self.add_param("leak", (self.size,), lambda rng: _small(rng, self.size))

    def transform(self, params: Mapping[str, Array], x: Array) -> Array:
        return jnp.where(x > 0, x, params["leak"] * x)


class Leak(Activation):
    """Rectifier with a fixed slope for negative input: x, or slope * x if x <= 0.

    ``leak:0.1`` has the slope 0.1.
    Source: A. L. Maas, A. Y. Hannun, A. Y. Ng (2013), Rectifier Nonlinearities
    Improve Neural Network Acoustic Models.
    """

    takes_argument = True

    def __init__(self, argument: str | None = None) -> None:
        try:
            self.slope = float(argument or "")
        except ValueError:
            self.slope = math.nan
        if not math.isfinite(self.slope):
            got = "none came" if argument is None else f'"{argument}" came'
            raise ConfigurationError(
                f'activation "leak" needs the slope for negative input, but {got}. '
                'Write "leak:0.1"; a slope that is learned is "prelu".'
            )
        super().__init__(argument)

    def transform(self, params: Mapping[str, Array], x: Array) -> Array:
        return jnp.where(x > 0, x, self.slope * x)


class Lgrelu(Activation):
    """Rectifier with two learned slopes: gain * x, or leak * x if x <= 0.

    Parameters: gain (size,), which begins as 1 + 0.1 |N(0, 1)|, and leak
    (size,), which begins as 0.1 |N(0, 1)|.
    """

    aliases = ("leaky-gain-relu",)

    def setup(self) -> None:
        self.add_param("gain", (self.size,), lambda rng: 1 + _small(rng, self.size))
        self.add_param("leak", (self.size,), lambda rng: _small(rng, self.size))

    def transform(self, params: Mapping[str, Array], x: Array) -> Array:
        return jnp.where(x > 0, params["gain"], params["leak"]) * x


class Elu(Activation):
    """Exponential linear unit: x, or gain * (exp(x) - 1) if x <= 0.

    Parameters: gain (size,), which begins as 1 + 0.1 |N(0, 1)|.
    Source: D.-A. Clevert, T. Unterthiner, S. Hochreiter (2015), Fast and
    Accurate Deep Network Learning by Exponential Linear Units.
    """

    def setup(self) -> None:
        self.add_param("gain", (self.size,), lambda rng: 1 + _small(rng, self.size))

    def transform(self, params: Mapping[str, Array], x: Array) -> Array:
        # The side not taken is computed too, and must not overflow.
        below = jnp.where(x > 0, 0, x)
        return jnp.where(x > 0, x, params["gain"] * jnp.expm1(below))


class Maxout(Activation):
    """Maximum over K lines per unit: max_k (slope_k * x + intercept_k).

    ``maxout:3`` has three lines per unit. Where lines meet they share the
    derivative.

    Parameters: slope and intercept, both (size, K), which begin as N(0, 1).
    Source: I. Goodfellow et al. (2013), Maxout Networks.
    """

    takes_argument = True

    def __init__(self, argument: str | None = None) -> None:
        count = argument if argument and argument.isdecimal() else ""
        if not count or len(count) > _MOST_DIGITS or int(count) < 1:
            got = "none came" if argument is None else f'"{argument:.80}" came'
            raise ConfigurationError(
                f'activation "maxout" needs the number of lines per unit, but {got}. '
                'Write "maxout:2".'
            )
        super().__init__(argument)
        self.lines = int(count)

    def setup(self) -> None:
        shape = (self.size, self.lines)
        self.add_param("slope", shape, lambda rng: rng.standard_normal(shape))
        self.add_param("intercept", shape, lambda rng: rng.standard_normal(shape))

    def transform(self, params: Mapping[str, Array], x: Array) -> Array:
        return largest(x[..., None] * params["slope"] + params["intercept"])


@jax.custom_jvp
def largest(x: Array) -> Array:
    """Return the maximum over the last axis; several equal ones share the derivative.

    It is that of ``jnp.max``, and finite where that is not: a maximum that a compiler
    computed elsewhere, and rounded otherwise, need not equal any of the values.

    Examples
    --------
    >>> jax.grad(lambda x: largest(x))(jnp.array([2.0, 1.0, 2.0])).tolist()
    [0.5, 0.0, 0.5]
    """
    return x.max(axis=-1)


@largest.defjvp
def _slope_of_largest(
    primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    (x,), (slopes,) = primals, tangents
    found = largest(x)
    tied = (x == found[..., None]).astype(x.dtype)
    count = tied.sum(axis=-1, keepdims=True)
    first = jax.nn.one_hot(x.argmax(axis=-1), x.shape[-1], dtype=x.dtype)
    shares = jnp.where(count > 0, tied / jnp.maximum(count, 1), first)
    return found, (shares * slopes).sum(axis=-1)


def _small(rng: np.random.Generator, size: int) -> npt.NDArray[np.float64]:
    return 0.1 * np.abs(rng.standard_normal(size))


def linear(x: Array) -> Array:
    """Return x as it is."""
    return x


def softmax(x: Array) -> Array:
    """Return exp(x) / sum(exp(x)) over the last axis."""
    return jax.nn.softmax(x, axis=-1)


def gelu(x: Array) -> Array:
    """Return x * P(z < x) for a standard normal z, exactly: x / 2 * erfc(-x / √2).

    Source: D. Hendrycks, K. Gimpel (2016), Gaussian Error Linear Units.
    """
    return jax.nn.gelu(x, approximate=False)


def silu(x: Array) -> Array:
    """Return x * logistic(x), also called swish.

    Source: S. Elfwing, E. Uchibe, K. Doya (2018), Sigmoid-Weighted Linear Units.
    """
    return jax.nn.silu(x)


def selu(x: Array) -> Array:
    """Return 1.0507 * x, or 1.0507 * 1.6733 * (exp(x) - 1) if x <= 0.

    Source: G. Klambauer et al. (2017), Self-Normalizing Neural Networks.
    """
    return jax.nn.selu(x)


def rect_min(x: Array) -> Array:
    """Return min(x, 1)."""
    return jnp.where(x >= 1, 1, x)


def rect_minmax(x: Array) -> Array:
    """Return x clipped to [0, 1]."""
    return jnp.where(x <= 0, 0, rect_min(x))


def norm_mean(x: Array) -> Array:
    """Return x less its mean over the last axis."""
    mean = x.mean(axis=-1, keepdims=True)
    # Rounding can push the mean of equal numbers off them, and a division by
    # their deviation, almost 0, would blow that up: keep it between them.
    low, high = x.min(axis=-1, keepdims=True), x.max(axis=-1, keepdims=True)
    return x - (mean + jax.lax.stop_gradient(jnp.clip(mean, low, high) - mean))


def norm_max(x: Array) -> Array:
    """Return x divided by its largest magnitude over the last axis."""
    return x / (largest(jnp.abs(x))[..., None] + EPSILON)


def norm_std(x: Array) -> Array:
    """Return x divided by its standard deviation over the last axis."""
    return x / (_std(x) + EPSILON)


def norm_z(x: Array) -> Array:
    """Return x less its mean, divided by its standard deviation, on the last axis."""
    return norm_mean(x) / (_std(x) + EPSILON)


def _std(x: Array) -> Array:
    variance = jnp.square(norm_mean(x)).mean(axis=-1, keepdims=True)
    # The derivative of a square root at 0 is infinite; 0 serves, by symmetry.
    safe = jnp.where(variance > 0, variance, 1)
    return jnp.where(variance > 0, jnp.sqrt(safe), 0)


FUNCTIONS: dict[tuple[str, ...], Function] = {
    ("linear",): linear,
    ("logistic", "sigmoid"): jax.nn.sigmoid,
    ("tanh",): jnp.tanh,
    ("softmax",): softmax,
    ("softplus",): jax.nn.softplus,
    ("relu", "rect:max"): jax.nn.relu,
    ("gelu",): gelu,
    ("silu", "swish"): silu,
    ("selu",): selu,
    ("rect:min",): rect_min,
    ("rect:minmax",): rect_minmax,
    ("norm:mean",): norm_mean,
    ("norm:max",): norm_max,
    ("norm:std",): norm_std,
    ("norm:z",): norm_z,
}


def _named(name: str, function: Function) -> type[Activation]:
    """Return the class of a function in the table, so that it is found like others."""

    class Named(Activation, register=False):
        def transform(self, params: Mapping[str, Array], x: Array) -> Array:
            return function(x)

        def identity(self, argument: str | None) -> Hashable:
            # No module has this class by a name of its own, so pickles cannot name it.
            return self.spec

        def __reduce__(self) -> tuple[Any, ...]:
            return build, (self.spec,), vars(self)

    Named.__name__ = Named.__qualname__ = name
    Named.__doc__ = function.__doc__
    return Named


for _names, _function in FUNCTIONS.items():
    REGISTRY.register(_named(_names[0], _function), *_names)

LGrelu = Lgrelu
"""By the name of the original."""
