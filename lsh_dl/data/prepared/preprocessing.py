"""From the features of a sample to the inputs of a network."""

from typing import NamedTuple

import numpy as np

TILE = 4
"""Pixels; see `order_features`."""


class InputTransform(NamedTuple):
    """How a sample's features become a network's inputs: of feature f, (x - offset) * scale.

    Input i is feature order[i]. Features that are non-zero together should stand together: kernels
    work on whole blocks of 16 inputs.
    """

    offset: np.ndarray  # float32 (features,)
    scale: np.ndarray  # float32 (features,)
    order: np.ndarray  # int32 (features,): a permutation


def identity_transform(features: int) -> InputTransform:
    """Features as they are, in their own order."""
    zeros, ones = np.zeros(features, np.float32), np.ones(features, np.float32)
    return InputTransform(zeros, ones, np.arange(features, dtype=np.int32))


def order_features(features: int, image_shape: tuple[int, ...] | None) -> np.ndarray:
    """The order in which a network reads features: int32 (features,).

    Images are read in tiles of 4 x 4 pixels, each a block of 16 inputs: strokes and shapes touch
    fewer of them than of runs of 16 pixels in a line.
    """
    numbers = np.arange(features, dtype=np.int32)
    if image_shape is None:
        return numbers
    image, row, column = np.unravel_index(numbers, (1, *image_shape)[-3:])
    return np.lexsort((column % TILE, row % TILE, column // TILE, row // TILE, image)).astype(
        np.int32
    )
