"""The function that a layer applies to its pre-activation.

`Activation` is the base of your own. Most activations are plain functions of an array
and stand in one table; those with parameters that are learned, one per unit, are
classes. All of them keep the shape and the dtype of their input, and every derivative
is finite; where a function has a corner, the derivative is the one of its flat or leaky
side: for ``relu`` at 0 it is 0, and so for ``rect:min`` at 1 and ``rect:minmax`` at 0
and 1.
"""

from theanets.activations.base import REGISTRY, Activation
from theanets.activations.composition import (
    Composition,
    Custom,
    Function,
    build,
    numbered,
)
from theanets.activations.elementwise import (
    EPSILON,
    FUNCTIONS,
    gelu,
    linear,
    norm_max,
    norm_mean,
    norm_std,
    norm_z,
    rect_min,
    rect_minmax,
    selu,
    silu,
    softmax,
)
from theanets.activations.parametric import (
    Elu,
    Leak,
    LGrelu,
    Lgrelu,
    Maxout,
    Prelu,
    largest,
)

__all__ = [
    "EPSILON",
    "FUNCTIONS",
    "REGISTRY",
    "Activation",
    "Composition",
    "Custom",
    "Elu",
    "Function",
    "LGrelu",
    "Leak",
    "Lgrelu",
    "Maxout",
    "Prelu",
    "build",
    "gelu",
    "largest",
    "linear",
    "norm_max",
    "norm_mean",
    "norm_std",
    "norm_z",
    "numbered",
    "rect_min",
    "rect_minmax",
    "selu",
    "silu",
    "softmax",
]
