"""Functions of one's own that cannot be compiled, or return something else."""

import jax.numpy as jnp
import numpy as np

from theanets import Regressor, minimize
from theanets.errors import ConfigurationError

from .rows import X, layers, train


def with_loss(loss):
    return lambda: Regressor([4, 2], loss=loss)


def minimized(loss):
    return lambda: minimize(loss, 1.0, X, max_epochs=1, progress=False)


FUNCTIONS = {
    "an activation of NumPy": (
        layers((3, np.sin)),
        ['"hid1"', "its activation or transform uses NumPy", "jax.numpy"],
    ),
    "an activation that asks": (
        layers((3, lambda x: x if x.sum() > 0 else -x)),
        ['"hid1"', "asks for the value of an array", "jax.numpy.where"],
    ),
    "an activation that fails": (
        layers((3, lambda x: x @ x)),
        ['"hid1"', "fails for inputs in:out (4,)"],
    ),
    "a loss of NumPy": (
        with_loss(lambda output, target: np.abs(output - target)),
        ["custom loss: its function uses NumPy", "jax.numpy"],
    ),
    "a loss that returns nothing": (
        with_loss(lambda output, target: None),
        ["custom loss: its function returned None", "one for each element"],
    ),
    "a monitor of NumPy": (
        train(monitors={"hid1:out": lambda x: np.float32(x)}),
        ['monitor "hid1:out" uses NumPy', "jax.numpy"],
    ),
    "a monitor of many numbers": (
        train(monitors={"hid1:out": lambda x: x}),
        ['monitor "hid1:out"', "shape (8, 5)", "one number for the batch"],
    ),
    "a function of NumPy": (
        minimized(lambda p, x: np.sin(p * x).mean()),
        ["the loss uses NumPy", "jax.numpy"],
    ),
    "a function that asks": (
        minimized(lambda p, x: p if p > 0 else -p),
        ["the loss asks for the value", "jax.numpy.where"],
    ),
    "a function of many numbers": (
        minimized(lambda p, x: (p * x) ** 2),
        ["the loss returned an array of shape (8, 4)", "one number", "a mean"],
    ),
    "a function that returns nothing": (
        minimized(lambda p, x: None),
        ["the loss returned a value of type NoneType", "one number"],
    ),
    "a function without parameters": (
        minimized(lambda p, x: 3),
        ["the loss returned a value of type int", "depends on params"],
    ),
    "a function of three": (
        minimized(lambda p, x: ((p * x).mean(), 1, 2)),
        ["the loss returned a value of type tuple", "or a pair"],
    ),
    "further numbers that are arrays": (
        minimized(lambda p, x: (jnp.mean(p * x), {"each": x})),
        ['monitor "each"', "shape (8, 4)"],
    ),
}

SECTIONS = [("functions", ConfigurationError, FUNCTIONS)]
