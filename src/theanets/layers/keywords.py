"""What the keywords of a layer may be, and what they say of its first values."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import jax
import numpy as np

from theanets.errors import ConfigurationError
from theanets.initializers import Param, as_seed, check_init
from theanets.types import MOST_AXES, Shape
from theanets.utils.checks import check_int, is_number, shown
from theanets.utils.registry import join_names, parameters, suggest
from theanets.utils.renamed import answer


class Described(Protocol):
    """What these checks read of a layer."""

    attributes: dict[str, Any]
    attribute_names: ClassVar[tuple[str, ...]]
    params: dict[str, Param]

    @property
    def form(self) -> str: ...
    @property
    def where(self) -> str: ...


def check_name(name: object) -> str:
    """Return the name of a layer, checked."""
    if (
        not isinstance(name, str)
        or not name
        or name != name.encode(errors="replace").decode()
        or set(name) & set(":.*?[] ")
    ):
        raise ConfigurationError(
            f"a layer is named {shown(name)}; a name is text without spaces and "
            "without any of : . * ? [ ], which have a meaning in the names of outputs."
        )
    return name


def check_attributes(layer: Described) -> None:
    """Refuse attributes that no parameter could use, before shapes are known."""
    kinds, where = layer.attribute_names, layer.where
    for key, value in layer.attributes.items():
        if key.startswith("rng_"):
            as_seed(value, where + key)
            continue
        kind = key.split("_")[0]
        if kind not in kinds:
            known = {"form", *kinds, *parameters(type(layer))}
            raise ConfigurationError(
                f"{where}form {shown(layer.form)} takes no keyword {shown(key)}. "
                f"It takes: {join_names(known)}."
                + (answer("layer", key) or suggest(key, known))
            )
        if kind == "init":
            check_init(value, where + key)
        elif not (value is None or is_number(value) or _is_row(value)):
            raise ConfigurationError(
                f"{where}{key} is {shown(value)}; it has to be a finite number, or a "
                "list of them, one for each unit."
            )


def _is_row(value: Any) -> bool:
    """Return whether a value is a row of finite numbers."""
    listed = isinstance(value, list | tuple) or getattr(value, "ndim", 0) == 1
    return listed and len(value) > 0 and all(map(is_number, value))


def check_suffixes(layer: Described, takes: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse attributes that no parameter takes; ``takes`` says what each one does."""
    valid = [
        *layer.attribute_names,
        *(f"{kind}_{name}" for name, taken in takes.items() for kind in taken),
        *(f"rng_{name}" for name in layer.params),
    ]
    for key in layer.attributes:
        if key not in valid:
            raise ConfigurationError(
                f"{layer.where}keyword {shown(key)} names no parameter of it that "
                f"takes that. Its parameters: {join_names(layer.params)}."
                + suggest(key, valid)
            )


def options(
    layer: Described,
    name: str,
    taken: Sequence[str],
    general: Sequence[str],
    defaults: Mapping[str, object],
) -> dict[str, Any]:
    """Return how a parameter begins: the defaults, updated by the layer's attributes.

    ``taken`` are the attributes that hold for it, ``general`` the ones that also count
    without its name behind.
    """
    attributes = layer.attributes
    chosen = dict(defaults)
    for suffix, kinds in {"": general, f"_{name}": taken}.items():
        named = {
            kind: attributes[kind + suffix]
            for kind in taken
            if kind in kinds and attributes.get(kind + suffix) is not None
        }
        rivals = named.keys() & {"std", "init", "diagonal"}
        if "init" in named and len(rivals) > 1:
            others = join_names(kind + suffix for kind in rivals - {"init"})
            raise ConfigurationError(
                f"{layer.where}init{suffix} and {others} were both given, and each "
                "says how the same weights begin. Give one of them."
            )
        # An attribute of one parameter replaces the one for all.
        for rival in ("std", "diagonal") if "init" in named else ("init",):
            if rivals:
                chosen.pop(rival, None)
        chosen |= named
    return chosen


def outputs_to_read(
    inputs: object, where: str
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the names of the outputs that a layer is to read, and sizes if given.

    A layer among them stands for its main output, and is left as it is: its name is
    known once it is in a model.
    """
    if inputs is None:
        return (), {}
    names = (inputs,) if _is_output(inputs) else inputs
    if isinstance(names, Mapping):
        names = list(names)
    if not isinstance(names, tuple | list) or not all(map(_is_output, names)):
        raise ConfigurationError(
            f"{where}inputs is {shown(inputs)}; it has to be the name of an earlier "
            'layer\'s output, such as "hid1", the layer, or a list of these. '
            "Sizes are not needed."
        )
    given = inputs.items() if isinstance(inputs, Mapping) else ()
    sizes = {
        name: check_int(n, f'{where}the size of inputs "{name}"') for name, n in given
    }
    return tuple(names), sizes


def _is_output(value: object) -> bool:
    """Return whether a value is the name of an output, or a layer."""
    return isinstance(value, str) or hasattr(value, "side_inputs")


def lengths(shape: object, where: str) -> Shape:
    """Return a shape without its batch axis; None is a length that may vary."""
    if shape is None:
        return ()
    if isinstance(shape, str) or not isinstance(shape, Sequence) or not shape:
        raise ConfigurationError(
            f"{where}shape is {shown(shape)}; it has to be a tuple of whole numbers, "
            "one for each axis but the batch's."
        )
    if len(shape) >= MOST_AXES:
        raise ConfigurationError(
            f"{where}shape has {len(shape)} axes; with the batch's there can be "
            f"{MOST_AXES}."
        )
    return tuple(
        None if length is None else check_int(length, where + "a length in shape")
        for length in shape
    )


def copied(value: Any) -> Any:
    """Return a value with copies of its lists, dicts and arrays.

    >>> lists = [1, [2]]
    >>> copied(lists) == lists, copied(lists)[1] is lists[1]
    (True, False)
    """
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) is dict:
        return {name: copied(entry) for name, entry in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(copied, value))
    return value


def plain(value: Any) -> Any:
    """Return a value of NumPy or JAX as JSON has it, and any other as it is."""
    if isinstance(value, np.generic | np.ndarray | jax.Array):
        return value.tolist()
    if isinstance(value, tuple | list):
        return type(value)(map(plain, value))
    return value
