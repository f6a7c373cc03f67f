"""What a function computes, as a key: its code, and the values that it reads.

A compiled program holds the values that a function had when it was traced. The key
of a function is taken anew whenever a program is looked up, so that a function which
reads other values now gets another program.
"""

import argparse
import array
import dataclasses
import enum
import functools
import sys
import sysconfig
import types
import weakref
import zlib
from collections import ChainMap, OrderedDict, UserDict, UserList, deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import jax
import numpy as np

F = TypeVar("F", bound=Any)

_CORE = {"jax", "jaxlib", "numpy", "scipy", "optax", "ml_dtypes", "theanets"}
_PATHS = tuple(
    {sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")}
)
_REFLECTION = {"getattr", "vars", "attrgetter", "__dict__", "tree_flatten", "asdict"}
_DULL = {"__doc__", "__module__", "__qualname__", "__annotations__", "__dict__"}
_DULL |= {"__weakref__", "__firstlineno__", "__static_attributes__", "__slots__"}
_DULL |= {"__abstractmethods__", "_abc_impl", "__orig_bases__", "__parameters__"}
_DULL |= {"__dataclass_fields__", "__dataclass_params__", "__match_args__"}
_DULL |= {"__annotate__", "__annotate_func__", "__annotations_cache__", "__hash__"}
_MAKING = {"__init__", "__new__", "__post_init__"}
# What the library calls before anything is compiled.
_BINDING = {"setup", "bind", "infer_output_shape", "find_partner", "initial_values"}
_BINDING |= {"to_spec", "identity", "check", "rename"}
_QUIET = {"__repr__", "__str__", "__del__", "__reduce__", "__getstate__"}
_QUIET |= {"__setstate__", "__copy__", "__deepcopy__", "__init_subclass__"}
_WITH_SETTINGS = {"theanets.layers.base", "theanets.activations"}
_WITH_SETTINGS |= {"theanets.losses.base", "theanets.regularizers.base"}
_NAMESPACES = (types.SimpleNamespace, argparse.Namespace, UserDict, UserList, ChainMap)
_PLAIN = (int, float, complex, str, bytes)
_SMALL = 1 << 12
_DEEPEST = 32


class Key:
    """Equal for callables that compute the same, as long as they still do.

    Parameters
    ----------
    things : tuple
        Callables, or objects whose methods are called.

    Examples
    --------
    >>> def scaled(factor):
    ...     return lambda x: factor * x
    >>> Key((scaled(2),)) == Key((scaled(2),)), Key((scaled(2),)) == Key((scaled(3),))
    (True, False)
    """

    __slots__ = ("_hash", "functions", "things", "value")

    def __init__(self, things: tuple[Any, ...]) -> None:
        walk = _Walk(things)
        self.things, self.value = things, walk.value()
        self.functions = walk.functions() if _SETTLED else ()
        self._hash = hash(self.value)

    @property
    def reads(self) -> bool:
        """Whether it is of any function or object that can read something."""
        return bool(self.value[1])

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key) or self.value != other.value:
            return False
        alike = len(self.things) == len(other.things) and all(
            a is b for a, b in zip(self.things, other.things, strict=True)
        )
        # Whoever holds a program traces it again for other shapes, as he is then.
        return alike or (self._holds() and other._holds())

    def settle(self) -> None:
        """Let what the callables read now be as good as what they read before.

        They were traced meanwhile, so that it is their own doing.
        """
        walk = _Walk(self.things, quiet=True)
        if (value := walk.value()) != self.value:
            place = (*map(_Same, walk.functions()), value)
            _SETTLED[place] = self
            _SETTLED.move_to_end(place)
            while len(_SETTLED) > _MOST_SETTLED:
                _SETTLED.popitem(last=False)

    def _holds(self) -> bool:
        """Return whether the callables still read what they did."""
        return _Walk(self.things).value() == self.value


def forget() -> None:
    """Forget which callables have changed what they read themselves."""
    _SETTLED.clear()


_SETTLED: OrderedDict[Hashable, Key] = OrderedDict()
_MOST_SETTLED = 256


def key(*things: Any) -> Key:
    """Return what tells callables, and objects with methods, from others by value.

    Of a function it is the code, defaults, captured values, and the globals that it
    names; of an object its class's methods and its attributes; and so on for the
    functions, objects and modules of the user's own that these read. Numbers, texts,
    arrays and containers of such are compared by value, everything else by identity.

    If one of them reads another value than it did before, what JAX keeps of functions
    is forgotten: the bodies of its loops and its own ``jit`` are kept by identity.

    Examples
    --------
    >>> import functools
    >>> def power(x, exponent):
    ...     return x**exponent
    >>> square = functools.partial(power, exponent=2)
    >>> key(square) == key(functools.partial(power, exponent=2))
    True
    >>> key(square) == key(functools.partial(power, exponent=3))
    False
    """
    found = Key(things)
    if _SETTLED:
        place = (*map(_Same, found.functions), found.value)
        found = _SETTLED.get(place, found)
    return found


def watched(program: F, name: Hashable, other: Callable[[Hashable], F]) -> F:
    """Return a compiled function that looks at each call at what its callables read.

    Parameters
    ----------
    program : callable
        The function, compiled by JAX.
    name : hashable
        Its key, which holds those of its callables.
    other : callable
        Gives the program of another key: where they read other values by now. A
        function that changes what it reads itself, as one that lists its calls, is
        no reason to compile it again.
    """
    inner = [part for part in _keys_in(name) if part.reads]
    if not inner:
        return program

    def run(*args: Any, **kwargs: Any) -> Any:
        if any(key(*part.things) != part for part in inner):
            return other(_renewed(name))(*args, **kwargs)
        compiled = program._cache_size()
        try:
            return program(*args, **kwargs)
        finally:
            if program._cache_size() != compiled:
                for part in inner:
                    part.settle()

    return cast(F, run)


def _keys_in(name: Any) -> Iterator[Key]:
    if isinstance(name, Key):
        yield name
    elif isinstance(name, tuple):
        for part in name:
            yield from _keys_in(part)


def _renewed(name: Any) -> Any:
    if isinstance(name, Key):
        return key(*name.things)
    return tuple(map(_renewed, name)) if type(name) is tuple else name


def note(*things: Any) -> None:
    """Take note of what callables read, so that `key` knows if that changes."""
    if things:
        _Walk(things)


def is_own(thing: Any) -> bool:
    """Return whether a class, or that of an object, is of no library we know.

    Examples
    --------
    >>> is_own(np.ndarray), is_own(jax.nn.relu), is_own(Key)
    (False, False, False)
    >>> is_own(type("Mine", (), {"__module__": "__main__"}))
    True
    """
    cls = thing if isinstance(thing, type) else type(thing)
    return not _is_core(cls.__module__)


class _Same:
    """Stands for an object that is compared by identity."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __hash__(self) -> int:
        return id(self.thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.thing is other.thing


class _Seen:
    """What is known of a live object: a number of its own, and what it read last."""

    __slots__ = ("number", "parts", "reference")
    count = 0

    def __init__(self, reference: Any) -> None:
        _Seen.count += 1
        self.reference, self.number = reference, _Seen.count
        self.parts: dict[str, Hashable] = {}


_SEEN: dict[int, _Seen] = {}


def _seen(thing: Any) -> _Seen | None:
    """Return what is known of an object, or None if nobody is told when it ends."""
    name = id(thing)
    known = _SEEN.get(name)
    if known is None or known.reference() is not thing:
        try:
            reference = weakref.ref(thing, functools.partial(_forget, name))
        except TypeError:
            return None
        known = _SEEN[name] = _Seen(reference)
    return known


def _forget(name: int, _: Any, seen: dict[int, _Seen] = _SEEN) -> None:
    seen.pop(name, None)


def _serial(thing: Any) -> int:
    """Return a number that no other object had, as far as that can be known."""
    seen = _seen(thing)
    return id(thing) if seen is None else seen.number


class _Number(int):
    """The number of a node within its walk, and in ``serial`` that of its object."""

    serial: int


class _Node:
    """A function, or an object with attributes, on a walk."""

    __slots__ = ("attributes", "kind", "made", "number", "parts", "seen", "thing")

    def __init__(self, thing: Any, kind: Hashable, number: int) -> None:
        self.thing, self.kind = thing, kind
        self.seen = _seen(thing)
        self.number = _Number(number)
        self.number.serial = _serial(thing)
        self.parts: dict[str, Hashable] = {}
        self.attributes: Mapping[str, Any] | None = None
        """Those to be read once a function that is reached names them."""
        self.made = False
        """Of a class: whether a function that is reached may make an object of it."""


class _Walk:
    """Follows what callables read: each function and object is one node."""

    def __init__(self, things: tuple[Any, ...], quiet: bool = False) -> None:
        self.nodes: dict[int, _Node] = {}
        self.waiting: deque[_Node] = deque()
        self.names: set[str] = set()
        self.home = {_package(_home(thing)) for thing in things}
        self.changed = False
        self.roots = tuple(self.of(thing) for thing in things)
        self.follow()
        if self.changed and not quiet:
            jax.clear_caches()

    def value(self) -> tuple[Hashable, tuple[Hashable, ...]]:
        """Return the key: what was asked for, and the nodes that it reads."""
        return self.roots, tuple(
            (node.kind, tuple(sorted(node.parts.items(), key=lambda part: part[0])))
            for node in self.nodes.values()
        )

    def functions(self) -> tuple[Any, ...]:
        """Return the functions that are reached."""
        things = (node.thing for node in self.nodes.values())
        return tuple(x for x in things if isinstance(x, types.FunctionType))

    def follow(self) -> None:
        """Open all nodes, and of namespaces what the functions reached so far name."""
        while self.waiting:
            while self.waiting:
                self.open(self.waiting.popleft())
            while self.read_named():
                pass

    def read_named(self) -> bool:
        """Read attributes that are named by now; return whether there were any."""
        everything = not self.names.isdisjoint(_REFLECTION)
        found = False
        for node in list(self.nodes.values()):
            if node.attributes is None:
                continue
            whole = everything and not isinstance(node.thing, types.ModuleType)
            wanted = self.names | _MAKING if node.made else self.names
            names = node.attributes if whole else wanted
            for name in sorted(names):
                if name in node.attributes and name not in node.parts:
                    self.put(node, name, node.attributes[name])
                    found = True
        return found

    def open(self, node: _Node) -> None:
        thing = node.thing
        if isinstance(thing, types.FunctionType):
            self.open_function(node, thing)
        elif isinstance(thing, types.ModuleType):
            node.attributes = vars(thing)
        elif isinstance(thing, type):
            self.open_class(node, thing)
        else:
            self.open_object(node, thing)

    def open_function(self, node: _Node, function: types.FunctionType) -> None:
        code = function.__code__
        self.put(node, "code", code)
        self.put(node, "defaults", function.__defaults__)
        self.put(node, "keyword defaults", function.__kwdefaults__)
        for name, cell in zip(
            code.co_freevars, function.__closure__ or (), strict=True
        ):
            content = _content(cell)
            if name == "__class__" and isinstance(content, type):
                # What super() needs makes no object.
                self.put_class(node, name, content)
            else:
                self.put(node, f"captured {name}", content)
        for name, value in vars(function).items():
            self.put(node, f"attribute {name}", value)
        if self.in_library(function.__globals__.get("__name__")):
            return
        names = _names(code)
        self.names |= names
        for name in sorted(names):
            if name in function.__globals__:
                self.put(node, f"global {name}", function.__globals__[name])

    def open_class(self, node: _Node, cls: type) -> None:
        if not self.in_library(cls.__module__):
            mine = {n: x for n, x in vars(cls).items() if n not in _DULL}
            self.read_names(
                node,
                mine,
                lambda x: x.startswith("__") and x not in _MAKING and x not in _QUIET,
            )
        for place, base in enumerate(cls.__bases__):
            if not self.in_library(base.__module__):
                self.put_class(node, f"base {place}", base)

    def open_object(self, node: _Node, thing: Any) -> None:
        self.put_class(node, "class", type(thing))
        compared = _compared(thing)
        if compared is not None:
            self.names |= self.called(type(thing))
            if self.in_library(type(thing).__module__):
                self.home |= {_package(_home(value)) for value in compared.values()}
                self.read_names(node, compared, lambda _: True)
                return
        attributes = dict(_attributes(thing))
        if compared is not None and hasattr(type(thing), "_if_named"):
            attributes |= thing._if_named()
        whole = dataclasses.is_dataclass(thing) or isinstance(thing, _NAMESPACES)
        always = {} if compared is None else compared
        self.read_names(node, attributes, lambda name: whole or name in always)

    def called(self, cls: type) -> set[str]:
        """Return what the library reads of a class derived from one of its own."""
        if self.in_library(cls.__module__):
            return set()
        ours = [base for base in cls.__mro__ if self.in_library(base.__module__)]
        known = set().union(*(vars(base) for base in ours))
        found = {
            name
            for base in cls.__mro__
            if base not in ours
            for name, value in vars(base).items()
            if name in known or callable(value)
        }
        return found - _MAKING - _BINDING

    def read_names(
        self, node: _Node, attributes: Mapping[str, Any], always: Callable[[str], bool]
    ) -> None:
        """Read some attributes now, and others once their names occur."""
        node.attributes = attributes
        for name, value in attributes.items():
            if always(name):
                self.put(node, name, value)

    def put_class(self, node: _Node, name: str, cls: type) -> None:
        """Note a class of which nobody makes an object."""
        made = self.nodes[id(cls)].made if id(cls) in self.nodes else False
        self.put(node, name, cls)
        if id(cls) in self.nodes:
            self.nodes[id(cls)].made = made

    def put(self, node: _Node, name: str, value: Any) -> None:
        """Note one value that a node reads, and whether it was another before."""
        node.parts[name] = found = self.of(value)
        if node.seen is not None:
            record = _recorded(found)
            before = node.seen.parts.get(name)
            if before is not None and before != record:
                self.changed = True
            node.seen.parts[name] = record

    def node(self, thing: Any, kind: Hashable) -> Hashable:
        found = self.nodes.get(id(thing))
        if found is None:
            found = _Node(thing, kind, len(self.nodes))
            self.nodes[id(thing)] = found
            self.waiting.append(found)
        return found.number

    def in_library(self, module: Any) -> bool:
        # Of installed packages, those are opened that the callables are from.
        return _is_core(module) or (
            _is_installed(module) and _package(module) not in self.home
        )

    def of(self, value: Any, depth: int = 0) -> Hashable:
        """Return what stands for one value."""
        kind = type(value)
        if value is None or kind in (bool, int, str, bytes):
            return kind, value
        if kind in (float, complex):
            # Those of 0.0 and -0.0 are not equal, and those of NaN are.
            return kind, repr(value)
        if kind is types.CodeType:
            return "code", value
        if isinstance(value, np.ndarray | np.generic):
            return self.of_array(value, depth)
        if isinstance(value, jax.Array):
            return _of_device(value)
        if isinstance(value, enum.Enum) or depth > _DEEPEST:
            return _Same(value)
        if isinstance(value, int | float | complex | str | bytes):
            base = next(x for x in kind.__mro__ if x in _PLAIN)
            return kind, base.__repr__(value), self.of_own(value)
        contained = self.of_container(value, depth + 1)
        if contained is None:
            return self.of_object(value)
        core = _is_core(kind.__module__)
        return contained if core else (contained, self.of_own(value))

    def of_array(self, value: Any, depth: int) -> Hashable:
        if isinstance(value, np.ma.MaskedArray):
            pair = np.ma.getdata(value), np.ma.getmaskarray(value)
            return "masked", *(self.of_array(x, depth) for x in pair)
        if value.dtype.hasobject:
            entries = tuple(self.of(x, depth + 1) for x in np.ravel(value).tolist())
            return "objects", value.shape, entries
        content = _checksum(value) if value.nbytes > _SMALL else value.tobytes()
        return type(value), value.shape, value.dtype.str, content

    def of_container(self, value: Any, depth: int) -> Hashable:
        """Return what stands for a container, or None for anything else."""
        parts: Any
        if isinstance(value, tuple | list | deque):
            parts = tuple([self.of(x, depth) for x in value])
        elif isinstance(value, dict | types.MappingProxyType):
            parts = tuple(
                [(self.of(k, depth), self.of(x, depth)) for k, x in value.items()]
            )
        elif isinstance(value, bytearray | memoryview | array.array):
            parts = bytes(value)
        elif isinstance(value, set | frozenset):
            parts = frozenset([self.of(x, depth) for x in value])
        elif isinstance(value, functools.partial):
            pieces = value.func, value.args, value.keywords
            parts = tuple([self.of(x, depth) for x in pieces])
        elif isinstance(value, types.MethodType):
            parts = self.of(value.__func__, depth), self.of(value.__self__, depth)
        elif isinstance(value, staticmethod | classmethod):
            parts = self.of(value.__func__, depth)
        elif isinstance(value, property):
            parts = self.of(value.fget, depth)
        elif isinstance(value, functools.cached_property):
            parts = self.of(value.func, depth)
        elif isinstance(value, slice | range):
            parts = tuple(self.of(x, depth) for x in (value.start, value.stop))
            parts = *parts, self.of(value.step, depth)
        else:
            return None
        return type(value), parts

    def of_own(self, value: Any) -> Hashable:
        """Return what stands for methods and attributes of a subclass of Python's."""
        library = self.in_library(type(value).__module__)
        return _Same(type(value)) if library else self.node(value, "object")

    def of_object(self, value: Any) -> Hashable:
        if isinstance(value, types.FunctionType):
            own = not self.in_library(value.__globals__.get("__name__"))
            if own or value.__closure__ or vars(value):
                return self.node(value, "function")
            return _Same(value)
        if isinstance(value, types.ModuleType):
            own = not self.in_library(value.__name__)
            return self.node(value, _Same(value)) if own else _Same(value)
        if isinstance(value, type):
            if self.in_library(value.__module__):
                return _Same(value)
            found = self.node(value, _Same(value))
            self.nodes[id(value)].made = True
            return found
        own = not self.in_library(type(value).__module__)
        if own or _is_read(value):
            return self.node(value, "object")
        inner = _wrapped(value)
        return _Same(value) if inner is None else (_Same(value), self.of(inner))


def _recorded(part: Any) -> Any:
    """Return a part without numbers of this walk, and without holding any object."""
    if isinstance(part, _Number):
        return _Seen, part.serial
    if isinstance(part, _Same):
        return _Seen, _serial(part.thing)
    if isinstance(part, type) and not _is_core(part.__module__):
        return _Seen, _serial(part)
    if isinstance(part, tuple):
        return tuple(map(_recorded, part))
    if isinstance(part, frozenset):
        return frozenset(map(_recorded, part))
    return part


def _is_read(value: Any) -> bool:
    """Return whether an object of a library is compared by its attributes."""
    settings = getattr(type(value), "__dataclass_params__", None)
    frozen = settings is not None and bool(settings.frozen)
    return frozen or isinstance(value, _NAMESPACES) or _compared(value) is not None


def _compared(thing: Any) -> Mapping[str, Any] | None:
    """Return the attributes that an object of this library wants to be compared."""
    method = getattr(type(thing), "_compared", None)
    known = any(base.__module__ in _WITH_SETTINGS for base in type(thing).__mro__)
    found: Mapping[str, Any] | None = method(thing) if known and method else None
    return found


def _checksum(value: Any) -> tuple[int, int]:
    """Return a checksum of an array's content, at about the speed of reading it."""
    data = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
    words = data[: data.size // 8 * 8].view(np.uint64)
    return zlib.crc32(data.data), int(words.sum())


def _of_device(value: Any) -> Hashable:
    # It never changes, so that its identity would do; a small one may be made often.
    if isinstance(value, jax.core.Tracer) or value.size > _SMALL // 8:
        return _Same(value)
    try:
        host = np.asarray(value)
    except (TypeError, RuntimeError):
        return _Same(value)
    return type(value), host.shape, str(host.dtype), host.tobytes()


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of an object, those in slots too."""
    yield from getattr(thing, "__dict__", {}).items()
    for base in type(thing).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                yield name, getattr(thing, name)


def _wrapped(value: Any) -> Any:
    """Return the function within one of a library's, as those of ``jax.jit`` are."""
    try:
        inner = value.__wrapped__
    except Exception:
        return None
    return inner if callable(inner) else None


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


_NAMES: dict[int, tuple[types.CodeType, frozenset[str]]] = {}


def _names(code: types.CodeType) -> frozenset[str]:
    """Return all names that some code has, and the functions within it."""
    held = _NAMES.get(id(code))
    if held is not None and held[0] is code:
        return held[1]
    inner = (part for part in code.co_consts if isinstance(part, types.CodeType))
    found = frozenset(code.co_names).union(*map(_names, inner))
    if len(_NAMES) > 4096:
        _NAMES.clear()
    _NAMES[id(code)] = code, found
    return found


def _home(thing: Any) -> Any:
    """Return the name of the module that a callable or an object is from."""
    for _ in range(_DEEPEST):
        inner = thing.func if isinstance(thing, functools.partial) else _wrapped(thing)
        if inner is None:
            break
        thing = inner
    if isinstance(thing, types.MethodType):
        thing = thing.__func__
    if isinstance(thing, types.FunctionType):
        return thing.__globals__.get("__name__")
    return (thing if isinstance(thing, type) else type(thing)).__module__


def _package(module: Any) -> str:
    return str(module).partition(".")[0]


@functools.cache
def _is_core(module: Any) -> bool:
    """Return whether a module is Python's own, ours, or of what we stand on."""
    package = _package(module)
    own = package == "__main__" or package == "None"
    return not own and (package in _CORE or package in sys.stdlib_module_names)


@functools.cache
def _is_installed(module: Any) -> bool:
    """Return whether a module is of an installed package."""
    file = getattr(sys.modules.get(_package(module)), "__file__", None)
    return file is not None and any(Path(file).is_relative_to(x) for x in _PATHS)
