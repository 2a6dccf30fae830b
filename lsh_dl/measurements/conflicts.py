"""How often two samples that are trained at the same time update the same weights."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from lsh_dl.engine.batch import Batch, slice_batch
from lsh_dl.training.model import SparseModel


def record_updates(model: SparseModel, rows: Batch, key: np.uint64) -> list[np.ndarray]:
    """Train on the rows, one after the other, and note what each sample updates.

    Returns
    -------
    For each level (the inputs, the hidden layers, the classes) bool (samples, nodes): whose value
    is not zero. A sample updates the weights between the nodes so marked of two levels in turn;
    the classes all are. The rows of a layer are its nodes, those of the output layer its inputs
    (lsh_dl/engine/network.py).
    """
    samples = len(rows.labels)
    levels = [np.zeros((samples, int(size)), bool) for size in model.network.sizes]
    levels[-1][:] = True
    (workspace, *_) = model.workspaces
    for s in range(samples):
        levels[0][s, rows.ids[rows.ends[s] : rows.ends[s + 1] - 1]] = True  # the last is the bias
        model.train(slice_batch(rows, s, s + 1), key)
        for level in range(1, len(levels) - 1):
            levels[level][s, workspace.ids[level, : workspace.counts[level] - 1]] = True
    return levels


def count_conflicts(
    levels: Sequence[np.ndarray], first: np.ndarray, second: np.ndarray
) -> pd.DataFrame:
    """What pairs of samples share, a row for each layer of weights.

    Parameters
    ----------
    levels
        What `record_updates` returns.
    first, second
        int64 (pairs,): the samples of each pair.

    Returns
    -------
    rows
        Mean share of the layer's weight rows that a sample updates, in [0, 1].
    rows_shared
        Share of its rows that the other sample of a pair updates too.
    rows_shared_if_uniform, rows_shared_if_independent
        The same, were the rows drawn at random: all alike, or each as often as it was seen.
    weights_shared
        Share of the weights that it updates that the other updates too.
    any_row
        Share of pairs with at least one common row.
    """
    table = []
    for layer, (columns, nodes) in enumerate(_layers(levels)):
        often = nodes.mean(axis=0)
        common = np.sum(nodes[first] & nodes[second], axis=1)
        common_weights = common * np.sum(columns[first] & columns[second], axis=1)
        weights = nodes[first].sum(axis=1) * columns[first].sum(axis=1)
        table.append(
            {
                "layer": layer,
                "rows": often.mean(),
                "rows_shared": common.sum() / max(1, nodes[first].sum()),
                "rows_shared_if_uniform": often.mean(),
                "rows_shared_if_independent": np.sum(often**2) / max(np.sum(often), 1e-30),
                "weights_shared": common_weights.sum() / max(1, weights.sum()),
                "any_row": np.mean(common > 0),
            }
        )
    return pd.DataFrame(table)


def list_rows(levels: Sequence[np.ndarray]) -> list[list[int]]:
    """The weight rows that each sample updates, numbered through all layers, first layer first."""
    rows = np.concatenate([nodes for _, nodes in _layers(levels)], axis=1)
    return [np.flatnonzero(row).tolist() for row in rows]


def _layers(levels: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each layer of weights, which columns and which rows a sample updates."""
    *hidden, (inputs, classes) = pairwise(levels)
    return [*hidden, (classes, inputs)]
