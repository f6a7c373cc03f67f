"""Keywords of ``train`` that are unknown, renamed or gone, and what replaces them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeVar

from theanets import optimizers
from theanets.errors import ConfigurationError
from theanets.optimizers import ALGORITHMS
from theanets.utils.registry import join_names, suggest
from theanets.utils.renamed import answer

T = TypeVar("T")

SYNONYMS = {
    "gradient_clip": "max_gradient_elem",
    "iteration_size": "train_batches",
    "max_gradient_clip": "max_gradient_elem",
}
"""Keywords of the original theanets, and the keyword that means the same today."""
_ALGO = 'The algorithm is algo="rmsprop", the third argument of train.'
ANSWERS = {
    "algorithm": _ALGO,
    "optimize": _ALGO,
    "optimizer": _ALGO,
    "num_updates": "It is max_updates, or max_epochs for passes over the data.",
    "cg_batches": "The algorithm hf is gone; lbfgs takes all data at once.",
    "initial_lambda": "The algorithm hf is gone; lbfgs takes all data at once.",
    "activity": "Watch outputs by monitors, such as monitors={'hid1:out': 0.1}.",
    "tied_weights": "Tie layers in the model: [784, 100, ('tied', 784)].",
    "decode_from": "Name the inputs of the output layer in the model.",
    "preconditioner": "Give algo='esgd', which estimates one.",
}
"""Keywords that are gone, and what replaces them."""


def translated(given: Mapping[str, T]) -> dict[str, T]:
    """Return keywords of ``train`` with the original's names replaced by today's.

    >>> translated({"gradient_clip": 1.0, "patience": 3})
    {'max_gradient_elem': 1.0, 'patience': 3}
    """
    names = Counter(SYNONYMS.get(name, name) for name in given)
    for name in given:
        now = SYNONYMS.get(name, name)
        if name != now and names[now] > 1:
            raise ConfigurationError(
                f"{name} and another name of {now} were both given, and they mean the "
                f"same. Give {now} alone."
            )
    return {SYNONYMS.get(name, name): value for name, value in given.items()}


def refuse(left: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keywords that are left over, all of them at once.

    >>> refuse(["patiense"], ["patience", "rng"])
    Traceback (most recent call last):
        ...
    theanets.errors.ConfigurationError: unknown keyword "patiense". Did you mean...
    """
    unknown, known = sorted(left), sorted(known)
    if unknown:
        advice = {name: _advice(name, known) for name in unknown}
        text = "".join(f' Unknown keyword "{x}".{advice[x]}' for x in unknown)
        # The list is long, and needless where each keyword has its own advice.
        if not all(advice.values()):
            few = len(known) > _MOST_LISTED
            listed = [name for name in known if name in _COMMON] if few else known
            more = "; the user guide lists them all" * few
            text += f" Known: {join_names(listed)}{more}."
        raise ConfigurationError(f"u{text[2:]}")


_MOST_LISTED = 40
_COMMON = (
    "batch_size",
    "callbacks",
    "checkpoint",
    "class_weight",
    "hidden_dropout",
    "input_noise",
    "learning_rate",
    "max_epochs",
    "momentum",
    "monitor",
    "monitors",
    "patience",
    "progress",
    "rng",
    "weight_l2",
)
"""The keywords to list where there are too many to list all."""


def _advice(name: str, known: list[str]) -> str:
    if name in ANSWERS:
        return f" {ANSWERS[name]}"
    if found := answer("train", name):
        return found
    owners = [algo for algo in ALGORITHMS if name in optimizers.keywords(algo)]
    if owners:
        return f" It belongs to algo {' or '.join(owners)}, not to the one chosen."
    return suggest(name, known)
