"""Convex as published (Larochelle et al., ICML 2007); see `convex` for what it shows."""

from pydantic import Field

from lsh_dl.data.base import Arrays, DataSet, DataSettings, RemoteFile, Sources

HOSTS = (
    "http://www.iro.umontreal.ca/~lisa/icml2007data",
    "https://web.archive.org/web/2015id_/http://www.iro.umontreal.ca/~lisa/icml2007data",
)


def larochelle_file(dataset: str, name: str) -> RemoteFile:
    """One of the zips of that paper; no checksums are known beforehand."""
    return RemoteFile(dataset, name, tuple(f"{host}/{name}" for host in HOSTS))


FILE = larochelle_file("convex", "convex.zip")


class ConvexReal(DataSet):
    """Is the white region convex? 28 x 28 pixels, 0 or 1."""

    name = "convex_real"
    title = "Convex"
    kind = "real"
    classes = 2
    image_shape = (28, 28)
    alternative = "convex"

    class Settings(DataSettings):
        """How much of it to use."""

        train: int = Field(
            8_000, ge=2, le=8_000, description="training images, validation included; the first"
        )
        test: int = Field(50_000, ge=2, le=50_000, description="test images; the first")

    def files(self):
        """One zip."""
        return (FILE,)

    def build(self, sources: Sources) -> Arrays:
        """Read both parts from the zip."""
        from lsh_dl.data.amat import read_amat

        path = sources.fetch(FILE)
        return Arrays(
            *read_amat(path, ["convex_train.amat"], self.settings.train, 784, 2),
            *read_amat(path, ["convex_test.amat", "50k_test.amat"], self.settings.test, 784, 2),
            provenance="Convex, Larochelle et al. 2007, as published",
        )
