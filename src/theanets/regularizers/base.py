"""What every regularizer is: a term of a loss, or noise in a graph.

Its weight is an argument of the compiled program, so that another weight compiles
nothing. Its kind and place are part of the program.
"""

import math
import zlib
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from theanets.data.device import identity
from theanets.errors import ConfigurationError
from theanets.types import Array, JsonDict, Outputs, Params, Shape
from theanets.utils import keys
from theanets.utils.checks import check_nonnegative, shown
from theanets.utils.registered import Registered
from theanets.utils.registry import (
    Registry,
    choice,
    join_names,
    matching,
    patterns,
    suggest,
)

REGULARIZERS: Registry["Regularizer"] = Registry("regularizer", by_alias=True)

ROLES = ("input", "hidden", "output")
Roles: TypeAlias = Mapping[str, tuple[str, ...]]
"""By role, the names of the main outputs of its layers."""
Shapes: TypeAlias = Mapping[str, Shape]


@dataclass(frozen=True)
class Evaluation:
    """One pass of a model over a batch, as a regularizer sees it.

    Attributes
    ----------
    params : mapping of str to array
        The parameters that training changes, by full name, and those frozen now.
    outputs : mapping of str to array
        Outputs by full name, batch axis first.
    roles : mapping of str to tuple of str
        Names of the main outputs of the ``input``, ``hidden`` and ``output`` layers.
    inputs : mapping of str to array
        The batch by the name of its input layer.
    forward : callable
        Computes all outputs, without noise, from other inputs.
    key : jax random key, optional
        Of this batch, for estimates that draw at random; none in validation.
    """

    params: Params
    outputs: Outputs
    roles: Roles
    inputs: Mapping[str, Array]
    forward: Callable[[Mapping[str, Array]], Outputs]
    key: Array | None = None


class Regularizer(Registered):
    """A term of a loss, or a change of outputs: subclass it to make your own.

    A subclass defines `penalty`, or `modify`, or both. Its name in lower case, and each
    of ``aliases``, is then a keyword of ``train``.

    Parameters
    ----------
    weight : float
        What the penalty is multiplied with; for noise its standard deviation, for
        dropout its probability.
    pattern : str or sequence of str, optional
        Glob over the names that it works on, such as ``"hid*:out"``. Weight and
        pattern can also come without keywords, in either order.
    role : str, optional
        Instead of a pattern: the main outputs of ``input``, ``hidden`` or ``output``
        layers.

    Examples
    --------
    >>> import jax.numpy as jnp, numpy as np, theanets
    >>> class Orthogonal(theanets.Regularizer):
    ...     def penalty(self, evaluation):
    ...         w = evaluation.params["hid1.w"]
    ...         product = w.T @ w
    ...         return ((product - jnp.eye(len(product))) ** 2).mean()
    >>> net = theanets.Autoencoder([4, 2, 4])
    >>> data = np.random.default_rng(0).normal(size=(8, 4))
    >>> _ = net.train([data], orthogonal=0.1, max_epochs=1, progress=False)
    """

    catalogue = REGULARIZERS
    not_compared = frozenset(("weight",))
    default_pattern: ClassVar[str | None] = None
    """The pattern when neither a pattern nor a role is given."""
    default_role: ClassVar[str | None] = None
    """The role when neither is given."""
    over_params: ClassVar[bool] = False
    """Whether the pattern is over parameters; else it is over outputs."""
    limit: ClassVar[float] = math.inf
    """Weights have to be smaller than this."""
    suffix: ClassVar[str] = "unchanged"
    """An output that was changed keeps its value from before as NAME-SUFFIX."""

    def __init__(
        self,
        first: object = None,
        second: object = None,
        /,
        role: str | None = None,
        *,
        weight: float | None = None,
        pattern: str | tuple[str, ...] | list[str] | None = None,
    ) -> None:
        # The original had the pattern first.
        named: dict[str, Any] = {"weight": weight, "pattern": pattern}
        for value in (first, second):
            if value is not None:
                text = isinstance(value, str | list | tuple)
                keyword = "pattern" if text else "weight"
                if named[keyword] is not None:
                    raise ConfigurationError(
                        f"{self.form}: {keyword} is given twice, "
                        f"{shown(named[keyword])} and {shown(value)}. Write "
                        "weight=..., pattern=..."
                    )
                named[keyword] = value
        weight, pattern = named["weight"], named["pattern"]
        weight = 0.0 if weight is None else weight
        self.weight = check_nonnegative(weight, self.form, self.limit)
        if pattern is None and role is None:
            pattern, role = self.default_pattern, self.default_role
        if pattern is not None:
            globs = patterns(pattern, f"{self.form}: pattern", "hid*:out")
            pattern = pattern if isinstance(pattern, str) else globs
        self.pattern = pattern
        self.role = None if role is None else choice(role, f"{self.form}: role", ROLES)

    @property
    def form(self) -> str:
        """The keyword of this regularizer."""
        return REGULARIZERS.label(type(self))

    def identity(self) -> JsonDict:
        """Return the settings as JSON holds them."""
        patterns = [self.pattern] if isinstance(self.pattern, str) else self.pattern
        common = {
            "name": self.form,
            "weight": float(self.weight),
            "pattern": list(patterns or ()),
            "role": self.role,
        }
        more = {name: _plain(x) for name, x in vars(self).items() if name not in common}
        return common | more

    @property
    def key(self) -> Hashable:
        """Equal for regularizers that need one program: all but the weight counts."""
        return keys.key(self)

    def targets(self, names: Iterable[str], roles: Roles) -> list[str]:
        """Return the names that it works on."""
        if self.role is not None:
            return list(roles[self.role])
        return matching(self.pattern or (), names)

    def check(self, shapes: Shapes, roles: Roles, indices: Collection[str]) -> None:
        """Raise a ConfigurationError if a model does not allow this, before compiling.

        Parameters
        ----------
        shapes : mapping of str to tuple
            Shape of every parameter, or output without its batch axis, by full name.
        roles : mapping of str to tuple of str
            Names of the main outputs of the input, hidden and output layers.
        indices : collection of str
            Names of the input layers that hold whole numbers.

        """
        targets = self.targets(shapes, roles)
        if self.pattern is not None and not targets:
            raise ConfigurationError(
                f"{self.form}: pattern {shown(self.pattern)} matches nothing. "
                f"There are: {join_names(shapes)}." + suggest(self.pattern, shapes)
            )
        whole = {f"{name}:out" for name in indices} & set(targets)
        if self.modifies and whole:
            raise ConfigurationError(
                f"{self.form}: {join_names(whole)} holds whole numbers, which take no "
                "noise. Choose the outputs of the layer that reads them."
            )

    def penalty(self, evaluation: Evaluation) -> Array | float:
        """Return the term to be weighted and added to the loss."""
        return 0.0

    def modify(self, name: str, value: Array, key: Array, weight: Array) -> Array:
        """Return a changed output; ``key`` is a random key for this one alone."""
        return value

    @property
    def penalizes(self) -> bool:
        """Whether this regularizer adds a term to the loss."""
        return type(self).penalty is not Regularizer.penalty

    @property
    def modifies(self) -> bool:
        """Whether this regularizer changes outputs on their way."""
        return type(self).modify is not Regularizer.modify

    def stream(self, name: str, key: Array) -> Array:
        """Return the random key of this regularizer for one output."""
        label = f"{self.form} {self.role or self.pattern} {name}"
        return jax.random.fold_in(key, zlib.crc32(label.encode()))


def _plain(value: object) -> Any:
    """Return a setting as JSON holds it, the same in every process.

    >>> _plain({"size": (1, np.float32(0.5)), "of": math.sqrt})
    {'size': [1, 0.5], 'of': 'sqrt'}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bool | int | str | None):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic | jax.Array) and (
        jnp.issubdtype(value.dtype, jnp.number) or value.dtype == bool
    ):
        return identity(np.asarray(value)) if value.ndim else _plain(value.item())
    # Of anything else, only the name is the same in another process.
    return getattr(value, "__qualname__", type(value).__qualname__)
