"""What a function computes, as a key: its code, and the values that it reads.

A compiled program holds the values that a function read when it was traced. So the key
is computed again whenever a program is looked up: a function that now reads other
values gets another program.

A user's function can read anything: code, defaults, cells, globals that the code names,
attributes, and everything these reach in the user's own modules. A walk over that takes
30 to 100 µs; models without a user's functions need none. JAX caches loop bodies and
the user's own `jit` by identity. So if a function reads other values than before, the
walk clears JAX's caches.
"""

import functools
import hashlib
import sys
import sysconfig
import types
import weakref
from collections.abc import Collection, Hashable, Iterable, Mapping
from pathlib import Path

import jax
import numpy as np

_CORE = {"jax", "jaxlib", "numpy", "scipy", "optax", "ml_dtypes", "theanets"}
_INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("purelib", "platlib"))
_REFLECTION = {"getattr", "vars", "__dict__"}
_DEEPEST = 32
_LAST: weakref.WeakKeyDictionary[types.FunctionType, int] = weakref.WeakKeyDictionary()
"""For each user's function, the hash of what it read last: it keeps nothing alive."""


def key(*things: object) -> Hashable:
    """Return a key that compares callables, and objects with methods, by value.

    For a function it holds the code, defaults, captured values, and the globals that
    the code names; for an object its attributes and the methods of its class; and the
    same for the user's functions, objects and modules that these read. Numbers, texts,
    arrays and containers are compared by value; everything else, and everything in
    installed packages, by identity.

    >>> def power(x, exponent):
    ...     return x**exponent
    >>> square = functools.partial(power, exponent=2)
    >>> key(square) == key(functools.partial(power, exponent=2))
    True
    >>> key(square) == key(functools.partial(power, exponent=3))
    False
    """
    collecting = _Walk(None)
    for thing in things:
        collecting.of(thing)
    walk = _Walk(_attributes_read(collecting.names))
    result = tuple(map(walk.of, things))
    changed = False
    for function in walk.functions:
        # Walked alone, so that it does not matter how it was reached.
        now = hash(_Walk(_attributes_read(_names(function.__code__))).of(function))
        changed = changed or _LAST.get(function, now) != now
        _LAST[function] = now
    if changed:
        jax.clear_caches()
    return result


def is_own(thing: object) -> bool:
    """Return whether a class, or the class of an object, is the user's own.

    >>> is_own(np.ndarray), is_own(jax.nn.relu)
    (False, False)
    >>> is_own(type("Mine", (), {"__module__": "__main__"}))
    True
    """
    cls = thing if isinstance(thing, type) else type(thing)
    return not _in_library(cls.__module__)


class _Same:
    """An object that is compared by identity."""

    def __init__(self, thing: object) -> None:
        self.thing = thing

    def __hash__(self) -> int:
        return id(self.thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.thing is other.thing


def _attributes_read(names: Collection[str]) -> frozenset[str] | None:
    """Return which attributes code with these names may read; None: any."""
    return None if _REFLECTION.intersection(names) else frozenset(names)


class _Walk:
    """Follows what callables read, everything once.

    It reads only the ``wanted`` attributes of objects, all if that is None. It collects
    the names in code in ``names``.
    """

    def __init__(self, wanted: frozenset[str] | None) -> None:
        self.wanted = wanted
        self.names: set[str] = set()
        self.numbers: dict[int, int] = {}
        self.functions: list[types.FunctionType] = []

    def of(self, value: object, depth: int = 0) -> Hashable:
        """Return the key of one value."""
        kind = type(value)
        if isinstance(value, _Same):
            return value
        if value is None or kind in (bool, int, str, bytes):
            return kind, value
        if isinstance(value, int | float | complex | str | bytes | bytearray):
            # The texts of 0.0 and -0.0 differ, and NaN's equals itself.
            return kind, repr(value)
        if isinstance(value, np.ndarray | np.generic):
            return _of_array(value)
        if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer):
            # It never changes; a small one may be made often.
            return _of_array(np.asarray(value)) if value.size < 64 else _Same(value)
        if depth > _DEEPEST:
            return _Same(value)
        parts = _parts(value)
        if parts is not None:
            return kind, tuple(self.of(part, depth + 1) for part in parts)
        if isinstance(value, set | frozenset):
            return kind, frozenset(self.of(part, depth + 1) for part in value)
        if id(value) in self.numbers:
            return "seen", self.numbers[id(value)]
        self.numbers[id(value)] = len(self.numbers)
        if isinstance(value, types.FunctionType):
            if _in_library(value.__globals__.get("__name__")):
                return _Same(value)
            return self.of_function(value, depth + 1)
        if isinstance(value, type):
            return self.of_class(value, depth + 1)
        attributes = _attributes(value)
        if attributes is None:
            return _Same(value)
        of_class = self.of_class(kind, depth + 1)
        if self.wanted is not None and not hasattr(kind, "compared"):
            names = self.wanted & attributes.keys()
            attributes = {name: attributes[name] for name in sorted(names)}
        return of_class, self.of(attributes, depth + 1)

    def of_function(self, function: types.FunctionType, depth: int) -> Hashable:
        code, known = function.__code__, function.__globals__
        names = _names(code)
        self.names |= names
        read = (
            function.__defaults__,
            function.__kwdefaults__,
            *map(_content, function.__closure__ or ()),
            vars(function),
            *(_named(known[name], names) for name in sorted(names & known.keys())),
        )
        key_of_read = self.of(read, depth)
        self.functions.append(function)
        # A program traces this very function, so the object counts too.
        return _Same(function), (code, key_of_read)

    def of_class(self, cls: type, depth: int) -> Hashable:
        if _in_library(cls.__module__):
            return _Same(cls)
        # Other special methods, such as __init__, show in the attributes.
        methods = [
            _method(value)
            for name, value in sorted(vars(cls).items())
            if name in ("__call__", "setup") or not name.startswith("__")
            if callable(_method(value)) or self.wanted is None or name in self.wanted
        ]
        bases = [base for base in cls.__bases__ if is_own(base)]
        return self.of((*bases, *methods), depth), _Same(cls)


def _parts(value: object) -> Iterable[object] | None:
    """Return what a container holds, in its order, or None for anything else."""
    if isinstance(value, tuple | list):
        return value
    if isinstance(value, dict | types.MappingProxyType):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, functools.partial):
        return value.func, value.args, value.keywords
    if isinstance(value, types.MethodType):
        return value.__func__, value.__self__
    if callable(inner := getattr(value, "__wrapped__", None)):
        # Such as functions that JAX has compiled.
        return _Same(value), inner
    return None


def _content(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _named(value: object, names: frozenset[str]) -> object:
    """Return a global; for a user's module, only what the function names of it."""
    if isinstance(value, types.ModuleType) and not _in_library(value.__name__):
        return {name: vars(value)[name] for name in sorted(names & vars(value).keys())}
    return value


def _method(value: object) -> object:
    value = value.__func__ if isinstance(value, staticmethod | classmethod) else value
    return value.fget if isinstance(value, property) else value


def _attributes(thing: object) -> Mapping[str, object] | None:
    """Return the attributes by which an object is compared, None if by identity."""
    if (compared := getattr(type(thing), "compared", None)) is not None:
        attributes: Mapping[str, object] = compared(thing)
        return attributes
    if not is_own(thing) and not isinstance(thing, types.SimpleNamespace):
        return None
    slots = [x for base in type(thing).__mro__ for x in vars(base).get("__slots__", ())]
    in_slots = {name: getattr(thing, name) for name in slots if hasattr(thing, name)}
    return {**in_slots, **getattr(thing, "__dict__", {})}


def _of_array(array: np.ndarray | np.generic) -> Hashable:
    if array.dtype.hasobject:
        return _Same(array)
    if isinstance(array, np.ma.MaskedArray):
        return _of_array(array.data), _of_array(np.ma.getmaskarray(array))
    content = np.ascontiguousarray(array).tobytes()
    short = content if len(content) < 4096 else hashlib.blake2b(content).digest()
    return array.shape, array.dtype.str, short


@functools.lru_cache(maxsize=4096)
def _names(code: types.CodeType) -> frozenset[str]:
    """Return all names in a function's code, and in the functions inside it."""
    inner = (part for part in code.co_consts if isinstance(part, types.CodeType))
    return frozenset(code.co_names).union(*map(_names, inner))


@functools.cache
def _in_library(module: object) -> bool:
    """Return whether a module is Python's, ours, or in an installed package."""
    package = str(module).partition(".")[0]
    if package in ("__main__", "None"):
        return False
    if package in _CORE or package in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(package), "__file__", None)
    return file is not None and any(Path(file).is_relative_to(x) for x in _INSTALLED)
