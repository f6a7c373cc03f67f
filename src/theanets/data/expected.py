"""What a model expects of one array: its role, its shape, its values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from theanets.types import Shape

WHOLE = {
    "labels": ("classes", "Give the last layer a unit for each class"),
    "indices": ("entries", "Give the embedding a larger vocabulary"),
}
"""The roles of arrays of whole numbers: what they count, and advice."""


@dataclass(frozen=True)
class Expected:
    """What one array of a data set has to be like."""

    name: str
    role: str
    """``input``, ``target``, ``labels`` or ``indices`` (whole numbers below
    ``classes``), ``code``, ``weights``, or ``mask`` (zeros and ones)."""
    shape: Shape
    """Shape of one example; None for an axis of any length."""
    classes: int | None = None
    """The number of different labels or indices."""
    optional_axes: int = 0
    """How many of the last axes may be missing, as with one weight for each example."""
    sparse: bool = False
    """Whether lazy data stay lazy, however small they are."""
    bounds: tuple[float, float] | None = None
    """The least and the largest value that is allowed."""
    signed: bool = False
    """Whether weights may be negative."""
    scaled: bool = False
    """Whether the model standardizes it."""
    by_hand: bool = False
    """Whether the user has to standardize it, as the model cannot."""


def agree(shape: Shape, other: Shape) -> bool:
    """Return whether two shapes are the same, where None stands for any length."""
    return len(shape) == len(other) and all(
        None in (n, m) or n == m for n, m in zip(shape, other, strict=True)
    )


def describe(expected: Expected) -> str:
    """Return the shape and kind of an expected array, for messages."""
    shape = ", ".join("any" if n is None else str(n) for n in expected.shape)
    text = f"(examples, {shape})" if shape else "(examples,)"
    if expected.classes is not None:
        text += f", {expected.role} 0 to {expected.classes - 1}"
    return text


def precisions(expected: Sequence[Expected], dtype: DTypeLike) -> list[DTypeLike]:
    """Return the widest type for each array.

    Losses, and data to be standardized, need more than bfloat16.
    """
    wide = np.promote_types(dtype, np.float32)
    return [
        dtype if e.role in ("input", "code") and not e.scaled else wide
        for e in expected
    ]
