"""Further numbers to watch while a model trains: the ``monitors`` keyword."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

import jax.numpy as jnp

from theanets.errors import ConfigurationError
from theanets.graph.topology import Topology
from theanets.types import Array, Params
from theanets.utils import keys
from theanets.utils.checks import check_call, compilable, is_number, shown
from theanets.utils.registry import join_names, matching, suggest

RESERVED = ("loss", "err", "acc", "unweighted", "auc")
_FORM = (
    "it has to be a dict, or a list of pairs, from a name or pattern to a level, a "
    'function, or several, such as {"hid1:out": (0.1, 0.9)} or '
    '{"hid1:out": {"mean": jnp.mean}}.'
)


@dataclass(frozen=True)
class Monitor:
    """A number to watch: the part of an array below a level, or a function of it."""

    name: str
    source: str
    measure: float | Callable[[Any], Any]

    @property
    def key(self) -> Hashable:
        """What makes two monitors the same program."""
        return self.name, self.source, keys.key(self.measure)

    def __call__(self, values: Params) -> Array:
        """Return the number, given all outputs and parameters by name."""
        if not callable(self.measure):
            return (values[self.source] < self.measure).mean(dtype="float32")
        with compilable(f'monitor "{self.name}"'):
            value = self.measure(values[self.source] if self.source else values)
        try:
            return jnp.asarray(value)
        except (TypeError, ValueError):
            raise ConfigurationError(
                f'monitor "{self.name}" returns {shown(value)}; it has to '
                "return one number for the batch, such as a mean."
            ) from None


def make_monitors(given: object, topology: Topology) -> tuple[Monitor, ...]:
    """Return the monitors that the ``monitors`` keyword asks for.

    A key that matches outputs or parameters watches each of them: a level gives the
    fraction below it; a function is called with the array. Several are a list, or a
    dict by label; one with a label is named ``hid1:out:label``, and a second function
    of one array ``hid1:out:function``. Any other key names a function that is called
    with all arrays by name.
    """
    names = [*topology.output_names, *topology.param_shapes]
    monitors: dict[str, Monitor] = {}
    for pattern, measures in _pairs(given):
        sources = matching(pattern, names)
        if not sources and not callable(measures):
            raise ConfigurationError(
                f"monitors: {shown(pattern)} matches no output and no parameter. There "
                f"are: {join_names(names)}." + suggest(pattern, names)
            )
        if not sources:
            check_call(measures, "arrays", f'monitor "{pattern}" is')
            _add(monitors, Monitor(pattern, "", measures))
        for label, measure in _measures(pattern, measures):
            for source in sources:
                name = f"{source}:{label}" if label else source
                if not callable(measure):
                    measure = float(measure)
                    name = name if label else f"{name}<{measure:g}"
                _add(monitors, Monitor(name, source, measure))
    return tuple(monitors.values())


def _pairs(given: object) -> Iterator[tuple[str, Any]]:
    """Yield keys and measures."""
    entries = list(given.items()) if isinstance(given, Mapping) else given
    entries = [] if given is None else entries
    if not isinstance(entries, list | tuple) or not all(map(_is_pair, entries)):
        raise ConfigurationError(f"monitors is {shown(given)}; {_FORM}")
    for pattern, measures in entries:
        if not isinstance(pattern, str):
            raise ConfigurationError(
                f"monitors: {shown(pattern)} is no text; each key has to be a name or "
                'a pattern, such as "hid1:out".'
            )
        if pattern in RESERVED:
            raise ConfigurationError(
                f"monitors: the name {shown(pattern)} is taken; {', '.join(RESERVED)} "
                "are reported anyway. Choose another."
            )
        yield pattern, measures


def _is_pair(entry: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(entry, list | tuple) and len(entry) == 2


def _measures(pattern: str, given: object) -> Iterator[tuple[str, Any]]:
    """Yield levels and functions, each with its label if it has one."""
    if isinstance(given, Mapping):
        entries: Iterable[object] = given.items()
    elif isinstance(given, Sequence) and not isinstance(given, str):
        # One pair of a label and a measure, or several measures.
        one = len(given) == 2 and isinstance(given[0], str)
        entries = [given] if one else given
    else:
        entries = [given]
    for entry in entries:
        label, measure = entry if _is_pair(entry) else ("", entry)
        if not isinstance(label, str):
            raise ConfigurationError(
                f"monitors: {shown(pattern)} has the label {shown(label)}; it has to "
                "be a text."
            )
        if not (callable(measure) or is_number(measure)):
            raise ConfigurationError(
                f"monitors: {shown(pattern)} has level {shown(measure)}; it has to be "
                "a finite number, or a function."
            )
        if callable(measure):
            check_call(measure, "array", f'monitor "{pattern}" is')
        yield label, measure


def _add(monitors: dict[str, Monitor], monitor: Monitor) -> None:
    """Add a monitor; the same one twice is one.

    A second function of one array, from another pattern, gets its name as label:
    ``hid1:out:mean``.
    """
    first = monitors.setdefault(monitor.name, monitor)
    if first == monitor:
        return
    label = getattr(monitor.measure, "__name__", "")
    if monitor.name == monitor.source and label.isidentifier():
        _add(monitors, replace(monitor, name=f"{monitor.source}:{label}"))
    else:
        raise ConfigurationError(
            f'monitors: "{monitor.name}" is asked for twice, as {shown(first.measure)} '
            f"and {shown(monitor.measure)}. Give them labels: "
            f'{{"{monitor.source or monitor.name}": {{"first": ..., "second": ...}}}}.'
        )
