"""Precision at k: the share of true labels among the k classes that are ranked first.

The measure of extreme classification (Bhatia et al., The Extreme Classification Repository, 2016):
the mean over all samples of the true labels among the first k, divided by k. A sample with fewer
than k labels cannot reach 1, one without labels counts 0.

*Propensity-scored* (Jain, Prabhu, Varma, KDD 2016), a true label l counts 1 / p_l, where p_l is the
chance that a label which is true was recorded as such:

    p_l = 1 / (1 + C (N_l + B)^-A),  C = (log N - 1) (B + 1)^A

N are the training samples, N_l those with label l. So rare labels, which are forgotten most often,
count more. As in the repository, the sum over samples is divided by the largest that could be had.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsh_dl.engine.batch import Batch

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: The ranks that are reported.
RANKS = (1, 3, 5)


class Hits(NamedTuple):
    """Sums over samples, at 1, 2, ... max(RANKS) classes: (max(RANKS),) each."""

    true: np.ndarray  # int64: true labels among the first
    weighted: np.ndarray  # float64: the weights of these
    possible: np.ndarray  # float64: the largest weights that a sample's true labels have


def no_hits() -> Hits:
    """Sums over no samples."""
    return Hits(np.zeros(max(RANKS), np.int64), np.zeros(max(RANKS)), np.zeros(max(RANKS)))


def inverse_propensities(labels: "csr_array", a: float, b: float) -> np.ndarray:
    """1 / p_l of each label: float32 (classes,), above 1.

    Parameters
    ----------
    labels
        CSR (samples, classes) of the training part, of which what is stored is a label.
    a, b
        A and B of the formula: 0.55 and 1.5 unless a data set has its own.
    """
    samples, classes = labels.shape
    counts = np.bincount(labels.indices, minlength=classes)
    # With e samples or fewer the logarithm would make rare labels count less.
    c = max(np.log(samples) - 1, 0) * (b + 1) ** a
    return (1 + c * (counts + b) ** -a).astype(np.float32)


def count_hits(ranked: np.ndarray, batch: Batch, weights: np.ndarray | None = None) -> Hits:
    """What `precision_at` and `scored_precision_at` are made of.

    Parameters
    ----------
    ranked
        int32 (samples, at most max(RANKS)): classes, best first, none twice; -1 for none.
    weights
        float32 (classes,): `inverse_propensities`; None: weighted sums are 0.
    """
    samples, places = ranked.shape
    sample = np.arange(samples, dtype=np.int64)
    classes = 1 + max(ranked.max(initial=0), batch.labels.max(initial=0))
    # One number a pair of sample and class; -1 falls to the place of no pair.
    true = np.repeat(sample, np.diff(batch.label_ends)) * (classes + 1) + batch.labels
    is_hit = np.isin(sample[:, None] * (classes + 1) + ranked % (classes + 1), true)
    sums = no_hits()
    sums.true[:places] = np.count_nonzero(is_hit, axis=0)
    if weights is not None:
        sums.weighted[:places] = np.where(is_hit, weights[ranked], 0).sum(axis=0, dtype=np.float64)
        sums.possible[:] = _largest_weights(batch, weights)
    return Hits(*(np.cumsum(per_place) for per_place in sums))


def _largest_weights(batch: Batch, weights: np.ndarray) -> np.ndarray:
    """The first, second, ... largest weight of each sample's labels, summed over samples."""
    of_labels = weights[batch.labels].astype(np.float64)
    counts = np.diff(batch.label_ends)
    order = np.lexsort((-of_labels, np.repeat(np.arange(len(counts)), counts)))
    place = np.arange(len(of_labels)) - np.repeat(batch.label_ends[:-1], counts)
    kept = place < max(RANKS)
    return np.bincount(place[kept], of_labels[order][kept], max(RANKS))


def add_hits(total: Hits, more: Hits) -> Hits:
    """Sums over the samples of both."""
    return Hits(*(one + other for one, other in zip(total, more, strict=True)))


def precision_at(hits: Hits, samples: int) -> Mapping[int, float]:
    """Precision at each of `RANKS`, in [0, 1]; `hits` are sums over so many samples."""
    return {k: float(hits.true[k - 1] / (k * samples)) for k in RANKS}


def scored_precision_at(hits: Hits) -> Mapping[int, float]:
    """Propensity-scored precision at each of `RANKS`, in [0, 1]; 0 where no sample has a label."""
    best = np.maximum(hits.possible, 1e-30)
    return {k: float(hits.weighted[k - 1] / best[k - 1]) for k in RANKS}
