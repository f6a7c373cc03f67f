"""How parameters move: an update rule with its settings, over any parameters.

``resolve`` turns an algorithm's name and its keywords into an ``Optimizer``: a
pure ``init`` and ``update`` over any pytree of parameters. What changes the
compiled program is in its ``key``; the numbers are in its ``values``, which go
into the program as arrays, so that another learning rate compiles nothing.

Updates are computed, and state is kept, in at least float32; parameters keep their
dtype.
"""

import hashlib
import inspect
import math
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from theanets.data.device import identity
from theanets.errors import ConfigurationError
from theanets.rules import ALGORITHMS, Algorithm, Numbers
from theanets.utils import checks, keys
from theanets.utils.checks import flag, shown
from theanets.utils.registry import listing, suggest

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "Optimizer",
    "hessian_vector",
    "keywords",
    "resolve",
]

Tree: TypeAlias = Any
State: TypeAlias = dict[str, Any]

# What a keyword's number has to satisfy, in a test and in words.
RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "learning_rate": (lambda x: x >= 0, "a number of at least 0, or a schedule"),
    "momentum": (lambda x: 0 <= x < 1, "at least 0 and below 1"),
    "max_gradient_norm": (lambda x: x >= 0, "a positive number, or 0 for no limit"),
    "max_gradient_elem": (lambda x: x >= 0, "a positive number, or 0 for no limit"),
    "rms_halflife": (lambda x: x > 0, "a positive number of updates"),
    "beta1_halflife": (lambda x: x > 0, "a positive number of updates"),
    "beta2_halflife": (lambda x: x > 0, "a positive number of updates"),
    "rms_regularizer": (lambda x: x > 0, "a positive number"),
    "rprop_increase": (lambda x: x >= 1, "a factor of at least 1"),
    "rprop_decrease": (lambda x: 0 < x <= 1, "a factor above 0, at most 1"),
    "rprop_min_step": (lambda x: x >= 0, "a number of at least 0"),
    "rprop_max_step": (lambda x: x > 0, "a positive number"),
}

LIMITS = ("max_gradient_elem", "max_gradient_norm")

# A running mean with this half-life is kept by the factor of this name.
HALFLIVES = {"rms_halflife": "decay", "beta1_halflife": "b1", "beta2_halflife": "b2"}


@dataclass(frozen=True)
class Optimizer:
    """An algorithm with its settings: how parameters begin to move, and move.

    Parameters
    ----------
    name : str
        The algorithm's name, ``"optax"`` for a transformation of the user.
    values : dict
        The numbers that ``update`` gets back, then as arrays.
    algorithm : Algorithm, optional
        The row of the catalogue.
    nesterov : bool
        Whether the momentum, if there is one, is Nesterov's.
    schedule : callable, optional
        Number of updates so far -> learning rate, in place of a number.
    transformation : optax.GradientTransformation, optional
        What moves the parameters where it is not a rule of the catalogue.
    """

    name: str
    values: dict[str, float]
    algorithm: Algorithm | None = None
    nesterov: bool = False
    schedule: Callable[[Any], Any] | None = None
    transformation: Any = None

    @property
    def full_batch(self) -> bool:
        """Whether gradients have to be those over all data."""
        return self.algorithm is not None and self.algorithm.full_batch

    @property
    def needs_curvature(self) -> bool:
        """Whether ``update`` needs the argument ``curvature``."""
        return self.algorithm is not None and self.algorithm.needs_curvature

    @property
    def elementwise(self) -> bool:
        """Whether each entry of a parameter moves without regard to the others."""
        return self.transformation is None and "max_gradient_norm" not in self.values

    @property
    def hides_nonfinite(self) -> bool:
        """Whether a gradient that is not finite may leave all else finite."""
        clipped = "max_gradient_elem" in self.values or self.name == "rprop"
        return clipped or self.transformation is not None

    @property
    def key(self) -> Hashable:
        """What changes the compiled program; the numbers do not."""
        used = frozenset(self.values)
        # Of a named algorithm the transformation is made anew each time, always alike.
        own = self.transformation if self.algorithm is None else None
        return self.name, self.nesterov, keys.key(self.schedule, own), used

    def identity(self, params: Tree) -> dict[str, Any]:
        """Return the settings for such parameters, as JSON holds them."""
        found = {"optimizer": self.name, "nesterov": self.nesterov, **self.values}
        if self.schedule is not None:
            found["learning_rate"] = getattr(self.schedule, "__name__", "a schedule")
            found["schedule"] = _traced(self.schedule, np.int32(0))
        if self.transformation is not None and self.algorithm is None:
            found["transformation"] = _traced(self._first_update, params, params)
        return found

    def _first_update(self, grads: Tree, params: Tree) -> tuple[Tree, State]:
        def loss(tried: Tree) -> Array:
            return sum((x.sum() for x in jax.tree.leaves(tried)), jnp.zeros(()))

        state = self.init(params)
        return self._update_by_optax(grads, state, params, loss(params), loss)

    def init(self, params: Tree) -> State:
        """Return the state before the first update; it depends on no number."""
        if self.transformation is not None:
            inner = self.transformation.init(params)
            return {"optax": jax.tree.map(jnp.asarray, inner)}
        assert self.algorithm is not None
        slots = dict(self.algorithm.slots)
        if "momentum" in self.values:
            slots["velocity"] = 0.0
        state: State = {name: _filled(params, fill) for name, fill in slots.items()}
        if "b1" in self.values:
            state["age"] = jax.device_put(np.int32(0))
        return state

    def update(
        self,
        grads: Tree,
        state: State,
        params: Tree,
        values: Mapping[str, Any],
        *,
        count: Any,
        value: Array | None = None,
        value_fn: Callable[[Tree], Array] | None = None,
        curvature: Tree | None = None,
    ) -> tuple[Tree, State]:
        """Return the parameters and the state after one update; a pure function.

        Parameters
        ----------
        grads, params : pytree
            Gradient of the loss, and where it was taken.
        state : dict
            From ``init`` or the update before.
        values : mapping
            The numbers of ``self.values``, possibly as arrays.
        count : int
            Number of updates before this one, for a schedule.
        value, value_fn : array, callable, optional
            The loss here, and as a function of parameters; for line searches.
        curvature : pytree, optional
            ``hessian_vector`` for a standard normal v; for ``esgd``.

        Returns
        -------
        (params, state)
        """
        if self.transformation is not None:
            grads = jax.tree.map(lambda g: _limited(g, _cast(values, g.dtype)), grads)
            return self._update_by_optax(grads, state, params, value, value_fn)
        assert self.algorithm is not None and self.algorithm.rule is not None
        rule, numbers, state = self.algorithm.rule, dict(values), dict(state)
        if self.schedule is not None:
            numbers["learning_rate"] = self.schedule(count)
        if "age" in state:
            state["age"] = state["age"] + 1
            numbers["age"] = state["age"]
        slots = [name for name in state if name != "age"]

        def move(p: Array, g: Array, hv: Array, *olds: Array) -> list[Array]:
            # Sums of tiny steps and squares would be lost in bfloat16.
            wide = _wide(p)
            n = _cast(numbers, wide)
            n["curvature"] = hv.astype(wide)
            own = {s: old.astype(wide) for s, old in zip(slots, olds, strict=True)}
            step = -rule(_limited(g.astype(wide), n), own, n)
            if "velocity" in own:
                mu, velocity = n["momentum"], own["velocity"]
                if self.nesterov:
                    step = mu * mu * velocity + (1 + mu) * step
                else:
                    step = mu * velocity + step
                own["velocity"] = step
            moved = p.astype(wide) + step
            return [moved.astype(p.dtype), *(own[s] for s in slots)]

        leaves, tree = _flatten(params)
        rows = (grads, grads if curvature is None else curvature)
        columns = [tree.flatten_up_to(x) for x in (*rows, *(state[s] for s in slots))]
        news = [move(*row) for row in zip(leaves, *columns, strict=True)]
        for i, slot in enumerate(slots, start=1):
            state[slot] = tree.unflatten([new[i] for new in news])
        return tree.unflatten([new[0] for new in news]), state

    def _update_by_optax(
        self,
        grads: Tree,
        state: State,
        params: Tree,
        value: Array | None,
        value_fn: Callable[[Tree], Array] | None,
    ) -> tuple[Tree, State]:
        import optax  # type: ignore[import-untyped]

        def value_at(tried: Tree) -> Array:
            # A line search from parameters in bfloat16 tries some in float32.
            assert value_fn is not None
            stored = jax.tree.map(lambda t, p: t.astype(p.dtype), tried, params)
            return value_fn(stored)

        searched = {"value": value, "grad": grads, "value_fn": value_fn and value_at}
        given = {name: x for name, x in searched.items() if x is not None}
        transformation = optax.with_extra_args_support(self.transformation)
        try:
            steps, inner = transformation.update(grads, state["optax"], params, **given)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"algo: this transformation of optax cannot be used here: {error}. An "
                "update is given the gradients, the state and the parameters, and by "
                "name value, grad and value_fn, as line searches need them."
            ) from error
        return optax.apply_updates(params, steps), {"optax": inner}


def resolve(
    algo: Any, hyper: dict[str, Any], keyword: str = "algo", others: Iterable[str] = ()
) -> Optimizer:
    """Return the optimizer of an algorithm, taking its keywords out of ``hyper``.

    Parameters
    ----------
    algo : str or optax.GradientTransformation
        A name in ``ALGORITHMS``, or a transformation, which brings its own
        learning rate and momentum.
    hyper : dict
        Keywords. The ones that the algorithm uses are removed, others stay.
        The learning rate of ``adadelta`` is taken and has no effect.
    keyword : str
        What messages call ``algo``.
    others : iterable of str
        Further names that the caller knows, for messages.

    Raises
    ------
    ConfigurationError
        If there is no such algorithm, or a number is outside its range.

    Examples
    --------
    >>> hyper = {"learning_rate": 0.1, "batch_size": 64}
    >>> nag = resolve("nag", hyper)
    >>> nag.values, nag.nesterov
    ({'learning_rate': 0.1, 'momentum': 0.9}, True)
    >>> hyper
    {'batch_size': 64}
    """
    known = [*ALGORITHMS, *others]
    if not isinstance(algo, str):
        if not (hasattr(algo, "init") and hasattr(algo, "update")):
            hint = " Call it first, as in optax.sgd(0.1)." if callable(algo) else ""
            raise ConfigurationError(
                f"{keyword} is {shown(algo)}; it has to be an "
                f"optax.GradientTransformation or one of {listing(known)}.{hint}"
            )
        return Optimizer("optax", _limits(hyper), transformation=algo)
    algo = algo.lower()
    algorithm = ALGORITHMS.get(algo)
    if algorithm is None:
        raise ConfigurationError(
            f"unknown {keyword} {shown(algo)}. Known: {listing(known)}."
            + (_of_optax(keyword, algo) or suggest(algo, known))
        )
    if algorithm.rule is None:
        import optax

        return Optimizer(algo, {}, algorithm, transformation=optax.lbfgs())

    values, schedule = {}, None
    if callable(hyper.get("learning_rate")):
        schedule = hyper.pop("learning_rate")
        _check_schedule(schedule)
    else:
        values["learning_rate"] = _number(
            hyper, "learning_rate", algorithm.learning_rate
        )
    momentum = _number(hyper, "momentum", algorithm.momentum)
    nesterov = flag(hyper.pop("nesterov", algorithm.nesterov), "nesterov")
    nesterov = nesterov and momentum > 0
    if momentum > 0:
        values["momentum"] = momentum
    for name, default in algorithm.keywords.items():
        number = _number(hyper, name, default)
        if name in HALFLIVES:
            values[HALFLIVES[name]] = math.exp(-math.log(2) / number)
        else:
            values[name] = number
    if values.get("rprop_min_step", 0) > values.get("rprop_max_step", 0):
        raise ConfigurationError(
            f"rprop_min_step is {shown(values['rprop_min_step'])}; it has to be at "
            f"most rprop_max_step, which is {shown(values['rprop_max_step'])}."
        )
    return Optimizer(algo, values | _limits(hyper), algorithm, nesterov, schedule)


def keywords(algo: Any) -> list[str]:
    """Return the keywords that ``resolve`` takes for an algorithm; none if unknown.

    Examples
    --------
    >>> keywords("sgd")
    ['max_gradient_elem', 'max_gradient_norm', 'learning_rate', 'momentum', 'nesterov']
    """
    if not isinstance(algo, str):
        return [*LIMITS]
    algorithm = ALGORITHMS.get(algo.lower())
    if algorithm is None or algorithm.rule is None:
        return []
    return [*LIMITS, "learning_rate", "momentum", "nesterov", *algorithm.keywords]


def hessian_vector(loss_fn: Callable[[Tree], Array], params: Tree, v: Tree) -> Tree:
    """Return for each parameter p the product of its block of the Hessian with v.

    That is ∂²L/∂p² v_p, without the blocks that join two parameters.

    Parameters
    ----------
    loss_fn : callable
        Parameters -> scalar loss L.
    params, v : pytree
        Where, and in which direction.

    Examples
    --------
    >>> def loss(params):
    ...     return params["a"] ** 3 * params["b"]
    >>> hv = hessian_vector(loss, {"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 1.0})
    >>> float(hv["a"]), float(hv["b"])
    (12.0, 0.0)
    """
    leaves, tree = _flatten(params)

    def block(i: int, direction: Array) -> Any:
        def loss_of(leaf: Array) -> Array:
            return loss_fn(tree.unflatten([*leaves[:i], leaf, *leaves[i + 1 :]]))

        return jax.jvp(jax.grad(loss_of), (leaves[i],), (direction,))[1]

    directions = tree.flatten_up_to(v)
    return tree.unflatten([block(i, d) for i, d in enumerate(directions)])


def _traced(function: Callable[..., Any], *arguments: Any) -> dict[str, str] | None:
    """Return what tells a function of arrays from others, None if nothing is sure.

    It is a checksum of the operations that JAX finds in it, with their numbers, which
    are the same in every process. Nothing is compiled.
    """
    import optax

    try:
        # A new function each time, of which JAX has kept nothing.
        first, second = (
            _operations(jax.make_jaxpr(lambda *given: function(*given))(*arguments))
            for _ in range(2)
        )
    except Exception:
        # If it cannot be traced, training says so.
        return None
    versions = f"jax {jax.__version__}, optax {optax.__version__}"
    return {"content": first, "versions": versions} if first == second else None


def _operations(program: Any) -> str:
    """Return a checksum of a program's operations and of the arrays in it."""
    text = re.sub("0x[0-9a-f]+", "", str(program))
    arrays = [identity(np.asarray(array)) for array in _constants(program)]
    return hashlib.sha256(f"{text} {arrays}".encode()).hexdigest()[:16]


def _constants(program: Any) -> list[Any]:
    """Return the arrays in a program and in those that it calls."""
    found = list(getattr(program, "consts", ()))
    for equation in program.eqns:
        for value in jax.tree.leaves(list(equation.params.values())):
            found += _constants(value) if hasattr(value, "eqns") else []
    return found


def _of_optax(keyword: str, algo: str) -> str:
    import optax

    own = algo.isidentifier() and inspect.isfunction(getattr(optax, algo, None))
    return f" Write {keyword}=optax.{algo}(0.001)." if own else ""


def _check_schedule(schedule: Callable[[Any], Any]) -> None:
    def rate(count: Any) -> Array:
        found = schedule(count)
        traced = isinstance(found, Array) and found.shape == ()
        if not (traced or checks.is_number(found)):
            raise ConfigurationError(
                f"learning_rate is a schedule that returned {shown(found)}; it has to "
                "return a number for a number of updates."
            )
        return jnp.asarray(found)

    with checks.compilable("learning_rate"):
        jax.eval_shape(rate, np.int32(0))


def _number(hyper: dict[str, Any], name: str, default: float) -> float:
    given = hyper.pop(name, default)
    valid, expected = RANGES[name]
    return checks.number(given, name, expected, valid)


def _limits(hyper: dict[str, Any]) -> dict[str, float]:
    """Return the limits of gradients that are in use."""
    given = [name for name in LIMITS if hyper.get(name, 0) is not None]
    numbers = {name: _number(hyper, name, 0) for name in given}
    for name in LIMITS:
        hyper.pop(name, None)
    return {name: number for name, number in numbers.items() if number > 0}


def _limited(g: Array, n: Numbers) -> Array:
    """Return a gradient within its limits; that of its entries goes first."""
    if "max_gradient_elem" in n:
        return jnp.clip(g, -n["max_gradient_elem"], n["max_gradient_elem"])
    if "max_gradient_norm" in n:
        norm = jnp.sqrt(jnp.sum(g * g))
        return g * (n["max_gradient_norm"] / jnp.maximum(norm, n["max_gradient_norm"]))
    return g


def _flatten(tree: Tree) -> tuple[list[Array], Any]:
    leaves, structure = jax.tree.flatten(tree)
    return leaves, structure


def _cast(values: Mapping[str, Any], dtype: Any) -> dict[str, Array]:
    return {name: jnp.asarray(value, dtype) for name, value in values.items()}


def _wide(p: Any) -> Any:
    return jnp.promote_types(jnp.result_type(p), jnp.float32)


def _filled(params: Tree, fill: float) -> Tree:
    # Made by NumPy: a program to fill each shape would cost more than the filling.
    return jax.tree.map(
        lambda p: jax.device_put(np.full(jnp.shape(p), fill, _wide(p))), params
    )
