"""Precision at k: the share of true labels among the k classes that are ranked first.

The measure of extreme classification (Bhatia et al., The Extreme Classification Repository, 2016):
the mean over all samples of the true labels among the first k, divided by k. A sample with fewer
than k labels cannot reach 1, one without labels counts 0.
"""

from collections.abc import Mapping

import numpy as np

from lsh_dl.engine.batch import Batch

#: The ranks that are reported.
RANKS = (1, 3, 5)


def count_hits(ranked: np.ndarray, batch: Batch) -> np.ndarray:
    """True labels among the first 1, 2, ... classes, summed over samples: int64 (max(RANKS),).

    Parameters
    ----------
    ranked
        int32 (samples, at most max(RANKS)): classes, best first, none twice; -1 for none.
    """
    samples, places = ranked.shape
    sample = np.arange(samples, dtype=np.int64)
    classes = 1 + max(ranked.max(initial=0), batch.labels.max(initial=0))
    # One number a pair of sample and class; -1 falls to the place of no pair.
    true = np.repeat(sample, np.diff(batch.label_ends)) * (classes + 1) + batch.labels
    is_hit = np.isin(sample[:, None] * (classes + 1) + ranked % (classes + 1), true)
    hits = np.zeros(max(RANKS), np.int64)
    hits[:places] = np.count_nonzero(is_hit, axis=0)
    return np.cumsum(hits)


def precision_at(hits: np.ndarray, samples: int) -> Mapping[int, float]:
    """Precision at each of `RANKS`, in [0, 1], from the sums of `count_hits` over `samples`."""
    return {k: float(hits[k - 1] / (k * samples)) for k in RANKS}
