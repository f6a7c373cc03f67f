"""Random changes of outputs while a model trains."""

from typing import ClassVar

from theanets.layers.noise import dropped, noisy
from theanets.regularizers.base import Regularizer
from theanets.types import Array


class Noise(Regularizer):
    """Gaussian noise added to outputs; the weight is its standard deviation."""

    example: ClassVar = {"pattern": "hid1:out"}
    aliases = ("noise",)
    suffix = "prenoise"

    def modify(self, name: str, value: Array, key: Array, weight: Array) -> Array:
        return noisy(value, self.stream(name, key), weight)


class Dropout(Regularizer):
    """Outputs set to zero with a probability, the others scaled by 1 / (1 - p).

    Source: N. Srivastava et al. (2014), Dropout: A Simple Way to Prevent Neural
    Networks from Overfitting.
    """

    example: ClassVar = {"pattern": "hid1:out"}
    aliases = ("dropout",)
    suffix = "predrop"
    limit = 1.0

    def modify(self, name: str, value: Array, key: Array, weight: Array) -> Array:
        return dropped(value, self.stream(name, key), weight)
