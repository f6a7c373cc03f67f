"""The keywords of ``train`` that stand for regularizers.

Each is a number, or a dict with ``weight`` and ``pattern``.
"""

from collections.abc import Mapping
from typing import Any

from theanets.errors import ConfigurationError
from theanets.regularizers.base import REGULARIZERS, ROLES, Regularizer
from theanets.regularizers.noise import Dropout, Noise
from theanets.utils.checks import check_nonnegative, shown
from theanets.utils.registry import join_names, parameters, suggest, unknown

_PLACED = {
    f"{role}_{cls.aliases[0]}": (cls, role)
    for role in ROLES
    for cls in (Noise, Dropout)
}
"""Keywords for noise in all layers of a role, such as ``input_noise``."""


def keywords(documented: bool = False) -> list[str]:
    """Return every keyword of ``train`` that stands for a regularizer.

    With ``documented``, one name for each regularizer.
    """
    names = REGULARIZERS.documented() if documented else REGULARIZERS
    return [*names, *_PLACED, "regularizers"]


def take(options: dict[str, Any]) -> tuple[Regularizer, ...]:
    """Make the regularizers that keywords ask for, and remove those keywords.

    >>> rest = dict(weight_l2=0.1, input_noise=0.3, batch_size=8)
    >>> [r.form for r in take(rest)], rest
    (['noise', 'weight_l2'], {'batch_size': 8})
    """
    known = keywords()
    more = options.get("regularizers")
    if isinstance(more, Mapping):
        del options["regularizers"]
        if twice := set(more) & set(options):
            raise ConfigurationError(
                f"{join_names(twice)} came both as a keyword and in regularizers. Give "
                "each once."
            )
        for name in more:
            if name not in known:
                raise unknown("regularizers: unknown regularizer", name, known)
        options.update(more)
    made: list[Regularizer] = []
    for keyword in sorted(set(options) & set(known)):
        made.extend(_build(keyword, options.pop(keyword)))
    return tuple(made)


def from_kwargs(
    graph: object, regularizers: object = (), **kwargs: object
) -> list[Regularizer]:
    """Return the regularizers that keywords of ``train`` ask for, as the original did.

    Parameters
    ----------
    graph : Network
        The model that they are for; they do not depend on it.
    regularizers : list or dict, optional
        More of them, as for ``train``.
    **kwargs
        Regularizers, such as ``weight_l2=0.1``. Another keyword, or a value that is not
        valid, raises a ConfigurationError.

    Examples
    --------
    >>> import theanets
    >>> from_kwargs(theanets.Regressor([4, 1]), weight_l2=0.1)[0].weight
    0.1
    """
    if not hasattr(graph, "layers"):
        raise ConfigurationError(
            f"from_kwargs: graph is {shown(graph)}; it has to be a model, as in "
            "from_kwargs(net, weight_l2=0.1)."
        )
    rest = {**kwargs, "regularizers": regularizers}
    made = take(rest)
    for name in rest:
        raise unknown("from_kwargs: unknown regularizer", name, keywords())
    return list(made)


def _build(keyword: str, value: object) -> list[Regularizer]:
    if value is None:
        return []
    if isinstance(value, Regularizer):
        return [value]
    if keyword == "regularizers":
        items = value if isinstance(value, list | tuple) else [value]
        return [_listed(item) for item in items]
    if keyword in _PLACED:
        placed, role = _PLACED[keyword]
        return [placed(check_nonnegative(value, keyword, placed.limit), role=role)]
    cls = REGULARIZERS.lookup(keyword)
    if issubclass(cls, Noise | Dropout):
        if not isinstance(value, Mapping):
            raise ConfigurationError(
                f"{keyword} is {shown(value)}; it has to be a dict from patterns to "
                f'levels, such as {{"hid1:out": 0.2}}. For all hidden layers: '
                f'{{"hid*:out": 0.2}}, or hidden_noise, hidden_dropout.'
            )
        return [cls(weight, pattern=glob) for glob, weight in sorted(value.items())]
    if not isinstance(value, Mapping):
        return [cls(check_nonnegative(value, keyword, cls.limit))]
    return [_one(cls, keyword, value)]


def _listed(item: object) -> Regularizer:
    """Return the regularizer that an entry of the list of regularizers describes."""
    if isinstance(item, Regularizer):
        return item
    spec = {"form": item} if isinstance(item, str) else item
    if isinstance(spec, Mapping) and spec.get("form") in REGULARIZERS:
        rest = {name: value for name, value in spec.items() if name != "form"}
        regularizer = _one(REGULARIZERS.lookup(spec["form"]), spec["form"], rest)
        if regularizer.weight:
            return regularizer
    raise ConfigurationError(
        f"regularizers holds {shown(item)}; it has to be a list of Regularizer "
        'objects, or of dicts such as dict(form="weight_l2", weight=0.1). Those that '
        "come with theanets are keywords of their own too, such as weight_l2=0.1."
    )


def _one(
    cls: type[Regularizer], keyword: str, arguments: Mapping[str, Any]
) -> Regularizer:
    known = parameters(cls)
    if wrong := [name for name in map(str, arguments) if name not in known]:
        raise ConfigurationError(
            f"{keyword}={shown(dict(arguments))}: unknown keyword {shown(wrong[0])}. "
            f"Give a number, or a dict with {join_names(known)}."
            + suggest(wrong[0], known)
        )
    return cls(**arguments)
