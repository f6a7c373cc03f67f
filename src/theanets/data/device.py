"""Arrays on the device: each is moved there once, and again only if it changes."""

import weakref
from collections import OrderedDict
from threading import RLock
from typing import TypeAlias

import jax
import numpy as np
from numpy.typing import DTypeLike

from theanets.config import config
from theanets.data.arrays import narrowed
from theanets.data.blocks import checksum, digest
from theanets.data.kinds.base import DataArray, LazyArray
from theanets.types import JsonDict
from theanets.utils.forks import forked

Key: TypeAlias = tuple[object, ...]
Entry: TypeAlias = tuple[bytes, jax.Array, weakref.ref[np.ndarray]]
"""The checksum of an array, its copy, and what says whether the array still lives."""


class DeviceCache:
    """Copies of arrays on the device, each made once as long as it is unchanged.

    The key is the array's memory, and its content is compared by a checksum, so
    that an array changed in place is moved again. An entry lives as long as the
    array that owns the memory, and the least recently used make room for others when
    all together are larger than ``config.resident_bytes``.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        # An array may be freed in any thread, even while this one holds the lock.
        self._lock = RLock()

    def get(
        self, array: DataArray, dtype: DTypeLike, rows: int | None = None
    ) -> jax.Array:
        """Return an array's copy on the device, moving it there if necessary.

        ``rows`` is the length of the copy, filled up with zeros. Arrays of JAX are
        there already, and copies of lazy arrays are not kept.
        """
        if isinstance(array, jax.Array):
            return array
        if isinstance(array, LazyArray):
            moved: jax.Array = jax.device_put(
                _with_rows(narrowed(array[:], dtype), rows)
            )
            return moved
        interface = array.__array_interface__
        layout = array.shape, array.strides, array.dtype.str
        key = (interface["data"], *layout, str(dtype), rows)
        content = checksum(array)
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry[0] == content and entry[2]() is not None:
                self._entries.move_to_end(key)
                return entry[1]
        moved = jax.device_put(_with_rows(narrowed(array, dtype), rows))
        if moved.unsafe_buffer_pointer() == array.ctypes.data:
            # JAX uses the array's own memory. This would change with the array, and
            # keep it alive.
            moved = jax.device_put(array.copy())
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        reference = weakref.ref(owner, lambda _: self._forget(key))
        with self._lock:
            self._entries[key] = (content, moved, reference)
            self._entries.move_to_end(key)
            size = sum(entry[1].nbytes for entry in list(self._entries.values()))
            while size > config.resident_bytes and len(self._entries) > 1:
                _, (_, dropped, _) = self._entries.popitem(last=False)
                size -= dropped.nbytes
        return moved

    def _forget(self, key: Key) -> None:
        if forked():
            # Another thread may have left the lock closed.
            return
        with self._lock:
            self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)


DEVICE_CACHE = DeviceCache()


def _with_rows(array: np.ndarray, rows: int | None) -> np.ndarray:
    """Return an array with so many rows, the additional ones of zeros."""
    if rows is None or rows == len(array):
        return array
    room = np.zeros((rows - len(array), *array.shape[1:]), array.dtype)
    return np.concatenate([array, room])


def identity(array: DataArray) -> JsonDict:
    """Return the shape, type and checksum of an array, for a file in JSON."""
    if isinstance(array, LazyArray):
        content = array.fingerprint()
    else:
        content = digest([np.asarray(array)])
    shape = list(array.shape)
    return {"shape": shape, "dtype": str(array.dtype), "content": content}
