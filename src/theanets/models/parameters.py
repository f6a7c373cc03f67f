"""The arrays of a network, and the handle through which a user reaches one of them.

Threads see whole sets of parameters: `Arrays.commit` replaces all at once and
`Arrays.now` copies all at once. Both are single steps of CPython, so there is no lock
to wait for, to pickle, or to inherit in a fork.
"""

from collections.abc import Mapping, MutableMapping, Sequence

import jax
import numpy as np
from numpy.typing import DTypeLike

from theanets.config import float_type
from theanets.data.arrays import as_array, converted
from theanets.errors import DataError
from theanets.types import Array, DType, Params
from theanets.utils.checks import check_bool, shown
from theanets.utils.forks import forked, refuse_forked
from theanets.utils.registry import suggest


class Arrays(dict[str, Array]):
    """The arrays of a network by full name; one never changes, but is replaced."""

    def now(self) -> dict[str, Array]:
        """Return the arrays of this moment, whatever other threads commit later."""
        refuse_forked()
        # In CPython a dict is copied, and updated, in one step for other threads.
        return dict(self)

    def commit(self, new: Params) -> None:
        """Replace arrays, all at once for other threads."""
        # Kept until the end: freeing an array can let other threads run.
        before = self.now()
        self.update(new)
        del before

    def __reduce__(self) -> tuple[object, ...]:
        host = {name: np.asarray(array) for name, array in self.now().items()}
        return _unpickled, (host,)

    def __deepcopy__(self, memo: object) -> "Arrays":
        return Arrays(self)


def _unpickled(host: Mapping[str, np.ndarray]) -> Arrays:
    if any(array.dtype == np.float64 for array in host.values()):
        float_type("float64", "floatX")
    if forked():
        # A pool would wait for a worker that cannot read its task. So the error comes
        # when the worker uses the network.
        return Arrays(host)  # type: ignore[arg-type]
    return Arrays(to_device(host))


def to_device(arrays: Mapping[str, np.ndarray]) -> dict[str, Array]:
    """Return arrays of JAX, moved together."""
    refuse_forked()
    on_device: dict[str, Array] = jax.device_put(dict(arrays))
    return on_device


class Parameter:
    """One array of a network, by name: a path into the network, never a copy.

    Examples
    --------
    >>> import theanets
    >>> bias = theanets.Regressor([2, 3]).find("out", "b")
    >>> bias
    <Parameter out.b (3,) float32>
    >>> bias.set_value([1, 2, 3])
    >>> bias.get_value()
    array([1., 2., 3.], dtype=float32)
    """

    def __init__(self, values: MutableMapping[str, Array], name: str) -> None:
        self._values = values
        self.name = name

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return tuple(self._values[self.name].shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> DType:
        """Type of the values."""
        return self._values[self.name].dtype

    def get_value(self, borrow: bool = False) -> np.ndarray:
        """Return a copy of the values.

        Parameters
        ----------
        borrow : bool
            Accepted for older scripts; the result is a copy either way, so that only
            `set_value` changes the network.
        """
        check_bool(borrow, "borrow")
        refuse_forked()
        return np.array(self._values[self.name])

    def set_value(self, value: object, borrow: bool = False) -> None:
        """Replace the values by others of the same shape.

        Parameters
        ----------
        value : array
            The new values, which are copied.
        borrow : bool
            Accepted for older scripts; it changes nothing.

        Raises
        ------
        DataError
            If the shape differs, or a value is not finite or too large for the
            precision of the parameter.
        """
        check_bool(borrow, "borrow")
        refuse_forked()
        array = np.asarray(as_array(value, f'parameter "{self.name}"'))
        if array.shape != self.shape:
            raise DataError(
                f'parameter "{self.name}": its shape is {self.shape}, got an array of '
                f"shape {array.shape}."
            )
        where = f'parameter "{self.name}": its new value'
        new = converted(array, self.dtype, where, "Its old values stay.")
        self._values.update(to_device({self.name: np.array(new)}))

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> np.ndarray:
        value = self.get_value()
        return value if dtype is None else value.astype(dtype)

    def __repr__(self) -> str:
        return f"<Parameter {self.name} {self.shape} {self.dtype}>"


def no_such(where: str, kind: str, wanted: object, names: Sequence[str]) -> str:
    """Return the message for a layer or parameter that is not there.

    >>> print(no_such("the model", "layer", "hid", ["in", "hid1"]))
    the model has no layer 'hid'. There are: in, hid1. Did you mean "hid1"?
    """
    there = ", ".join(names) or "none"
    return f"{where} has no {kind} {shown(wanted)}. There are: {there}." + suggest(
        wanted, names
    )
