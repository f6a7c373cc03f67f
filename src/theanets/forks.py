"""Forked processes, which JAX cannot compute in: another process does it for them.

The threads of JAX do not survive a fork, so its programs would wait in the child for
ever; a new backend there aborts. A process that was forked after JAX had been used
therefore keeps its arrays in NumPy, and sends what is to be computed to a fresh
interpreter, which it starts when it first needs one and which ends with it.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from theanets.errors import ConcurrencyError

_INSTEAD = (
    'Start workers by multiprocessing.get_context("spawn") or "forkserver", or by '
    "joblib, or fork before the first model is made."
)


class _Computer:
    """A fresh interpreter that calls functions for this process."""

    def __init__(self) -> None:
        from multiprocessing import spawn

        code = f"import sys; sys.path[:] = {sys.path!r}; from theanets import forks"
        self._process = subprocess.Popen(
            [os.fsdecode(spawn.get_executable()), "-c", f"{code}; forks.serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A Ctrl-C is for the one that asks; this one ends with its input.
            start_new_session=True,
            # Several of them share an accelerator.
            env={"XLA_PYTHON_CLIENT_PREALLOCATE": "false", **os.environ},
        )

    def call(self, request: bytes) -> Any:
        assert self._process.stdin and self._process.stdout
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
            succeeded, answer = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError) as error:
            raise ConcurrencyError(
                "the process that computes for this forked one has ended, with the "
                f"status {self._process.wait()}. {_INSTEAD}"
            ) from error
        if succeeded:
            return answer
        raise answer


class _Here:
    """What there is to know of this process."""

    def __init__(self, forked: bool) -> None:
        self.forked = forked
        self.lock = Lock()
        self.computer: _Computer | None = None


_here = _Here(forked=False)


def forked() -> bool:
    """Return whether this process was forked from one that had used JAX.

    Examples
    --------
    >>> forked()
    False
    """
    return _here.forked


def refuse_forked(what: str) -> None:
    """Raise an error in a process that was forked from one that had used JAX.

    Raises
    ------
    ConcurrencyError
        There, instead of waiting for ever.
    """
    if forked():
        raise ConcurrencyError(
            f"{what} is not possible in this process: it was forked from one that had "
            f"used JAX, whose threads do not survive that. {_INSTEAD}"
        )


def elsewhere(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function in the process that computes for this forked one.

    Function, arguments and answer are pickled on the way. What the function raises
    is raised here.

    Raises
    ------
    ConcurrencyError
        If that process does not know a class, or has ended.
    """
    request = pickle.dumps((function, args))
    with _here.lock:
        if _here.computer is None:
            _here.computer = _Computer()
        return _here.computer.call(request)


def fork_safe(lock: Lock) -> Lock:
    """Return a lock, which from now on no fork leaves locked in the child."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire,
            after_in_parent=lock.release,
            after_in_child=lock.release,
        )
    return lock


def serve() -> None:
    """Answer the requests on the standard input until it ends."""
    requests = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as answers:
        # What a function prints is no answer.
        os.dup2(2, 1)
        while True:
            try:
                request = pickle.load(requests)
            except EOFError:
                return
            try:
                answers.write(_answer(request))
                answers.flush()
            except BrokenPipeError:
                # Whoever asked has ended.
                os._exit(0)


def _answer(request: bytes) -> bytes:
    try:
        function, args = pickle.loads(request)
    except Exception as error:
        unknown = ConcurrencyError(
            f"a forked process cannot compute with this model: {error}. What the "
            "program's own script defines is not known to the process that computes "
            f"for it: move it to a module. {_INSTEAD}"
        )
        return pickle.dumps((False, unknown))
    try:
        return pickle.dumps((True, function(*args)))
    except Exception as error:
        try:
            return pickle.dumps((False, error))
        except Exception:
            return pickle.dumps((False, RuntimeError(str(error))))


def keep(arrays: dict[str, Any]) -> None:
    """Let arrays be NumPy's in each process that is forked from now on."""
    _kept[id(arrays)] = arrays


_kept: WeakValueDictionary[int, dict[str, Any]] = WeakValueDictionary()
_forking = Lock()
_at_fork: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] | None = None
"""During a fork after JAX was used: arrays, what they hold, and the same of NumPy."""
_ended: list[Any] = []


def _before_fork() -> None:
    global _at_fork
    _forking.acquire()
    if not (_here.forked or _jax_is_used()):
        return
    _at_fork = []
    # In the child, to read an array of JAX could wait for a thread that is not there.
    for arrays in list(_kept.values()):
        held = dict(arrays)
        host = {name: np.asarray(array) for name, array in held.items()}
        _at_fork.append((arrays, held, host))


def _after_fork_in_parent() -> None:
    global _at_fork
    _at_fork = None
    _forking.release()


def _after_fork_in_child() -> None:
    global _here, _at_fork
    _here = _Here(forked=_at_fork is not None)
    for arrays, held, host in _at_fork or ():
        # Nor can they be freed.
        _ended.append(held)
        arrays.update(host)
    _at_fork = None
    _forking.release()


def _jax_is_used() -> bool:
    try:
        from jax._src.xla_bridge import backends_are_initialized
    except ImportError:
        # No public function tells. To let others compute is right in any case.
        return True
    return backends_are_initialized()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
