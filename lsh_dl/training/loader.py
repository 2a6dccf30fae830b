"""Labelled samples as a network reads them: sparse rows, whatever the samples are stored as."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lsh_dl.common.user_arrays import as_sparse
from lsh_dl.data.prepared.preprocessing import InputTransform, identity_transform
from lsh_dl.data.prepared.store import ArraySamples, Samples
from lsh_dl.engine.batch import Batch, make_batch, pick_batch

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: Samples that are read and turned to sparse rows at a time; bounds memory, changes no result.
CHUNK = 2048


class Inputs(Protocol):
    """Samples of which any can be had as rows, in any order.

    Attributes
    ----------
    chunk
        Samples that are read at a time.
    """

    chunk: int

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def batch(self, numbers: np.ndarray) -> Batch:
        """The samples at `numbers` (m,) int64."""
        ...


class DenseInputs:
    """Dense samples, as sparse rows.

    Parameters
    ----------
    samples
        x uint8 or float32 (n, features), labels int32.
    transform
        From features to a network's inputs.
    """

    chunk = CHUNK

    def __init__(self, samples: Samples, transform: InputTransform):
        self.samples, self.transform = samples, transform

    def __len__(self) -> int:
        return len(self.samples)

    def batch(self, numbers: np.ndarray) -> Batch:
        """See `Inputs.batch`."""
        return make_batch(*self.samples.take(numbers), numbers, self.transform)


class SparseInputs:
    """A sparse matrix, never made dense, without offset and scale.

    Parameters
    ----------
    x
        (n, features) numbers; entries of one place add up.
    labels
        int32 (n,), or a sparse matrix (n, classes) of which what is stored is a label.

    Raises
    ------
    ValueError
        The arrays of a matrix are none of such a matrix.
    """

    chunk = CHUNK

    def __init__(self, x: "csr_array", labels: "np.ndarray | csr_array"):
        self.x = as_sparse(x, "samples")
        self.labels = labels if isinstance(labels, np.ndarray) else as_sparse(labels, "labels")

    def __len__(self) -> int:
        return self.x.shape[0]

    def batch(self, numbers: np.ndarray) -> Batch:
        """See `Inputs.batch`."""
        return pick_batch(self.x, self.labels, numbers)


def make_inputs(x: Any, labels: "np.ndarray | csr_array") -> Inputs:
    """Samples as they are, without offset and scale.

    Parameters
    ----------
    x
        (n, features) numbers: a uint8 or float32 array, or a CSR matrix of any type, which stays
        as it is.
    labels
        int32 (n,), or a CSR matrix (n, classes) of which what is stored is a label.
    """
    from scipy.sparse import csr_array, issparse

    if issparse(x) or issparse(labels):
        return SparseInputs(x if issparse(x) else csr_array(x), labels)
    return DenseInputs(ArraySamples(x, labels), identity_transform(x.shape[1]))


def prefetch(inputs: Inputs, numbers: np.ndarray) -> Iterator[Batch]:
    """The samples at `numbers` (int64), chunk by chunk.

    While the caller works on one chunk, another thread reads the next.
    """
    chunk = inputs.chunk
    parts = (numbers[start : start + chunk] for start in range(0, len(numbers), chunk))
    with ThreadPoolExecutor(1) as reader:
        coming = None
        for part in parts:
            present, coming = coming, reader.submit(inputs.batch, part)
            if present:
                yield present.result()
        if coming:
            yield coming.result()
