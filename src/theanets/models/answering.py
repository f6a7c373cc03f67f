"""The part of a `Network` that computes outputs, predictions and scores."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, overload

import numpy as np

from theanets import regularizers
from theanets.errors import ConfigurationError
from theanets.graph.objective import Objective
from theanets.graph.slots import weights_name
from theanets.models.functional import Apply, ApplyTraining, answering, learning
from theanets.models.layer_graph import LayerGraph
from theanets.models.prediction import (
    compute,
    continued,
    examples_at_once,
    input_arrays,
)
from theanets.models.scores import Part, checked_target, checked_weights, r2
from theanets.training.keywords import refuse
from theanets.types import Array, Shape
from theanets.utils.checks import check_bool
from theanets.utils.forks import refuse_forked
from theanets.utils.registry import join_names


class Answering(LayerGraph, register=False):
    """A graph of layers that computes; see `Network`."""

    _bare_objective: Objective | None = None

    def feed_forward(self, x: object, **noise: object) -> dict[str, np.ndarray]:
        """Compute every output of every layer.

        Parameters
        ----------
        x : array, or several by layer name or in order
            A batch, or a single example; the answers then have no batch axis.
        **noise
            Noise and dropout as in `train`, to see what training sees.

        Returns
        -------
        dict of str to array
            The outputs by full name, such as ``hid1:out``.

        Raises
        ------
        DataError
            If the data do not fit the model.
        """
        return self._compute(x, None, noise)

    def predict(
        self, x: object, *, state: Any = None, return_state: bool = False, **noise: Any
    ) -> Any:
        """Compute the output of the last layer for a batch or a single example.

        Parameters
        ----------
        x : array, or several by layer name or in order
            A batch, or a single example; the answer then has no batch axis.
        state : dict of str to array, optional
            Of a recurrent model: where its sequences go on from, as an earlier call
            returned it. By default they begin.
        return_state : bool
            Whether to return the state after the last step too.
        **noise
            Noise and dropout as in `train`.

        Returns
        -------
        output : array
        state : dict of str to array, (batch, ...)
            If asked for: by full name, such as ``hid1.h``.

        Raises
        ------
        ConfigurationError
            If a state is asked for, and a layer needs the whole sequence or none has
            a state.
        DataError
            If the data do not fit the model, or the state does not.

        Examples
        --------
        >>> import numpy as np, theanets
        >>> net = theanets.recurrent.Regressor([3, (4, "rnn"), 2])
        >>> x = np.ones((5, 8, 3))
        >>> first, state = net.predict(x[:, :4], return_state=True)
        >>> second = net.predict(x[:, 4:], state=state)
        >>> np.allclose(net.predict(x), np.concatenate([first, second], axis=1))
        True
        """
        name = self._state.last_layer().output_name
        return self._predicted(x, name, state, return_state, noise)

    def score(self, x: object, y: object, w: object = None, **noise: object) -> float:
        """Return R², the part of the target's variance that is predicted.

        It is computed for each output and averaged, as scikit-learn's ``r2_score``
        does; 1 is perfect, and 0 as good as always saying the mean.

        Parameters
        ----------
        x : array
            Inputs.
        y : array
            Targets, of the shape of the output.
        w : array, optional
            Weights, of the shape of the target or one for each example.
        """
        return r2(self._answers(x, y, w, self._state.last_layer().shape, noise))

    @overload
    def functional(
        self, train: Literal[False] = False
    ) -> tuple[Apply, dict[str, Array]]: ...

    @overload
    def functional(
        self, train: Literal[True]
    ) -> tuple[ApplyTraining, dict[str, Array], dict[str, Array]]: ...

    def functional(self, train: bool = False) -> tuple[object, ...]:
        """Return the model as a pure JAX function, and its arrays.

        The function keeps the graph, the precision and what is frozen as they are now.
        It can go through ``jax.jit``, ``jax.grad``, ``jax.vmap``, ``jax.export``.

        Parameters
        ----------
        train : bool
            Whether it computes as in training: a batchnorm normalizes by the batch and
            updates its running statistics, and layers of dropout and noise draw from a
            random key. Losses, and noise that keywords of `train` ask for, are no part
            of it.

        Returns
        -------
        apply : callable
            ``apply(params, inputs)`` gives all outputs by full name; inputs is an
            array, or a dict by layer name. With ``train``,
            ``apply(params, state, inputs, key)`` gives a pair of them and of the new
            state; key is one random key of JAX.
        params : dict of str to array
            Every array of the model by full name. With ``train``, only the learned
            ones, to differentiate by.
        state : dict of str to array
            Only with ``train``: all other arrays, which are running statistics,
            arrays that never change, and frozen ones (see `freeze`).

        Raises
        ------
        ConfigurationError
            From ``apply`` with ``train``: if params or state have other names, or
            key is no random key.
        DataError
            From ``apply``: if an input is missing.

        Examples
        --------
        >>> import jax, numpy as np, theanets
        >>> net = theanets.Regressor([3, (8, "linear"), ("batchnorm", "relu"), 1])
        >>> x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
        >>> apply, params, state = net.functional(train=True)
        >>> sorted(state)
        ['hid2.mean', 'hid2.variance']
        >>> @jax.jit
        ... def update(params, state, x, y, key):
        ...     def loss(params):
        ...         outputs, new = apply(params, state, x, key)
        ...         return ((outputs["out:out"] - y) ** 2).mean(), new
        ...     (value, state), slope = jax.value_and_grad(loss, has_aux=True)(params)
        ...     step = lambda p, g: p - 0.1 * g
        ...     return jax.tree.map(step, params, slope), state, value
        >>> losses = []
        >>> for key in jax.random.split(jax.random.key(0), 20):
        ...     params, state, value = update(params, state, x, x[:, :1], key)
        ...     losses.append(float(value))
        >>> losses[-1] < losses[0] / 2
        True

        What was learned goes back into the network:

        >>> for name, value in {**params, **state}.items():
        ...     net.find(name).set_value(value)
        """
        state = self._state
        topology, dtype, arrays = state.topology, state.dtype.name, state.arrays.now()
        if not check_bool(train, "train"):
            return answering(topology, dtype), arrays
        learned = {n: x for n, x in arrays.items() if n in topology.learned}
        others = {n: x for n, x in arrays.items() if n not in learned}
        return learning(topology, dtype), learned, others

    def _predicted(
        self,
        x: object,
        name: str,
        state: object,
        return_state: object,
        noise: dict[str, object],
        convert: Callable[[np.ndarray], np.ndarray] = lambda output: output,
    ) -> np.ndarray | tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return an output, and the state after it if ``return_state`` is True."""
        return_state = check_bool(return_state, "return_state")
        if state is None and not return_state:
            return convert(self._compute(x, (name,), noise)[name])
        if noise:
            raise ConfigurationError(
                f"predict got {join_names(noise)} together with a state. Noise and "
                "dropout are for whole sequences: leave one of both out."
            )
        values, columns = self._state.arrays.now(), self._state.columns
        output, after = continued(self._bare(), values, x, name, state, columns)
        return (convert(output), after) if return_state else convert(output)

    def _compute(
        self, x: object, names: tuple[str, ...] | None, noise: dict[str, object]
    ) -> dict[str, np.ndarray]:
        """Compute some outputs, or all, of a batch of any size or of one example."""
        values = self._state.arrays.now()
        objective, key = self._noisy(noise)
        return compute(objective, values, x, names, key, self._state.columns)

    def _noisy(
        self, noise: Mapping[str, object]
    ) -> tuple[Objective, np.ndarray | None]:
        """Return the graph with the noise that keywords ask for, and its random key."""
        if not noise:
            return self._bare(), None
        rest = dict(noise)
        terms = regularizers.take(rest)
        if rest:
            refuse(rest, regularizers.keywords(documented=True))
        return replace(self._bare(), regularizers=terms), self._state.noise_key()

    def _bare(self) -> Objective:
        """Return the graph without losses; it is made once, to answer quickly."""
        bare, state = self._bare_objective, self._state
        if bare is None or bare.topology is not state.topology:
            state.last_layer()
            bare = Objective(state.topology, (), dtype=state.dtype.name)
            self._bare_objective = bare
        return bare

    def _answers(
        self,
        x: object,
        y: object,
        w: object,
        shape: Shape,
        noise: dict[str, Any],
        classes: int | None = None,
    ) -> Iterator[Part]:
        """Check all, and yield targets, predictions and weights of some examples."""
        refuse_forked()
        topology, dtype = self._state.topology, self._state.dtype
        columns = self._state.columns
        arrays, single = input_arrays(topology, x, dtype, columns)
        length = len(next(iter(arrays.values())))
        leading = () if single else (length,)
        last = self._state.last_layer().output_name
        losses = [self._state.completed(loss) for loss in self.losses]
        loss = next((loss for loss in losses if loss.output_name == last), losses[0])
        y = columns.array(y, "y", loss.target, "y", labels=classes is not None)
        if w is not None:
            w = columns.array(w, "w", weights_name(loss), "w")
        target = checked_target(y, shape, leading, dtype, classes)
        weights = checked_weights(w, target.shape)
        size = 1 if single else examples_at_once([*arrays.values(), target], dtype)
        if length <= size:
            yield np.asarray(target), self.predict(x, **noise), weights
            return
        for begin in range(0, length, size):
            part = slice(begin, begin + size)
            inputs = {name: array[part] for name, array in arrays.items()}
            predicted = self.predict(inputs, **noise)
            yield np.asarray(target[part]), predicted, weights[part]
