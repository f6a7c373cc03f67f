"""The models of plain arrays: (examples, values)."""

from theanets.models.feedforward import Autoencoder, Classifier, Regressor

__all__ = ["Autoencoder", "Classifier", "Regressor"]
