"""Layers that read whole numbers."""

from typing import ClassVar, Unpack

import jax.numpy as jnp

from theanets.errors import ConfigurationError
from theanets.layers.base import Layer
from theanets.layers.options import LayerOptions
from theanets.types import LayerOutput, Outputs, Params, Shape
from theanets.utils.checks import check_int


class Embedding(Layer):
    """A learned vector for each of a number of things, such as words.

    out = w[x]. The input has to be an input layer; its data are whole numbers from 0
    to vocabulary - 1, and each is replaced by its row of w.

    Parameters
    ----------
    vocabulary : int
        How many things there are.
    size : int
        Length of each vector.

    Parameters: w (vocabulary, size), N(0, 1 / sqrt(size)): vectors of about length 1.
    Outputs: out, the shape of the input with an axis of ``size`` behind.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> words = {"form": "embedding", "vocabulary": 1000, "size": 8}
    >>> net = theanets.Network([(None,), words, 2])
    >>> net.feed_forward([[5, 999, 0]])["hid1:out"].shape
    (1, 3, 8)
    """

    example: ClassVar = {"vocabulary": 6, "size": 3}
    takes_activation = False
    max_inputs = 1
    reads_indices = True

    def __init__(self, *, vocabulary: int, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.vocabulary = check_int(vocabulary, self.where + "vocabulary")
        if self._size is None:
            raise ConfigurationError(
                f"{self.where}form {self.form!r} needs a size: the length of a vector."
            )

    def infer_output_shape(self) -> Shape:
        return (*self.input_shape, self._size)

    def setup(self) -> None:
        self.add_weights("w", self.vocabulary, self.size, std=self.size**-0.5)

    def transform(self, params: Params, inputs: Outputs) -> LayerOutput:
        indices = inputs[self.input_name].astype("int32")
        # NaN where there is no vector for an index.
        return params["w"].at[indices].get(mode="fill", fill_value=jnp.nan)
