"""What every optimizer is: a rule, the keywords it takes, and what it remembers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from theanets.errors import ConfigurationError
from theanets.types import Array
from theanets.utils.checks import number, shown
from theanets.utils.registered import Registered
from theanets.utils.registry import Registry, join_names

ALGORITHMS: Registry["Optimizer"] = Registry("algo")

LIMITS = ("max_gradient_elem", "max_gradient_norm")
"""Keywords that limit the gradient of each parameter, whatever the rule."""
_SLOTS = {"age", "velocity"}
_NUMBERS = {"learning_rate", "momentum", "nesterov", "count", "curvature", *LIMITS}
"""The names of what every rule can have, in addition to its own."""

State: TypeAlias = dict[str, Array]
Numbers: TypeAlias = Mapping[str, Array]
Transformation: TypeAlias = Any
"""An ``optax.GradientTransformation``; optax is imported only if one is used."""


@dataclass(frozen=True)
class Hyperparam:
    """A keyword of an optimizer: its default, and the numbers that are valid.

    Parameters
    ----------
    default : float, optional
        None for a keyword that is only another way to set the number ``name``.
    least, above, most, below : float
        Bounds: x >= least, x > above, x <= most, x < below.
    expected : str, optional
        The words of a message for what is valid; by default the bounds.
    name : str, optional
        The name by which the rule reads it; by default the keyword.
    convert : callable, optional
        Makes what the rule reads from the number that is given.

    Examples
    --------
    >>> Hyperparam(0.9, least=0, below=1).read(0.5, "beta")
    0.5
    >>> Hyperparam(0.9, least=0, below=1).read(1, "beta")
    Traceback (most recent call last):
        ...
    theanets.errors.ConfigurationError: beta is 1; it has to be a number of at least 0
    and below 1.
    """

    default: float | None
    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf
    below: float = math.inf
    expected: str = ""
    name: str = ""
    convert: Callable[[float], float] = float

    def read(self, value: object, keyword: str) -> float:
        """Return what the rule reads of a value that a user gave, checked."""
        words = {
            "of at least": self.least,
            "above": self.above,
            "at most": self.most,
            "below": self.below,
        }
        bounds = [f"{word} {x:g}" for word, x in words.items() if math.isfinite(x)]
        allowed = f"a number {' and '.join(bounds)}" if bounds else "a finite number"

        def valid(x: float) -> bool:
            return self.least <= x <= self.most and self.above < x < self.below

        return self.convert(number(value, keyword, self.expected or allowed, valid))


def halflife(default: float, name: str) -> Hyperparam:
    """Return a keyword: the number of updates after which half of a mean is forgotten.

    The rule reads, by ``name``, the decay of the mean per update.

    >>> halflife(7, "beta").read(1, "beta_halflife")
    0.5
    """
    return Hyperparam(
        default,
        above=0,
        expected="a positive number of updates",
        name=name,
        convert=lambda updates: math.exp(-math.log(2) / updates),
    )


class Optimizer(Registered):
    """A way to move parameters: subclass it to make an algorithm of your own.

    A subclass defines `step`. Its name in lower case, and each of ``aliases``, is then
    an ``algo`` of ``train``. Momentum, limits of gradients, schedules of the learning
    rate and precision come with it: `step` gets at least float32, and the parameter
    keeps its type.

    Attributes
    ----------
    learning_rate : float
        The default learning rate.
    momentum : float
        The default momentum.
    nesterov : bool
        Whether momentum is Nesterov's by default.
    hyperparams : Mapping[str, Hyperparam]
        Its further keywords.
    slots : Mapping[str, float]
        The arrays it keeps for each parameter, and the number each begins with.
    counts_updates : bool
        Whether `step` reads ``hyperparams["count"]``, the number of the update, from 1.
    elementwise : bool
        Whether each entry of a parameter moves without regard to the others. If so,
        matrices may be given to `step` transposed, which can be twice as fast.
    full_batch : bool
        Whether it needs the gradient over all data, not over a minibatch.
    needs_curvature : bool
        Whether `step` reads ``hyperparams["curvature"]``, the product of the
        parameter's Hessian with a random vector.
    hides_nonfinite : bool
        Whether a gradient that is not finite may leave parameters and state finite.

    Examples
    --------
    >>> import jax.numpy as jnp, theanets
    >>> class SignSGD(theanets.Optimizer):
    ...     learning_rate = 0.01
    ...     hides_nonfinite = True
    ...     def step(self, gradient, state, param, hyperparams):
    ...         return hyperparams["learning_rate"] * jnp.sign(gradient)
    >>> def loss(w, x):
    ...     return ((w - x) ** 2).mean()
    >>> result = theanets.minimize(
    ...     loss, 0.0, jnp.ones((8, 1)), algo="signsgd", max_updates=20, progress=False)
    >>> round(float(result.params), 3)
    0.2
    """

    catalogue = ALGORITHMS
    learning_rate: ClassVar[float] = 0.001
    momentum: ClassVar[float] = 0.0
    nesterov: ClassVar[bool] = False
    hyperparams: ClassVar[Mapping[str, Hyperparam]] = {}
    slots: ClassVar[Mapping[str, float]] = {}
    counts_updates: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    full_batch: ClassVar[bool] = False
    needs_curvature: ClassVar[bool] = False
    hides_nonfinite: ClassVar[bool] = False

    def __init_subclass__(cls, **keywords: Any) -> None:
        taken = [*(_SLOTS & cls.slots.keys()), *(_NUMBERS & cls.hyperparams.keys())]
        if taken:
            raise ConfigurationError(
                f"class {cls.__name__}: the name {join_names(taken)} is taken. "
                f"No slot can be called {join_names(_SLOTS)}, and no hyperparam "
                f"{join_names(_NUMBERS)}. Choose another name."
            )
        for name, value in cls.hyperparams.items():
            if not isinstance(value, Hyperparam):
                raise ConfigurationError(
                    f'class {cls.__name__}: hyperparams["{name}"] is {shown(value)}; '
                    "it has to be a theanets.optimizers.Hyperparam, such as "
                    "Hyperparam(0.9, least=0, below=1)."
                )
        super().__init_subclass__(**keywords)

    def step(
        self, gradient: Array, state: State, param: Array, hyperparams: Numbers
    ) -> Array:
        """Return what is subtracted from a parameter.

        Parameters
        ----------
        gradient, param : array
            The gradient of the loss by the parameter, and the parameter.
        state : dict of str to array
            The parameter's ``slots``. Put the new ones in their places.
        hyperparams : mapping of str to array
            The learning rate and the further keywords.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a step method")

    def check(self, hyperparams: Mapping[str, float]) -> None:
        """Raise a ConfigurationError if numbers do not go together."""

    def transformation(self) -> Transformation | None:
        """Return a transformation of optax to move parameters by, in place of `step`.

        It brings its own settings, so that the algorithm takes no keywords.
        """
        return None

    @classmethod
    def keywords(cls) -> list[str]:
        """Return the keywords of ``train`` that this takes.

        >>> ALGORITHMS["adagrad"].keywords()[-1]
        'rms_regularizer'
        """
        if cls.transformation is not Optimizer.transformation:
            return []
        return [*LIMITS, "learning_rate", "momentum", "nesterov", *cls.hyperparams]

    @classmethod
    def defaults(cls) -> dict[str, float]:
        """Return the further keywords that have a default.

        >>> ALGORITHMS["adagrad"].defaults()
        {'rms_regularizer': 1e-08}
        """
        defaults = {name: each.default for name, each in cls.hyperparams.items()}
        return {name: x for name, x in defaults.items() if x is not None}
