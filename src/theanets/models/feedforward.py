"""The models whose data are vectors."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from theanets.data.arrays import as_array
from theanets.data.checks import check
from theanets.data.expected import Expected
from theanets.errors import ConfigurationError, UnknownNameError
from theanets.layers import Layer
from theanets.losses.classification import BinaryCrossEntropy, CrossEntropy
from theanets.losses.probabilities import PROBABILITIES, output_kind
from theanets.models.network import Network
from theanets.models.parameters import no_such
from theanets.models.prediction import in_batches
from theanets.models.scores import accuracy, all_right, r2
from theanets.training.programs import PROGRAMS
from theanets.types import Array, Params
from theanets.utils.checks import check_bool


class Regressor(Network):
    """A model that predicts numbers from numbers.

    Its data are pairs: inputs (examples, inputs) and targets (examples, outputs).

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.Regressor([3, 10, 2])
    >>> net.predict(np.zeros((5, 3))).shape
    (5, 2)
    """


class Autoencoder(Network):
    """A model that learns to give back its input through other layers.

    Its data are inputs alone, (examples, inputs).

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.Autoencoder([8, 3, ("tied", 8)])
    >>> net.encode(np.zeros((5, 8))).shape
    (5, 3)
    """

    target_is_input = True

    def encode(
        self,
        x: object,
        layer: str | int | Layer | None = None,
        sample: bool = False,
        **noise: object,
    ) -> np.ndarray:
        """Return the output of a hidden layer: the code of a batch or an example.

        Parameters
        ----------
        x : array
            Inputs.
        layer : str, int or Layer, optional
            Name or index of the layer, or the layer, or the full name of one of its
            outputs, such as ``"hid1:pre"``; by default the middle one.
        sample : bool
            Whether to draw 0 or 1, as uint8, with the output as probability; it has to
            be between 0 and 1.
        **noise
            Noise and dropout as in `train`.

        Raises
        ------
        KeyError
            If the model has no such layer or output; the message lists what there is.
        """
        sample = check_bool(sample, "sample")
        name = self._code_output(layer)
        code = self._compute(x, (name,), noise)[name]
        if not sample:
            return code
        if code.min() < 0 or code.max() > 1:
            raise ConfigurationError(
                f"the code runs from {code.min():g} to {code.max():g}, so it is no "
                "probability to draw with. Give the layer a logistic activation."
            )
        rng = np.random.default_rng(self._state.noise_key())
        return (rng.random(code.shape) < code).astype(np.uint8)

    def decode(
        self, z: object, layer: str | int | Layer | None = None, **noise: object
    ) -> np.ndarray:
        """Return the model's output for a code, as `encode` gives it.

        Parameters
        ----------
        z : array
            Outputs of the layer, for a batch or a single example.
        layer : str, int or Layer, optional
            Name or index of the layer, or the layer, or the full name of its main
            output, such as ``"hid1:out"``; by default the middle one.
        **noise
            Noise and dropout as in `train`, of this layer and those after it.

        Raises
        ------
        KeyError
            If the model has no such layer or output; the message lists what there is.
        ConfigurationError
            If the output cannot be computed from the layer alone.
        """
        values = self._state.arrays.now()
        start = self._code_output(layer)
        chosen = self._layer(start.partition(":")[0])
        if start != chosen.output_name:
            raise ConfigurationError(
                f'decode cannot begin at "{start}": other layers read '
                f'"{chosen.output_name}". Give decode the values of this output.'
            )
        array = as_array(z, "z")
        single = array.ndim == len(chosen.shape) and isinstance(array, np.ndarray)
        array = array[None] if single else array
        slot = Expected("z", "code", chosen.shape)
        check([array], [slot], "decode", self._state.dtype)
        objective, key = self._noisy(noise)
        last = self._state.last_layer().output_name

        def decoded(
            params: Params,
            part: Mapping[str, Array],
            numbers: Mapping[str, object],
            key: Array | None,
            first: Array,
        ) -> dict[str, Array]:
            code = part["z"].astype(objective.dtype)
            noise = None if key is None else jax.random.fold_in(key, first)
            return {last: objective.outputs_from(params, chosen, code, numbers, noise)}

        program = PROGRAMS.get(
            ("decode", objective.key, chosen.name), lambda: jax.jit(decoded)
        )
        return in_batches(
            lambda part, first: program(values, part, objective.numbers, key, first),
            {"z": array},
            objective.dtype,
            single,
        )[last]

    def score(self, x: object, w: object = None, **noise: object) -> float:  # type: ignore[override]
        """Return R² of the reconstruction; see `Network.score`."""
        return r2(self._answers(x, x, w, self._state.last_layer().shape, noise))

    def _code_output(self, layer: str | int | Layer | None) -> str:
        """Return the full name of the output that is the code."""
        if not (isinstance(layer, str) and ":" in layer):
            chosen = len(self.layers) // 2 if layer is None else layer
            return self._layer(chosen).output_name
        names = self._state.topology.output_names
        if layer not in names:
            raise UnknownNameError(no_such("the model", "output", layer, names))
        return layer


class Classifier(Network):
    """A model that predicts one of several classes, or with ``loss="bce"`` any of them.

    Its data are pairs: inputs (examples, inputs) and labels (examples,), whole
    numbers from 0 on. With ``loss="bce"`` each class holds or not, by itself: the
    outputs are logistic, and targets and predictions are 0 or 1, (examples, classes).

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.Classifier([3, 10, 4])
    >>> net.predict_proba(np.zeros(3)).shape
    (4,)
    >>> tags = theanets.Classifier([3, 10, 4], loss="bce")
    >>> tags.predict(np.zeros(3)).shape
    (4,)
    """

    default_loss = "xe"
    output_activation = "softmax"

    def predict(
        self, x: object, *, state: Any = None, return_state: bool = False, **noise: Any
    ) -> Any:
        """Return the most probable class of each example.

        With ``loss="bce"`` it is 0 or 1 for each class, (examples, classes): whether
        its probability is more than one half. ``state`` and ``return_state`` are as
        for `Network.predict`.
        """
        last = self._state.last_layer()
        name, multilabel = last.output_name, self._multilabel
        # The softmax keeps the order, so without noise it need not be computed.
        if last.activation.spec == "softmax" and not (multilabel or noise):
            name = f"{last.name}:pre"
        probability = self._logits()[1] if multilabel else None

        def classes(y: np.ndarray) -> Any:
            if probability is None:
                return y.argmax(axis=-1)
            return (probability(y) > 0.5).astype("int32")

        return self._predicted(x, name, state, return_state, noise, classes)

    def classify(self, x: object, **keywords: Any) -> Any:
        """Return the most probable classes, as `predict` does."""
        return self.predict(x, **keywords)

    def predict_proba(
        self, x: object, *, state: Any = None, return_state: bool = False, **noise: Any
    ) -> Any:
        """Return the probability of each class, (examples, classes).

        ``state`` and ``return_state`` are as for `Network.predict`.

        Raises
        ------
        ConfigurationError
            If the output is no probability, and no loss says how to make it one.
        """
        name, convert = self._logits()
        return self._predicted(x, name, state, return_state, noise, convert)

    def predict_logit(
        self, x: object, *, state: Any = None, return_state: bool = False, **noise: Any
    ) -> Any:
        """Return the output before its activation, (examples, classes).

        ``state`` and ``return_state`` are as for `Network.predict`.

        Raises
        ------
        ConfigurationError
            If the last layer has no activation.
        """
        last = self._state.last_layer()
        if "pre" not in last.outputs:
            raise ConfigurationError(
                f"{last.where}form {last.form!r} has no activation, so there is no "
                "output before it. Use predict_proba."
            )
        name = f"{last.name}:pre"
        return self._predicted(x, name, state, return_state, noise)

    def score(self, x: object, y: object, w: object = None, **noise: object) -> float:
        """Return the accuracy: the (weighted) part of the labels predicted right.

        With ``loss="bce"`` it is the part of the examples whose labels are all
        predicted right, and ``w`` weights examples.
        """
        *shape, classes = self._state.last_layer().shape
        if self._multilabel:
            whole = self._answers(x, y, w, (*shape, classes), noise)
            return accuracy(map(all_right, whole))
        return accuracy(self._answers(x, y, w, tuple(shape), noise, classes))

    @property
    def _multilabel(self) -> bool:
        """Whether each class holds or not by itself."""
        return any(
            isinstance(loss, BinaryCrossEntropy)
            and loss.output_name.partition(":")[0] == self._state.last_layer().name
            for loss in self.losses
        )

    def _logits(self) -> tuple[str, Callable[[np.ndarray], np.ndarray]]:
        """Return an output, and the function that turns it into probabilities."""
        last = self._state.last_layer()
        name = last.output_name
        kind = output_kind(self._state.topology.by_name, name)
        if kind is None or kind in PROBABILITIES:
            return name, lambda y: y
        of_labels = any(isinstance(loss, CrossEntropy) for loss in self.losses)
        if kind != "linear" or not (self._multilabel or of_labels):
            raise ConfigurationError(
                f'{last.where}its output has the activation "{kind}", so it is no '
                "probability. Give the layer the activation softmax, or use "
                "predict_logit, or predict."
            )
        return name, _logistic if self._multilabel else _softmax


def _logistic(x: np.ndarray) -> np.ndarray:
    probability: np.ndarray = (1 + np.tanh(x / 2)) / 2
    return probability.astype(x.dtype)


def _softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    probabilities: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities
