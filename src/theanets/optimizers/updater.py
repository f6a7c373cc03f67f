"""An algorithm with its settings: it makes the state, and moves the parameters.

It computes updates and keeps state in at least float32; parameters keep their dtype.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from theanets.config import stored_type
from theanets.errors import ConfigurationError
from theanets.optimizers import optax
from theanets.optimizers.base import ALGORITHMS, Numbers, Optimizer, Transformation
from theanets.types import Array, DType, JsonDict, PyTree
from theanets.utils import keys
from theanets.utils.checks import compilable, shown
from theanets.utils.registry import join_names, listed

State: TypeAlias = dict[str, PyTree]


@dataclass(frozen=True)
class Updater:
    """An algorithm with its settings: it makes the state, and moves the parameters.

    Parameters
    ----------
    name : str
        The algorithm's name, ``"optax"`` for a transformation of the user.
    values : dict
        The numbers that ``update`` gets back as arrays.
    algorithm : Optimizer, optional
        The rule; None for a transformation of the user.
    nesterov : bool
        Whether the momentum, if there is one, is Nesterov's.
    schedule : callable, optional
        Number of updates so far -> learning rate, instead of a number.
    transformation : optax.GradientTransformation, optional
        Moves the parameters instead of a rule's `step`.
    """

    name: str
    values: dict[str, float]
    algorithm: Optimizer | None = None
    nesterov: bool = False
    schedule: Callable[[Any], float | Array] | None = None
    transformation: Transformation | None = None

    @property
    def full_batch(self) -> bool:
        """Whether each gradient has to be over all data."""
        return self.algorithm is not None and self.algorithm.full_batch

    @property
    def needs_curvature(self) -> bool:
        """Whether ``update`` needs the argument ``curvature``."""
        return self.algorithm is not None and self.algorithm.needs_curvature

    @property
    def elementwise(self) -> bool:
        """Whether each entry of a parameter moves without regard to the others."""
        if self.algorithm is None or "max_gradient_norm" in self.values:
            return False
        return self.algorithm.elementwise

    @property
    def hides_nonfinite(self) -> bool:
        """Whether a gradient that is not finite may leave all else finite."""
        if self.transformation is not None or "max_gradient_elem" in self.values:
            return True
        return self.algorithm is not None and self.algorithm.hides_nonfinite

    @property
    def key(self) -> Hashable:
        """What changes the compiled program; the numbers do not."""
        # The name is enough for our own algorithms, which always compute the same.
        ours = self.algorithm is not None and not keys.is_own(self.algorithm)
        users = None if ours else self.algorithm or self.transformation
        used = frozenset(self.values)
        return self.name, self.nesterov, keys.key(self.schedule, users), used

    def identity(self, params: PyTree) -> JsonDict:
        """Return the settings for such parameters, as JSON holds them."""
        settings = {"optimizer": self.name, "nesterov": self.nesterov, **self.values}
        if self.schedule is not None:
            settings["learning_rate"] = getattr(self.schedule, "__name__", "a schedule")
            settings["schedule"] = optax.traced(self.schedule, np.int32(0))
        if self.transformation is not None and self.algorithm is None:
            update = self._first_update
            settings["transformation"] = optax.traced(update, params, params)
        return settings

    def _first_update(self, grads: PyTree, params: PyTree) -> tuple[PyTree, State]:
        def loss(tried: PyTree) -> Array:
            return sum((x.sum() for x in jax.tree.leaves(tried)), jnp.zeros(()))

        state = self.init(params)
        return optax.update(
            self.transformation, grads, state["optax"], params, loss(params), loss
        )

    def init(self, params: PyTree) -> State:
        """Return the state before the first update; it depends on no number."""
        if self.transformation is not None:
            inner = self.transformation.init(params)
            return {"optax": jax.tree.map(jnp.asarray, inner)}
        assert self.algorithm is not None
        slots = dict(self.algorithm.slots)
        if "momentum" in self.values:
            slots["velocity"] = 0.0
        state: State = {name: _filled(params, fill) for name, fill in slots.items()}
        if self.algorithm.counts_updates:
            state["age"] = jax.device_put(np.int32(0))
        return state

    def update(
        self,
        grads: PyTree,
        state: State,
        params: PyTree,
        values: Mapping[str, float | Array],
        *,
        count: int | np.integer[Any] | Array,
        value: Array | None = None,
        value_fn: Callable[[PyTree], Array] | None = None,
        curvature: PyTree | None = None,
    ) -> tuple[PyTree, State]:
        """Return the parameters and the state after one update; a pure function.

        ``values`` are the numbers of ``self.values``. ``count`` is the number of
        updates before this one, for a schedule. Line searches need the loss here,
        ``value``, and ``value_fn``, the loss as a function of parameters; ``esgd``
        needs ``curvature``, a `hessian_vector` for a standard normal v.
        """
        if self.transformation is not None:
            grads = jax.tree.map(lambda g: _limited(g, _cast(values, g.dtype)), grads)
            params, inner = optax.update(
                self.transformation, grads, state["optax"], params, value, value_fn
            )
            return params, {"optax": inner}
        algorithm, numbers, state = self.algorithm, dict(values), dict(state)
        assert algorithm is not None
        if self.schedule is not None:
            numbers["learning_rate"] = self.schedule(count)
        if algorithm.counts_updates:
            state["age"] = state["age"] + 1
            numbers["count"] = state["age"]
        slots = [name for name in state if name != "age"]

        def move(p: Array, g: Array, hv: Array, *olds: Array) -> list[Array]:
            # bfloat16 would lose sums of tiny steps and squares.
            wide = _wide(p)
            n = _cast(numbers, wide)
            if algorithm.needs_curvature:
                n["curvature"] = hv.astype(wide)
            new = {s: old.astype(wide) for s, old in zip(slots, olds, strict=True)}
            g, before = _limited(g.astype(wide), n), p.astype(wide)
            step = -_step(algorithm, g, new, before, n)
            if "velocity" in new:
                mu, velocity = n["momentum"], new["velocity"]
                if self.nesterov:
                    step = mu * mu * velocity + (1 + mu) * step
                else:
                    step = mu * velocity + step
                new["velocity"] = step
            moved = before + step
            return [moved.astype(p.dtype), *(new[s] for s in slots)]

        tree: Any
        leaves, tree = jax.tree.flatten(params)
        rows = (grads, grads if curvature is None else curvature)
        columns = [tree.flatten_up_to(x) for x in (*rows, *(state[s] for s in slots))]
        news = [move(*row) for row in zip(leaves, *columns, strict=True)]
        for i, slot in enumerate(slots, start=1):
            state[slot] = tree.unflatten([new[i] for new in news])
        return tree.unflatten([new[0] for new in news]), state


def _step(
    algorithm: Optimizer, g: Array, state: State, param: Array, n: Numbers
) -> Array:
    """Return what a rule subtracts, checked while it is traced."""
    where = f'algo "{ALGORITHMS.label(type(algorithm))}": its step'
    slots = set(state)
    with compilable(where), listed(where, {"its hyperparams": n, "its slots": slots}):
        step = algorithm.step(g, state, param, n)
    shape = param.shape
    if not isinstance(step, Array) or step.shape != shape:
        array = hasattr(step, "shape")
        returned = f"an array of shape {step.shape}" if array else shown(step)
        raise ConfigurationError(
            f"{where} returned {returned} for a parameter of shape {shape}; it has to "
            "return an array of that shape, which is subtracted."
        )
    for slot in set(state) - slots:
        raise ConfigurationError(
            f'{where} put an array into state["{slot}"], which is not among its slots: '
            f"{join_names(slots)}. Declare it, and the number it begins with, in the "
            f'class: slots = {{"{slot}": 0.0}}.'
        )
    for slot, value in state.items():
        if jnp.shape(value) != shape:
            raise ConfigurationError(
                f"{where} put an array of shape {jnp.shape(value)} into "
                f'state["{slot}"]; it has one of the parameter\'s shape {shape} for '
                f"each of its slots: {join_names(slots)}."
            )
    return step


def _limited(g: Array, n: Numbers) -> Array:
    """Return a gradient within its limits; the limit of its entries goes first."""
    if "max_gradient_elem" in n:
        return jnp.clip(g, -n["max_gradient_elem"], n["max_gradient_elem"])
    if "max_gradient_norm" in n:
        norm = jnp.sqrt(jnp.sum(g * g))
        return g * (n["max_gradient_norm"] / jnp.maximum(norm, n["max_gradient_norm"]))
    return g


def _cast(values: Mapping[str, float | Array], dtype: DType) -> dict[str, Array]:
    return {name: jnp.asarray(value, dtype) for name, value in values.items()}


def _wide(p: Array) -> DType:
    return stored_type(jnp.result_type(p))


def _filled(params: PyTree, fill: float) -> PyTree:
    # Made by NumPy: a program to fill each shape would cost more than the filling.
    host = jax.tree.map(lambda p: np.full(jnp.shape(p), fill, _wide(p)), params)
    filled: PyTree = jax.device_put(host)
    return filled
