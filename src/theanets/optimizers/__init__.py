"""How parameters move: an update rule with its settings, over any parameters.

``resolve`` turns an algorithm's name and its keywords into an ``Optimizer``: a
pure ``init`` and ``update`` over any pytree of parameters. What changes the
compiled program is in its ``key``; the numbers are in its ``values``, which go
into the program as arrays, so that another learning rate compiles nothing.
"""

from theanets.optimizers.curvature import hessian_vector
from theanets.optimizers.rules import ALGORITHMS, Algorithm
from theanets.optimizers.settings import LIMITS, keywords, resolve
from theanets.optimizers.updater import Optimizer

__all__ = [
    "ALGORITHMS",
    "LIMITS",
    "Algorithm",
    "Optimizer",
    "hessian_vector",
    "keywords",
    "resolve",
]
