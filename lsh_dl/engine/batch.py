"""Turn samples into the sparse rows that the loop reads."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsh_dl.engine.compiled import compiled

if TYPE_CHECKING:  # a tenth of a second to import, which a run does not need
    from scipy.sparse import csr_array


#: Every sample counts as one; samples have classes and no numbers to learn.
NO_WEIGHTS, NO_RESPONSES = np.zeros(0, np.float32), np.zeros((0, 0), np.float32)


class Batch(NamedTuple):
    """Samples as sparse rows (CSR): a row's non-zero inputs in rising order, then the bias's 1.

    Attributes
    ----------
    ends : int64 (samples + 1,)
        Row i is at ends[i]:ends[i + 1] of `ids` and `values`.
    ids : int32
        Positions of inputs; the bias's is the number of inputs.
    values : float32
        The inputs there.
    labels : int32
        Each sample's classes, none twice; where samples have one each, (samples,).
    label_ends : int64 (samples + 1,)
        Those of row i are labels[label_ends[i]:label_ends[i + 1]].
    numbers : int64 (samples,)
        Which sample it is, for random keys.
    """

    ends: np.ndarray  # int64 (samples + 1,): row i is ends[i]:ends[i + 1]
    ids: np.ndarray  # int32
    values: np.ndarray  # float32
    labels: np.ndarray  # int32: each sample's labels, none twice; one each: (samples,)
    label_ends: np.ndarray  # int64 (samples + 1,): those of row i are label_ends[i]:...[i + 1]
    numbers: np.ndarray  # int64 (samples,): which sample it is, for random keys
    weights: np.ndarray = NO_WEIGHTS  # float32 (samples,): factors on the loss; (0,): all 1
    responses: np.ndarray = NO_RESPONSES  # float32 (samples, outputs): what a linear network learns


@compiled
def _fill_batch(x, transform, ends, ids, values):
    features = x.shape[1]
    offset, scale, order = transform
    position = 0
    for s in range(x.shape[0]):
        for i in range(features):
            feature = order[i]
            value = (np.float32(x[s, feature]) - offset[feature]) * scale[feature]
            ids[position] = i
            values[position] = value
            position += value != 0
        ids[position] = features
        values[position] = 1
        position += 1
        ends[s + 1] = position


def make_batch(
    x: np.ndarray,
    labels: np.ndarray,
    numbers: np.ndarray,
    transform: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Batch:
    """List the non-zero network inputs of each sample, then a 1 for the bias.

    Parameters
    ----------
    x
        uint8 or float32 (samples, features), C-contiguous.
    labels, numbers
        int32 and int64 (samples,): classes, and which sample it is (for random keys).
    transform
        From features to inputs: offset, scale, order (`data.prepared.preprocessing`).
    """
    samples, features = x.shape
    ends = np.zeros(samples + 1, np.int64)
    # One place more than can be filled: the kernel writes first and then decides whether it counts.
    ids = np.empty(samples * (features + 1) + 1, np.int32)
    values = np.empty(ids.size, np.float32)
    _fill_batch(x, transform, ends, ids, values)
    return Batch(ends, ids, values, labels, np.arange(samples + 1), numbers)


@compiled
def _fill_picked(starts, columns, entries, picked, features, ends, ids, values):
    position = 0
    for s in range(picked.shape[0]):
        for k in range(starts[picked[s]], starts[picked[s] + 1]):
            ids[position] = columns[k]
            values[position] = entries[k]
            position += entries[k] != 0
        ids[position] = features
        values[position] = 1
        position += 1
        ends[s + 1] = position


def pick_batch(x: "csr_array", labels: "np.ndarray | csr_array", numbers: np.ndarray) -> Batch:
    """The rows `numbers` of a CSR matrix, with a 1 for the bias; nothing is made dense.

    Parameters
    ----------
    x
        float32 (n, features), column ids sorted and none twice.
    labels
        int32 (n,), or a CSR matrix (n, classes) of which what is stored is a label.
    numbers
        int64 (m,); also which sample it is, for random keys.
    """
    starts = x.indptr.astype(np.int64, copy=False)
    columns = x.indices.astype(np.int32, copy=False)
    entries = int((starts[numbers + 1] - starts[numbers]).sum())
    ends = np.zeros(len(numbers) + 1, np.int64)
    ids = np.empty(entries + len(numbers) + 1, np.int32)
    values = np.empty(ids.size, np.float32)
    _fill_picked(starts, columns, x.data, numbers, x.shape[1], ends, ids, values)
    if isinstance(labels, np.ndarray):
        return Batch(ends, ids, values, labels[numbers], np.arange(len(numbers) + 1), numbers)
    picked = labels[numbers]
    label_ends = picked.indptr.astype(np.int64, copy=False)
    return Batch(
        ends, ids, values, picked.indices.astype(np.int32, copy=False), label_ends, numbers
    )


def slice_batch(batch: Batch, start: int, stop: int) -> Batch:
    """Rows start to stop, as views."""
    first, last = batch.label_ends[start], batch.label_ends[stop]
    return Batch(
        batch.ends[start : stop + 1],
        batch.ids,
        batch.values,
        batch.labels[first:last],
        batch.label_ends[start : stop + 1] - first,
        batch.numbers[start:stop],
        batch.weights[start:stop],
        batch.responses[start:stop],
    )
