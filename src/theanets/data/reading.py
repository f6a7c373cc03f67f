"""Reads a user's callable or iterable, and says where it failed."""

import threading
import time
from collections.abc import Callable, Iterator, Sized
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from theanets.data.indexed import Batches
from theanets.errors import DataError

T = TypeVar("T")

DEFAULT_BATCHES = 100
"""Batches of an epoch if the source has no length."""
_END = object()


class Unwanted(Exception):
    """No more batches are needed, so the thread that reads them ends."""


@dataclass(eq=False, repr=False)
class Reader:
    """Reads a user's callable or iterable, an epoch at a time."""

    data: object
    name: str
    wanted: int | None
    """Batches in an epoch, if that is given."""
    passes: str
    """What messages call one pass over the data: epoch, or validation."""
    timeout: float | None = None
    once: bool = False
    """Whether an epoch cannot start the data again when they have fewer batches."""

    def __post_init__(self) -> None:
        self._length = _length(self.data)
        self._pass = self._number = 0
        self._asked_at: float | None = None
        if self._length == 0 and not self.wanted:
            raise DataError(f"{self.name} is empty: it has no batches.")

    @property
    def batches(self) -> int | None:
        """Batches in an epoch; None for as many as the iterable has."""
        endless = callable(self.data) or isinstance(self.data, Iterator)
        return self.wanted or self._length or (DEFAULT_BATCHES if endless else None)

    @property
    def owner(self) -> object:
        """The user's object that is read, directly, through a method or by number."""
        if isinstance(self.data, Batches):
            return self.data.data
        return getattr(self.data, "__self__", self.data)

    @property
    def where(self) -> str:
        """The batch that is being read, for messages."""
        return f"{self.name}: batch {self._number} of {self.passes} {self._pass}"

    def restart(self) -> None:
        """Count epochs from 0, as each run does."""
        self._pass = 0

    def begin(self) -> None:
        """Begin another epoch, and the wait for its first batch."""
        self._pass += 1
        self._number = 0
        self._asked_at = time.monotonic()

    def read(
        self,
        checked: Callable[[Any], T],
        stopped: threading.Event,
        most: int | None = None,
    ) -> Iterator[T]:
        """Yield the batches of an epoch, each of them checked.

        Errors of the source or the check get a note that says where they happened. Once
        ``stopped`` is set, the source is not called again. ``most`` is the largest
        number of batches to read.
        """

        def ask(function: Callable[..., Any], *arguments: Any) -> Any:
            self._asked_at = time.monotonic()
            try:
                with Noted(self.where):
                    return function(*arguments)
            except StopIteration as error:
                # It would look like the end of the training.
                raise DataError(
                    f"{self.where} is missing: the source raised StopIteration. Give a "
                    "callable a len(), or give the iterable that it reads."
                ) from error
            finally:
                self._asked_at = None
                if stopped.is_set():
                    raise Unwanted

        # A list of batches may have grown.
        self._length = ask(_length, self.data)
        batches = self._iterated(ask)
        if callable(self.data):
            batches = (ask(self.data) for _ in range(self.batches or DEFAULT_BATCHES))
        for batch in islice(batches, most):
            yield ask(checked, batch)
            self._number += 1
        if not self._number:
            raise DataError(
                f"{self.name} gave no batch in {self.passes} {self._pass}. An "
                "iterator can be read only once: give a list, an object whose __iter__ "
                "starts anew, or a callable."
            )

    def check_time(self) -> None:
        """Raise a DataError if a batch has been waited for too long."""
        begun = self._asked_at
        if begun is None or self.timeout is None:
            return
        if time.monotonic() - begun > self.timeout:
            raise DataError(
                f"{self.where} did not come within the {self.timeout:g} s that its "
                "timeout allows. See what it waits for, or give theanets.Dataset a "
                "longer timeout."
            )

    def _iterated(self, ask: Callable[..., Any]) -> Iterator[Any]:
        length = None if self.wanted else self._length
        left = self.batches
        while left != 0:
            begun, iterator = self._number, ask(iter, self.data)
            while left != 0 and (batch := ask(next, iterator, _END)) is not _END:
                yield batch
                left = None if left is None else left - 1
            if left and self.once:
                raise DataError(
                    f"{self.where} is missing: the source has {self._number} batches, "
                    f"and one epoch is to read {self.batches} of them. With "
                    "stateful=True it cannot start anew within an epoch. Give fewer "
                    "train_batches, valid_batches or iteration_size."
                )
            # Data with fewer batches than the epoch start again.
            if left is None or length is not None or self._number == begun:
                break
        if length is None or not self._number:
            return
        advice = (
            f"len() promises {length} batches. Correct it, or say how many make an "
            "epoch: by iteration_size of theanets.Dataset."
        )
        if left:
            raise DataError(f"{self.where} is missing: {advice}")
        once = isinstance(self.data, Iterator)
        if not once and ask(next, iterator, _END) is not _END:
            raise DataError(f"{self.where} is one too many: {advice}")


class Noted:
    """Adds a note to errors within, which says what was being read.

    Not a generator: it would set attributes of the error, which some errors refuse.

    >>> try:
    ...     with Noted("train: batch 3 of epoch 1"):
    ...         raise OSError("no more disk")
    ... except OSError as error:
    ...     error.__notes__
    ['Raised while theanets read train: batch 3 of epoch 1.']
    """

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        # Some errors refuse notes, and some messages say it already.
        with suppress(Exception):
            if error is not None and not str(error).startswith(self.where):
                error.add_note(f"Raised while theanets read {self.where}.")


def _length(data: object) -> int | None:
    if not isinstance(data, Sized):
        return None
    try:
        return len(data)
    except (TypeError, NotImplementedError):
        # Loaders of data without a length raise one of these.
        return None
