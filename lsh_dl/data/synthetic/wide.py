"""Generated samples with very many labels: sparse features, each label with some of its own."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: Features that belong to a label, and the share of them that a sample of that label shows.
OWN, SHOWN = 16, 0.6
#: Most labels of a sample, and features of every sample that mean nothing.
MOST_LABELS, NOISE = 3, 8


def draw_wide(
    samples: int, labels: int, features: int, seed: int, part: int
) -> tuple["csr_array", "csr_array"]:
    """Samples of one to three labels, which are drawn with a chance of 1 / rank (Zipf).

    A label is known by 16 features, drawn at random from all; a sample shows each of those of its
    labels with a chance of 0.6, and 8 features at random. Shown values are uniform in [0.5, 1.5];
    samples are scaled to length 1.

    Parameters
    ----------
    seed, part
        The same seed gives the same features of labels; parts differ in their samples.

    Returns
    -------
    x: float32 (samples, features); y: int8 (samples, labels), 1 for a label. Column ids sorted.
    """
    from scipy.sparse import csr_array

    own = np.random.default_rng([seed, 0]).integers(0, features, (labels, OWN), np.int32)
    generator = np.random.default_rng([seed, 1 + part])
    chances = np.cumsum(1 / np.arange(1, labels + 1))
    rows = np.repeat(np.arange(samples), generator.integers(1, MOST_LABELS + 1, samples))
    drawn = np.searchsorted(chances / chances[-1], generator.random(len(rows)))
    y = csr_array((np.ones(len(rows), np.int8), (rows, drawn)), (samples, labels))
    y.data[:] = 1  # a label that was drawn twice is one label
    rows = np.repeat(np.arange(samples), np.diff(y.indptr))
    shown = generator.random((len(rows), OWN)) < SHOWN
    rows = np.concatenate(
        [np.repeat(rows, shown.sum(axis=1)), np.repeat(np.arange(samples), NOISE)]
    )
    noise = generator.integers(0, features, samples * NOISE)
    columns = np.concatenate([own[y.indices][shown], noise])
    values = generator.uniform(0.5, 1.5, len(rows)).astype(np.float32)
    x = csr_array((values, (rows, columns)), (samples, features))
    x.sum_duplicates()
    lengths = np.sqrt(np.add.reduceat(x.data**2, x.indptr[:-1]))  # no sample is without noise
    x.data /= np.repeat(lengths, np.diff(x.indptr))
    return x, y
