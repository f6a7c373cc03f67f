"""How parameters move; `Optimizer` is the base of your own algorithms.

``resolve`` turns an algorithm's name and its keywords into an ``Updater``: a pure
``init`` and ``update`` over any pytree of parameters. What changes the compiled program
is in its ``key``; the numbers are in its ``values``, which go into the program as
arrays, so that another learning rate compiles nothing.
"""

from theanets.optimizers.adaptive import ESGD, AdaDelta, AdaGrad, RMSProp
from theanets.optimizers.base import (
    ALGORITHMS,
    LIMITS,
    Hyperparam,
    Optimizer,
    halflife,
)
from theanets.optimizers.curvature import hessian_vector
from theanets.optimizers.descent import NAG, SGD, RProp
from theanets.optimizers.moments import Adam, AdamW
from theanets.optimizers.optax import LBFGS
from theanets.optimizers.settings import keywords, resolve
from theanets.optimizers.updater import Updater

__all__ = [
    "ALGORITHMS",
    "ESGD",
    "LBFGS",
    "LIMITS",
    "NAG",
    "SGD",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Hyperparam",
    "Optimizer",
    "RMSProp",
    "RProp",
    "Updater",
    "halflife",
    "hessian_vector",
    "keywords",
    "resolve",
]
