"""A model as pure functions of JAX, for a user's own training loops and transforms."""

from collections.abc import Callable, Collection, Mapping

import jax
import jax.numpy as jnp

from theanets.errors import ConfigurationError, DataError
from theanets.graph.objective import Objective
from theanets.graph.topology import Topology
from theanets.types import Array, Params, PyTree
from theanets.utils.forks import refuse_forked
from theanets.utils.registry import join_names

Arrays = dict[str, Array]
Apply = Callable[..., Arrays]
"""(params, inputs) -> outputs"""
ApplyTraining = Callable[..., tuple[Arrays, Arrays]]
"""(params, state, inputs, key) -> (outputs, new state)"""


def answering(topology: Topology, dtype: str) -> Apply:
    """Return what a model computes in prediction: ``apply(params, inputs)``."""
    objective = Objective(topology, (), dtype=dtype)

    def apply(params: Params, inputs: PyTree) -> Arrays:
        refuse_forked()
        return objective.outputs(params, _named(inputs, topology), {})

    return apply


def learning(topology: Topology, dtype: str) -> ApplyTraining:
    """Return what it computes in training: ``apply(params, state, inputs, key)``."""
    objective = Objective(topology, (), dtype=dtype)
    learned = topology.learned
    others = topology.param_shapes.keys() - learned

    def apply(
        params: Params, state: Params, inputs: PyTree, key: Array
    ) -> tuple[Arrays, Arrays]:
        refuse_forked()
        _check_names("params", params, learned)
        _check_names("state", state, others)
        _check_key(key)
        computed = objective.outputs(
            {**params, **state}, _named(inputs, topology), objective.numbers, key
        )
        outputs = {name: computed[name] for name in topology.output_names}
        return outputs, {name: computed.get(name, x) for name, x in state.items()}

    return apply


def _named(inputs: PyTree, topology: Topology) -> Params:
    names = [layer.name for layer in topology.inputs]
    named = inputs if isinstance(inputs, Mapping) else {names[0]: inputs}
    if missing := [name for name in names if name not in named]:
        came = join_names(map(str, named)) if named is inputs else "one array"
        raise DataError(
            f"inputs is {came}, which leaves out {join_names(missing)}. Give a dict "
            f"with an array for each input of the model: {join_names(names)}."
        )
    return named


def _check_names(what: str, arrays: object, wanted: Collection[str]) -> None:
    if not isinstance(arrays, Mapping):
        raise ConfigurationError(
            f"{what} is of type {type(arrays).__name__}; it has to be a dict of arrays "
            "by full name, as functional(train=True) returned it."
        )
    missing, more = sorted(wanted - arrays.keys()), sorted(arrays.keys() - wanted)
    if missing or more:
        wrong = [f"lacks {join_names(missing)}"] if missing else []
        wrong += [f"holds {join_names(more)}, which it should not"] if more else []
        raise ConfigurationError(
            f"{what} {' and '.join(wrong)}. Give the arrays by the names that "
            "functional(train=True) returned: params are those that are learned, "
            "state are the others."
        )


def _check_key(key: Array) -> None:
    dtype = getattr(key, "dtype", None)
    typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if not ((typed and key.ndim == 0) or (dtype == jnp.uint32 and key.ndim == 1)):
        came = repr(key) if dtype is None else f"an array of {dtype}{key.shape}"
        raise ConfigurationError(
            f"key is {came}; it has to be one random key of JAX, such as "
            "jax.random.key(0), and another one for each batch."
        )
