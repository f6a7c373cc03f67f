"""From what a user writes to an activation: names, functions, one after another."""

import copy
import itertools
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import TypeAlias

from theanets.activations.base import REGISTRY, Activation
from theanets.errors import ConfigurationError
from theanets.types import Array, Params
from theanets.utils.checks import shown
from theanets.utils.registry import parameters

Function: TypeAlias = Callable[[Array], Array]

_MOST_PARTS = 32  # Each is traced, which takes time.


def build(spec: str | Function | Activation, where: str = "") -> Activation:
    """Make an activation from what a layer's specification says.

    Parameters
    ----------
    spec : str, callable or Activation
        A name; a name with an argument (``"maxout:3"``); several joined by ``+``,
        applied from left to right; a function of one array; or an activation, which is
        copied, since each layer binds its own.
    where : str
        Begins the message of a ConfigurationError, such as ``'layer "hid1": '``.

    Examples
    --------
    >>> import jax.numpy as jnp
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
            f'{where}activation "{spec}": a name is missing. Write "relu", or '
            '"relu+norm:z" for one after the other.'
        )
    if len(names) > _MOST_PARTS:
        raise ConfigurationError(
            f"{where}the activation has {len(names)} parts; the most are {_MOST_PARTS}."
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


def _copy(activation: Activation) -> Activation:
    if isinstance(activation, Composition):
        return Composition([_copy(part) for part in activation.parts])
    made = copy.copy(activation)
    made.__dict__.pop("_held_by", None)
    if activation.serializable and set(parameters(type(activation))) - {"argument"}:
        # Only the object itself knows the arguments of its constructor.
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
        return False

    def transform(self, params: Params, x: Array) -> Array:
        return self.function(x)


class Composition(Activation, register=False):
    """Several activations, applied from left to right.

    If parameters of two parts have the same name, the second becomes ``leak2``.
    """

    def __init__(self, parts: Sequence[Activation]) -> None:
        self.parts = tuple(parts)
        self.spec = "+".join(part.spec for part in self.parts)
        self.params = ()
        self.serializable = all(part.serializable for part in self.parts)

    @property
    def key(self) -> Hashable:
        return tuple(part.key for part in self.parts)

    @property
    def is_plain(self) -> bool:
        return all(part.is_plain for part in self.parts)

    def fix(self, holder: str) -> None:
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

    def transform(self, params: Params, x: Array) -> Array:
        for part, names in zip(self.parts, self.outer_names, strict=True):
            values = {inner: params[outer] for inner, outer in names.items()}
            x = part.transform(values, x)
        return x


def numbered(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: this, or with the first free number from 2 on.

    >>> numbered("leak", []), numbered("leak", ["leak"])
    ('leak', 'leak2')
    """
    if name not in taken:
        return name
    names = (f"{name}{number}" for number in itertools.count(2))
    return next(full for full in names if full not in taken)
