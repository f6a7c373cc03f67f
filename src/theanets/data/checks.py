"""Arrays checked against what a model expects of them."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike

from theanets.data.blocks import blocks
from theanets.data.content import (
    Facts,
    column_label,
    facts_of,
    not_finite,
    scaling_advice,
    surely_finite,
    too_large,
)
from theanets.data.expected import WHOLE, Expected, agree, describe, precisions
from theanets.data.kinds.base import DataArray
from theanets.data.kinds.cells import NUMBERED
from theanets.errors import DataError
from theanets.utils.checks import counted

_MANY_CLASSES = 300
_REGRESSOR = " Numbers are predicted by theanets.Regressor."


def check(
    arrays: Sequence[DataArray],
    expected: Sequence[Expected],
    what: str,
    dtype: DTypeLike = "f8",
    columns: Callable[[], Mapping[str, Sequence[str]]] = dict,
) -> None:
    """Check arrays of one data set or batch against what a model expects.

    ``dtype`` is the precision to compute in, which has to hold the numbers. ``columns``
    returns the names of columns by the name of the array; only messages call it.
    """
    check_count(len(arrays), expected, what)
    for array, wanted in zip(arrays, expected, strict=True):
        _check_shape(array, wanted, what)
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        pairs = zip(expected, lengths, strict=True)
        raise DataError(
            f"{what}: the arrays differ in length: "
            f"{', '.join(f'{each.name} has {n}' for each, n in pairs)}. Each needs one "
            "entry for each example."
        )
    if lengths and lengths[0] == 0:
        raise DataError(f"{what} is empty: there are no examples in it.")
    types = precisions(expected, dtype)
    for array, wanted, precision in zip(arrays, expected, types, strict=True):
        _check_content(array, wanted, what, precision, columns)


def check_count(count: int, expected: Sequence[Expected], what: str) -> None:
    """Refuse a data set or batch of more or fewer arrays than a model expects."""
    if count == len(expected):
        return
    advice = ""
    if count < len(expected):
        names = [e.name for e in expected]
        few = len(names) == 2 or (len(names) == 3 and expected[2].role == "weights")
        pair = f"({', '.join('xyw'[: len(names)] if few else names)})"
        written = {"train": f"train({pair})", "valid": f"valid={pair}"}.get(what, pair)
        both = "both" if len(names) == 2 else "all"
        advice = f" Give {both} in one tuple, {written}: {', then '.join(names)}."
    raise DataError(
        f"{what} holds {counted(count, 'array')}; the model expects {len(expected)}: "
        + "; ".join(f"{e.name} {describe(e)}" for e in expected)
        + f".{advice}"
    )


def _check_shape(array: DataArray, wanted: Expected, what: str) -> None:
    shape = array.shape[1:]
    least = len(wanted.shape) - wanted.optional_axes
    if array.ndim > least and agree(shape, wanted.shape[: len(shape)]):
        return
    hint, size = "", math.prod(n or 1 for n in wanted.shape)
    one_hot = len(shape) == len(wanted.shape) + 1 and shape[-1] == wanted.classes
    if wanted.role == "labels" and one_hot:
        hint = (
            " One-hot rows are taken as labels, but not all of these hold a single 1 "
            "and else 0; .argmax(axis=-1) makes labels of the largest in each."
        )
    elif wanted.shape == (1,) and array.ndim and (array.ndim == 1 or len(array) == 1):
        # A single example too, as one row of many columns is read.
        hint = " A .reshape(-1, 1) may be missing; .to_frame() if it is a Series."
    elif None not in wanted.shape and array.ndim and math.prod(shape) == size:
        lengths = ", ".join(map(str, (-1, *wanted.shape)))
        hint = f" A .reshape({lengths}) may be missing."
    elif wanted.role == "input" and len(shape) == len(wanted.shape):
        hint = f' Change the data, or the size of the layer "{wanted.name}".'
    elif wanted.role == "target":
        hint = " Change the target, or the size of the layer that predicts it."
    raise DataError(
        f'{what}: "{wanted.name}" has the shape {array.shape}, but the model expects '
        f"{describe(wanted)}.{hint}"
    )


def _check_content(
    array: DataArray,
    wanted: Expected,
    what: str,
    dtype: DTypeLike,
    columns: Callable[[], Mapping[str, Sequence[str]]],
) -> None:
    free = wanted.role in ("input", "target") and wanted.bounds is None
    if free and surely_finite(array, dtype):
        return
    where = f'{what}: "{wanted.name}" holds'
    facts = facts_of(array, whole=wanted.role in WHOLE or wanted.bounds is not None)
    if not (math.isfinite(facts.low) and math.isfinite(facts.high)):
        count, (first, *place) = not_finite(array)
        names = tuple(columns().get(wanted.name, ()))
        named = f", column {column_label(place[0], names)}" if place else ""
        within = named if len(place) < 2 else f", {tuple(place)} in it"
        advice = "Remove or repair these examples."
        value = np.asarray(array[first : first + 1], "f8")[(0, *place)]
        if names and wanted.role == "input" and np.isnan(value):
            advice = (
                "Leave them out before you separate the target, frame.dropna(), "
                "or fill them, frame.fillna(frame.median())."
            )
        raise DataError(
            f"{where} NaN or infinity in {counted(count, 'example')}, the first, "
            f"{value:g}, at index {first}{within}. {advice}"
        )
    span = f"{facts.low:.10g} to {facts.high:.10g}"
    if wanted.role not in WHOLE and (problem := too_large(array, dtype, facts)):
        raise DataError(f"{where} {problem}. {scaling_advice(dtype)}")
    if wanted.role == "weights" and facts.low < 0 and not wanted.signed:
        raise DataError(
            f"{where} {facts.low:g}; weights have to be 0 or more. "
            "If they are meant to be negative, say so with "
            "theanets.Dataset(..., allow_negative_weights=True)."
        )
    if wanted.role == "mask":
        for _, block in blocks(array):
            wrong = block[(block != 0) & (block != 1)]
            if wrong.size:
                raise DataError(
                    f'{what}: the mask "{wanted.name}" holds {float(wrong[0]):g}; it '
                    "has to be 1 where a time step is valid, and 0 where it is padding."
                )
    least, most = wanted.bounds or (-math.inf, math.inf)
    if facts.low < least or facts.high > most:
        raise DataError(
            f"{where} values from {span}, but the loss takes values from {least:g} to "
            f"{most:g}. Rescale them."
        )
    if wanted.role not in WHOLE:
        return
    if not facts.whole:
        raise DataError(
            f"{where} fractions; {wanted.role} have to be whole numbers from 0 to "
            f"{(wanted.classes or 1) - 1}." + _REGRESSOR * (wanted.role == "labels")
        )
    if wanted.classes is not None and (facts.low < 0 or facts.high >= wanted.classes):
        noun, way_out = WHOLE[wanted.role]
        advice = f"{way_out}, or renumber the {wanted.role} from 0."
        if wanted.role == "labels":
            advice = _more_classes(array, facts, wanted.classes)
        raise DataError(
            f"{where} {wanted.role} from {span}, but the model has {wanted.classes} "
            f"{noun}, 0 to {wanted.classes - 1}. {advice}"
        )


def _more_classes(array: DataArray, facts: Facts, classes: int) -> str:
    """Return what to do with labels that a model has no classes for."""
    count = len(np.unique(np.asarray(array)))
    if count > _MANY_CLASSES:
        return f"These are {count} different values.{_REGRESSOR}"
    if facts.low == 0 and count == facts.high + 1:
        also = ", for two classes need 2 units" * (count == 2)
        return f"Make the last layer {count} units{also}."
    return f"{WHOLE['labels'][1]}, or renumber the labels from 0. {NUMBERED}"
