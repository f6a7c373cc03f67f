"""How arrays, frames, sparse matrices and streams become batches.

Subclass `LazyArray` for a kind of data that theanets does not know.
"""

from theanets.data.dataset import Dataset
from theanets.data.kinds.base import LazyArray
from theanets.data.kinds.sparse import SparseRows

__all__ = ["Dataset", "LazyArray", "SparseRows"]
