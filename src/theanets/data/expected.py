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
    """What one array of a data set has to be like.

    Attributes
    ----------
    name : str
        How messages call it.
    role : str
        ``input``, ``target``, ``labels`` or ``indices`` (whole numbers below
        ``classes``), ``code``, ``weights`` (not negative) or ``mask`` (zeros and
        ones).
    shape : tuple
        Shape of one example; None for an axis of any length.
    classes : int, optional
        The number of different labels or indices.
    optional_axes : int
        How many of the last axes may be missing, as with one weight for each example.
    sparse : bool
        Whether lazy data stay lazy, however small they are.
    bounds : pair of float, optional
        The least and the largest value that is allowed.
    signed : bool
        Whether weights may be negative.
    scaled : bool
        Whether the model standardizes it.
    by_hand : bool
        Whether the user has to standardize it, as the model cannot.
    """

    name: str
    role: str
    shape: Shape
    classes: int | None = None
    optional_axes: int = 0
    sparse: bool = False
    bounds: tuple[float, float] | None = None
    signed: bool = False
    scaled: bool = False
    by_hand: bool = False


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
