"""Sparse samples with one label each, made dense where they are taken."""

import numpy as np


class SparseRows:
    """Samples in the arrays of a CSR matrix; see `lsh_dl.data.prepared.store.Samples`.

    Parameters
    ----------
    starts: int64 (n + 1,), row i is starts[i]:starts[i + 1] of the others.
    columns, values: int32 and float32: which features are not zero, and what they are.
    labels: int32 (n,).
    features: int64 (1,): how many there are.

    Raises
    ------
    ValueError
        The arrays, which may come from a file, are none of such a matrix.
    """

    def __init__(self, starts, columns, values, labels, features):
        wanted = ((starts, "i8"), (columns, "i4"), (values, "f4"), (labels, "i4"), (features, "i8"))
        if any(array.ndim != 1 or array.dtype != np.dtype(kind) for array, kind in wanted):
            raise ValueError("arrays of other types than those of sparse samples")
        if features.shape != (1,) or len(starts) != len(labels) + 1 or not len(labels):
            raise ValueError(f"{len(starts)} starts for {len(labels)} labels")
        ends = starts[0] == 0 and starts[-1] == len(columns) == len(values)
        if not ends or np.any(np.diff(starts) < 0):
            raise ValueError("starts of samples that do not rise to the number of values")
        if len(columns) and (columns.min() < 0 or columns.max() >= features[0]):
            raise ValueError(f"a column outside 0 ... {int(features[0]) - 1}")
        self._starts, self._columns, self._values = starts, columns, values
        self.labels, self.features = np.array(labels), int(features[0])

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Samples.take`."""
        first, counts = self._starts[indices], np.diff(self._starts)[indices]
        rows = np.repeat(np.arange(len(indices)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        places = np.repeat(first, counts) + within
        x = np.zeros((len(indices), self.features), np.float32)
        x[rows, self._columns[places]] = self._values[places]
        return x, np.take(self.labels, indices)
