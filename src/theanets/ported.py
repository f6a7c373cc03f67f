"""Classes written for the original theanets, which would do nothing here.

The original called other methods of a user's class than this library does. A class
that has only those is refused where it is defined, with the way to write it now.
"""

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from theanets.errors import ConfigurationError


class Hook(NamedTuple):
    """A method or attribute of the original, and what takes its place.

    Attributes
    ----------
    params : tuple of str, optional
        The names of its parameters; a method of that name with others is the user's
        own affair, where the class has what is called here. None: it is always refused.
    now : str
        How to write it now.
    """

    params: tuple[str, ...] | None
    now: str


def check_hooks(
    cls: type,
    base: type,
    wanted: Mapping[str, tuple[str, ...]],
    original: Mapping[str, Hook],
    example: str = "",
) -> None:
    """Refuse a subclass whose methods are the original's, or lack what is called.

    Parameters
    ----------
    cls, base : type
        The class that is defined, and the class of this library to extend.
    wanted : mapping of str to tuple of str
        The methods that this library calls, with the names of their parameters; a
        subclass has to have one of them.
    original : mapping of str to Hook
        Those of the original.
    example : str
        How such a method looks; empty: the class may go without.

    Raises
    ------
    ConfigurationError
        If nothing would call what the class defines; the message shows the port.
    """
    own = vars(cls)
    for name, params in wanted.items():
        if name in own and not _takes(own[name], len(params)):
            shown = ", ".join(("self", *params))
            now = original[name].now if name in original else f"Write {name}({shown})."
            raise _refused(
                cls,
                f"its {name}{_signature(own[name])} cannot be called as "
                f"{name}({shown})",
                now,
            )
    complete = any(
        getattr(cls, name, None) is not getattr(base, name, None) for name in wanted
    )
    for name, hook in original.items():
        if name in own and name not in wanted:
            same = hook.params is None or hook.params == _params(own[name])
            if same or (wanted and not complete):
                raise _refused(
                    cls, f"its {name} is the original's, and nothing calls it", hook.now
                )
    if example and not complete:
        missing = " or ".join(wanted)
        raise _refused(cls, f"it defines no {missing}, so it would do nothing", example)


def _refused(cls: type, what: str, now: str) -> ConfigurationError:
    return ConfigurationError(f"class {cls.__name__}: {what}. {now}")


def _params(method: Any) -> tuple[str, ...]:
    """Return the names of a method's parameters but the first, which is self."""
    try:
        return tuple(inspect.signature(method).parameters)[1:]
    except (TypeError, ValueError):
        return ()


def _signature(method: Any) -> str:
    try:
        return str(inspect.signature(method))
    except (TypeError, ValueError):
        return ""


def _takes(method: Any, count: int) -> bool:
    """Return whether a method can be called with so many arguments besides self."""
    own = 0 if isinstance(method, staticmethod) else 1
    if isinstance(method, staticmethod | classmethod):
        method = method.__func__
    try:
        inspect.signature(method).bind(*range(count + own))
    except TypeError:
        return False
    except ValueError:
        # Not every function written in C tells what it takes.
        return True
    return True
