"""Data sets in the text format of the Extreme Classification Repository."""

import numpy as np
from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.data.base import Arrays, DataSet, DataSettings, Kind, RemoteFile, Sources


class ExtremeClassification(DataSet):
    """Two files of that format, such as Delicious-200K's, from a mirror's folder or the cache.

    They are not downloaded. Samples are sparse, each with any number of labels.
    """

    name = "xc"
    title = "Extreme classification"
    kind = "real"
    classes = 0
    several_labels = True

    class Settings(DataSettings):
        """Where the files are, and how they are read."""

        folder: str = Field(
            min_length=1, description="folder of the files in the mirror, such as `delicious200k`"
        )
        train_file: str = Field("train.txt", min_length=1, description="the training part")
        test_file: str = Field("test.txt", min_length=1, description="the test part")
        title: str | None = Field(None, description="name in tables; default: the folder's")
        kind: Kind = Field("real", description="real, generated or stand-in, as tables say")
        normalised: bool = Field(True, description="scale each sample to length 1")

    def __init__(self, settings: "ExtremeClassification.Settings"):
        super().__init__(settings)
        self.title = settings.title or settings.folder
        self.kind = settings.kind

    def files(self):
        """The two files; nothing is known of where they are published."""
        names = self.settings.train_file, self.settings.test_file
        return tuple(RemoteFile(self.settings.folder, name, ()) for name in names)

    def build(self, sources: Sources) -> Arrays:
        """Read both files."""
        from scipy.sparse import csr_array

        from lsh_dl.data.formats.xc_text import read_xc, states_labels

        paths = [sources.fetch(file) for file in self.files()]
        (x_train, y_train), (x_test, y_test) = map(read_xc, paths)
        if not all(map(states_labels, paths)):
            labels = max(y_train.shape[1], y_test.shape[1])
            y_train, y_test = (
                csr_array((y.data, y.indices, y.indptr), (y.shape[0], labels))
                for y in (y_train, y_test)
            )
        if (x_train.shape[1], y_train.shape[1]) != (x_test.shape[1], y_test.shape[1]):
            raise UserError(
                f"{paths[1]}: {x_test.shape[1]} features and {y_test.shape[1]} labels, but "
                f"{x_train.shape[1]} and {y_train.shape[1]} in {paths[0].name}; both need the same"
            )
        if self.settings.normalised:
            for x in (x_train, x_test):
                rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
                lengths = np.sqrt(np.bincount(rows, x.data.astype(np.float64) ** 2, x.shape[0]))
                x.data /= np.maximum(lengths, 1e-30)[rows].astype(np.float32)
        return Arrays(
            x_train,
            y_train,
            x_test,
            y_test,
            classes=y_train.shape[1],
            provenance=f"{self.settings.folder}: {paths[0].name} and {paths[1].name}",
        )
