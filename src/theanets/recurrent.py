"""Sequences: windows of them, and text."""

from theanets.datasets.sequences import batches
from theanets.datasets.text import Text

__all__ = ["Text", "batches"]
