"""EMNIST Letters: 124,800 + 20,800 handwritten letters (Cohen et al., 2017)."""

from pathlib import PurePosixPath

from pydantic import Field

from lsh_dl.data.base import Arrays, Checksum, DataSet, DataSettings, RemoteFile, Sources

FILE = RemoteFile(
    "emnist_letters",
    "gzip.zip",
    (
        "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
    ),
    (Checksum(561_753_746, "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"),),
)
"""All of EMNIST, as published: 560 MB, of which four files are read."""


class EmnistLetters(DataSet):
    """A ... Z, upper and lower case together: classes 0 ... 25 (labels 1 ... 26 in the files).

    28 x 28 grey levels, black (0) background. The published images are transposed; here they
    stand upright.
    """

    name = "emnist_letters"
    title = "EMNIST Letters"
    kind = "real"
    classes = 26
    image_shape = (28, 28)
    alternative = "digits"

    class Settings(DataSettings):
        """How much of it to use."""

        train: int = Field(
            124_800, ge=1, le=124_800, description="training images, validation included; the first"
        )
        test: int = Field(20_800, ge=1, le=20_800, description="test images; the first")

    def files(self):
        """One zip."""
        return (FILE,)

    def build(self, sources: Sources) -> Arrays:
        """Read the four files from the zip, and turn the images."""
        from lsh_dl.data.formats.idx_sets import check_pair
        from lsh_dl.data.formats.packed import open_zip

        path, train, test = sources.fetch(FILE), self.settings.train, self.settings.test
        parts = []
        with open_zip(path) as archive:
            for part, wanted in (("train", train), ("test", test)):
                (x, images), (y, labels) = (
                    _read(archive, path, f"emnist-letters-{part}-{kind}-ubyte.gz", dimensions)
                    for kind, dimensions in (("images-idx3", 3), ("labels-idx1", 1))
                )
                x, y = check_pair(x.swapaxes(1, 2), y, (images, labels), range(1, 27), wanted)
                parts += [x, y - 1]
        return Arrays(
            *parts,
            provenance=f"EMNIST Letters, the first {train:,} training and {test:,} test images",
        )


def _read(archive, path, name: str, dimensions: int):
    """An IDX file of the zip, in any folder of it, and what to call it in errors."""
    from lsh_dl.data.formats.idx import read_idx_stream
    from lsh_dl.data.formats.packed import corrupt, open_member, unpack

    place = f"{path}: {name}"
    member = next((n for n in archive.namelist() if PurePosixPath(n).name == name), None)
    if member is None:
        raise corrupt(path, f"no {name} in the zip")
    size = archive.getinfo(member).file_size
    with open_member(archive, member, place) as packed, unpack(packed, place, size) as stream:
        return read_idx_stream(stream, dimensions, place), place
