"""What every activation is: a function of a layer's pre-activation."""

from collections.abc import Callable, Hashable

import numpy as np
import numpy.typing as npt

from theanets.errors import ConfigurationError
from theanets.initializers import Param
from theanets.types import Array, Params
from theanets.utils import keys
from theanets.utils.registered import Registered
from theanets.utils.registry import Registry

REGISTRY: Registry["Activation"] = Registry("activation")


class Activation(Registered):
    """A function of a layer's pre-activation, possibly with learned parameters.

    Make your own as a subclass: layers then take its name in lower case, and each of
    its ``aliases``. Declare parameters in ``setup`` and compute in ``transform``.

    Parameters
    ----------
    argument : str, optional
        The text after the colon, ``"3"`` in ``"maxout:3"``; only for a class with
        ``takes_argument = True``.

    Attributes
    ----------
    spec : str
        The text that makes this activation, such as ``"maxout:3"``.
    params : tuple of Param
        The parameters, once ``bind`` has been called.
    size : int
        Number of units, the last axis of the input; known in ``setup``.
    key : hashable
        Equal for activations that compute the same function of x and parameters.
    serializable : bool
        Whether ``spec`` is enough to make the activation again.

    Raises
    ------
    ConfigurationError
        If there is an argument and the activation takes none.

    Examples
    --------
    >>> import theanets
    >>> class Scaled(theanets.Activation):
    ...     def setup(self):
    ...         self.add_param("scale", (self.size,), lambda rng: np.ones(self.size))
    ...
    ...     def transform(self, params, x):
    ...         return params["scale"] * x
    >>> scaled = theanets.activations.build("scaled+tanh")
    >>> scaled.bind(3)
    >>> [param.name for param in scaled.params]
    ['scale']
    """

    catalogue = REGISTRY
    not_compared = frozenset(("params", "_held_by"))
    takes_argument: bool = False
    serializable: bool = True
    _held_by: str | None = None
    """The name of its layer, once that is in a model; then nothing here may change."""

    def __init__(self, argument: str | None = None) -> None:
        if argument is not None and not self.takes_argument:
            raise ConfigurationError(
                f'activation "{self.name()}" takes no argument, but '
                f'":{argument}" came. Write "{self.name()}".'
            )
        self.spec = self.name() + ("" if argument is None else f":{argument}")
        self.params: tuple[Param, ...] = ()

    @classmethod
    def name(cls) -> str:
        """Return the name by which specifications call this class."""
        return REGISTRY.label(cls)

    def bind(self, size: int) -> None:
        """Set the number of units, and collect the parameters that they need."""
        self.size = size
        self.params = ()
        self.setup()

    def setup(self) -> None:
        """Declare parameters with ``add_param``; by default there are none."""

    def add_param(
        self,
        name: str,
        shape: tuple[int, ...],
        init: Callable[[np.random.Generator], npt.NDArray[np.floating]],
    ) -> None:
        """Declare a learned parameter; ``init(rng)`` gives its first value."""
        self.params += (Param(name, shape, init),)

    def transform(self, params: Params, x: Array) -> Array:
        """Return the activation of x, (..., size), given parameters by local name."""
        raise NotImplementedError(f"{type(self).__name__} needs a transform method")

    def fix(self, holder: str) -> None:
        """Refuse changes from now on: it belongs to this layer of a model."""
        self.__dict__["_held_by"] = holder

    @property
    def key(self) -> Hashable:
        """What it computes now; see the class."""
        return type(self), self.spec if self.is_plain else keys.key(self)

    @property
    def is_plain(self) -> bool:
        """Whether ``spec`` says all that it computes, as for ours in the catalogue."""
        return not keys.is_own(self)

    def __setattr__(self, name: str, value: object) -> None:
        self._check_free(name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        self._check_free(name)
        super().__delattr__(name)

    def _check_free(self, name: str) -> None:
        if self._held_by is not None:
            raise ConfigurationError(
                f'layer "{self._held_by}": {name} of its activation "{self.spec}" is '
                "fixed once the layer is in a model. Make a model with another one: "
                f'net.replace("{self._held_by}", activation=...).'
            )

    def __repr__(self) -> str:
        return f"<activation {self.spec}>"
