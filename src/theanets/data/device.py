"""Arrays on the device: each is moved there once for as long as it is unchanged.

One copy of each host array is kept for as long as that array lives and there is room. A
checksum tells whether it was changed in place.
"""

import weakref
from collections import OrderedDict
from threading import RLock
from typing import Any

import jax
import numpy as np

from theanets.config import config
from theanets.data.arrays import narrowed
from theanets.data.blocks import checksum, digest
from theanets.data.kinds.base import LazyArray
from theanets.utils.forks import forked


class DeviceCache:
    """Copies of arrays on the device, each made once for as long as it is unchanged.

    The key is the array's memory, and its content is compared by a checksum, so
    that an array changed in place is moved again. An entry lives as long as the
    array that owns the memory, and the least recently used make room for others when
    all together are larger than ``config.resident_bytes``.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[Any, ...], tuple[bytes, Any, Any]] = (
            OrderedDict()
        )
        # An array may be freed in any thread, even while this one holds the lock.
        self._lock = RLock()

    def get(self, array: Any, dtype: Any) -> jax.Array:
        """Return an array's copy on the device, moving it there if need be.

        Arrays of JAX are there already, and of a lazy array no copy is kept.
        """
        if isinstance(array, jax.Array):
            return array
        if isinstance(array, LazyArray):
            moved: jax.Array = jax.device_put(narrowed(array[:], dtype))
            return moved
        interface = array.__array_interface__
        key = (
            interface["data"],
            array.shape,
            array.strides,
            array.dtype.str,
            str(dtype),
        )
        mark = checksum(array)
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry[0] == mark and entry[2]() is not None:
                self._entries.move_to_end(key)
                on_device: jax.Array = entry[1]
                return on_device
        moved = _copied(array, dtype)
        reference = weakref.ref(_owner(array), lambda _: self._forget(key))
        with self._lock:
            self._entries[key] = (mark, moved, reference)
            self._entries.move_to_end(key)
            self._make_room()
        return moved

    def _forget(self, key: tuple[Any, ...]) -> None:
        if forked():
            # Another thread may have left the lock closed.
            return
        with self._lock:
            self._entries.pop(key, None)

    def _make_room(self) -> None:
        size = sum(entry[1].nbytes for entry in list(self._entries.values()))
        while size > config.resident_bytes and len(self._entries) > 1:
            _, (_, dropped, _) = self._entries.popitem(last=False)
            size -= dropped.nbytes

    def __len__(self) -> int:
        return len(self._entries)


DEVICE_CACHE = DeviceCache()


def identity(array: Any) -> dict[str, Any]:
    """Return the shape, type and checksum of an array, for a file in JSON."""
    lazy = isinstance(array, LazyArray)
    return {
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "content": array.fingerprint() if lazy else digest([np.asarray(array)]),
    }


def _copied(array: np.ndarray, dtype: Any) -> jax.Array:
    """Return a copy on the device.

    JAX may use the array's own memory instead. What is on the device would then change
    with the array, and keep it alive.
    """
    moved: jax.Array = jax.device_put(narrowed(array, dtype))
    if moved.unsafe_buffer_pointer() == array.ctypes.data:
        moved = jax.device_put(array.copy())
    return moved


def _owner(array: np.ndarray) -> np.ndarray:
    """Return the array that owns the memory, which outlives its views."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
