"""Names: catalogues of classes, patterns, and suggestions for misspelled names."""

import difflib
import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

from theanets.errors import ConfigurationError, TheanetsError
from theanets.utils.checks import shown

T = TypeVar("T")


def suggest(name: object, options: Iterable[str]) -> str:
    """Return a sentence that offers the nearest of some names, or nothing.

    >>> suggest("rellu", ["relu", "tanh"])
    ' Did you mean "relu"?'
    >>> suggest("W", ["w", "b"])
    ' Did you mean "w"?'
    >>> suggest("abc", ["relu", "tanh"])
    ''
    """
    if not isinstance(name, str):
        return ""
    # Comparing long names with many takes seconds.
    known = list(options)[:500]
    lowered = [option.lower() for option in known]
    near = difflib.get_close_matches(name[:80].lower(), lowered, n=1)
    return f' Did you mean "{known[lowered.index(near[0])]}"?' if near else ""


def join_names(names: Iterable[str]) -> str:
    """Return names as one comma-separated text, sorted, or "none"."""
    return ", ".join(sorted(map(str, names))) or "none"


def unknown(what: str, name: object, known: Collection[str]) -> ConfigurationError:
    """Return an error for a name that is not among the known ones."""
    return ConfigurationError(
        f"{what} {shown(name)}. Known: {join_names(known)}." + suggest(name, known)
    )


def choice(value: object, what: str, names: Collection[str]) -> str:
    """Return a value that is one of some names, checked; ``what`` begins the message.

    >>> choice("max", "mode", ("max", "mean"))
    'max'
    >>> choice("men", "mode", ("max", "mean"))
    Traceback (most recent call last):
        ...
    theanets.errors.ConfigurationError: mode is 'men'; it has to be one of max, mean...
    """
    if not (isinstance(value, str) and value in names):
        raise ConfigurationError(
            f"{what} is {shown(value)}; it has to be one of {join_names(names)}."
            + suggest(value, names)
        )
    return str(value)


def patterns(value: object, what: str, example: str = "hid1*") -> tuple[str, ...]:
    """Return a glob, or several, as a tuple, checked; ``what`` begins the message."""
    globs = (value,) if isinstance(value, str) else value
    if not isinstance(globs, list | tuple | set | frozenset) or not all(
        isinstance(glob, str) for glob in globs
    ):
        raise ConfigurationError(
            f"{what} is {shown(value)}; it has to be a text such as "
            f'"{example}", or a list of them.'
        )
    return tuple(globs)


@contextmanager
def listed(
    what: str, known: Mapping[str, Collection[str]], advice: str = ""
) -> Iterator[None]:
    """Turn a KeyError of the user's code into a message with the known names.

    ``what`` begins the message, ``advice`` ends it where no name is near; ``known``
    holds the names, by the words for each kind.

    >>> weights = {"w": 1}
    >>> with listed("it", {"its parameters": weights, "its inputs": ["in:out"]}):
    ...     weights["W"]
    Traceback (most recent call last):
        ...
    theanets.errors.ConfigurationError: it asks for 'W', which is none of its parameters
    (w) nor of its inputs (in:out). Did you mean "w"?
    """
    try:
        yield
    except TheanetsError:
        raise
    except KeyError as error:
        asked = error.args[0] if error.args else None
        names = [name for kind in known.values() for name in kind]
        if not isinstance(asked, str) or asked in names:
            raise
        kinds = [f"{kind} ({join_names(known[kind])})" for kind in known]
        tried = (asked, asked.lower(), f"{asked}:out")
        near = next(filter(None, (suggest(name, names) for name in tried)), advice)
        raise ConfigurationError(
            f"{what} asks for {shown(asked)}, which is none of "
            f"{' nor of '.join(kinds)}.{near}"
        ) from error


def matching(patterns: str | Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the names that a glob, or any of several, matches.

    >>> matching("hid*.w", ["hid1.w", "hid1.b", "out.w"])
    ['hid1.w']
    """
    globs = (patterns,) if isinstance(patterns, str) else tuple(patterns)
    return [name for name in names if any(fnmatchcase(name, glob) for glob in globs)]


def parameters(cls: type) -> list[str]:
    """Return the keywords of a class and of the classes it extends.

    >>> class A:
    ...     def __init__(self, x, y=1): ...
    >>> class B(A):
    ...     def __init__(self, z, **kwargs): ...
    >>> parameters(B)
    ['z', 'x', 'y']
    """
    named = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    names = [
        parameter.name
        for base in cls.__mro__
        if base is not object and "__init__" in vars(base)
        for parameter in inspect.signature(vars(base)["__init__"]).parameters.values()
        if parameter.kind in named and parameter.name != "self"
    ]
    return list(dict.fromkeys(names))


class Registry(Generic[T]):
    """A mapping from names to the subclasses of one base class.

    ``kind`` is the word for these classes in messages, such as "layer form". With
    ``by_alias`` messages call a class by its first alias, if it has one.
    """

    def __init__(self, kind: str, by_alias: bool = False) -> None:
        self.kind = kind
        self._by_alias = by_alias
        self._classes: dict[str, type[T]] = {}

    def register(self, cls: type[T]) -> None:
        """Enter a class under its name in lower case, and under each of its aliases.

        A class that is defined again, as in a notebook cell, replaces the one before;
        the names of our own classes are protected.
        """
        for name in map(str.lower, (cls.__name__, *_aliases(cls))):
            known = self._classes.get(name)
            if known is not None and is_ours(known) and not is_ours(cls):
                raise ConfigurationError(
                    f'class {cls.__name__}: the {self.kind} "{name}" is already '
                    f"{known.__name__} of theanets. Give the class another name."
                )
            self._classes[name] = cls

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def __getitem__(self, name: str) -> type[T]:
        return self._classes[name.lower()]

    def documented(self) -> list[str]:
        """Return the names that messages call the classes by."""
        if not self._by_alias:
            return list(self)
        return [self.label(cls) for cls in dict.fromkeys(self._classes.values())]

    def label(self, cls: type) -> str:
        """Return the name that specifications, files and messages call a class by."""
        aliases = _aliases(cls) if self._by_alias else ()
        return (*aliases, cls.__name__.lower())[0]

    def lookup(self, name: str, where: str = "") -> type[T]:
        """Return the class of a name; ``where`` begins the error message."""
        if isinstance(name, str) and name in self:
            return self[name]
        raise unknown(f"{where}unknown {self.kind}", name, self.documented())


def _aliases(cls: type) -> tuple[str, ...]:
    """Return the aliases that a class defines itself, none that it inherits."""
    aliases: tuple[str, ...] = vars(cls).get("aliases", ())
    return aliases


def is_ours(cls: type) -> bool:
    """Return whether a class is of this package."""
    return cls.__module__.split(".")[0] == "theanets"
