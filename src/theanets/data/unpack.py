"""Which arrays a user means, and in which order."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from theanets.data.kinds.base import is_array, is_indexed
from theanets.errors import DataError
from theanets.utils.registry import join_names, suggest


class RawArray(NamedTuple):
    """One of the arrays that a user gives, and what messages call it: ``train[0]``."""

    value: object
    label: str


def unpack(data: object, name: str, names: tuple[str, ...]) -> list[RawArray] | None:
    """Return the arrays that a data set consists of; None if it comes in batches."""
    if is_by_name(data):
        return _in_order(data, name, names)
    if isinstance(data, tuple | list) and len(data):
        numbered = (RawArray(value, f"{name}[{i}]") for i, value in enumerate(data))
        if is_by_name(data[0]):
            inputs = _in_order(data[0], f"{name}[0]", names[: len(data[0])])
            return [*inputs, *list(numbered)[1:]]
        if not _is_nested(data):
            return [RawArray(data, name)] if _is_numbers(data) else list(numbered)
        if all(isinstance(part, tuple | list) for part in data):
            return None
        # The arrays of several inputs in a list of their own, before the target.
        return unpack((*data[0], *data[1:]), name, names)
    if data is None or isinstance(data, tuple | list | str | int | float):
        raise DataError(
            f"{name} is {'empty' if data in ((), []) else repr(data)}; it has to be an "
            "array, a tuple of arrays (inputs, then target, then weights), a callable "
            "that returns one batch, or an iterable of batches."
        )
    if is_array(data):
        return [RawArray(data, name)]
    if callable(data) or isinstance(data, Iterable) or is_indexed(data):
        return None
    return [RawArray(data, name)]


def is_by_name(data: object) -> TypeGuard[Mapping[str, Any]]:
    """Return whether data are arrays by name; one sparse format is a dict too."""
    return isinstance(data, Mapping) and not is_array(data)


def _in_order(
    data: Mapping[str, Any], name: str, names: tuple[str, ...]
) -> list[RawArray]:
    if not names:
        raise DataError(
            f"{name} is a dict, but its arrays have no names here. Give a tuple of "
            "them, in the order of the function's arguments."
        )
    if set(data) != set(names):
        unknown = sorted(map(str, set(data) - set(names)))
        missing = set(names) - set(data)
        parts = {"missing": missing, "unknown": unknown}
        raise DataError(
            f"{name} has the arrays {join_names(map(str, data))}; the model expects "
            f"{', '.join(names)}, so "
            + " and ".join(f"{k}: {join_names(v)}" for k, v in parts.items() if v)
            + "."
            + suggest(next(iter(unknown), ""), missing)
        )
    return [RawArray(data[key], f'{name}["{key}"]') for key in names]


def _is_numbers(data: Sequence[object]) -> bool:
    """Whether a list is one array written out, and not a list of arrays."""
    first = data[0]
    deep = (
        isinstance(first, tuple | list) and first and isinstance(first[0], tuple | list)
    )
    return not deep and not _holds_array(data)


def _is_nested(data: Sequence[object]) -> bool:
    """Whether a list holds batches, each a tuple of arrays, and no arrays."""
    return isinstance(data[0], tuple | list) and _holds_array(data[0])


def _holds_array(data: Sequence[object]) -> bool:
    return any(is_array(part) for part in data if not isinstance(part, int | float))
