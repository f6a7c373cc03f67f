"""How layers, losses and other parts are found by name once a class is defined.

Layers, activations, losses, regularizers and optimizers each have a base class with a
``catalogue``. A subclass is in it, by its names, from the moment it is defined.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from theanets.utils import originals
from theanets.utils.registry import Registry


class Registered:
    """A base of classes that are found by their names.

    The class that sets ``catalogue`` is the base of a kind, and each subclass of it
    enters the catalogue, by its name in lower case and by its ``aliases``. A subclass
    that is only a base of others is left out with ``class Mine(theanets.Layer,
    abstract=True)``, or ``register=False``, which means the same.

    Examples
    --------
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
    """Attributes that may differ between two objects that compute the same.

    All others are a part of the key of a compiled program.
    """

    def __init_subclass__(
        cls, abstract: bool = False, register: bool = True, **kwargs: object
    ) -> None:
        super().__init_subclass__(**kwargs)
        above = [base for base in cls.__mro__[1:] if "catalogue" in vars(base)]
        if not above:
            # The base of a kind, or a part of it.
            return
        abstract, base = abstract or not register, above[-1]
        originals.refuse(cls, base, abstract)
        if not abstract:
            cls.catalogue.register(cls)

    def compared(self) -> dict[str, object]:
        """Return the attributes that tell what this computes, for keys of programs."""
        attributes = vars(self).items()
        return {name: x for name, x in attributes if name not in self.not_compared}
