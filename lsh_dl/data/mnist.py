"""MNIST: 60,000 + 10,000 handwritten digits (LeCun, Cortes, Burges)."""

from pydantic import Field

from lsh_dl.data.base import Arrays, DataSet, DataSettings, Sources
from lsh_dl.data.formats.mnist_parts import (
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    read_part,
)


class Mnist(DataSet):
    """Handwritten digits, 28 x 28 grey levels, black (0) background."""

    name = "mnist"
    title = "MNIST"
    kind = "real"
    classes = 10
    image_shape = (28, 28)
    alternative = "digits"

    class Settings(DataSettings):
        """How much of MNIST to use."""

        train: int = Field(
            60_000, ge=1, le=60_000, description="training images, validation included; the first"
        )
        test: int = Field(10_000, ge=1, le=10_000, description="test images; the first")

    def files(self):
        """The four IDX files."""
        return (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

    def build(self, sources: Sources) -> Arrays:
        """Read and check the four files."""
        train, test = self.settings.train, self.settings.test
        return Arrays(
            *read_part(sources, TRAIN_IMAGES, TRAIN_LABELS, train),
            *read_part(sources, TEST_IMAGES, TEST_LABELS, test),
            provenance=f"MNIST, the first {train:,} training and {test:,} test images",
        )
