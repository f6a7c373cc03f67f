"""Where two descriptions of a run differ, in words."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from theanets.utils.checks import shown


def differences(then: Any, now: Any, name: str = "") -> Iterator[str]:
    """Yield in words each place where two descriptions differ.

    Parameters
    ----------
    then, now : object
        Two descriptions, made of what JSON holds.
    name : str
        Where in larger descriptions they stand.

    Examples
    --------
    >>> list(differences({"algo": "sgd", "rng": 1}, {"algo": "adam", "rng": 1}))
    ["algo was 'sgd' and is 'adam'"]
    """
    lists = isinstance(then, list) and isinstance(now, list)
    if lists and any(isinstance(x, Mapping) for x in (*then, *now)):
        then, now = _by_name(then), _by_name(now)
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        if then.get("versions") != now.get("versions"):
            # Versions of other packages find other operations in the same function.
            return
        for key in dict.fromkeys((*then, *now)):
            inner = f"{name} {key}".strip()
            yield from differences(then.get(key), now.get(key), inner)
    elif then != now and name.endswith(" content"):
        yield f"{name} is another"
    elif then != now:
        yield f"{name} was {_said(then)} and is {_said(now)}"


def _by_name(entries: list[Any]) -> dict[str, Any]:
    """Return descriptions by their names, or else by their places.

    >>> list(_by_name([{"name": "dropout"}, {"name": "noise"}, {"name": "dropout"}]))
    ['dropout', 'noise', 'dropout 2']
    """
    if not all(isinstance(x, Mapping) and "name" in x for x in entries):
        return {str(i): x for i, x in enumerate(entries)}
    found: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for entry in entries:
        name = str(entry["name"])
        counts[name] += 1
        found[f"{name} {counts[name]}" if counts[name] > 1 else name] = entry
    return found


def _said(value: Any) -> str:
    return "nothing" if value is None else shown(value)
