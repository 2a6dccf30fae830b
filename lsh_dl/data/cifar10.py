"""CIFAR-10: 50,000 + 10,000 photographs of ten kinds of things (Krizhevsky, 2009)."""

from pydantic import Field

from lsh_dl.data.base import Arrays, Checksum, DataSet, DataSettings, RemoteFile, Sources

FILE = RemoteFile(
    "cifar10",
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    (Checksum(170_052_171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),),
)
TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)


class Cifar10(DataSet):
    """Airplane, automobile, bird, cat, deer, dog, frog, horse, ship or truck?

    32 x 32 pixels in three colours: 3,072 levels, all of red first, then green, then blue.
    """

    name = "cifar10"
    title = "CIFAR-10"
    kind = "real"
    classes = 10
    image_shape = (3, 32, 32)
    preprocessing = "standardize"

    class Settings(DataSettings):
        """How much of it to use."""

        train: int = Field(
            50_000, ge=1, le=50_000, description="training images, validation included; the first"
        )
        test: int = Field(10_000, ge=1, le=10_000, description="test images; the first")

    def files(self):
        """The binary form."""
        return (FILE,)

    def build(self, sources: Sources) -> Arrays:
        """Read both parts."""
        from lsh_dl.data.formats.cifar import read_cifar

        path, train, test = sources.fetch(FILE), self.settings.train, self.settings.test
        parts = read_cifar(path, (*TRAIN, *TEST))
        return Arrays(
            *_join(path, [parts[name] for name in TRAIN], train),
            *_join(path, [parts[name] for name in TEST], test),
            provenance=f"CIFAR-10, the first {train:,} training and {test:,} test images",
        )


def _join(path, parts, wanted: int):
    """The first `wanted` samples of files one after the other."""
    import numpy as np

    from lsh_dl.data.formats.packed import corrupt

    rows = np.concatenate(parts)
    if len(rows) < wanted:
        raise corrupt(path, f"{len(rows)} images, {wanted} are wanted")
    return np.ascontiguousarray(rows[:wanted, 1:]), rows[:wanted, 0]
