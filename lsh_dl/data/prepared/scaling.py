"""Offset and scale of a data set's features, computed from its training part."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lsh_dl.common.user_arrays import NumberRange
from lsh_dl.data.base import Preprocessing
from lsh_dl.data.prepared.store import Samples

STATISTICS_SAMPLES = 200_000
"""Means and deviations of larger training parts are taken from this many, evenly spaced."""

BLOCK = 4_096
"""Samples handled at a time, so that memory stays bounded."""

SPARSE, FEW_ZEROS = 0.8, 0.5
"""Shares of zeros from which on they stay zeros: whatever the units, or where these are alike."""
OTHER_UNITS = 10
"""Features are in different units where the largest magnitude is so many times that of most."""


class Statistics(NamedTuple):
    """Of some samples, float64 (d,) each.

    Attributes
    ----------
    largest: magnitudes.
    mean, deviation: the mean, and the standard deviation about it.
    zeros: share of all numbers that are 0.
    numbers: the least and the largest of all, and whether all are whole.
    is_bytes: whether the samples are uint8, and so in one unit.
    """

    largest: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    zeros: float
    numbers: NumberRange
    is_bytes: bool


def measure(samples: Samples, sizes_only: bool = False) -> Statistics:
    """What the choice and the fit of a scaling follow from.

    Of bytes all sizes are known: with `sizes_only` the first block is enough.
    """
    count, zeros, is_bytes, is_whole = 0, 0, False, True
    low, high = np.inf, -np.inf
    largest, total, squares = (np.zeros(samples.features) for _ in range(3))
    for x in _blocks(samples):
        is_bytes = x.dtype == np.uint8
        zeros += x.size - np.count_nonzero(x)
        low, high = min(low, float(x.min())), max(high, float(x.max()))
        is_whole = is_whole and (is_bytes or not np.any(x % 1))
        x = x.astype(np.float64)
        count += len(x)
        largest = np.maximum(largest, np.abs(x).max(axis=0))
        total += x.sum(axis=0)
        squares += np.einsum("ij,ij->j", x, x)
        if sizes_only and is_bytes:
            break
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    share, numbers = zeros / (count * samples.features), NumberRange(low, high, bool(is_whole))
    return Statistics(largest, mean, deviation, share, numbers, is_bytes)


def choose_preprocessing(found: Statistics) -> tuple[Preprocessing, str]:
    """What `auto` stands for, and why, in words."""
    if found.zeros > SPARSE:
        return "scale", f"{found.zeros:.0%} of the numbers are zeros, which stay so"
    sizes = found.largest[found.largest > 0]
    if (
        len(sizes)
        and not found.is_bytes
        and sizes.max() > OTHER_UNITS * np.quantile(sizes, 0.25, method="lower")
    ):
        return "standardize_each", (
            f"features are of different sizes, from {sizes.min():.3g} to {sizes.max():.3g}"
        )
    if found.zeros > FEW_ZEROS:
        return "scale", f"{found.zeros:.0%} of the numbers are zeros, which stay so"
    return "standardize", f"{found.zeros:.0%} of the numbers are zeros, features are alike"


def fit_preprocessing(
    found: Statistics, preprocessing: Preprocessing
) -> tuple[np.ndarray, np.ndarray]:
    """Offset and scale, (d,) float32 each, so that a network's input is (x - offset) * scale.

    `scale` divides by 255 (uint8) or by the largest magnitude (float32) and moves nothing, so
    zeros stay zeros. `center` also subtracts each feature's mean. `standardize` subtracts the
    mean and divides by one number, the standard deviation of all features together about their
    means: dividing each feature by its own would blow up pixels that are nearly constant.
    `standardize_each` does that, for features in different units.
    """
    features = len(found.mean)
    offset = np.zeros(features) if preprocessing == "scale" else found.mean
    spread = np.full(features, 255.0 if found.is_bytes else found.largest.max())
    if preprocessing == "standardize":
        spread = np.full(features, np.sqrt(np.mean(found.deviation**2)))
    elif preprocessing == "standardize_each":
        # What is constant but for rounding to float32 carries no information: inputs of 0.
        is_constant = found.deviation <= 2.0**-22 * found.largest
        spread = np.where(is_constant, np.inf, found.deviation)
    # Where all is zero, any finite scale will do.
    scale = np.divide(1.0, spread, out=np.ones(features), where=spread > 0)
    with np.errstate(over="ignore"):
        scale = scale.astype(np.float32)
    return offset.astype(np.float32), np.where(np.isfinite(scale), scale, np.float32(1))


def _blocks(samples: Samples) -> Iterator[np.ndarray]:
    count = min(len(samples), STATISTICS_SAMPLES)
    rows = np.linspace(0, len(samples) - 1, count).astype(np.int64)
    for start in range(0, count, BLOCK):
        yield samples.take(rows[start : start + BLOCK])[0]
