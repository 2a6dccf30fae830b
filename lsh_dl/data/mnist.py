"""MNIST: 60,000 + 10,000 handwritten digits (LeCun, Cortes, Burges)."""

from lsh_dl.data.formats.idx_sets import IdxSet
from lsh_dl.data.formats.mnist_parts import TEST, TRAIN


class Mnist(IdxSet):
    """Handwritten digits, 28 x 28 grey levels, black (0) background."""

    name = "mnist"
    title = "MNIST"
    train_files, test_files = TRAIN, TEST
