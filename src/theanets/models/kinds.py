"""What every class of models declares, and the classes by their names in files."""

from typing import ClassVar

from theanets.errors import ConfigurationError
from theanets.types import Json
from theanets.utils.checks import shown
from theanets.utils.registry import is_ours, join_names, suggest


class ModelKind:
    """The base of all classes of models: what tells one from another."""

    form: ClassVar[str] = "Network"
    """What messages call this model; files add the module of a user's class."""
    default_loss: ClassVar[str] = "mse"
    """The loss, unless another is given."""
    output_activation: ClassVar[str] = "linear"
    """The activation of the last layer, unless it says otherwise."""
    input_ndim: ClassVar[int] = 2
    """Rank of the data, with its batch axis."""
    target_is_input: ClassVar[bool] = False
    """Whether losses compare the output with the input, unless they say otherwise."""

    def __init_subclass__(cls, register: bool = True, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "form" not in vars(cls):
            cls.form = cls.__name__
        if register:
            MODELS[name_in_files(cls)] = cls

    @classmethod
    def has_own_activation(cls) -> bool:
        """Return whether ``output_activation`` comes from a class of the user's own."""
        owners = (owner for owner in cls.__mro__ if "output_activation" in vars(owner))
        return not is_ours(next(owners))


MODELS: dict[str, type[ModelKind]] = {}
"""The classes of models by their names in files."""


def name_in_files(cls: type[ModelKind]) -> str:
    """Return the name of a class in files; a user's begins with its module."""
    return cls.form if is_ours(cls) else f"{cls.__module__}.{cls.__qualname__}"


def kind_from(name: Json) -> type[ModelKind]:
    """Return the class that a file names."""
    if not isinstance(name, str) or name in MODELS:
        return MODELS[name]
    # A user's class may have moved, and older files name it without its module.
    bare = name.rpartition(".")[2]
    matches = {
        full_name: cls
        for full_name, cls in MODELS.items()
        if not is_ours(cls) and bare in (cls.__name__, cls.form)
    }
    if len(matches) == 1:
        return next(iter(matches.values()))
    if matches:
        raise ConfigurationError(
            f"the model {shown(name)} could be any of these classes: "
            f"{join_names(matches)}. Import or define only the one that wrote the "
            "file, and load again."
        )
    raise ConfigurationError(
        f"unknown model {shown(name)}. Known: {join_names(MODELS)}."
        + suggest(name, MODELS)
    )
