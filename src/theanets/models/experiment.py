"""A network bundled with its training, as older scripts use it."""

import os
from collections.abc import Iterator
from typing import Any, Unpack

from theanets.errors import ConfigurationError
from theanets.models.network import Network, load
from theanets.models.options import TrainOptions
from theanets.serialization import files
from theanets.training.measure import Pair
from theanets.utils.checks import shown


class Experiment:
    """A network and the calls to train, save and load it.

    Parameters
    ----------
    network : Network, class of Network, callable, or path
        The model; or its class, or a function that returns one, called with the
        further arguments; or a saved file.

    Examples
    --------
    >>> import theanets
    >>> experiment = theanets.Experiment(theanets.Regressor, layers=[2, 3, 1])
    >>> experiment.network
    <Regressor in(2,), hid1(3,), out(1,)>
    """

    def __init__(self, network: Any, *args: object, **kwargs: object) -> None:
        # A network is not callable, but a subclass may be.
        if callable(network) and not isinstance(network, Network):
            result = network(*args, **kwargs)
            if not isinstance(result, Network):
                raise ConfigurationError(
                    f"an experiment is made from a network; {shown(network)} returned "
                    f"{shown(result)}. Give a function or class that makes a network."
                )
            self.network: Network = result
        elif args or kwargs:
            raise ConfigurationError(
                "arguments for a model were given, but the model is made already. Give "
                "the class, such as theanets.Classifier, to make a new one."
            )
        elif isinstance(network, str | os.PathLike) or hasattr(network, "read"):
            self.network = load(network)
        elif isinstance(network, Network):
            self.network = network
        else:
            raise ConfigurationError(
                "an experiment is made from a network, its class, a function that "
                f"makes one, or a file, got {shown(network)}."
            )

    def train(self, *data: object, **options: Unpack[TrainOptions]) -> Pair:
        """Train the network; see `Network.train`."""
        return self.network.train(*data, **options)

    def itertrain(
        self, *data: object, **options: Unpack[TrainOptions]
    ) -> Iterator[Pair]:
        """Train the network epoch by epoch; see `Network.itertrain`."""
        return self.network.itertrain(*data, **options)

    def save(self, file: files.File, *, keep: int = 0) -> None:
        """Write the network to a file; see `Network.save`."""
        self.network.save(file, keep=keep)

    def load(self, file: files.Source) -> Network:
        """Replace the network by one from a file, and return it."""
        self.network = load(file)
        return self.network
