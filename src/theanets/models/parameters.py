"""The handle by which a user holds one array of a network.

Threads see whole sets of parameters: `Arrays.commit` replaces all at once and
`Arrays.now` copies all at once. Both are single steps of CPython, so there is no lock
to wait for, to pickle, or to inherit by a fork.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import jax
import numpy as np

from theanets.config import float_type
from theanets.data.arrays import as_array, converted
from theanets.errors import DataError
from theanets.utils.checks import check_bool, shown
from theanets.utils.forks import forked, refuse_forked
from theanets.utils.registry import suggest


class Arrays(dict[str, Any]):
    """The arrays of a network by full name, the same for all its handles.

    They are JAX's, and none of them ever changes, each is only replaced by another.
    """

    def now(self) -> dict[str, Any]:
        """Return the arrays of this moment, whatever other threads go on to commit.

        Whatever reads them asks here, and is refused in a forked process.
        """
        refuse_forked()
        # In CPython a dict is copied, and updated, in one step for other threads.
        return dict(self)

    def commit(self, new: Mapping[str, Any]) -> None:
        """Replace arrays, all at once for other threads."""
        # Kept until the end: to free an array can let other threads go on.
        before = self.now()
        self.update(new)
        del before

    def __reduce__(self) -> tuple[Any, ...]:
        host = {name: np.asarray(array) for name, array in self.now().items()}
        return _unpickled, (host,)

    def __deepcopy__(self, memo: Any) -> "Arrays":
        return Arrays(self)


def _unpickled(host: Mapping[str, np.ndarray]) -> Arrays:
    if any(array.dtype == np.float64 for array in host.values()):
        float_type("float64", "floatX")
    if forked():
        # A worker that cannot read its task would be waited for; the error comes when
        # it uses the network.
        return Arrays(host)
    return Arrays({name: to_device(array) for name, array in host.items()})


def to_device(array: np.ndarray) -> Any:
    """Return an array of JAX."""
    refuse_forked()
    return jax.device_put(array)


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

    def __init__(self, values: MutableMapping[str, Any], name: str) -> None:
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
    def dtype(self) -> Any:
        """Type of the values."""
        return self._values[self.name].dtype

    def get_value(self, borrow: bool = False) -> np.ndarray:
        """Return a copy of the values.

        Parameters
        ----------
        borrow : bool
            Taken for scripts that give it; the answer is a copy either way, so that
            only `set_value` changes the network.
        """
        check_bool(borrow, "borrow")
        refuse_forked()
        return np.array(self._values[self.name])

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """Replace the values by others of the same shape.

        Parameters
        ----------
        value : array
            The new values, which are copied.
        borrow : bool
            Taken for scripts that give it; it changes nothing.

        Raises
        ------
        DataError
            If the shape is another one, or a value is not finite, or beyond what the
            precision of the parameter can hold.
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
        self._values[self.name] = to_device(np.array(new))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        value = self.get_value()
        return value if dtype is None else value.astype(dtype)

    def __repr__(self) -> str:
        return f"<Parameter {self.name} {self.shape} {self.dtype}>"


def no_such(where: str, kind: str, wanted: object, names: Sequence[str]) -> str:
    """Return the message for a layer or parameter that is not there.

    Examples
    --------
    >>> print(no_such("the model", "layer", "hid", ["in", "hid1"]))
    the model has no layer 'hid'. There are: in, hid1. Did you mean "hid1"?
    """
    there = ", ".join(names) or "none"
    return f"{where} has no {kind} {shown(wanted)}. There are: {there}." + suggest(
        wanted, names
    )
