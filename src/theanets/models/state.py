"""A model as one value: its graph, losses, arrays and history.

`Network` is a handle on it. Code that trains, saves, pickles and describes a model
takes this value, and knows no `Network`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock, Thread, current_thread

import numpy as np

from theanets.config import stored_type
from theanets.data.arrays import converted
from theanets.data.columns import Columns
from theanets.errors import ConcurrencyError, ConfigurationError, DataError
from theanets.graph.monitors import Monitor
from theanets.graph.objective import Objective
from theanets.graph.slots import slots_of
from theanets.graph.specs import layer_from
from theanets.graph.topology import Topology
from theanets.layers import Input, Layer
from theanets.losses import Loss
from theanets.models.kinds import ModelKind
from theanets.models.parameters import Arrays, to_device
from theanets.regularizers import Regularizer
from theanets.training.history import History
from theanets.training.programs import noise_key
from theanets.types import Array, DType
from theanets.utils.checks import counted

_LOCK = Lock()


class Trainers:
    """The trainings of a model that are under way, all in one thread."""

    def __init__(self) -> None:
        self._threads: dict[object, Thread] = {}

    def begin(self, training: object) -> None:
        """Note that this thread trains, or raise an error if another thread does."""
        me = current_thread()
        with _LOCK:
            # Copied first, as `end` does not wait for the lock.
            for thread in set(self._threads.values()):
                if thread is not me and thread.is_alive():
                    raise ConcurrencyError(
                        f"this network is being trained by the thread {thread.name}, "
                        "and one thread at a time can. Wait for it, close its "
                        "iterator, or train a copy: copy.deepcopy(net)."
                    )
            self._threads[training] = me

    def end(self, training: object) -> None:
        """Note that a training has ended."""
        self._threads.pop(training, None)

    def __reduce__(self) -> tuple[type["Trainers"], tuple[()]]:
        # No copy is being trained.
        return Trainers, ()


@dataclass(eq=False)
class ModelState:
    """A model: its graph, losses, arrays and history."""

    kind: type[ModelKind]
    seed: int
    """The seed of everything random."""
    dtype: DType
    """The precision of computations; parameters have at least float32."""
    topology: Topology = field(default_factory=Topology)
    """The graph, which is replaced as a whole when it changes."""
    losses: list[Loss] = field(default_factory=list)
    """What is minimized, as given; `bound` fits one to the graph."""
    arrays: Arrays = field(default_factory=Arrays)
    """The arrays by full name."""
    columns: Columns = field(default_factory=Columns)
    """The names of the columns of the data."""
    history: History = field(default_factory=History)
    draws: int = 0
    """How often noise was drawn outside of training."""
    trainers: Trainers = field(default_factory=Trainers)

    def add_layer(
        self, entry: object, is_output: bool, more: Mapping[str, object] | None
    ) -> None:
        """Bind a layer, written in any form, at the end of the graph, and draw it.

        If it does not fit, the model stays as it was.
        """
        layer = layer_from(
            entry,
            "out" if is_output and self.topology.layers else self.free_name(),
            first=not self.topology.layers,
            activation=self.last_activation() if is_output else None,
            ndim=self.kind.input_ndim,
            more=more,
        )
        topology = self.topology.extended(layer)
        self.arrays.update(self.first_values([layer], self.seed))
        self.topology = topology
        self.name_last_layer()

    def free_name(self) -> str:
        """Return the name of the next layer: in, hid1, hid2, ..."""
        layers = self.topology.layers
        if not layers:
            return "in"
        number = 1 + sum(x.name != "out" and not isinstance(x, Input) for x in layers)
        while f"hid{number}" in self.topology.by_name:
            number += 1
        return f"hid{number}"

    def last_activation(self) -> str:
        """Return the activation of the last layer, unless it says otherwise."""
        own = self.kind.output_activation
        if self.kind.has_own_activation() or not self.losses:
            return own
        loss = self.losses[0]
        follows = "output_name" in loss.implied
        return (follows and loss.output_activation) or own

    def last_layer(self) -> Layer:
        """Return the layer whose output the model predicts."""
        if len(self.topology.layers) < 2:
            raise ConfigurationError(
                f"the model has {counted(len(self.topology.layers), 'layer')}; to "
                "compute anything it needs an input and an output, such as "
                "layers=[784, 10]."
            )
        return self.topology.layers[-1]

    def add_loss(self, loss: Loss) -> None:
        """Add a loss, which has to fit the graph and the other losses."""
        if self.topology.layers:
            self.check_losses([*self.losses, loss])
        loss.fix()
        self.losses.append(loss)
        self.name_last_layer()

    def check_losses(self, losses: Sequence[Loss]) -> None:
        """Check that losses fit the graph, and each other."""
        slots_of(self.topology, [*map(self.bound, losses)])

    def bound(self, loss: Loss) -> Loss:
        """Return a loss for the graph as it is now."""
        return self.completed(loss).bind(self.topology.by_name)

    def completed(self, loss: Loss) -> Loss:
        """Return a loss that names what it reads, by default the last layer."""
        return loss.following(self.topology.layers[-1].name, self.default_target)

    def name_last_layer(self) -> None:
        """Name the last layer in the losses that do not say what they read."""
        if self.topology.layers:
            for loss in self.losses:
                loss.follow(self.topology.layers[-1].name, self.default_target)

    @property
    def default_target(self) -> str:
        """The name of the array that losses compare with by default."""
        return self.topology.inputs[0].name if self.kind.target_is_input else "target"

    def objective(
        self,
        terms: tuple[Regularizer, ...] = (),
        monitors: tuple[Monitor, ...] = (),
    ) -> Objective:
        """Return what is minimized, with regularizers and monitors."""
        self.last_layer()
        losses = tuple(map(self.bound, self.losses))
        return Objective(self.topology, losses, terms, monitors, self.dtype.name)

    def first_values(self, layers: Sequence[Layer], seed: int) -> dict[str, Array]:
        """Draw the first values of layers, by full name."""
        dtype = stored_type(self.dtype)
        return to_device(
            {
                layer.full_name(name): _first(value, dtype, layer, name)
                for layer in layers
                for name, value in layer.initial_values(seed).items()
            }
        )

    def noise_key(self) -> np.ndarray:
        """Return the next random key of the noise outside of training."""
        with _LOCK:
            self.draws += 1
            number = self.draws
        # Not under the lock: the handler of a signal may predict too.
        return noise_key(self.seed, "forward", str(number))


def _first(value: np.ndarray, dtype: DType, layer: Layer, name: str) -> np.ndarray:
    """Return the first value of a parameter in the precision of the model."""
    try:
        what = f'{layer.where}its parameter "{name}"'
        return converted(np.asarray(value), dtype, what, "Begin with less.")
    except DataError as error:
        raise ConfigurationError(str(error)) from None
