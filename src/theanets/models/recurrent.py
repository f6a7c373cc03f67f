"""The models whose data are sequences: (examples, time, values)."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from theanets.data.arrays import as_array
from theanets.data.checks import check
from theanets.data.expected import Expected
from theanets.errors import ConfigurationError, DataError
from theanets.graph.objective import Objective
from theanets.graph.states import initial_carries
from theanets.graph.topology import Topology
from theanets.initializers import as_seed
from theanets.models import feedforward
from theanets.training.programs import PROGRAMS, noise_key
from theanets.utils.checks import check_int
from theanets.utils.forks import refuse_forked

_MOST_STREAMS = 1 << 20


class Regressor(feedforward.Regressor):
    """A model that predicts a sequence of numbers from a sequence.

    Its data are pairs: inputs (examples, time, inputs) and targets (examples, time,
    outputs). The length may differ from one data set to the next.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.recurrent.Regressor([3, (10, "lstm"), 2])
    >>> net.predict(np.zeros((5, 7, 3))).shape
    (5, 7, 2)
    """

    form = "recurrent.Regressor"
    input_ndim = 3


class Autoencoder(feedforward.Autoencoder):
    """A model that learns to give back a sequence through other layers.

    Its data are inputs alone, (examples, time, inputs).

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.recurrent.Autoencoder([8, (3, "rnn", "tanh"), 8])
    >>> net.encode(np.zeros((5, 7, 8))).shape
    (5, 7, 3)
    """

    form = "recurrent.Autoencoder"
    input_ndim = 3


class Classifier(feedforward.Classifier):
    """A model that predicts one of several classes at each step of a sequence.

    Its data are pairs: inputs (examples, time, inputs) and labels (examples, time),
    whole numbers from 0 on. Accuracies are over all (weighted) steps. With a layer
    ``last`` or ``pool`` before the output there is one label for each sequence,
    (examples,).

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.recurrent.Classifier([3, (10, "gru", "tanh"), 4])
    >>> net.predict(np.zeros((5, 7, 3))).shape
    (5, 7)
    >>> net = theanets.recurrent.Classifier([3, (10, "gru", "tanh"), "last", 4])
    >>> net.predict(np.zeros((5, 7, 3))).shape
    (5,)
    """

    form = "recurrent.Classifier"
    input_ndim = 3

    def predict_sequence(
        self, labels: Sequence[int], steps: int, streams: int = 1, rng: Any = None
    ) -> Iterator[Any]:
        """Draw labels one at a time, each fed back as the next input.

        The inputs of the model are one-hot: one for each class. A step costs the same
        however many came before it.

        Parameters
        ----------
        labels : sequence of int
            The labels to begin with, at least one; all streams begin with them.
        steps : int
            How many labels to draw.
        streams : int
            How many sequences to draw side by side.
        rng : int, optional
            Seed of the draws. By default each call continues the model's own stream.

        Returns
        -------
        iterator of int, or of array (streams,)
            The labels drawn: one for a single stream, else one for each.

        Raises
        ------
        ConfigurationError
            If a layer needs the whole sequence, as bidirectional ones do; or the
            input has not one value for each class.
        DataError
            If ``labels`` are no labels of this model.

        Examples
        --------
        >>> import theanets
        >>> net = theanets.recurrent.Classifier([5, (10, "gru", "tanh"), 5])
        >>> drawn = list(net.predict_sequence([0, 3], steps=4, rng=1))
        >>> len(drawn), all(0 <= label < 5 for label in drawn)
        (4, True)
        """
        refuse_forked()
        for name, value in (("steps", steps), ("streams", streams)):
            check_int(value, name)
        check_int(steps, "steps")
        check_int(streams, "streams", below=_MOST_STREAMS)
        if self._multilabel:
            raise ConfigurationError(
                'predict_sequence draws one label for each step, but with loss="bce" '
                "any number of them can hold. Use predict with a state."
            )
        topology, classes = self._state.topology, self._state.last_layer().size
        _one_hot_input(topology, classes)
        first = as_array(labels, "labels")
        if 0 in first.shape:
            raise DataError("labels is empty; a sequence begins with at least one.")
        check([first], [Expected("labels", "labels", (), classes)], "predict_sequence")
        key = self._state.noise_key()
        if rng is not None:
            key = noise_key(as_seed(rng, "rng"), "predict_sequence")
        return self._drawn(np.asarray(first), steps, streams, key)

    def _drawn(
        self, first: np.ndarray, steps: int, streams: int, key: np.ndarray
    ) -> Iterator[Any]:
        objective = self._bare()
        topology = objective.topology
        source = _one_hot_input(topology, self._state.last_layer().size)
        carries = initial_carries(topology, streams, self._state.dtype)
        values = self._state.arrays.now()
        program = PROGRAMS.get(
            ("draw", objective.key),
            lambda: jax.jit(partial(_draw, objective, source)),
        )

        def drawn() -> Iterator[Any]:
            state, label = carries, None
            given = np.repeat(first.astype("i4")[:, None], streams, axis=1)
            for count in range(len(given) + steps - 1):
                label = given[count] if count < len(given) else label
                number = np.int32(count)
                refuse_forked()
                label, state = program(values, state, label, key, number)
                if count >= len(given) - 1:
                    found = np.asarray(label)
                    yield found if streams > 1 else int(found[0])

        return drawn()


def _one_hot_input(topology: Topology, classes: int) -> str:
    """Return the name of the one input, which has a value for each class."""
    names = [x.name for x in topology.inputs if x.name not in topology.masks]
    if len(names) != 1 or topology.by_name[names[0]].shape != (None, classes):
        there = ", ".join(f"{x.name} {x.shape}" for x in topology.inputs)
        raise ConfigurationError(
            "predict_sequence feeds each label back as a one-hot input, so the model "
            f"needs one input of shape (None, {classes}), a value for each of its "
            f"classes. It has: {there}."
        )
    return names[0]


def _draw(
    objective: Objective,
    source: str,
    params: Any,
    carries: Any,
    labels: Any,
    key: Any,
    count: Any,
) -> tuple[Any, Any]:
    """Compute one time step; return the labels drawn and the states after it."""
    topology, dtype = objective.topology, objective.dtype
    last = topology.layers[-1]
    inputs = {name: jnp.ones((len(labels), 1), dtype) for name in topology.masks}
    inputs[source] = jax.nn.one_hot(labels, last.size, dtype=dtype)[:, None]
    outputs, carries = objective.step(params, inputs, carries)
    own = jax.random.fold_in(jax.random.wrap_key_data(key, impl="threefry2x32"), count)
    found = outputs[last.output_name][:, 0].astype("float32")
    # What goes into a softmax is as good as the logarithms of what comes out.
    chances = found if last.activation.spec == "linear" else jnp.log(found)
    return jax.random.categorical(own, chances).astype("int32"), carries
