"""The keywords of ``train`` that stand for regularizers.

Each is a number, or a dict with ``weight`` and ``pattern``.
"""

from collections.abc import Mapping
from typing import Any

from theanets.checks import level
from theanets.errors import ConfigurationError
from theanets.registry import listing, parameters, suggest
from theanets.regularizers.base import REGULARIZERS, ROLES, Regularizer
from theanets.regularizers.noise import Dropout, Noise


def keywords() -> list[str]:
    """Return every keyword of ``train`` that stands for a regularizer."""
    placed = [f"{role}_{kind}" for role in ROLES for kind in ("noise", "dropout")]
    return [*REGULARIZERS, *placed, "regularizers"]


def take(given: dict[str, Any]) -> tuple[Regularizer, ...]:
    """Make the regularizers that keywords ask for, and remove those keywords.

    Examples
    --------
    >>> rest = dict(weight_l2=0.1, input_noise=0.3, batch_size=8)
    >>> [r.form for r in take(rest)], rest
    (['noise', 'weight_l2'], {'batch_size': 8})
    """
    made: list[Regularizer] = []
    for keyword in sorted(set(given) & set(keywords())):
        made.extend(_build(keyword, given.pop(keyword)))
    return tuple(made)


def _build(keyword: str, value: Any) -> list[Regularizer]:
    if value is None:
        return []
    if isinstance(value, Regularizer):
        return [value]
    if keyword == "regularizers":
        items = value if isinstance(value, list | tuple) else [value]
        return [r for item in items for r in _listed(item)]
    role, _, kind = keyword.partition("_")
    if role in ROLES and kind in ("noise", "dropout"):
        placed = REGULARIZERS.lookup(kind)
        return [placed(level(value, keyword, placed.limit), role=role)]
    cls = REGULARIZERS.lookup(keyword)
    if cls in (Noise, Dropout):
        if not isinstance(value, Mapping):
            raise ConfigurationError(
                f"{keyword} is {value!r}; it has to be a dict from patterns to levels, "
                f'such as {{"hid1:out": 0.2}}. For all hidden layers: hidden_{keyword}.'
            )
        return [cls(weight, pattern=glob) for glob, weight in sorted(value.items())]
    if not isinstance(value, Mapping):
        return [cls(level(value, keyword, cls.limit))]
    known = parameters(cls)
    unknown = [name for name in map(str, value) if name not in known]
    if unknown:
        raise ConfigurationError(
            f"{keyword}={dict(value)!r}: unknown {listing(unknown)}. Give a number, or "
            f"a dict with {listing(known)}." + suggest(unknown[0], known)
        )
    return [cls(**value)]


def _listed(item: Any) -> list[Regularizer]:
    if isinstance(item, Regularizer):
        return [item]
    raise ConfigurationError(
        f"regularizers holds {item!r}; it has to be a list of Regularizer objects. "
        "Those that come with theanets are keywords of their own, such as weight_l2."
    )
