"""Data to learn from."""

from theanets.datasets.mnist import load_mnist

__all__ = ["load_mnist"]
