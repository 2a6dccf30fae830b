"""Data sets in the text format of the Extreme Classification Repository."""

from pydantic import Field

from lsh_dl.data.base import Arrays, DataSet, Kind, RemoteFile, Sources
from lsh_dl.data.formats.xc_sets import XcSettings


class ExtremeClassification(DataSet):
    """Two files of that format from a mirror's folder or the cache, packed or not.

    They are not downloaded. Samples are sparse, each with any number of labels.
    """

    name = "xc"
    title = "Extreme classification"
    kind = "real"
    classes = 0
    several_labels = True

    class Settings(XcSettings):
        """Where the files are, and how they are read."""

        folder: str = Field(
            min_length=1, description="folder of the files in the mirror, such as `mine`"
        )
        train_file: str = Field("train.txt", min_length=1, description="the training part")
        test_file: str = Field("test.txt", min_length=1, description="the test part")
        title: str | None = Field(None, description="name in tables; default: the folder's")
        kind: Kind = Field("real", description="real, generated or stand-in, as tables say")
        propensity: tuple[float, float] = Field(
            DataSet.propensity, description="A and B of the propensities of labels"
        )

    def __init__(self, settings: "ExtremeClassification.Settings"):
        super().__init__(settings)
        self.title = settings.title or settings.folder
        self.kind = settings.kind
        self.propensity = settings.propensity

    def files(self):
        """The two files; nothing is known of where they are published."""
        names = self.settings.train_file, self.settings.test_file
        return tuple(RemoteFile(self.settings.folder, name, ()) for name in names)

    def build(self, sources: Sources) -> Arrays:
        """Read both files."""
        from lsh_dl.data.formats.xc_sets import build_parts, open_text

        paths = [sources.fetch(file) for file in self.files()]
        return build_parts(
            [lambda path=path: open_text(path) for path in paths],
            self.settings,
            sources.workspace,
            f"{self.settings.folder}: {paths[0].name} and {paths[1].name}",
        )
