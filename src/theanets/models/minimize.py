"""The training engine for any pure JAX function."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr

from theanets import optimizers
from theanets.config import config, float_type, stored_type
from theanets.data.arrays import converted
from theanets.data.columns import Columns
from theanets.data.device import identity
from theanets.data.expected import Expected
from theanets.data.holdout import held_out
from theanets.data.kinds.base import DataArray
from theanets.display.progress import reporter
from theanets.errors import ConfigurationError, DataError
from theanets.initializers import as_seed
from theanets.training.checkpoint import KEYWORDS, Checkpoint, Saved
from theanets.training.history import BestRow, History, unpacked
from theanets.training.interrupts import until_interrupted
from theanets.training.keywords import refuse, translated
from theanets.training.measure import Monitors, Pair
from theanets.training.options import Controls, keywords, own_keywords
from theanets.training.problem import Problem
from theanets.training.programs import Values
from theanets.training.run import run
from theanets.training.state import Progress
from theanets.types import Array, DType, PyTree
from theanets.utils import keys
from theanets.utils.checks import compilable, shown
from theanets.utils.forks import refuse_forked


class Minimum(NamedTuple):
    """What `minimize` found.

    Attributes
    ----------
    params : tree of array
        The best parameters.
    training, validation : dict of str to float
        The monitors of both data sets in the epoch of these parameters.
    history : list of pair
        The monitors of every epoch of this call.
    """

    params: PyTree
    training: Monitors
    validation: Monitors
    history: list[Pair]


def minimize(
    loss: Callable[..., Any],
    params: PyTree,
    train: object,
    valid: object = None,
    algo: object = "rmsprop",
    **hyper: object,
) -> Minimum:
    """Minimize a function of parameters over data, with the engine of the networks.

    Parameters
    ----------
    loss : callable
        ``loss(params, *batch)`` returns a scalar, the mean over the batch; or a pair
        of that and a dict of further scalars to report. Pure, as JAX needs it.
    params : tree of array
        Where to begin: any nesting of dicts, lists and tuples of arrays. The loss gets
        arrays of the same types; Python's numbers become arrays in the precision of
        models. Between updates they are kept in float32 or wider, as an update may be
        smaller than what bfloat16 resolves.
    train, valid, algo, **hyper
        As for `Network.train`; a batch holds whatever arrays the data hold.

    Returns
    -------
    Minimum
        The best parameters, and the monitors.

    Raises
    ------
    ConfigurationError
        If a keyword is unknown, the parameters are not arrays of floating-point
        numbers, or the loss is not a scalar.
    DataError
        If the data are not arrays of equal lengths.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> x = np.linspace(-1, 1, 64)
    >>> def loss(params, x, y):
    ...     return ((params["slope"] * x + params["offset"] - y) ** 2).mean()
    >>> start = {"slope": 0.0, "offset": 0.0}
    >>> found = theanets.minimize(
    ...     loss, start, (x, 3 * x + 1), algo="adam", learning_rate=0.1, progress=False)
    >>> round(float(found.params["slope"]), 2), round(float(found.params["offset"]), 2)
    (3.0, 1.0)
    """
    refuse_forked()
    if not callable(loss):
        raise ConfigurationError(
            f"the loss is {shown(loss)}; it has to be a function loss(params, *batch)."
        )
    options, algo_keywords = translated(hyper), own_keywords(algo)
    checkpoint = Checkpoint.take(options)
    controls = Controls.take(options)
    controls.check_mode()
    callbacks = (reporter(controls.progress), *controls.callbacks)
    controls = replace(controls, callbacks=callbacks)
    optimizer = optimizers.resolve(algo, options)
    if options:
        refuse(options, [*keywords(), *algo_keywords, *KEYWORDS])
    dtype = float_type(config.floatX, "floatX")
    arrays, computed, returned = _start(params, dtype)
    model = _Model(arrays)

    def objective(
        params: PyTree, carried: PyTree, batch: Sequence[Array], *_: object
    ) -> tuple[Array, dict[str, object], PyTree]:
        with compilable("the loss"):
            result = loss(_of_types(params, computed), *batch)
        paired = isinstance(result, tuple) and len(result) == 2
        value, more = result if paired else (result, {})
        if not isinstance(value, jax.Array) or value.shape != ():
            came = f"a value of type {type(value).__name__}"
            if (shape := getattr(value, "shape", None)) is not None:
                came = f"an array of shape {shape}"
            raise ConfigurationError(
                f"the loss returned {came}; it has to return one number that depends "
                "on params, such as a mean over the batch, or a pair of that and a "
                "dict of others to report."
            )
        return value, {**more, "loss": value, "err": value}, carried

    problem = Problem(
        objective,
        keys.key(loss),
        optimizer,
        dict,
        model.read,
        model.commit,
        _Anything(),
        dtype,
        13 if controls.rng is None else as_seed(controls.rng, "rng"),
        model=lambda: _of_types(model.params, returned),
        record=model.record,
        describe=model.describe,
    )
    saved = None
    if checkpoint is not None:
        leaves = jax.tree_util.tree_leaves_with_path(model.params)
        checkpoint.run = {
            "loss": getattr(loss, "__qualname__", type(loss).__name__),
            "params": [{"name": keystr(path), **identity(x)} for path, x in leaves],
            **optimizer.identity(model.params),
            **controls.identity(),
            "rng": problem.seed,
        }
        saved = checkpoint.saved()
    data = held_out(train, valid, problem.seed)
    pairs: Iterator[Pair]
    pairs = run(problem, *data, controls, checkpoint=checkpoint, saved=saved)
    with checkpoint or nullcontext():
        if checkpoint and saved:
            checkpoint.parse(partial(model.restore, saved))
        if controls.on_interrupt == "return":
            pairs = until_interrupted(pairs)
        rows = list(pairs)
    best = model.history.result()
    return Minimum(_of_types(model.params, returned), *best, rows)


class _Model:
    """The parameters and their history, as a network has its own."""

    def __init__(self, params: PyTree) -> None:
        self.params = params
        self.history = History()

    def read(self) -> Values:
        return Values(self.params)

    def commit(self, values: Values) -> None:
        self.params = values.learned

    def record(self, at: Progress) -> None:
        self.history.write(at.epoch, at.row)
        self.history.best = _best(at)

    def describe(self, best: Values, at: Progress) -> Saved:
        row = at.row if at.epoch else None
        return Saved(({}, {}), *self.history.until(at.epoch, row, _best(at)).packed())

    def restore(self, saved: Saved) -> None:
        history = unpacked(saved.facts, saved.arrays)
        history.check(0, saved.facts["progress"]["epoch"])
        self.history = history


def _best(at: Progress) -> BestRow | None:
    return at.best and BestRow(at.best.epoch, *at.best.monitors)


class _Anything:
    """Expects arrays of any number, shape and kind."""

    names: tuple[str, ...] = ()
    labels: frozenset[int] = frozenset()

    def __init__(self) -> None:
        self.columns = Columns()

    def __call__(self, arrays: Sequence[DataArray]) -> list[Expected]:
        return [
            Expected(f"array {i}", "input", array.shape[1:])
            for i, array in enumerate(arrays)
        ]


def _start(params: PyTree, dtype: DType) -> tuple[PyTree, PyTree, PyTree]:
    """Return where to begin, and the types of what the loss and the caller get."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(params)
    if not leaves:
        raise ConfigurationError(
            f"params is {shown(params)}, which holds no arrays. Give a tree of arrays, "
            'such as {"slope": 0.0}.'
        )
    # Not by jax.tree.map, where the traceback of an error would end inside JAX.
    parts = [_part(leaf, "params" + keystr(path), dtype) for path, leaf in leaves]
    arrays, computed, returned = zip(*parts, strict=True)
    whole = partial(jax.tree.unflatten, structure)
    return whole(arrays), whole(computed), whole(returned)


def _part(leaf: object, where: str, dtype: DType) -> tuple[Array, DType, DType]:
    """Return an array to begin with, and the types for the loss and the caller."""
    if isinstance(leaf, np.ma.MaskedArray) and np.ma.is_masked(leaf):
        raise ConfigurationError(
            f"{where} is a masked array, and hides some of its numbers. Say what "
            "stands there, as x.filled(value) does."
        )
    # Converted by NumPy, since JAX would compile a program for each shape.
    array = leaf if isinstance(leaf, jax.Array) else np.asarray(leaf)
    if array.dtype.kind not in "biufV":
        raise ConfigurationError(
            f"params holds {shown(leaf)}; it has to be a tree of arrays of numbers."
        )
    # Python's numbers take the precision of the models.
    typed = jnp.issubdtype(array.dtype, jnp.floating) and not isinstance(leaf, float)
    computed = jax.dtypes.canonicalize_dtype(array.dtype if typed else dtype)
    stored = stored_type(computed)
    try:
        moved = jax.device_put(converted(array, stored, where, "Begin with less."))
    except DataError as error:
        raise ConfigurationError(str(error)) from None
    return moved, computed, computed if typed else stored


def _of_types(params: PyTree, types: PyTree) -> PyTree:
    return jax.tree.map(lambda x, dtype: jnp.asarray(x, dtype), params, types)
