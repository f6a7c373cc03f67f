"""The network: the one mutable object, a handle over pure functions and arrays."""

import copy
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock, Thread, current_thread
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, overload

import numpy as np

from theanets import regularizers
from theanets.config import config, float_type, stored_type
from theanets.data.arrays import converted
from theanets.data.columns import Columns
from theanets.data.sparse import dense
from theanets.errors import (
    ConcurrencyError,
    ConfigurationError,
    DataError,
    TheanetsError,
    UnknownNameError,
)
from theanets.graph.freezing import freezing, unfreezing
from theanets.graph.objective import Objective
from theanets.graph.slots import slots_of, weights_name
from theanets.graph.specs import layer_from
from theanets.graph.topology import Topology
from theanets.initializers import as_seed
from theanets.layers import Input, Layer
from theanets.layers.base import Shape
from theanets.losses import Loss
from theanets.models.fit import epochs
from theanets.models.functional import Answering, Learning, answering, learning, split
from theanets.models.parameters import Arrays, Parameter, held, no_such
from theanets.models.pickling import check_picklable
from theanets.models.prediction import (
    compute,
    continued,
    examples_at_once,
    input_arrays,
)
from theanets.models.replacing import replaced
from theanets.models.saving import describe, rebuild, register
from theanets.models.scores import Part, checked_target, checked_weights, r2
from theanets.models.summary import table
from theanets.serialization import files
from theanets.training.history import History
from theanets.training.keywords import refuse
from theanets.training.measure import Pair
from theanets.training.programs import noise_key
from theanets.utils import originals
from theanets.utils.checks import counted, flag, is_whole, shown
from theanets.utils.forks import refuse_forked
from theanets.utils.registry import listing, suggest
from theanets.utils.renamed import Replaced, answer

_COUNTING = Lock()


class Network:
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
    """What messages call this model; files add its module if it is of your own."""
    default_loss: ClassVar[str] = "mse"
    """The loss, unless another is given."""
    output_activation: ClassVar[str] = "linear"
    """The activation of the last layer, unless it says otherwise."""
    input_ndim: ClassVar[int] = 2
    """Rank of the data, with its batch axis."""

    if not TYPE_CHECKING:
        build_graph = Replaced("Network")
        cache_graph = Replaced("Network")
        compile = Replaced("Network")
        evaluate = Replaced("Network")
        fit = Replaced("Network")
        fit_predict = Replaced("Network")
        inputs_and_targets = Replaced("Network")
        loss = Replaced("Network")
        monitors = Replaced("Network")
        partial_fit = Replaced("Network")
        set_params = Replaced("Network")
        summary = Replaced("Network")
        updates = Replaced("Network")
        variables = Replaced("Network")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        originals.refuse(cls, Network)
        if "form" not in vars(cls):
            cls.form = cls.__name__
        register(cls)

    def __init__(
        self,
        layers: Sequence[Any] = (),
        loss: str | Callable[..., Any] | Loss | None = None,
        weighted: bool = False,
        rng: Any = 13,
        **unknown: Any,
    ) -> None:
        if unknown:
            known = ("layers", "loss", "weighted", "rng")
            raise ConfigurationError(
                f"{self.form} takes no keyword {listing(map(repr, unknown))}. It "
                f"takes: {listing(known)}; what steers the training is for train."
                + (
                    answer("model", next(iter(unknown)))
                    or suggest(next(iter(unknown)), known)
                )
            )
        seed = secrets.randbelow(2**31) if rng is None else as_seed(rng, "rng")
        self._begin(seed, float_type(config.floatX, "floatX"))
        if isinstance(layers, str | Mapping) or not isinstance(layers, Sequence):
            raise ConfigurationError(
                f"layers is {shown(layers)}; it has to be a list with one entry for "
                "each layer, such as [784, 100, 10]."
            )
        own = {"weighted": True} if flag(weighted, "weighted") else {}
        # Before the layers, as the activation of the last one follows from it.
        self.set_loss(loss, **own)
        for number, entry in enumerate(layers):
            self.add_layer(entry, is_output=0 < number == len(layers) - 1)
        if layers:
            self._check_losses(self.losses)

    def _begin(self, seed: int, dtype: Any) -> None:
        """Be a model without layers; a file continues from here."""
        self._seed = seed
        self._dtype = dtype
        self._topology = Topology()
        self._values = Arrays()
        self._columns = Columns()
        self._draws = 0
        self._answering: Objective | None = None
        self._trainers: dict[object, Thread] = {}
        self.losses: list[Loss] = []
        self.history = History()

    # The graph.

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order they are computed."""
        return list(self._topology.layers)

    @property
    def inputs(self) -> list[Layer]:
        """The layers where data enters."""
        return list(self._topology.inputs)

    @property
    def params(self) -> list[Parameter]:
        """Handles of every parameter that training changes, frozen ones too."""
        names = self._topology.param_shapes
        learnable = self._topology.learnable
        return [Parameter(self._values, name) for name in names if name in learnable]

    @property
    def frozen(self) -> list[str]:
        """Full names of the arrays that training leaves as they are; see `freeze`."""
        return sorted(self._topology.frozen)

    @property
    def seed(self) -> int:
        """The seed of everything random; with ``rng=None`` the one that was drawn."""
        return self._seed

    @property
    def columns(self) -> dict[str, list[str]]:
        """The names of the columns that the training data had, in the model's order.

        By the name of the input layer, or of the target, whose data were data frames.
        By these names the columns of other frames are found, in whatever order they
        stand; arrays without names are taken by position. Of a model from a file names
        that are too long for one, some ten thousand of them, are not told: their frames
        have to come in the order of the training data, which is checked.

        Examples
        --------
        >>> import numpy as np, pandas as pd, theanets
        >>> people = pd.DataFrame({"age": [30, 60, 40], "height": [1.8, 1.6, 1.7]})
        >>> net = theanets.Autoencoder([2, 1, 2])
        >>> _ = net.train(people, max_epochs=1, progress=False)
        >>> net.columns
        {'in': ['age', 'height']}
        >>> turned = people[["height", "age"]]
        >>> bool((net.predict(turned) == net.predict(people)).all())
        True
        """
        return self._columns.names()

    @property
    def num_params(self) -> int:
        """Number of values in all parameters that training changes."""
        return sum(param.size for param in self.params)

    def add_layer(
        self, layer: Any = None, is_output: bool = False, **spec: Any
    ) -> None:
        """Add a layer at the end of the graph.

        Parameters
        ----------
        layer : int, str, tuple, dict or Layer, optional
            The layer, written as in ``layers``.
        is_output : bool
            Whether this is the last layer: it is then named ``out`` and has the
            model's activation, unless it says otherwise.
        **spec
            Instead of a layer, or to complete it: keywords as in a dict.

        Raises
        ------
        ConfigurationError
            If it does not fit the graph; the graph is then as it was.
        """
        is_output = flag(is_output, "is_output")
        made = layer_from(
            spec if layer is None else layer,
            self._free_name(is_output),
            first=not self._topology.layers,
            activation=self._last_activation() if is_output else None,
            ndim=self.input_ndim,
            more=None if layer is None else spec,
        )
        topology = self._topology.extended(made)
        self._values.update(self._initial([made], self._seed))
        self._topology = topology
        self._follow()

    def replace(self, layer: str | int | Layer, **changes: Any) -> Self:
        """Return a new network in which one layer has other settings.

        What a layer was given is fixed once it is in a model; this makes the model
        anew. The new one has the class, the losses and the seed of this one, and
        every array whose name and shape fit, frozen if it is so here; the others are
        drawn as a new model draws them. It has trained no epochs, and its history is
        empty. This network stays as it is.

        Parameters
        ----------
        layer : str, int or Layer
            Name or index of the layer, or the layer.
        **changes
            Keywords of the layer as in a dict, such as ``size``, ``activation`` or
            ``form``; what is not named stays. Another ``form`` keeps those keywords
            that it takes too.

        Raises
        ------
        KeyError
            If there is no such layer.
        ConfigurationError
            If the layer cannot be so, or a later layer or a loss does not fit it.

        Examples
        --------
        >>> import numpy as np, theanets
        >>> net = theanets.Regressor([4, (8, "relu"), 2])
        >>> other = net.replace("hid1", activation="tanh")
        >>> other.layers[1].activation
        <activation tanh>
        >>> w = net.find("hid1.w").get_value()
        >>> np.array_equal(w, other.find("hid1.w").get_value())
        True
        >>> net.replace("hid1", size=3).find("out.w").shape
        (3, 2)
        """
        return replaced(self, self._layer(layer), changes)

    def set_loss(self, loss: Any = None, **kwargs: Any) -> None:
        """Replace all losses by one; see `add_loss`."""
        before, self.losses = self.losses, []
        try:
            self.add_loss(loss, **kwargs)
        except TheanetsError:
            self.losses = before
            raise

    def add_loss(self, loss: Any = None, **kwargs: Any) -> None:
        """Add a loss; the weighted sum of all is minimized from the next training on.

        Parameters
        ----------
        loss : str, callable, dict or Loss
            A form such as ``"mae"``; a function of output and target that returns
            the elementwise errors; a `Loss`; or a dict of a form and keywords, such as
            ``dict(form="mae", weight=0.5)``.
        **kwargs
            ``form``, instead of a loss; ``weight``, ``output_name``, ``target``,
            ``weighted``, and what else the form takes.

        Raises
        ------
        ConfigurationError
            If there is no such loss, keyword or output, or its target does not fit.
        """
        if "form" in kwargs and loss is not None:
            raise ConfigurationError(
                f"add_loss got the loss {shown(loss)} and form={shown(kwargs['form'])} "
                "besides. Give one of them."
            )
        kwargs.setdefault("form", self.default_loss if loss is None else loss)
        made = Loss.build(**kwargs)
        if self._topology.layers:
            self._check_losses([*self.losses, made])
        made.fix()
        self.losses.append(made)
        self._follow()

    def find(
        self, which: str | int | Layer, param: str | int | None = None
    ) -> Parameter:
        """Return the handle of a parameter.

        Parameters
        ----------
        which : str, int or Layer
            Name or index of the layer, or the layer; or alone the full name of the
            parameter, such as ``"hid1.w"``.
        param : str or int
            Name or index of the parameter within the layer.

        Raises
        ------
        KeyError
            If there is no such layer or parameter; the message lists those there are.
        """
        if param is None and isinstance(which, str) and "." in which:
            which, _, param = which.partition(".")
        name = which.name if isinstance(which, Layer) else which
        named = self._topology.parts.get(name) if isinstance(name, str) else None
        layer = named or self._layer(name)
        names = list(layer.params)
        if param is None:
            first = names[0] if names else "w"
            raise UnknownNameError(
                f'find("{layer.name}") names a layer and no parameter. Its parameters: '
                f'{", ".join(names) or "none"}. Write find("{layer.name}", "{first}") '
                f'or find("{layer.name}.{first}").'
            )
        if is_whole(param) and -len(names) <= param < len(names):
            param = names[param]
        if not isinstance(param, str) or param not in names:
            raise UnknownNameError(
                no_such(f'layer "{layer.name}"', "parameter", param, names)
            )
        return Parameter(self._values, layer.full_name(param))

    def freeze(self, pattern: str | Sequence[str]) -> None:
        """Keep arrays as they are, to the bit, in every training from the next one on.

        A layer that has all of its arrays frozen computes in training as it does in
        prediction: a batchnorm normalizes by its running mean and variance. Values
        set by hand, `Parameter.set_value`, are taken all the same.

        Parameters
        ----------
        pattern : str or sequence of str
            Globs over the full names of parameters, such as ``"hid1.w"`` or
            ``"*.b"``, or the names of layers, such as ``"hid1"`` or ``"hid*"``, which
            stand for all of their arrays. What was frozen before stays so.

        Raises
        ------
        ConfigurationError
            If a pattern matches nothing.

        Examples
        --------
        >>> import theanets
        >>> net = theanets.Regressor([4, 8, 2])
        >>> net.freeze("hid1")
        >>> net.frozen
        ['hid1.b', 'hid1.w']
        >>> net.unfreeze("*.b")
        >>> net.frozen
        ['hid1.w']
        """
        self._topology = freezing(self._topology, pattern)

    def unfreeze(self, pattern: str | Sequence[str] = "*") -> None:
        """Let training change arrays again, from the next one on; by default all.

        Parameters
        ----------
        pattern : str or sequence of str
            As of `freeze`. Arrays that are not frozen are left alone.

        Raises
        ------
        ConfigurationError
            If a pattern matches nothing.
        """
        self._topology = unfreezing(self._topology, pattern)

    # Computing.

    def feed_forward(self, x: Any, **regularizers_: Any) -> dict[str, np.ndarray]:
        """Compute every output of every layer.

        Parameters
        ----------
        x : array, or several by layer name or in order
            A batch, or a single example; the answers then have no batch axis.
        **regularizers_
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
        return self._compute(x, None, regularizers_)

    def predict(
        self,
        x: Any,
        *,
        state: Any = None,
        return_state: bool = False,
        **regularizers_: Any,
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
        **regularizers_
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
        name = self._last_layer().output_name
        return self._predicted(x, name, state, return_state, regularizers_)

    def score(self, x: Any, y: Any, w: Any = None, **regularizers_: Any) -> float:
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
        return r2(self._answers(x, y, w, self._last_layer().shape, regularizers_))

    @overload
    def functional(
        self, train: Literal[False] = False
    ) -> tuple[Answering, dict[str, Any]]: ...

    @overload
    def functional(
        self, train: Literal[True]
    ) -> tuple[Learning, dict[str, Any], dict[str, Any]]: ...

    def functional(self, train: bool = False) -> Any:
        """Return the model as a pure JAX function, and its arrays.

        The function is that of the graph, the precision and what is frozen now. It
        can go through ``jax.jit``, ``jax.grad``, ``jax.vmap``, ``jax.export``.

        Parameters
        ----------
        train : bool
            Whether the function is that of training: a batchnorm normalizes by the
            batch and updates its running statistics, and layers of dropout and noise
            draw from a random key. Losses, and noise that keywords of `train` ask
            for, are no part of it.

        Returns
        -------
        apply : callable
            ``apply(params, inputs)`` gives all outputs by full name; inputs is an
            array, or a dict by layer name. With ``train``,
            ``apply(params, state, inputs, key)`` gives a pair of them and of the new
            state; key is one random key of JAX.
        params : dict of str to array
            Every array of the model by full name. With ``train``, those that are
            learned, to be differentiated by.
        state : dict of str to array
            Only with ``train``: all others, which are running statistics, arrays
            that never change, and what is frozen (see `freeze`).

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
        arrays, dtype = self._values.now(), self._dtype.name
        if not flag(train, "train"):
            return answering(self._topology, dtype), arrays
        return learning(self._topology, dtype), *split(self._topology, arrays)

    # Training.

    def train(
        self, train: Any, valid: Any = None, algo: Any = "rmsprop", **hyper: Any
    ) -> Pair:
        """Train until the validation loss stops improving.

        Parameters
        ----------
        train : array, tuple of arrays, callable, iterable or Dataset
            Inputs, then the target, then weights if the model is weighted. Of data
            frames the names of the columns are kept, see `columns`.
        valid : optional
            Data of the same kind that decides when to stop. Or the part of the
            training data that is held out for this, such as 0.1: drawn from the seed
            of the model, of each class the same part. By default ``train``.
        algo : str or optax.GradientTransformation, or a list of such
            The algorithm: sgd, nag, rprop, adagrad, rmsprop, adadelta, esgd, adam,
            lbfgs, or a transformation of optax. Or one that follows the shape of the
            model: ``sample`` draws weights from the data; ``layerwise`` trains one
            hidden layer after the other, ``pretrain`` the hidden layers to give back
            their input, both by the algorithm ``subalgo``. Several train one after
            another.
        **hyper
            Settings of the algorithm (or of ``subalgo``), controls of the training
            (``batch_size``, ``max_epochs``, ``patience``, ...), regularizers
            (``weight_l2``, ``hidden_dropout``, ...), ``class_weight``, ``monitors``,
            ``freeze`` (as of `freeze`, for this training alone, besides what is frozen
            already), ``stateful`` (recurrent layers begin each batch with their states
            after the one before), ``checkpoint`` (a file from which an interrupted run
            goes on), ``save_progress`` and ``save_every``. The user guide lists them
            all.

        Ctrl-C ends the training: the best parameters are put back, one line says so,
        and the script goes on; see ``on_interrupt``.

        Returns
        -------
        training, validation : dict of str to float
            The monitors of the epoch whose parameters are in the network, the best:
            of both sets of data. Those of the training data are means over an epoch,
            while the parameters change and with dropout and noise; where no epoch was
            better than the parameters that training began with, of the first one.

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
        deque(self.itertrain(train, valid, algo, **hyper), maxlen=0)
        return self.history.result()

    def itertrain(
        self, train: Any, valid: Any = None, algo: Any = "rmsprop", **hyper: Any
    ) -> Iterator[Pair]:
        """Train as `train` does, and yield the monitors after every epoch.

        Whoever stops iterating stops the training; the best parameters are then in
        the network.
        """
        return epochs(self, train, valid, algo, hyper)

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
        files.write(file, describe(self), self._values.now(), keep=keep)

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
            If the file is damaged, holds another model, or is from a newer version.
        """
        net: Self = rebuild(*files.read(file), files.called(file), cls)
        return net

    # Copies, and pickles, which are for the network's owner alone.

    def __getstate__(self) -> dict[str, Any]:
        check_picklable(self)
        return vars(self) | {"_answering": None, "_trainers": {}}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = type(self).__new__(type(self))
        # A graph never changes, so that both can have it.
        memo |= {id(self): made, id(self._topology): self._topology}
        own = vars(self) | {"_answering": None, "_trainers": {}}
        vars(made).update(copy.deepcopy(own, memo))
        return made

    def __copy__(self) -> Self:
        return copy.deepcopy(self)

    def __str__(self) -> str:
        return table(self)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{layer.name}{layer.shape}" for layer in self.layers)
        return f"<{self.form} {shapes}>"

    # How it is done.

    def _free_name(self, is_output: bool) -> str:
        """Return the name of the next layer: in, hid1, hid2, ..., out."""
        if not self._topology.layers:
            return "in"
        if is_output:
            return "out"
        number = 1 + sum(
            layer.name != "out" and not isinstance(layer, Input)
            for layer in self._topology.layers
        )
        while f"hid{number}" in self._topology.by_name:
            number += 1
        return f"hid{number}"

    def _last_activation(self) -> str:
        """Return what the last layer has, unless it says otherwise."""
        owners = (cls for cls in type(self).__mro__ if "output_activation" in vars(cls))
        ours = next(owners).__module__.partition(".")[0] == __name__.partition(".")[0]
        loss = self.losses[0] if self.losses else None
        if ours and loss and loss.output_activation and "output_name" in loss.implied:
            return loss.output_activation
        return self.output_activation

    def _check_losses(self, losses: Sequence[Loss]) -> None:
        """Check that losses fit the graph, and each other."""
        slots_of(self._topology, [*map(self._bound, losses)])

    def _last_layer(self) -> Layer:
        """Return the layer that answers."""
        if len(self._topology.layers) < 2:
            raise ConfigurationError(
                f"the model has {counted(len(self._topology.layers), 'layer')}; to "
                "compute anything it needs an input and an output, such as "
                "layers=[784, 10]."
            )
        return self._topology.layers[-1]

    def _bound(self, loss: Loss) -> Loss:
        """Return a loss for the graph as it is now."""
        return self._following(loss).bind(self._topology.by_name)

    def _following(self, loss: Loss) -> Loss:
        """Return a loss with what it was not given."""
        return loss.following(self._topology.layers[-1].name, self._own_target())

    def _follow(self) -> None:
        """Let losses that were not told what to read name the last layer as it is."""
        if self._topology.layers:
            for loss in self.losses:
                loss.follow(self._topology.layers[-1].name, self._own_target())

    def _own_target(self) -> str:
        """Return the name of the array that losses compare with by default."""
        return "target"

    def _layer(self, which: Any) -> Layer:
        layers = self._topology.layers
        name = which.name if isinstance(which, Layer) else which
        if is_whole(name) and -len(layers) <= name < len(layers):
            return layers[name]
        for layer in layers:
            if isinstance(name, str) and layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        raise UnknownNameError(no_such("the model", "layer", name, names))

    def _objective(self, terms: Any = (), monitors: Any = ()) -> Objective:
        self._last_layer()
        losses = tuple(map(self._bound, self.losses))
        return Objective(self._topology, losses, terms, monitors, self._dtype.name)

    def _initial(self, layers: Sequence[Layer], seed: int) -> dict[str, Any]:
        """Draw the first values of layers, by full name."""
        dtype = stored_type(self._dtype)
        return {
            layer.full_name(name): held(_first(value, dtype, layer, name))
            for layer in layers
            for name, value in layer.initial_values(seed).items()
        }

    def _output(self, x: Any, name: str, given: dict[str, Any]) -> np.ndarray:
        return self._compute(x, (name,), given)[name]

    def _predicted(
        self,
        x: Any,
        name: str,
        state: Any,
        return_state: Any,
        given: dict[str, Any],
        convert: Callable[[np.ndarray], np.ndarray] = lambda output: output,
    ) -> Any:
        """Return an output, and the state after it if that is asked for."""
        return_state = flag(return_state, "return_state")
        if state is None and not return_state:
            return convert(self._output(x, name, given))
        if given:
            raise ConfigurationError(
                f"predict got {listing(given)} together with a state. Noise and "
                "dropout are for whole sequences: leave one of both out."
            )
        values = self._values.now()
        output, after = continued(self._bare(), values, x, name, state, self._columns)
        return (convert(output), after) if return_state else convert(output)

    def _compute(
        self, x: Any, names: tuple[str, ...] | None, given: dict[str, Any]
    ) -> dict[str, np.ndarray]:
        """Compute some outputs, or all, of a batch of any size or of one example."""
        values = self._values.now()
        objective, key = self._noisy(given)
        return compute(objective, values, x, names, key, self._columns)

    def _noisy(self, given: Mapping[str, Any]) -> tuple[Objective, Any]:
        """Return the graph with the noise that keywords ask for, and its random key."""
        if not given:
            return self._bare(), None
        rest = dict(given)
        terms = regularizers.take(rest)
        if rest:
            refuse(rest, regularizers.keywords())
        return replace(self._bare(), regularizers=terms), self._noise_key()

    def _bare(self) -> Objective:
        """Return the graph without losses, which is made once: answers are quick."""
        made = self._answering
        if made is None or made.topology is not self._topology:
            self._last_layer()
            made = Objective(self._topology, (), dtype=self._dtype.name)
            self._answering = made
        return made

    def _answers(
        self,
        x: Any,
        y: Any,
        w: Any,
        shape: Shape,
        given: dict[str, Any],
        classes: int | None = None,
    ) -> Iterator[Part]:
        """Yield targets, predictions and weights, of some examples at a time.

        All are checked before anything is computed.
        """
        refuse_forked()
        columns = self._columns
        arrays, single = input_arrays(self._topology, x, self._dtype, columns)
        length = len(next(iter(arrays.values())))
        leading = () if single else (length,)
        loss = self._scored()
        labels = classes is not None
        y = columns.array(y, "y", loss.target, "y", labels)
        if w is not None:
            w = columns.array(w, "w", weights_name(loss), "w")
        target = checked_target(y, shape, leading, self._dtype, classes)
        weights = checked_weights(w, target.shape)
        both = [*arrays.values(), target]
        size = 1 if single else examples_at_once(both, self._dtype)
        if length <= size:
            yield dense(target), self.predict(x, **given), weights
            return
        for begin in range(0, length, size):
            part = slice(begin, begin + size)
            inputs = {name: array[part] for name, array in arrays.items()}
            predicted = self.predict(inputs, **given)
            yield dense(target[part]), predicted, weights[part]

    def _scored(self) -> Loss:
        """Return the loss whose target a score is about."""
        last = self._last_layer().output_name
        known = [self._following(loss) for loss in self.losses]
        return next((x for x in known if x.output_name == last), known[0])

    def _noise_key(self) -> np.ndarray:
        with _COUNTING:
            self._draws += 1
            number = self._draws
        return noise_key(self._seed, "forward", str(number))

    def _begin_training(self, training: object) -> None:
        """Take note that this thread trains, as one at a time can."""
        me = current_thread()
        with _COUNTING:
            trainers = set(self._trainers.values())
            others = {x for x in trainers if x is not me and x.is_alive()}
            if others:
                raise ConcurrencyError(
                    f"this network is being trained by the thread {others.pop().name}, "
                    "and one thread at a time can. Wait for it, close its iterator, or "
                    "train a copy: copy.deepcopy(net)."
                )
            self._trainers[training] = me


register(Network)


def _first(value: np.ndarray, dtype: Any, layer: Layer, name: str) -> np.ndarray:
    """Return the first value of a parameter in the precision of the model."""
    try:
        what, advice = f'{layer.where}its parameter "{name}"', "Begin with less."
        return converted(np.asarray(value), dtype, what, advice)
    except DataError as error:
        raise ConfigurationError(str(error)) from None


def load(file: files.Source) -> Network:
    """Read a model of any kind from a file that ``save`` has written.

    Parameters
    ----------
    file : path, binary file object, or bytes
        The file, or its content. Nothing of it is run, so it may be a stranger's.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is damaged, no model file, or from a newer version.
    """
    return Network.load(file)
