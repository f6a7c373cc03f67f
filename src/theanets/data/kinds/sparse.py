"""Sparse matrices, kept as they are until some of their rows are needed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from theanets.data.blocks import digest, rounded
from theanets.data.kinds.base import LazyArray


class SparseRows(LazyArray):
    """A SciPy matrix that looks like an array, and whose rows come out dense.

    Parameters
    ----------
    matrix : scipy.sparse matrix or array
        Of any format and rank 2; it is converted to CSR, which finds rows quickly.

    Examples
    --------
    >>> import numpy as np, scipy.sparse
    >>> rows = SparseRows(scipy.sparse.eye(1000, format="csc"))
    >>> rows.shape, rows[np.array([[3, 5]])].shape
    ((1000, 1000), (1, 2, 1000))
    """

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix.tocsr()
        super().__init__(self.matrix.shape, self.matrix.dtype)

    @classmethod
    def accepts(cls, value: object) -> bool:
        """Return whether a value is a sparse matrix, for which SciPy is not needed."""
        return (
            hasattr(value, "toarray")
            and hasattr(value, "nnz")
            and getattr(value, "ndim", 0) == 2
        )

    @classmethod
    def example(cls) -> object:
        """Return a matrix with empty rows and columns."""
        from scipy.sparse import csr_array

        return csr_array(np.outer(np.arange(9) % 3, [1.5, 0, -2]))

    def rows(self, index: slice | np.ndarray) -> np.ndarray:
        """Return some rows as a dense array."""
        dense: np.ndarray = self.matrix[index].toarray()
        return dense

    def values(self) -> Iterator[np.ndarray]:
        """Yield the stored values, and one of the zeros that are not stored."""
        yield rounded(np.append(self.matrix.data, 0), self.dtype)

    def finite_rows(self, dtype: DTypeLike) -> np.ndarray:
        """Return for each row whether all its values are finite in a precision."""
        bad = np.flatnonzero(~np.isfinite(rounded(self.matrix.data, dtype)))
        rows = np.ones(len(self), bool)
        rows[np.searchsorted(self.matrix.indptr, bad, side="right") - 1] = False
        return rows

    def fingerprint(self) -> str:
        """Return a checksum of what is stored."""
        stored = self.matrix.data.astype(self.dtype, copy=False)
        return digest([stored, self.matrix.indices, self.matrix.indptr])

    def transposed(self) -> "SparseRows":
        """Return the matrix with rows and columns exchanged."""
        return SparseRows(self.matrix.T.astype(self.dtype))
