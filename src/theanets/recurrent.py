"""The models whose data are sequences, (examples, time, values), and such data."""

from theanets.datasets.padding import padded
from theanets.datasets.sequences import batches
from theanets.datasets.text import Text
from theanets.models.recurrent import Autoencoder, Classifier, Regressor

__all__ = ["Autoencoder", "Classifier", "Regressor", "Text", "batches", "padded"]
