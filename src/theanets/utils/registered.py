"""The base of layers, losses and other parts, whose classes are found by name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from theanets.utils import originals
from theanets.utils.registry import Registry, is_ours


class Registered:
    """A base of classes that are found by their names.

    The class that sets ``catalogue`` is the base of a kind. Each subclass is in the
    catalogue, by its name in lower case and by its ``aliases``, once it is defined. A
    subclass that is only a base of others stays out with ``class Mine(theanets.Layer,
    abstract=True)``, or ``register=False``, which means the same.

    >>> class Drink(Registered):
    ...     catalogue = Registry("drink")
    >>> class Tea(Drink):
    ...     aliases = ("chai",)
    >>> Drink.catalogue.lookup("chai")
    <class '...Tea'>
    """

    catalogue: ClassVar[Registry[Any]]
    """The names of the classes of this kind."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Further names of this class."""
    example: ClassVar[Mapping[str, object]] = {}
    """Keywords that make a small one, for the contract tests."""
    not_compared: ClassVar[frozenset[str]] = frozenset()
    """Attributes that are no part of the key of a compiled program."""

    def __init_subclass__(
        cls, abstract: bool = False, register: bool = True, **kwargs: object
    ) -> None:
        super().__init_subclass__(**kwargs)
        above = [base for base in cls.__mro__[1:] if "catalogue" in vars(base)]
        if not above:
            return  # The base of a kind, or a part of it.
        abstract, base = abstract or not register, above[-1]
        originals.refuse(cls, base, abstract)
        if not abstract:
            cls.catalogue.register(cls)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Say why an attribute is missing."""
            cls = type(self)
            if any(name in vars(base) for base in cls.__mro__):
                # A property raised the error, which says more.
                return object.__getattribute__(self, name)
            message = f"{cls.__name__!r} object has no attribute {name!r}"
            if not is_ours(next(x for x in cls.__mro__ if "__init__" in vars(x))):
                message += ". Does its __init__ call super().__init__(**kwargs)?"
            raise AttributeError(message)

    def compared(self) -> dict[str, object]:
        """Return the attributes that tell what this computes, for keys of programs."""
        attributes = vars(self).items()
        return {name: x for name, x in attributes if name not in self.not_compared}
