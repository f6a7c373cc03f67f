"""The keywords that many layers take, with their types, for editors and type checkers.

Values are checked where they are used. A test compares the names here with those that
the layers accept.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypedDict

import numpy as np

from theanets.activations import Activation
from theanets.types import Array

Real: TypeAlias = float | np.floating[Any]
PerUnit: TypeAlias = Real | Sequence[float] | np.ndarray
"""One number, or one for each unit."""


class LayerOptions(TypedDict, total=False):
    """The keywords of every layer; `Layer` says more about each.

    An attribute such as ``std`` also holds for one parameter, with its name behind.
    Listed are the names for ``w`` and ``b``; others, such as ``std_xh``, are taken too,
    best in a dict: ``dict(form="rnn", size=4, std_xh=0.1)``.
    """

    size: int | None
    """Number of units: the length of the last axis of the output."""
    shape: Sequence[int | None] | None
    """Shape of the output without its batch axis, instead of ``size``."""
    name: str | None
    """Name within the model; by default ``in``, ``hid1``, ``hid2``, ..., ``out``."""
    inputs: object
    """Outputs of earlier layers to read; by default the layer before."""
    activation: str | Callable[[Array], Array] | Activation | None
    """Function of the output; by default relu, or the model's for the last layer."""
    rng: object
    """Seed of the first values; by default the model's."""
    mean: PerUnit
    """Mean of the first values of every weight matrix."""
    mean_w: PerUnit
    """Mean of the first values of ``w``."""
    mean_b: PerUnit
    """Mean of the first values of ``b``."""
    std: PerUnit
    """Standard deviation of the first values of every weight matrix."""
    std_w: PerUnit
    """Standard deviation of the first values of ``w``."""
    std_b: PerUnit
    """Standard deviation of the first values of ``b``."""
    sparsity: Real
    """The part of every weight matrix that begins as 0."""
    sparsity_w: Real
    """The part of ``w`` that begins as 0."""
    diagonal: Real
    """What every weight matrix begins with on its diagonal, with zeros elsewhere."""
    diagonal_w: Real
    """What ``w`` begins with on its diagonal, with zeros elsewhere."""
    init: str
    """Instead of ``std``: "glorot", "he", "lecun" or "orthogonal"."""
    init_w: str
    """Instead of ``std_w``: "glorot", "he", "lecun" or "orthogonal"."""


class RecurrentAttributes(LayerOptions, total=False):
    """Those, and how the matrices of recurrent layers begin."""

    radius: Real
    """The largest singular value of the recurrent matrices."""
    radius_hh: Real
    """The largest singular value of ``hh``."""
    diagonal_hh: Real
    """What ``hh`` begins with on its diagonal, with zeros elsewhere."""
    sparsity_hh: Real
    """The part of ``hh`` that begins as 0."""
    mean_xh: PerUnit
    """Mean of the first values of ``xh``."""
    mean_hh: PerUnit
    """Mean of the first values of ``hh``."""
    std_xh: PerUnit
    """Standard deviation of the first values of ``xh``."""
    std_hh: PerUnit
    """Standard deviation of the first values of ``hh``."""
    init_xh: str
    """Instead of ``std_xh``: "glorot", "he", "lecun" or "orthogonal"."""
    init_hh: str
    """Instead of ``std_hh``: "glorot", "he", "lecun" or "orthogonal"."""


class RecurrentOptions(RecurrentAttributes, total=False):
    """The keywords of every recurrent layer."""

    direction: str | None
    """"forward", or "back" to process the last time step first."""
    bptt_limit: int | None
    """How many time steps derivatives flow through; by default all."""
    h_0: str | None
    """Name of an output (batch, size) that gives the initial state; by default 0."""
    mask: str | None
    """Name of an input (batch, time) of ones and zeros; at 0 the state stays."""
