"""The part of a `Network` that holds its layers, losses and arrays."""

import copy
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, Unpack

import numpy as np

from theanets.config import config, float_type
from theanets.errors import ConfigurationError, TheanetsError, UnknownNameError
from theanets.graph.freezing import freezing, unfreezing
from theanets.initializers import as_seed
from theanets.layers import Layer
from theanets.losses import Loss
from theanets.models.kinds import ModelKind
from theanets.models.options import NoOptions
from theanets.models.parameters import Parameter, no_such
from theanets.models.replacing import replaced
from theanets.models.state import ModelState
from theanets.training.history import History
from theanets.utils.checks import check_bool, is_whole, shown
from theanets.utils.registry import join_names, suggest
from theanets.utils.renamed import answer


class LayerGraph(ModelKind, register=False):
    """A graph of layers that can be made, changed and inspected; see `Network`."""

    def __init__(
        self,
        layers: Sequence[object] = (),
        loss: str | Callable[..., object] | Loss | None = None,
        weighted: bool = False,
        rng: int | np.integer[Any] | None = 13,
        **unknown: Unpack[NoOptions],
    ) -> None:
        if unknown:
            known, name = ("layers", "loss", "weighted", "rng"), next(iter(unknown))
            raise ConfigurationError(
                f"{self.form} takes no keyword {join_names(map(repr, unknown))}. It "
                f"takes: {join_names(known)}; what steers the training is for train."
                + (answer("model", name) or suggest(name, known))
            )
        seed = secrets.randbelow(2**31) if rng is None else as_seed(rng, "rng")
        dtype = float_type(config.floatX, "floatX")
        self._state = ModelState(type(self), seed, dtype)
        if isinstance(layers, str | Mapping) or not isinstance(layers, Sequence):
            raise ConfigurationError(
                f"layers is {shown(layers)}; it has to be a list with one entry for "
                "each layer, such as [784, 100, 10]."
            )
        # Before the layers, as the activation of the last one follows from it.
        more = {"weighted": True} if check_bool(weighted, "weighted") else {}
        self.set_loss(loss, **more)
        for number, entry in enumerate(layers):
            self.add_layer(entry, is_output=0 < number == len(layers) - 1)
        if layers:
            self._state.check_losses(self.losses)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order they are computed."""
        return list(self._state.topology.layers)

    @property
    def losses(self) -> list[Loss]:
        """What is minimized, as it was given."""
        return self._state.losses

    @property
    def history(self) -> History:
        """The monitors of every epoch."""
        return self._state.history

    @property
    def inputs(self) -> list[Layer]:
        """The layers where data enters."""
        return list(self._state.topology.inputs)

    @property
    def params(self) -> list[Parameter]:
        """Handles of every parameter that training changes, frozen ones too."""
        topology = self._state.topology
        names = [x for x in topology.param_shapes if x in topology.learnable]
        return [Parameter(self._state.arrays, name) for name in names]

    @property
    def frozen(self) -> list[str]:
        """Full names of the arrays that training leaves as they are; see `freeze`."""
        return sorted(self._state.topology.frozen)

    @property
    def seed(self) -> int:
        """The seed of everything random; with ``rng=None`` the one that was drawn."""
        return self._state.seed

    @property
    def columns(self) -> dict[str, list[str]]:
        """The names of the columns that the training data had, in the model's order.

        The keys are the names of the input layers, or of the target, whose data were
        data frames. Columns of other frames are found by these names, in any order;
        arrays without names are taken by position. A file does not keep some ten
        thousand names or more: its model needs frames with the columns in the order of
        the training data, which is checked.

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
        return self._state.columns.names()

    @property
    def num_params(self) -> int:
        """Number of values in all parameters that training changes."""
        return sum(param.size for param in self.params)

    def add_layer(
        self, layer: object = None, is_output: bool = False, **spec: object
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
        entry, more = (spec, None) if layer is None else (layer, spec)
        self._state.add_layer(entry, check_bool(is_output, "is_output"), more)

    def replace(self, layer: str | int | Layer, **changes: object) -> Self:
        """Return a new network in which one layer has other settings.

        The new network has the class, the losses and the seed of this one, and every
        array whose name and shape fit, frozen if it is frozen here; other arrays are
        drawn as in a new model. Its history is empty. This network stays as it is.

        Parameters
        ----------
        layer : str, int or Layer
            Name or index of the layer, or the layer.
        **changes
            Keywords of the layer, such as ``size``, ``activation`` or ``form``; the
            others stay, unless another ``form`` does not take them.

        Raises
        ------
        KeyError
            If there is no such layer.
        ConfigurationError
            If the layer cannot have these, or a later layer or a loss does not fit it.

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
        state = replaced(self._state, self._layer(layer), changes)
        # Everything else of the network is copied.
        return copy.deepcopy(self, {id(self._state): state})

    def set_loss(self, loss: object = None, **kwargs: Any) -> None:
        """Replace all losses by one; see `add_loss`."""
        before, self._state.losses = self._state.losses, []
        try:
            self.add_loss(loss, **kwargs)
        except TheanetsError:
            self._state.losses = before
            raise

    def add_loss(self, loss: object = None, **kwargs: Any) -> None:
        """Add a loss; the weighted sum of all is minimized from the next training on.

        Parameters
        ----------
        loss : str, callable, dict or Loss
            A form such as ``"mae"``; a function of output and target that returns
            the elementwise errors; a `Loss`; or a dict of a form and keywords, such as
            ``dict(form="mae", weight=0.5)``.
        **kwargs
            ``form``, instead of a loss; ``weight``, ``output_name``, ``target``,
            ``weighted``, and other keywords of the form.

        Raises
        ------
        ConfigurationError
            If the loss, a keyword or an output is unknown, or the target does not fit.
        """
        if "form" in kwargs and loss is not None:
            raise ConfigurationError(
                f"add_loss got both the loss {shown(loss)} and "
                f"form={shown(kwargs['form'])}. Give one of them."
            )
        kwargs.setdefault("form", self.default_loss if loss is None else loss)
        self._state.add_loss(Loss.build(**kwargs))

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
            If the model has no such layer or parameter; the message lists what it has.
        """
        if param is None and isinstance(which, str) and "." in which:
            which, _, param = which.partition(".")
        name = which.name if isinstance(which, Layer) else which
        named = self._state.topology.parts.get(name) if isinstance(name, str) else None
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
        return Parameter(self._state.arrays, layer.full_name(param))

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
            stand for all of their arrays. What was frozen before stays frozen.

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
        self._state.topology = freezing(self._state.topology, pattern)

    def unfreeze(self, pattern: str | Sequence[str] = "*") -> None:
        """Let training change arrays again, from the next one on; by default all.

        Parameters
        ----------
        pattern : str or sequence of str
            As for `freeze`. Arrays that are not frozen stay as they are.

        Raises
        ------
        ConfigurationError
            If a pattern matches nothing.
        """
        self._state.topology = unfreezing(self._state.topology, pattern)

    def _layer(self, which: object) -> Layer:
        topology = self._state.topology
        layers, by_name = topology.layers, topology.by_name
        name = which.name if isinstance(which, Layer) else which
        if is_whole(name) and -len(layers) <= name < len(layers):
            return layers[name]
        if isinstance(name, str) and name in by_name:
            return by_name[name]
        raise UnknownNameError(no_such("the model", "layer", name, list(by_name)))
