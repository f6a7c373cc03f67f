"""Where two descriptions of a run differ, in words."""

from collections import Counter
from collections.abc import Iterator, Mapping

from theanets.utils.checks import shown


def differences(then: object, now: object, name: str = "") -> Iterator[str]:
    """Yield in words where two descriptions, called ``name``, differ.

    >>> list(differences({"algo": "sgd", "rng": 1}, {"algo": "adam", "rng": 1}))
    ["algo was 'sgd' and is 'adam'"]
    """
    if (
        isinstance(then, list)
        and isinstance(now, list)
        and any(isinstance(x, Mapping) for x in (*then, *now))
    ):
        then, now = _by_name(then), _by_name(now)
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        if then.get("versions") != now.get("versions"):
            # Other versions of packages find other operations in the same function.
            return
        for key in dict.fromkeys((*then, *now)):
            inner = f"{name} {key}".strip()
            yield from differences(then.get(key), now.get(key), inner)
    elif then != now and name.endswith(" content"):
        yield f"{name} is another"
    elif then != now:
        yield f"{name} was {_said(then)} and is {_said(now)}"


def _by_name(entries: list[object]) -> dict[str, object]:
    """Return descriptions by their names, or by their places if one has no name.

    >>> list(_by_name([{"name": "dropout"}, {"name": "noise"}, {"name": "dropout"}]))
    ['dropout', 'noise', 'dropout 2']
    """
    with_names = [x for x in entries if isinstance(x, Mapping) and "name" in x]
    if len(with_names) < len(entries):
        return {str(i): x for i, x in enumerate(entries)}
    named: dict[str, object] = {}
    counts: Counter[str] = Counter()
    for entry in with_names:
        name = str(entry["name"])
        counts[name] += 1
        named[f"{name} {counts[name]}" if counts[name] > 1 else name] = entry
    return named


def _said(value: object) -> str:
    return "nothing" if value is None else shown(value)
