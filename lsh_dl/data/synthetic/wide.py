"""Generated samples with very many labels: sparse features, each label with some of its own."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: Features that belong to a label, and the share of them that a sample of that label shows.
OWN, SHOWN = 16, 0.6
#: Most labels of a sample, and features of every sample that mean nothing.
MOST_LABELS, NOISE = 3, 8
#: Labels of a family, on average.
FAMILY = 8


def draw_wide(
    samples: int,
    labels: int,
    features: int,
    seed: int,
    part: int,
    *,
    label_power: float = 1.0,
    feature_power: float = 0.0,
    shared: int = 0,
) -> tuple["csr_array", "csr_array"]:
    """Samples of one to three labels, which are drawn by a power law.

    A label is known by 16 features; a sample shows each of those of its labels with a chance of
    0.6, and 8 features at random. Shown values are uniform in [0.5, 1.5]; samples are scaled to
    length 1.

    Parameters
    ----------
    seed, part
        The same seed gives the same features of labels; parts differ in their samples.
    label_power, feature_power
        The label or feature of rank r is drawn with a chance in proportion to r^-power. Features
        are drawn so as those of labels, and as those that mean nothing.
    shared
        How many of a label's features it shares with its family: some 8 labels, frequent and rare.

    Returns
    -------
    x: float32 (samples, features); y: int8 (samples, labels), 1 for a label. Column ids sorted.
    """
    from scipy.sparse import csr_array

    generator = np.random.default_rng([seed, 0])
    own = _draw_features(generator, (labels, OWN), features, feature_power)
    if shared:
        families = -(-labels // FAMILY)
        member = generator.integers(0, families, labels)
        of_families = _draw_features(generator, (families, shared), features, feature_power)
        own[:, :shared] = of_families[member]
    generator = np.random.default_rng([seed, 1 + part])
    rows = np.repeat(np.arange(samples), generator.integers(1, MOST_LABELS + 1, samples))
    drawn = _draw_ranks(generator, len(rows), labels, label_power)
    y = csr_array((np.ones(len(rows), np.int8), (rows, drawn)), (samples, labels))
    y.data[:] = 1  # a label that was drawn twice is one label
    rows = np.repeat(np.arange(samples), np.diff(y.indptr))
    shown = generator.random((len(rows), OWN)) < SHOWN
    rows = np.concatenate(
        [np.repeat(rows, shown.sum(axis=1)), np.repeat(np.arange(samples), NOISE)]
    )
    noise = _draw_features(generator, samples * NOISE, features, feature_power)
    columns = np.concatenate([own[y.indices][shown], noise])
    values = generator.uniform(0.5, 1.5, len(rows)).astype(np.float32)
    x = csr_array((values, (rows, columns)), (samples, features))
    x.sum_duplicates()
    lengths = np.sqrt(np.add.reduceat(x.data**2, x.indptr[:-1]))  # no sample is without noise
    x.data /= np.repeat(lengths, np.diff(x.indptr))
    return x, y


def _draw_ranks(generator: np.random.Generator, size, count: int, power: float) -> np.ndarray:
    chances = np.cumsum(np.arange(1, count + 1) ** -power)
    return np.searchsorted(chances / chances[-1], generator.random(size))


def _draw_features(generator: np.random.Generator, size, features: int, power: float) -> np.ndarray:
    if not power:
        return generator.integers(0, features, size, np.int32)
    return _draw_ranks(generator, size, features, power).astype(np.int32)
