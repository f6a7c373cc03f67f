"""Terms added to a loss, and noise added to a graph, while a model trains.

A regularizer is a keyword of ``train``: a number, or a dict with ``weight`` and
``pattern``. Its weight is data to the compiled program, so that another weight
compiles nothing; what it is and where it works is part of the program.
"""

import math
import zlib
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from theanets.errors import ConfigurationError
from theanets.registry import Registry, listing, matching, suggest

Array = jax.Array

REGULARIZERS: Registry["Regularizer"] = Registry("regularizer")

ROLES = ("input", "hidden", "output")


@dataclass(frozen=True)
class Evaluation:
    """One pass of a model over a batch, as a regularizer sees it.

    Attributes
    ----------
    params : mapping of str to array
        The parameters that training changes, by full name.
    outputs : mapping of str to array
        Outputs by full name, batch axis first.
    roles : mapping of str to tuple of str
        Names of the main outputs of the ``input``, ``hidden`` and ``output`` layers.
    inputs : mapping of str to array
        The batch by the name of its input layer.
    forward : callable
        Computes all outputs, without noise, from other inputs.
    """

    params: Mapping[str, Array]
    outputs: Mapping[str, Array]
    roles: Mapping[str, tuple[str, ...]]
    inputs: Mapping[str, Array]
    forward: Callable[[Mapping[str, Array]], Mapping[str, Array]]


class Regularizer:
    """A term of a loss, or a change of a graph: subclass it to make your own.

    A subclass writes `penalty`, or `modify`, or both. Its name in lower case, and
    each of ``aliases``, is a keyword of ``train`` at once.

    Parameters
    ----------
    weight : float
        What the penalty is multiplied with; for noise its standard deviation, for
        dropout its probability.
    pattern : str or sequence of str, optional
        Glob over the names that it works on, such as ``"hid*:out"``.
    role : str, optional
        Instead of a pattern: the main outputs of ``input``, ``hidden`` or ``output``
        layers.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> class Orthogonal(theanets.Regularizer):
    ...     def penalty(self, evaluation):
    ...         w = evaluation.params["hid1.w"]
    ...         product = w.T @ w
    ...         return ((product - jnp.eye(len(product))) ** 2).mean()
    >>> net = theanets.Autoencoder([4, 2, 4])
    >>> data = np.random.default_rng(0).normal(size=(8, 4))
    >>> _ = net.train([data], orthogonal=0.1, max_epochs=1, progress=False)
    """

    aliases: ClassVar[tuple[str, ...]] = ()
    """Further keywords for this regularizer."""
    default_pattern: ClassVar[str | None] = None
    """What it works on when neither a pattern nor a role is given."""
    default_role: ClassVar[str | None] = None
    """The role it works on when neither is given."""
    over_params: ClassVar[bool] = False
    """Whether the pattern is over parameters; else it is over outputs."""
    limit: ClassVar[float] = math.inf
    """The weight has to be smaller than this."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        REGULARIZERS.register(cls, cls.__name__.lower(), *cls.aliases)

    def __init__(
        self,
        weight: float = 0.0,
        pattern: str | tuple[str, ...] | list[str] | None = None,
        role: str | None = None,
    ) -> None:
        self.weight = _number(weight, self.form, self.limit)
        if pattern is None and role is None:
            pattern, role = self.default_pattern, self.default_role
        self.pattern = tuple(pattern) if isinstance(pattern, list | tuple) else pattern
        globs = (pattern,) if isinstance(pattern, str) else pattern or ()
        if not isinstance(globs, list | tuple) or not all(
            isinstance(glob, str) for glob in globs
        ):
            raise ConfigurationError(
                f"{self.form}: pattern is {pattern!r}; it has to be a text such as "
                '"hid*:out", or a list of such.'
            )
        if role is not None and role not in ROLES:
            raise ConfigurationError(
                f"{self.form}: role is {role!r}; it has to be one of {listing(ROLES)}."
                + suggest(role, ROLES)
            )
        self.role = role

    @property
    def form(self) -> str:
        """The keyword of this regularizer."""
        return (*self.aliases, type(self).__name__.lower())[0]

    @property
    def key(self) -> Hashable:
        """What makes two of them the same program: everything but the weight."""
        if type(self).__init__ is Regularizer.__init__:
            return (type(self), self.pattern, self.role)
        return self

    def targets(self, names: Any, roles: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Return the names it works on, of those there are."""
        if self.role is not None:
            return list(roles[self.role])
        return matching(self.pattern or (), names)

    def penalty(self, evaluation: Evaluation) -> Array | float:
        """Return the term to be weighted and added to the loss."""
        return 0.0

    def modify(self, name: str, value: Array, key: Array, weight: Array) -> Array:
        """Return a changed output; ``key`` is a random key for this one alone."""
        return value

    @property
    def modifies(self) -> bool:
        """Whether this regularizer changes outputs on their way."""
        return type(self).modify is not Regularizer.modify

    suffix: ClassVar[str] = "unchanged"
    """An output that was changed keeps its value from before as NAME-SUFFIX."""

    def stream(self, name: str, key: Array) -> Array:
        """Return the random key of this regularizer for one output."""
        own = f"{self.form} {self.role or self.pattern} {name}"
        return jax.random.fold_in(key, zlib.crc32(own.encode()))


class WeightL2(Regularizer):
    """Mean of the squares of each weight array, averaged over the arrays.

    Parameters of rank 1, the biases, do not count.
    """

    aliases = ("weight_l2", "weight_decay")
    default_pattern = "*"
    over_params = True

    def penalty(self, evaluation: Evaluation) -> Array | float:
        """Return the mean of squares."""
        return _mean(jnp.square(w) for w in _weights(self, evaluation))


class WeightL1(Regularizer):
    """Mean of the magnitudes of each weight array, averaged over the arrays.

    Parameters of rank 1, the biases, do not count.
    """

    aliases = ("weight_l1", "weight_sparsity")
    default_pattern = "*"
    over_params = True

    def penalty(self, evaluation: Evaluation) -> Array | float:
        """Return the mean of magnitudes."""
        return _mean(jnp.abs(w) for w in _weights(self, evaluation))


class HiddenL1(Regularizer):
    """Mean of the magnitudes of hidden outputs, averaged over the layers."""

    aliases = ("hidden_l1", "hidden_sparsity")
    default_role = "hidden"

    def penalty(self, evaluation: Evaluation) -> Array | float:
        """Return the mean of magnitudes."""
        names = self.targets(evaluation.outputs, evaluation.roles)
        return _mean(jnp.abs(evaluation.outputs[name]) for name in names)


class Noise(Regularizer):
    """Gaussian noise added to outputs; the weight is its standard deviation."""

    aliases = ("noise",)
    suffix = "prenoise"

    def modify(self, name: str, value: Array, key: Array, weight: Array) -> Array:
        """Return the value with noise."""
        noise = jax.random.normal(self.stream(name, key), value.shape, value.dtype)
        return value + weight.astype(value.dtype) * noise


class Dropout(Regularizer):
    """Outputs set to zero with a probability, the others scaled by 1 / (1 - p).

    Source: N. Srivastava et al. (2014), Dropout: A Simple Way to Prevent Neural
    Networks from Overfitting.
    """

    aliases = ("dropout",)
    suffix = "predrop"
    limit = 1.0

    def modify(self, name: str, value: Array, key: Array, weight: Array) -> Array:
        """Return the value with holes."""
        kept = jax.random.bernoulli(self.stream(name, key), 1 - weight, value.shape)
        scaled = value / (1 - weight).astype(value.dtype)
        return jnp.where(kept, scaled, jnp.zeros_like(value))


def keywords() -> list[str]:
    """Return every keyword of ``train`` that stands for a regularizer."""
    placed = [f"{role}_{kind}" for role in ROLES for kind in ("noise", "dropout")]
    return [*REGULARIZERS, *placed, "regularizers"]


def take(given: dict[str, Any]) -> tuple[Regularizer, ...]:
    """Make the regularizers that keywords ask for, and remove those keywords.

    Examples
    --------
    >>> rest = dict(weight_l2=0.1, input_noise=0.3, batch_size=8)
    >>> [r.form for r in take(rest)], rest
    (['noise', 'weight_l2'], {'batch_size': 8})
    """
    made: list[Regularizer] = []
    for keyword in sorted(set(given) & set(keywords())):
        made.extend(_build(keyword, given.pop(keyword)))
    return tuple(made)


def _build(keyword: str, value: Any) -> list[Regularizer]:
    if value is None:
        return []
    if isinstance(value, Regularizer):
        return [value]
    if keyword == "regularizers":
        items = value if isinstance(value, list | tuple) else [value]
        return [r for item in items for r in _listed(item)]
    role, _, kind = keyword.partition("_")
    if role in ROLES and kind in ("noise", "dropout"):
        placed = REGULARIZERS.lookup(kind)
        return [placed(_number(value, keyword, placed.limit), role=role)]
    cls = REGULARIZERS.lookup(keyword)
    if cls in (Noise, Dropout):
        if not isinstance(value, Mapping):
            raise ConfigurationError(
                f"{keyword} is {value!r}; it has to be a dict from patterns to levels, "
                f'such as {{"hid1:out": 0.2}}. For all hidden layers: hidden_{keyword}.'
            )
        return [cls(level, pattern=glob) for glob, level in sorted(value.items())]
    if not isinstance(value, Mapping):
        return [cls(_number(value, keyword, cls.limit))]
    try:
        return [cls(**value)]
    except TypeError:
        known = ["weight", "pattern"]
        unknown = [name for name in value if name not in known]
        raise ConfigurationError(
            f"{keyword}={dict(value)!r}: unknown {listing(unknown)}. Give a number, or "
            f"a dict with {listing(known)}." + suggest(unknown[:1] or "", known)
        ) from None


def _listed(item: Any) -> list[Regularizer]:
    if isinstance(item, Regularizer):
        return [item]
    raise ConfigurationError(
        f"regularizers holds {item!r}; it has to be a list of Regularizer objects. "
        "Those that come with theanets are keywords of their own, such as weight_l2."
    )


def _weights(regularizer: Regularizer, evaluation: Evaluation) -> list[Array]:
    names = regularizer.targets(evaluation.params, evaluation.roles)
    weights = [evaluation.params[name] for name in names]
    return [w for w in weights if w.ndim > 1]


def _mean(arrays: Any) -> Array | float:
    means = [array.mean() for array in arrays]
    return sum(means[1:], means[0]) / len(means) if means else 0.0


def _number(value: Any, name: str, limit: float = math.inf) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool | str) or not 0 <= number < limit:
        bound = "" if limit == math.inf else f" and below {limit:g}"
        raise ConfigurationError(
            f"{name} is {value!r}; it has to be a number from 0 on{bound}."
        )
    return number
