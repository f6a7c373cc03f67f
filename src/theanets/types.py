"""The types, and limits, that many modules share."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
import numpy as np

Array: TypeAlias = jax.Array
"""An array of JAX."""
Shape: TypeAlias = tuple[int | None, ...]
"""The shape of one example; None for a length that may differ, as of a sequence."""
Params: TypeAlias = Mapping[str, Array]
"""Parameters by name."""
Outputs: TypeAlias = Mapping[str, Array]
"""Outputs of layers by full name, such as ``hid1:out``."""
LayerOutput: TypeAlias = Array | dict[str, Array]
"""What a layer computes: one array, or several by name, with ``out`` among them."""
PyTree: TypeAlias = Any
"""Arrays, or lists, tuples and dicts of them, as JAX takes them."""
Json: TypeAlias = Any
"""What JSON can hold: text, numbers, bool, None, and lists and dicts of them."""
JsonDict: TypeAlias = dict[str, Any]
"""What a file holds as JSON: a description by the names of its parts."""
DType: TypeAlias = np.dtype[Any]
"""A type of numbers, such as float32 or bfloat16."""

MOST_AXES = 32
"""Axes that an array of a model may have."""
TRAINING_PREFIX = "training/"
"""How the names of those arrays in a file begin that belong to a training."""
