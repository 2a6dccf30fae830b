"""MNIST8M as published in LIBSVM's collection (Loosli, Canu, Bottou 2007)."""

import numpy as np
from pydantic import Field

from lsh_dl.data.base import Arrays, DataSet, DataSettings, RemoteFile, Sources
from lsh_dl.data.formats.idx_sets import read_pair
from lsh_dl.data.formats.mnist_parts import DIGITS, TEST

ORIGINALS = 60_000
PATH = "www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/mnist8m.bz2"
# No checksum is known beforehand: the first download records it.
FILE = RemoteFile("mnist8m", "mnist8m.bz2", (f"https://{PATH}", f"http://{PATH}"))


class Mnist8m(DataSet):
    """8,100,000 training digits: MNIST's 60,000, then 134 deformations of each, in rounds.

    Takes 6.4 GB of disk for the prepared array, streamed with bounded memory. It is tested on
    MNIST's test set. The validation split keeps all deformations of one original together.
    """

    name = "mnist8m"
    title = "MNIST8M"
    kind = "real"
    classes = 10
    image_shape = (28, 28)
    alternative = "mnist8m_generated"

    class Settings(DataSettings):
        """How much of it to use."""

        train: int = Field(
            8_100_000,
            ge=1,
            le=8_100_000,
            description="training images, validation included; the first",
        )
        test: int = Field(10_000, ge=1, le=10_000, description="test images; the first")

    def files(self):
        """The packed text, and MNIST's test set."""
        return (FILE, *TEST)

    def build(self, sources: Sources) -> Arrays:
        """Stream the text into an array on disk."""
        from lsh_dl.data.formats.libsvm import read_libsvm

        x_test, y_test = read_pair(sources, TEST, DIGITS, self.settings.test)
        train = self.settings.train
        target = sources.workspace / "x_train.npy"
        x_train, y_train = read_libsvm(sources.fetch(FILE), target, train, 784, 10)
        return Arrays(
            x_train,
            y_train,
            x_test,
            y_test,
            groups=np.arange(train, dtype=np.int32) % ORIGINALS,
            provenance=f"MNIST8M, the first {train:,} images; tested on MNIST's test set",
        )
