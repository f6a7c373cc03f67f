"""Sparse matrices, kept as they are until some of their rows are needed."""

from typing import Any

import numpy as np


class SparseRows:
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

    ndim = 2

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix.tocsr()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self._matrix.shape
        return int(rows), int(columns)

    @property
    def dtype(self) -> Any:
        """The type of the values."""
        return self._matrix.dtype

    @property
    def stored(self) -> np.ndarray:
        """The values that are stored; all others are 0."""
        values: np.ndarray = self._matrix.data
        return values

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The arrays that a matrix in rows consists of."""
        return self._matrix.data, self._matrix.indices, self._matrix.indptr

    @property
    def T(self) -> "SparseRows":
        """The matrix turned over."""
        return SparseRows(self._matrix.T)

    def astype(self, dtype: Any) -> "SparseRows":
        """Return the matrix with values of another type."""
        return SparseRows(self._matrix.astype(dtype))

    def finite(self, dtype: Any) -> np.ndarray:
        """Return for each row whether all its values are finite in a precision."""
        with np.errstate(over="ignore", under="ignore"):
            bad = np.flatnonzero(~np.isfinite(self.stored.astype(dtype)))
        rows = np.ones(len(self), bool)
        rows[np.searchsorted(self._matrix.indptr, bad, side="right") - 1] = False
        return rows

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return rows as a dense array, (*shape of the index, columns)."""
        if isinstance(index, slice):
            part: np.ndarray = self._matrix[index].toarray()
            return part
        chosen = self._matrix[np.ravel(index)].toarray()
        return np.reshape(chosen, (*np.shape(index), self.shape[1]))


def dense(array: Any) -> np.ndarray:
    """Return an array of NumPy, whatever it was; a sparse one is made dense."""
    return array[:] if isinstance(array, SparseRows) else np.asarray(array)
