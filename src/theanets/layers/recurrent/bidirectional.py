"""Two recurrent layers that read a sequence from both ends."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from theanets.errors import ConfigurationError
from theanets.layers.base import FORMS, Layer
from theanets.layers.binding import Node
from theanets.layers.recurrent.base import Recurrent
from theanets.types import Array, Shape
from theanets.utils.checks import is_whole, shown
from theanets.utils.registry import join_names, suggest

_JOINED = ("out", "pre", "cell")


class Bidirectional(Layer):
    """Two workers of half the size, one of which begins with the last time step.

    Parameters
    ----------
    size : int
        Number of units of both workers together: an even number.
    worker : str
        Form of the workers, any recurrent one; by default ``"rnn"``.
    **kwargs
        What the workers take; ``mask``, ``h_0`` and all else go to both.

    Parameters are those of the workers, layers NAME_fw and NAME_bw.
    Outputs: out, (batch, time, size), and pre and cell if the worker has them: the
    workers' outputs joined; and every output of each worker, as fw_out, bw_out, ...
    All are in the order of the inputs.
    Source: M. Schuster, K. Paliwal (1997), Bidirectional Recurrent Neural Networks.
    """

    example_inputs: ClassVar = ((None, 3),)
    example: ClassVar = {"size": 4, "worker": "gru"}
    max_inputs = 1
    stepwise = False

    def __init__(
        self,
        *,
        size: int | None = None,
        worker: str = "rnn",
        name: str | None = None,
        inputs: str | Sequence[str] | None = None,
        activation: Any = None,
        **kwargs: Any,
    ) -> None:
        kind = _worker(worker, f'layer "{name or self.form}": ')
        super().__init__(size=size, name=name, inputs=inputs)
        for unknown in {"direction", "shape"} & set(kwargs):
            raise ConfigurationError(
                f"{self.where}{unknown} is {shown(kwargs[unknown])}; a bidirectional "
                "layer reads in both directions, and its shape is that of its input "
                "but for the size. Leave it out."
            )
        if not is_whole(size, 2) or size % 2:
            raise ConfigurationError(
                f"{self.where}size is {shown(size)}; it has to be an even number, for "
                "each of the two workers has half of the units."
            )

        def made(suffix: str, direction: str) -> Layer:
            return Layer.build(
                worker,
                name=f"{self.name}_{suffix}",
                size=size // 2,
                activation=activation,
                direction=direction,
                **kwargs,
            )

        self.workers = made("fw", "forward"), made("bw", "back")
        self.takes_activation = kind.takes_activation
        self.fixed_activation = kind.fixed_activation
        self.activation = self.workers[0].activation
        self.side_inputs = dict(self.workers[0].side_inputs)

    def rename(self, name: str) -> None:
        """Take another name, and give the workers theirs."""
        super().rename(name)
        for worker, suffix in zip(self.workers, ("fw", "bw"), strict=True):
            worker.rename(f"{name}_{suffix}")

    @classmethod
    def leaves_activation_open(cls, spec: Mapping[str, Any]) -> bool:
        """Return what the worker says."""
        where = f'layer "{spec.get("name")}": '
        return _worker(spec.get("worker", "rnn"), where).leaves_activation_open(spec)

    def bind(
        self,
        inputs: Mapping[str, Shape],
        earlier: Sequence[Node],
        sides: Mapping[str, tuple[str, Shape]] | None = None,
    ) -> None:
        """Bind both workers."""
        if not self.outputs:
            for worker in self.workers:
                worker.bind(inputs, earlier, sides)
        super().bind(inputs, earlier, sides)
        self.side_shapes = self.workers[0].side_shapes

    def infer_output_shape(self) -> Shape:
        """Return (time, size)."""
        return (self.workers[0].shape[0], self._size)

    def setup(self) -> None:
        for side, worker in self._sides().items():
            for name, param in worker.params.items():
                self.add_param(f"{side}.{name}", *_fields(param))

    def _add_activation(self) -> None:
        """Leave the activation to the workers, which have its parameters too."""

    def full_name(self, param: str) -> str:
        """Return the name that the worker gives its parameter."""
        return f"{self.name}_{param}"

    def initial_values(self, seed: int) -> dict[str, np.ndarray]:
        """Draw the first values of both workers."""
        return {
            f"{side}.{name}": value
            for side, worker in self._sides().items()
            for name, value in worker.initial_values(seed).items()
        }

    def transform(
        self, params: Mapping[str, Array], inputs: Mapping[str, Array]
    ) -> Any:
        found: dict[str, dict[str, Array]] = {}
        for side, worker in self._sides().items():
            own = {name: params[f"{side}.{name}"] for name in worker.params}
            found[side] = worker.transform(own, inputs)
        joined = {
            name: jnp.concatenate([x[name] for x in found.values()], axis=-1)
            for name in _JOINED
            if name in found["fw"]
        }
        return joined | {
            f"{side}_{name}": value
            for side, outputs in found.items()
            for name, value in outputs.items()
        }

    def _sides(self) -> dict[str, Layer]:
        return dict(zip(("fw", "bw"), self.workers, strict=True))


def _fields(param: Any) -> tuple[Any, ...]:
    return param.shape, param.init, param.learned, param.wide


def _worker(form: Any, where: str) -> type[Recurrent]:
    known = {
        name: kind
        for name in FORMS
        if issubclass(kind := FORMS.lookup(name), Recurrent)
    }
    if not isinstance(form, str) or form.lower() not in known:
        raise ConfigurationError(
            f"{where}worker is {shown(form)}; it has to be a recurrent form: "
            f"{join_names(known)}." + suggest(form, known)
        )
    return known[form.lower()]
