"""Neural networks in a few lines: from arrays to a trained, saved model.

>>> import theanets
>>> net = theanets.Classifier(layers=[784, 100, 10])
>>> print(net)
Classifier: 79,510 learned parameters, loss xe
layer  form         inputs  shape  activation  parameters
---------------------------------------------------------
in     input                784                         0
hid1   feedforward  in      100    relu            78,500
out    feedforward  hid1    10     softmax          1,010
"""

import logging
from typing import TYPE_CHECKING, Any

from theanets import (
    activations,
    callbacks,
    convolution,
    data,
    datasets,
    errors,
    layers,
    losses,
    optimizers,
    plotting,
    recurrent,
    regularizers,
)
from theanets._version import __version__
from theanets.activations import Activation
from theanets.config import config
from theanets.data.dataset import Dataset
from theanets.errors import (
    CheckpointError,
    ConcurrencyError,
    ConfigurationError,
    DataError,
    ModelFileError,
    NonFiniteError,
    TheanetsError,
)
from theanets.feedforward import Autoencoder, Classifier, Regressor
from theanets.layers import Layer
from theanets.losses import Loss
from theanets.models.experiment import Experiment
from theanets.models.minimize import minimize
from theanets.models.network import Network, load
from theanets.models.options import TrainOptions
from theanets.models.parameters import Parameter
from theanets.optimizers import Optimizer
from theanets.regularizers import Regularizer
from theanets.training.options import Controls
from theanets.training.programs import clear_cache
from theanets.utils.renamed import missing

__all__ = [
    "Activation",
    "Autoencoder",
    "CheckpointError",
    "Classifier",
    "ConcurrencyError",
    "ConfigurationError",
    "Controls",
    "DataError",
    "Dataset",
    "Experiment",
    "Layer",
    "Loss",
    "ModelFileError",
    "Network",
    "NonFiniteError",
    "Optimizer",
    "Parameter",
    "Regressor",
    "Regularizer",
    "TheanetsError",
    "TrainOptions",
    "__version__",
    "activations",
    "callbacks",
    "clear_cache",
    "config",
    "convolution",
    "data",
    "datasets",
    "enable_default_logging",
    "errors",
    "layers",
    "load",
    "log",
    "losses",
    "minimize",
    "optimizers",
    "plotting",
    "recurrent",
    "regularizers",
]

log = logging.getLogger("theanets")


def enable_default_logging() -> None:
    """Write what the logger ``theanets`` says to the standard error stream.

    Training shows its progress without this; see ``progress`` of `train`.
    """
    log.setLevel(logging.INFO)
    if not log.handlers:
        log.addHandler(logging.StreamHandler())


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        missing(__name__, name)
