"""Which arrays of a graph training leaves as they are, chosen by patterns."""

from collections.abc import Iterable
from dataclasses import replace

from theanets.errors import ConfigurationError
from theanets.graph.topology import Topology
from theanets.utils import registry
from theanets.utils.checks import shown
from theanets.utils.registry import join_names, matching, suggest


def freezing(topology: Topology, patterns: object) -> Topology:
    """Return a graph in which more arrays are frozen; see `arrays_of`."""
    names = arrays_of(topology, patterns, "freeze")
    return with_frozen(topology, topology.frozen | names)


def unfreezing(topology: Topology, patterns: object) -> Topology:
    """Return a graph in which fewer arrays are frozen; see `arrays_of`."""
    names = arrays_of(topology, patterns, "unfreeze")
    return with_frozen(topology, topology.frozen - names)


def with_frozen(topology: Topology, names: Iterable[str]) -> Topology:
    """Return a graph in which only these arrays are frozen, by full name."""
    return replace(topology, frozen=frozenset(names))


def arrays_of(topology: Topology, patterns: object, keyword: str) -> frozenset[str]:
    """Return the full names of the arrays that patterns choose.

    A pattern is a glob over full names, such as ``"hid1.w"``, or over names of layers,
    which chooses all arrays of the layer. Messages begin with ``keyword``.
    """
    globs = registry.patterns(patterns, keyword)
    # The workers of a layer have names too.
    arrays = {
        part.name: [part.full_name(name) for name in part.params]
        for part in topology.parts.values()
        if part.params
    }
    chosen: set[str] = set()
    for glob in globs:
        names = set(matching(glob, topology.param_shapes))
        names.update(*(arrays[name] for name in matching(glob, arrays)))
        if not names:
            raise ConfigurationError(
                f"{keyword}: {shown(glob)} matches no parameter. There are: "
                f"{join_names(topology.param_shapes)}."
                + suggest(glob, [*arrays, *topology.param_shapes])
            )
        chosen |= names
    return frozenset(chosen)
