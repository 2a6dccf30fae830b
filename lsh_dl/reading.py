"""From the features of a sample to the inputs of a network."""

from typing import NamedTuple

import numpy as np


class Reading(NamedTuple):
    """How a sample's features become a network's inputs: of feature f, (x - offset) * scale.

    Input i is feature order[i]. Features that are non-zero together should stand together: kernels
    work on whole blocks of 16 inputs.
    """

    offset: np.ndarray  # float32 (features,)
    scale: np.ndarray  # float32 (features,)
    order: np.ndarray  # int32 (features,): a permutation


def read_plainly(features: int) -> Reading:
    """Features as they are, in their own order."""
    zeros, ones = np.zeros(features, np.float32), np.ones(features, np.float32)
    return Reading(zeros, ones, np.arange(features, dtype=np.int32))
