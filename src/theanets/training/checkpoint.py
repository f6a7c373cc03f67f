"""The file from which an interrupted training goes on as if nothing had happened."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from theanets.errors import CheckpointError, ConfigurationError, ModelFileError
from theanets.serialization import files
from theanets.serialization.lock import Lock, Locked
from theanets.training.differences import differences
from theanets.training.interval import Interval
from theanets.types import TRAINING_PREFIX, PyTree
from theanets.utils.checks import shown

FACTS = "training"
"""The key, in the description of a file, of all that is not part of the model."""
KEYWORDS = ("checkpoint", "checkpoint_every", "resume")

T = TypeVar("T")
_NONSENSE = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)

Model = tuple[dict[str, Any], Mapping[str, PyTree]]
"""A model in a file: its description, its arrays."""


@dataclass
class Saved:
    """What a checkpoint holds."""

    model: Model
    """With its best parameters so far."""
    facts: dict[str, Any]
    """The training, without arrays."""
    arrays: dict[str, np.ndarray]
    """The arrays of the training."""


def under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays whose names begin so, by the rest of their names."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


@dataclass
class Checkpoint:
    """The file of a training: where it is, and when to write it."""

    path: Path
    interval: Interval = field(default_factory=lambda: Interval(5.0))
    resume: bool = True
    """Whether to go on with the training in the file."""
    run: dict[str, Any] = field(default_factory=dict)
    """A description of the run; equal ones are the same run."""
    _lock: Lock = field(init=False)
    _seen: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        self._lock = Lock(self.path)

    @classmethod
    def take(cls, given: dict[str, Any]) -> "Checkpoint | None":
        """Make one from its keywords, and remove these from ``given``."""
        options = {name: given.pop(name) for name in KEYWORDS if name in given}
        file = options.pop("checkpoint", None)
        if file is None:
            for name, value in options.items():
                raise ConfigurationError(
                    f"{name} is {shown(value)}, but there is no checkpoint: give "
                    'the path of its file, such as checkpoint="run.safetensors".'
                )
            return None
        if not isinstance(file, str | os.PathLike):
            raise ConfigurationError(
                f"checkpoint is {shown(file)}; it has to be the path of a file, such "
                'as "run.safetensors".'
            )
        files.check_target(file, "checkpoint")
        every = options.get("checkpoint_every", 5.0)
        interval = Interval.checked(every, "checkpoint_every", never=False)
        resume = options.get("resume", True)
        if not isinstance(resume, bool | np.bool_):
            raise ConfigurationError(
                f"resume is {shown(resume)}; it has to be True, to go on with the run "
                "that the file holds, or False, to start over."
            )
        return cls(Path(os.path.realpath(file)), interval, bool(resume))

    # Reading.

    def saved(self) -> Saved | None:
        """Return the content of the file, None where there is nothing to go on with."""
        self._seen = _stamp(self.path)
        if not self.resume or self._seen is None:
            return None
        description, arrays = files.read(self.path)
        facts = description.pop(FACTS, None)
        if not isinstance(facts, dict):
            raise CheckpointError(
                f'the checkpoint "{self.path}" holds a model but no training to go on '
                "with. Give another path; or resume=False to start over, which keeps "
                "the old file aside."
            )
        of_training = under(TRAINING_PREFIX, arrays)
        of_model = {
            n: x for n, x in arrays.items() if not n.startswith(TRAINING_PREFIX)
        }
        return Saved((description, of_model), facts, of_training)

    def parse(self, make: Callable[[], T]) -> T:
        """Return what ``make`` reads from the content, or raise a ModelFileError."""
        try:
            return make()
        except _NONSENSE as error:
            raise ModelFileError(
                f'the checkpoint "{self.path}" is damaged: what it says of a training '
                f"makes no sense ({type(error).__name__}: {error}). Use an older one, "
                "or resume=False to start over."
            ) from error

    def compare(self, saved: Saved) -> None:
        """Raise a CheckpointError, with all differences, for a file of another run."""
        changes = list(differences(saved.facts.get("run", {}), self.run))
        if changes:
            raise CheckpointError(
                f'the checkpoint "{self.path}" is of another run: '
                + "; ".join(changes)
                + ". Train as before, give another path, or resume=False to start "
                "over, which keeps the old file aside."
            )

    # Writing.

    # No generator: contextlib sets the traceback of each exception, and an exception
    # of the user may refuse that.
    def __enter__(self) -> "Checkpoint":
        """Lock the file, so that no other process writes it."""
        try:
            try:
                self._lock.take()
            except Locked as error:
                raise CheckpointError(
                    f'the checkpoint "{self.path}" is in use by {error}. Wait until '
                    "that has ended, or give each training a file of its own."
                ) from None
            except OSError as error:
                what = "the checkpoint cannot be written"
                raise files.plainly(error, what, self.path) from error
            if _stamp(self.path) != self._seen:
                raise CheckpointError(
                    f'the checkpoint "{self.path}" was changed by another process '
                    "since it was read. Call train again."
                )
            if self._seen is not None and not self.resume:
                os.replace(self.path, _aside(self.path))
            self.interval.restart()
            return self
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def write(self, saved: Saved) -> None:
        """Write everything, whole or not at all."""
        description, arrays = saved.model
        try:
            files.write(
                self.path,
                {**description, FACTS: {**saved.facts, "run": self.run}},
                {**arrays, **{TRAINING_PREFIX + n: a for n, a in saved.arrays.items()}},
            )
        finally:
            self.interval.restart()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is replaced, None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _aside(path: Path) -> Path:
    """Return a free name in the folder of a file."""
    number = 1
    while (name := path.with_name(f"{path.name}.old{number}")).exists():
        number += 1
    return name
