"""Models to descriptions for files and back, and snapshots during training."""

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from theanets.config import float_type, precision, stored_type
from theanets.data.columns import Columns, columns_from
from theanets.data.names import Digest
from theanets.errors import ConfigurationError, ModelFileError, TheanetsError
from theanets.graph.freezing import with_frozen
from theanets.graph.specs import layer_from
from theanets.initializers import as_seed
from theanets.layers import Layer
from theanets.losses import Loss
from theanets.models.kinds import ModelKind, kind_from, name_in_files
from theanets.models.parameters import to_device
from theanets.models.state import ModelState
from theanets.serialization import files
from theanets.training.callbacks import Callback
from theanets.training.history import History
from theanets.training.interval import Interval
from theanets.training.report import Report
from theanets.types import TRAINING_PREFIX, Json
from theanets.utils.checks import shown
from theanets.utils.forks import refuse_forked
from theanets.utils.registry import join_names

_FREE = 64
"""How many layers, or losses, a model may have however few arrays it has."""


def describe(model: ModelState) -> dict[str, Json]:
    """Return everything of a model except its arrays, as JSON can hold it."""
    layers, frozen = model.topology.layers, sorted(model.topology.frozen)
    for layer in layers:
        if not layer.activation.serializable:
            raise ConfigurationError(
                f'{layer.where}its activation "{layer.activation.spec}" is a function, '
                "which a file cannot hold. Make it a subclass of theanets.Activation "
                "and give its name."
            )
    for loss in model.losses:
        if not loss.serializable:
            raise ConfigurationError(
                f"the {loss.form()} loss is a function, which a file cannot hold. Make "
                "it a subclass of theanets.Loss and give its name."
            )
    for end in range(len(layers)):
        _check_layers(layers[: end + 1])
    _check_count("losses", len(model.losses), len(layers), "layers")
    # Left out if there are none, so that files equal those of earlier versions.
    columns = model.columns.described()
    return {
        "model": name_in_files(model.kind),
        "layers": [layer.to_spec() for layer in layers],
        "losses": [loss.to_spec() for loss in model.losses],
        "rng": model.seed,
        "epochs": model.history.epochs,
        "floatX": model.dtype.name,
        **({"frozen": frozen} if frozen else {}),
        **({"columns": columns} if columns else {}),
    }


def rebuild(
    description: Mapping[str, Json],
    arrays: Mapping[str, np.ndarray],
    where: str = "the file",
    kind: type[ModelKind] = ModelKind,
) -> ModelState:
    """Return the model that a file describes; ``where`` begins the messages.

    Nothing is drawn, and no layer is traced before its parameters are known to be
    among the arrays: what a description claims takes no more memory than the file. A
    file that is refused leaves the process as it was.
    """
    refuse_forked()
    try:
        epochs = description["epochs"]
        if type(epochs) is not int or not 0 <= epochs < 1 << 53:
            raise ValueError(f"its number of epochs is {shown(epochs)}.")
        model = ModelState(
            kind_from(description["model"]),
            as_seed(description["rng"], "rng"),
            precision(description["floatX"], "floatX"),
            history=History(before=epochs),
        )
        _add_layers(model, description["layers"], arrays)
        losses, layers = description["losses"], model.topology.layers
        _check_count("losses", len(losses), len(layers), "layers")
        for spec in losses:
            model.add_loss(Loss.build(**spec))
        _freeze(model, description.get("frozen", []))
        model.columns = columns_of(description.get("columns", {}), model)
    # A stranger's file can hold anything, so any exception can come.
    except Exception as error:
        raise ModelFileError(
            f"{where} describes a model that cannot be made: {_message(error)} If it "
            "uses classes of your own, define or import them before loading."
        ) from error
    names = model.topology.param_shapes
    more = {n for n in arrays if n not in names and not n.startswith(TRAINING_PREFIX)}
    if more:
        raise ModelFileError(
            f"{where} holds arrays that are not those that its description asks for: "
            f"no layer has {join_names(sorted(more)[:5])}. It is damaged; copy it "
            "again, or use an older one."
        )
    dtype = stored_type(model.dtype)
    for name in names:
        # Older files hold the parameters of a bfloat16 model in bfloat16.
        if (in_file := arrays[name].dtype) not in (dtype, model.dtype):
            raise ModelFileError(
                f'{where} holds the array "{name}" as {in_file}, and the model that it '
                f"describes holds it as {dtype}. It is no file that save has written; "
                "copy it again, or use an older one."
            )
    if not issubclass(model.kind, kind):
        name = name_in_files(model.kind)
        raise ModelFileError(
            f"{where} holds a {name}, not a {name_in_files(kind)}. Read it with "
            f"theanets.load, or {name}.load."
        )
    # JAX computes in float64 from here on, if the model does.
    float_type(model.dtype.name, "floatX")
    for name in names:
        # One by one, as all of them may take much memory.
        model.arrays.update(to_device({name: np.array(arrays[name], dtype)}))
    return model


def _add_layers(
    model: ModelState, specs: Json, arrays: Mapping[str, np.ndarray]
) -> None:
    shapes = {name: array.shape for name, array in arrays.items()}
    for place, spec in enumerate(specs):
        layer = layer_from(
            dict(spec),
            model.free_name(),
            first=not place,
            activation=None,
            ndim=model.kind.input_ndim,
        )
        model.topology = model.topology.extended(layer, shapes)
        _check_layers(model.topology.layers)


def _freeze(model: ModelState, names: Json) -> None:
    shapes = model.topology.param_shapes
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("its frozen arrays are no list of names.")
    if missing := set(names) - shapes.keys():
        raise ConfigurationError(
            f"it says that arrays are frozen that no layer has: "
            f"{join_names(sorted(missing)[:5])}."
        )
    model.topology = with_frozen(model.topology, names)


def columns_of(described: Json, model: ModelState) -> Columns:
    """Return the columns that a file describes, checked to fit the model's inputs."""
    columns = columns_from(described)
    for layer in model.topology.inputs:
        known = columns.known.get(layer.name)
        count = known.count if isinstance(known, Digest) else len(known or ())
        if count and layer.shape[-1:] != (count,):
            raise ConfigurationError(
                f'it names {count} columns of the layer "{layer.name}", whose '
                f"shape is {layer.shape}."
            )
    return columns


def _check_layers(layers: Sequence[Layer]) -> None:
    arrays = sum(len(layer.params) for layer in layers)
    _check_count("layers", len(layers), arrays, "arrays before the last")


def _check_count(what: str, count: int, others: int, of_others: str) -> None:
    """Limit what takes time but few bytes of a file by what takes more bytes."""
    if count > (most := _FREE + 4 * others):
        raise ConfigurationError(
            f"the model has {count} {what}, and with {others} {of_others} a file holds "
            f"at most {most}."
        )


def _message(error: Exception) -> str:
    """Return the message of an error, shortened."""
    message = str(error) if isinstance(error, TheanetsError) else f"{shown(error)}."
    return message if len(message) < 600 else f"{message[:600]} ..."


class Snapshots(Callback):
    """Writes the network to a file while it trains, and at the end.

    ``{}`` in the path of the file stands for the time, in seconds; None: nowhere.
    """

    def __init__(self, file: files.File | None, interval: Interval) -> None:
        self.file = file
        self.interval = interval
        self.epochs = 0
        self._start: int | None = None

    @classmethod
    def take(cls, options: dict[str, Any]) -> "Snapshots":
        """Make one from ``save_progress`` and ``save_every``, and remove these."""
        file = options.pop("save_progress", None)
        interval = Interval.checked(
            options.pop("save_every", 0), "save_every", never=True
        )
        every = interval.every
        if every and file is None:
            raise ConfigurationError(
                f"save_every is {shown(every)}, but there is no save_progress: give "
                "the file to write the snapshots to."
            )
        if hasattr(file, "write"):
            files.check_object(file, "save_progress")
            if every and not file.seekable():
                raise ConfigurationError(
                    f"save_progress is {shown(file)}, which cannot be rewound, so that "
                    "a snapshot cannot replace the one before. Give a path, or leave "
                    "save_every out: then there is one, at the end."
                )
        elif isinstance(file, str | os.PathLike):
            files.check_target(file, "save_progress")
        elif file is not None:
            raise ConfigurationError(
                f"save_progress is {shown(file)}; it has to be a path or a binary file."
            )
        return cls(file, interval)

    def on_epoch(self, report: Report) -> None:
        """Write one if it is time, or warn: training goes on without it."""
        self.epochs += 1
        if self.interval.due(self.epochs):
            files.or_warn(partial(self._write, report.model), "the snapshot")
            self.interval.restart()

    def on_finish(self, report: Report) -> None:
        """Write the last one; a failure is noted on the error that ended the run."""
        if self.epochs and report.last:
            write = partial(self._write, report.model)
            files.or_note(write, "the snapshot", report.error)

    def _write(self, network: Any) -> None:
        if isinstance(self.file, str | os.PathLike):
            network.save(os.fspath(self.file).replace("{}", str(int(time.time()))))
        elif self.file is not None:
            if self.interval.every:
                # Replace the snapshot before.
                if self._start is None:
                    self._start = self.file.tell()
                self.file.seek(self._start)
                self.file.truncate()
            network.save(self.file)
