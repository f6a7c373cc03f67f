"""The network: a mutable handle on pure functions and arrays."""

import copy
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack

from theanets.models.answering import Answering
from theanets.models.fit import epochs
from theanets.models.options import TrainOptions
from theanets.models.pickling import check_picklable
from theanets.models.saving import describe, rebuild
from theanets.models.summary import table
from theanets.serialization import files
from theanets.training.measure import Pair
from theanets.utils import originals
from theanets.utils.renamed import REPLACED, Replaced


class Network(Answering):
    """A graph of layers with parameters: the base of all models.

    Parameters
    ----------
    layers : sequence
        One entry for each layer: an int (its size), a tuple such as
        ``(100, "tanh")``, a dict such as ``dict(form="tied", partner="hid1")``, the
        name of a form, or a `Layer`. The first is the input.
    loss : str, callable or Loss, optional
        What to minimize; by default the model's.
    weighted : bool
        Whether data hold an array of weights for the errors, after the target.
    rng : int, optional
        Seed of everything random: initial values, shuffling, noise. Equal seeds give
        equal bits. None draws one, which the model keeps.

    Raises
    ------
    ConfigurationError
        If the layers do not make a graph, or a keyword is wrong.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.Network([4, (8, "tanh"), 1])
    >>> x = np.random.default_rng(0).normal(size=(64, 4))
    >>> training, validation = net.train(
    ...     [x, x[:, :1]], algo="adam", max_epochs=5, progress=False)
    >>> net.predict(x).shape
    (64, 1)
    """

    form: ClassVar[str] = "Network"

    if not TYPE_CHECKING:
        vars().update({name: Replaced("Network") for name in REPLACED["Network"]})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        originals.refuse(cls, Network)
        super().__init_subclass__(**kwargs)

    # Training.

    def train(
        self,
        train: object,
        valid: object = None,
        algo: object = "rmsprop",
        **options: Unpack[TrainOptions],
    ) -> Pair:
        """Train until the validation loss stops improving.

        Parameters
        ----------
        train : array, tuple of arrays, callable, iterable or Dataset
            Inputs, then the target, then weights if the model is weighted. Of data
            frames the names of the columns are kept, see `columns`.
        valid : optional
            Data of the same kind that decide when to stop. Or the part of the training
            data to hold out for this, such as 0.1: drawn with the model's seed, and
            the same part of each class. By default ``train``.
        algo : str or optax.GradientTransformation, or a list of these
            The algorithm: sgd, nag, rprop, adagrad, rmsprop, adadelta, esgd, adam,
            lbfgs, or a transformation of optax. Or ``sample``, which draws weights from
            the data; ``layerwise``, which trains one hidden layer after the other;
            ``pretrain``, which trains the hidden layers to give back their input; the
            last two by the algorithm ``subalgo``. Several train one after another.
        **options
            Settings of the algorithm (or of ``subalgo``), controls of the training
            (``batch_size``, ``max_epochs``, ``patience``, ...), regularizers
            (``weight_l2``, ``hidden_dropout``, ...), ``class_weight``, ``monitors``,
            ``freeze``, ``stateful``, ``checkpoint``, ``save_progress``, and others:
            `theanets.TrainOptions` describes each, and so does the user guide.

        Ctrl-C ends the training: the best parameters are put back, one line says so,
        and the script goes on; see ``on_interrupt``.

        Returns
        -------
        training, validation : dict of str to float
            The monitors of both data sets in the best epoch, whose parameters are in
            the network. Training monitors are means over an epoch, with dropout and
            noise; if no epoch was better than the parameters that training began with,
            they are from the first epoch.

        Raises
        ------
        ConfigurationError
            If a keyword is unknown or its value is not valid.
        DataError
            If the data do not fit the model.
        NonFiniteError
            If a loss, a gradient or a parameter is no longer a finite number.
        CheckpointError
            If the checkpoint is of another run, or in use.
        """
        deque(self.itertrain(train, valid, algo, **options), maxlen=0)
        return self.history.result()

    def itertrain(
        self,
        train: object,
        valid: object = None,
        algo: object = "rmsprop",
        **options: Unpack[TrainOptions],
    ) -> Iterator[Pair]:
        """Train as `train` does, and yield the monitors after every epoch.

        Stop iterating to stop the training; the best parameters are then in the
        network.
        """
        return epochs(self._state, train, valid, algo, options, self)

    # Files.

    def save(self, file: files.File, *, keep: int = 0) -> None:
        """Write the model to one file: layers, losses, parameters, seed.

        The file is written whole or not at all.

        Parameters
        ----------
        file : path or binary file object
            Where to write; a file that is there stays until the new one is complete.
        keep : int
            How many older files stay: ``NAME.1``, the newest of them, to
            ``NAME.keep``.

        Raises
        ------
        ConfigurationError
            If the model holds a function that no file can name.
        OSError
            If the file cannot be written; what was there before is untouched.
        """
        files.write(file, describe(self._state), self._state.arrays.now(), keep=keep)

    @classmethod
    def load(cls, file: files.Source) -> Self:
        """Read a model from a file that `save` has written.

        Parameters
        ----------
        file : path, binary file object, or bytes
            The file, or its content.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ModelFileError
            If the file is damaged, no model file, holds another kind of model, or is
            from a newer version.
        """
        state = rebuild(*files.read(file), files.called(file), cls)
        net = state.kind.__new__(state.kind)
        vars(net)["_state"] = state
        assert isinstance(net, cls)
        return net

    # Copies, and pickles, which only the network's owner should load.

    def __getstate__(self) -> dict[str, object]:
        check_picklable(self._state)
        return vars(self) | {"_bare_objective": None}

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        net = type(self).__new__(type(self))
        # A graph never changes, so both can have it.
        topology = self._state.topology
        memo |= {id(self): net, id(topology): topology}
        attributes = vars(self) | {"_bare_objective": None}
        vars(net).update(copy.deepcopy(attributes, memo))
        return net

    def __copy__(self) -> Self:
        return copy.deepcopy(self)

    def __str__(self) -> str:
        return table(self._state)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{layer.name}{layer.shape}" for layer in self.layers)
        return f"<{self.form} {shapes}>"


def load(file: files.Source) -> Network:
    """Read a model of any kind from a file; see `Network.load`.

    No code in the file is run, so it may come from a stranger.
    """
    return Network.load(file)
