"""Forked processes, in which JAX cannot compute: its threads do not survive a fork.

A program, or reading an array, can hang there, and a new backend aborts. So whatever
needs JAX raises an error in a process that was forked from one that had used JAX.
"""

import os

from theanets.errors import ConcurrencyError

_used = _forked = False


def forked() -> bool:
    """Return whether this process was forked from one that had used JAX.

    >>> forked()
    False
    """
    return _forked


def refuse_forked() -> None:
    """Raise a ConcurrencyError in a process that was forked from one that used JAX."""
    if _forked:
        raise ConcurrencyError(
            "models do not compute in this process: it was forked from one that had "
            "used JAX, whose threads do not survive that. Start workers by "
            'multiprocessing.get_context("spawn") or "forkserver", or by joblib, or '
            "fork before the first model is made."
        )


def _before() -> None:
    # The child cannot ask: another thread may have held the lock during the fork.
    global _used
    if not _used:
        try:
            # There is no public function for this.
            from jax._src.xla_bridge import backends_are_initialized
        except ImportError:
            _used = True  # To refuse is always safe.
        else:
            _used = backends_are_initialized()


def _in_child() -> None:
    global _forked
    _forked = _used


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_child=_in_child)
