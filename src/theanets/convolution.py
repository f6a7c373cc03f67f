"""The models whose data are images: (examples, width, height, channels)."""

from theanets.models.convolution import Classifier, Regressor

__all__ = ["Classifier", "Regressor"]
