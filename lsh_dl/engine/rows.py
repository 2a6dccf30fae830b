"""Turn dense samples into the sparse rows that the loop reads."""

import numpy as np

from lsh_dl.engine.compiled import compiled
from lsh_dl.engine.loop import Rows


@compiled
def _fill_rows(x, offset, scale, ends, ids, values):
    features = x.shape[1]
    position = 0
    for s in range(x.shape[0]):
        for i in range(features):
            value = (np.float32(x[s, i]) - offset[i]) * scale[i]
            ids[position] = i
            values[position] = value
            position += value != 0
        ids[position] = features
        values[position] = 1
        position += 1
        ends[s + 1] = position


def make_rows(
    x: np.ndarray, labels: np.ndarray, numbers: np.ndarray, offset: np.ndarray, scale: np.ndarray
) -> Rows:
    """List the non-zero network inputs (x - offset) * scale of each sample, then a 1 for the bias.

    Parameters
    ----------
    x
        uint8 or float32 (samples, features), C-contiguous.
    labels, numbers
        int32 and int64 (samples,): classes, and which sample it is (for random keys).
    offset, scale
        float32 (features,).
    """
    samples, features = x.shape
    ends = np.zeros(samples + 1, np.int64)
    # One place more than can be filled: the kernel writes first and then decides whether it counts.
    ids = np.empty(samples * (features + 1) + 1, np.int32)
    values = np.empty(ids.size, np.float32)
    _fill_rows(x, offset, scale, ends, ids, values)
    return Rows(ends, ids, values, labels, numbers)


def slice_rows(rows: Rows, start: int, stop: int) -> Rows:
    """Rows start to stop, as views."""
    return Rows(
        rows.ends[start : stop + 1],
        rows.ids,
        rows.values,
        rows.labels[start:stop],
        rows.numbers[start:stop],
    )
