"""What the published sets of Larochelle et al. (ICML 2007) have in common: zips of `.amat` text."""

from typing import ClassVar

from lsh_dl.data.base import Arrays, DataSet, RemoteFile, Sources

HOSTS = (
    "http://www.iro.umontreal.ca/~lisa/icml2007data",
    "https://web.archive.org/web/2015id_/http://www.iro.umontreal.ca/~lisa/icml2007data",
)
PIXELS = 28 * 28


def larochelle_file(dataset: str, name: str) -> RemoteFile:
    """One of the zips of that paper; no checksums are known beforehand."""
    return RemoteFile(dataset, name, tuple(f"{host}/{name}" for host in HOSTS))


class LarochelleSet(DataSet):
    """Two classes of 28 x 28 images in one zip."""

    kind = "real"
    classes = 2
    image_shape = (28, 28)

    #: The zip, and the names that its two parts go by.
    file: ClassVar[RemoteFile]
    train_members: ClassVar[tuple[str, ...]]
    test_members: ClassVar[tuple[str, ...]]
    provenance: ClassVar[str]

    def files(self):
        """One zip."""
        return (self.file,)

    def build(self, sources: Sources) -> Arrays:
        """Read both parts from the zip."""
        from lsh_dl.data.formats.amat import read_amat

        path, wanted, classes = sources.fetch(self.file), self.settings, self.classes
        return Arrays(
            *read_amat(path, self.train_members, wanted.train, PIXELS, classes),
            *read_amat(path, self.test_members, wanted.test, PIXELS, classes),
            provenance=self.provenance,
        )
