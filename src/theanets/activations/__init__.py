"""The function that a layer applies to its pre-activation.

`Activation` is the base of your own. Most activations are functions of an array, in one
table; those with learned parameters, one per unit, are classes. All keep the shape and
dtype of their input, and every derivative is finite. At a corner, the derivative is
the one on the flat or leaky side: 0 for ``relu`` at 0, for ``rect:min`` at 1, and for
``rect:minmax`` at 0 and 1.
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
