"""Several labels a sample, as an estimator is given them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse


class SeveralLabels(NamedTuple):
    """Labels of samples, any number each.

    Attributes
    ----------
    labels
        (all,) the samples' labels one after the other; of an indicator matrix, its columns.
    ends
        int64 (n_samples + 1,): those of sample i are labels[ends[i]:ends[i + 1]].
    columns
        Of an indicator matrix, how many it has; None: labels are named.
    """

    labels: np.ndarray
    ends: np.ndarray
    columns: int | None

    @property
    def shape(self) -> tuple[int]:
        """(n_samples,)."""
        return (len(self.ends) - 1,)

    def number(self, known: np.ndarray, what: str) -> csr_array:
        """CSR int8 (n_samples, len(known)), 1 for a label.

        Raises
        ------
        ValueError
            A label is none of `known`, or the matrix has not a column for each.
        """
        if self.columns is None:
            unknown = np.setdiff1d(self.labels, known)
            if len(unknown):
                raise ValueError(f"y has labels {unknown} that are not {what}: {known}")
            places = np.searchsorted(known, self.labels)
        elif self.columns == len(known):
            places = self.labels
        else:
            raise ValueError(f"y has {self.columns} columns, but there are {len(known)} classes")
        ones = np.ones(len(places), np.int8)
        matrix = csr_array((ones, places, self.ends), (len(self.ends) - 1, len(known)))
        matrix.sum_duplicates()
        matrix.data[:] = 1  # a label that is named twice is one label
        return matrix


def read_several(y: Any) -> SeveralLabels | None:
    """`y` as `SeveralLabels`: an indicator matrix or a list of lists; None: one label a sample.

    Raises
    ------
    ValueError
        A sparse matrix holds something else than 0 and 1, only some samples have a list, or labels
        are of mixed kinds.
    """
    if issparse(y):
        matrix = csr_array(y)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        if matrix.shape[1] < 2 or not np.all(matrix.data == 1):
            raise ValueError("y is a sparse matrix, but not of 0 and 1 in two columns or more")
        return SeveralLabels(matrix.indices, matrix.indptr.astype(np.int64), matrix.shape[1])
    if _is_list_of_lists(y):
        named = [label for labels in y for label in labels]
        if len({isinstance(label, str | bytes) for label in named}) == 2:
            raise ValueError("y has words among its labels and numbers: classes are of one kind")
        counts = np.array([len(labels) for labels in y], np.int64)
        return SeveralLabels(np.array(named), np.concatenate([[0], np.cumsum(counts)]), None)
    shape = getattr(y, "shape", ())
    if len(shape) == 2 and shape[1] > 1:
        values = np.asarray(y)
        if values.dtype.kind in "biuf" and np.isin(values, (0, 1)).all():
            return read_several(csr_array(values.astype(np.int8)))
    return None


def _is_list_of_lists(y: Any) -> bool:
    """Whether each sample has a list, a tuple, a set or an array of labels.

    Raises a ValueError where only some have.
    """
    several = Sequence | set | frozenset | np.ndarray
    is_list = isinstance(y, list | tuple) or (isinstance(y, np.ndarray) and y.dtype == object)
    if not is_list or len(y) == 0:
        return False
    kinds = {isinstance(labels, several) and not isinstance(labels, str | bytes) for labels in y}
    if len(kinds) == 2:
        raise ValueError("y has a list of labels for some samples only; give each sample one")
    return kinds == {True} and np.ndim(y[0]) < 2


def list_classes(y: Any) -> np.ndarray:
    """All labels, sorted: of an indicator matrix, the numbers of its columns.

    Raises
    ------
    ValueError
        There is none.
    """
    if not isinstance(y, SeveralLabels):
        return np.unique(y)
    if y.columns is not None:
        return np.arange(y.columns)
    if not len(y.labels):
        raise ValueError("y has no labels at all: there is nothing to learn")
    return np.unique(y.labels)


def guess_loss(targets: csr_array, weights: np.ndarray | None) -> float:
    """Mean loss of the labels' shares as probabilities, whatever the sample."""
    counts = np.diff(targets.indptr)
    share = np.repeat(1 / np.maximum(counts, 1), counts)
    if weights is not None:
        share = share * np.repeat(weights, counts)
    sums = np.bincount(targets.indices, share)
    shares = sums[sums > 0] / sums.sum()
    mean = (sums.sum() / targets.shape[0]) if weights is None else sums.sum() / weights.sum()
    return float(-(shares * np.log(shares)).sum() * mean)
