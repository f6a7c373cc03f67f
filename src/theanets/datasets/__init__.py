"""Data to learn from."""

from theanets.datasets.mnist import load_mnist
from theanets.datasets.text import load_text

__all__ = ["load_mnist", "load_text"]
