"""A stand-in for MNIST that needs no download: scikit-learn's digits, enlarged and deformed."""

import numpy as np
from pydantic import Field

from lsh_dl.data.base import MOST_GENERATED, Arrays, DataSet, Seeded, Sources

SIDE = 28
INNER = 20
"""Side of the box that a digit fills, as in MNIST."""
TEST_ORIGINALS = 0.2
"""Share of the original digits that test images are made from."""


class Digits(DataSet):
    """Digits in MNIST's shape, made from the 1,797 8 x 8 digits that come with scikit-learn.

    Each image is an original enlarged to 20 x 20 in the middle of 28 x 28, turned, stretched and
    sheared a little, bent by a smooth random field, shifted by up to 1 pixel each way. Originals
    are parted before anything is drawn: no deformation of a test original is in the training
    part, and the validation split keeps the deformations of one original together.
    """

    name = "digits"
    title = "Digits (MNIST stand-in)"
    kind = "stand-in"
    classes = 10
    image_shape = (SIDE, SIDE)
    bytes_of_sample = 2_000

    class Settings(Seeded):
        """Sizes and strength of the deformation."""

        train: int = Field(
            4_000, ge=10, le=MOST_GENERATED, description="training images, validation included"
        )
        test: int = Field(1_000, ge=10, le=MOST_GENERATED, description="test images")
        bend: float = Field(
            0.5, ge=0, le=4, description="standard deviation of the bending field, in pixels"
        )

    def build(self, sources: Sources) -> Arrays:
        """Draw the two parts; the same settings give the same images."""
        from sklearn.datasets import load_digits

        originals, labels = load_digits(return_X_y=True)
        rng = np.random.default_rng([self.settings.seed, 0xD161])
        order = rng.permutation(len(labels))
        for_test = round(TEST_ORIGINALS * len(labels))
        parts = []
        for pool, count in (
            (order[for_test:], self.settings.train),
            (order[:for_test], self.settings.test),
        ):
            # Every original of the pool is used equally often, give or take one.
            chosen = rng.permutation(np.resize(pool, count))
            images = np.stack(
                [_deform(_enlarge(originals[i]), self.settings.bend, rng) for i in chosen]
            )
            parts.append((images.reshape(count, -1), labels[chosen], chosen))
        (x_train, y_train, groups), (x_test, y_test, _) = parts
        return Arrays(
            x_train,
            y_train,
            x_test,
            y_test,
            groups=groups,
            provenance="stand-in for MNIST: scikit-learn's 8 x 8 digits (UCI Optical Recognition "
            "of Handwritten Digits), enlarged, deformed; train and test from different originals",
        )


def _enlarge(original: np.ndarray) -> np.ndarray:
    """An (64,) image with levels 0 ... 16 as (20, 20) floats 0 ... 255."""
    from scipy.ndimage import zoom

    return zoom(original.reshape(8, 8) * (255 / 16), INNER / 8, order=3, mode="grid-constant")


def _deform(image: np.ndarray, bend: float, rng: np.random.Generator) -> np.ndarray:
    """A random smooth deformation of (20, 20) `image` on a (28, 28) uint8 black background."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    angle = rng.normal(0, 0.08)
    stretch = np.exp(rng.normal(0, 0.06, 2))
    shear = rng.normal(0, 0.08)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    affine = turn @ np.array([[1, 0], [shear, 1]]) @ np.diag(stretch)
    grid = np.indices((SIDE, SIDE)).reshape(2, -1) - (SIDE - 1) / 2
    field = gaussian_filter(rng.normal(size=(2, SIDE, SIDE)), (0, 4, 4), mode="wrap")
    field *= bend / field.std()
    shift = rng.integers(-1, 2, (2, 1))
    where = affine @ (grid - shift) + field.reshape(2, -1) + (INNER - 1) / 2
    levels = map_coordinates(image, where, order=1).reshape(SIDE, SIDE)
    # Interpolation leaves a faint veil: what is nearly black becomes black, as in MNIST.
    return np.where(levels < 24, 0, np.clip(levels * 1.25, 0, 255)).astype(np.uint8)
