"""Two recurrent layers that read a sequence from both ends."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import jax.numpy as jnp
import numpy as np

from theanets.activations import Activation
from theanets.errors import ConfigurationError
from theanets.layers.base import FORMS, Layer
from theanets.layers.binding import Node, Sides
from theanets.layers.recurrent.base import Recurrent
from theanets.types import Array, LayerOutput, Outputs, Params, Shape
from theanets.utils.checks import is_whole, shown
from theanets.utils.registry import join_names, suggest

_JOINED = ("out", "pre", "cell")


class Bidirectional(Layer):
    """Two workers of half the size; one begins with the last time step.

    Parameters
    ----------
    size : int
        Number of units of both workers together: an even number.
    worker : str
        Form of the workers, any recurrent one; by default ``"rnn"``.
    **kwargs
        What the workers take; ``mask``, ``h_0`` and all else go to both.

    Parameters: those of the workers, layers NAME_fw and NAME_bw.
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
        activation: str | Callable[[Array], Array] | Activation | None = None,
        **kwargs: Any,
    ) -> None:
        kind = _worker(worker, f'layer "{name or self.form}": ')
        super().__init__(size=size, name=name, inputs=inputs)
        for unknown in {"direction", "shape"} & set(kwargs):
            raise ConfigurationError(
                f"{self.where}{unknown} is {shown(kwargs[unknown])}; a bidirectional "
                "layer reads in both directions, and has the shape of its input "
                "but for the size. Leave it out."
            )
        if not is_whole(size, 2) or size % 2:
            raise ConfigurationError(
                f"{self.where}size is {shown(size)}; it has to be an even number, for "
                "each of the two workers has half of the units."
            )

        self.workers = tuple(
            Layer.build(
                worker,
                name=f"{self.name}_{suffix}",
                size=size // 2,
                activation=activation,
                direction=direction,
                **kwargs,
            )
            for suffix, direction in (("fw", "forward"), ("bw", "back"))
        )
        self.takes_activation = kind.takes_activation
        self.fixed_activation = kind.fixed_activation
        self.activation = self.workers[0].activation
        self.side_inputs = dict(self.workers[0].side_inputs)

    def rename(self, name: str) -> None:
        super().rename(name)
        for side, worker in self._sides().items():
            worker.rename(f"{name}_{side}")

    @classmethod
    def leaves_activation_open(cls, spec: Mapping[str, object]) -> bool:
        where = f'layer "{spec.get("name")}": '
        return _worker(spec.get("worker", "rnn"), where).leaves_activation_open(spec)

    def bind(
        self, inputs: Mapping[str, Shape], earlier: Sequence[Node], sides: Sides
    ) -> None:
        if not self.outputs:
            for worker in self.workers:
                worker.bind(inputs, earlier, sides)
        super().bind(inputs, earlier, sides)
        self.side_shapes = self.workers[0].side_shapes

    def infer_output_shape(self) -> Shape:
        return (self.workers[0].shape[0], self._size)

    def setup(self) -> None:
        for side, worker in self._sides().items():
            for name, param in worker.params.items():
                self.add_param(
                    f"{side}.{name}", param.shape, param.init, param.learned, param.wide
                )

    def _add_activation(self) -> None:
        """Leave the activation, and its parameters, to the workers."""

    def full_name(self, param: str) -> str:
        return f"{self.name}_{param}"

    def initial_values(self, seed: int) -> dict[str, np.ndarray]:
        return {
            f"{side}.{name}": value
            for side, worker in self._sides().items()
            for name, value in worker.initial_values(seed).items()
        }

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        outputs = {
            side: worker.transform(
                {name: params[f"{side}.{name}"] for name in worker.params}, inputs
            )
            for side, worker in self._sides().items()
        }
        joined = {
            name: jnp.concatenate([x[name] for x in outputs.values()], axis=-1)
            for name in _JOINED
            if name in outputs["fw"]
        }
        return joined | {
            f"{side}_{name}": value
            for side, computed in outputs.items()
            for name, value in computed.items()
        }

    def _sides(self) -> dict[str, Recurrent]:
        workers = cast("tuple[Recurrent, ...]", self.workers)
        return dict(zip(("fw", "bw"), workers, strict=True))


def _worker(form: object, where: str) -> type[Recurrent]:
    kinds = {name: FORMS.lookup(name) for name in FORMS}
    known = {name: x for name, x in kinds.items() if issubclass(x, Recurrent)}
    if not isinstance(form, str) or form.lower() not in known:
        raise ConfigurationError(
            f"{where}worker is {shown(form)}; it has to be a recurrent form: "
            f"{join_names(known)}." + suggest(form, known)
        )
    return known[form.lower()]
