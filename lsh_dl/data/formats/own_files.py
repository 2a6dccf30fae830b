"""What data sets of a user's own text files have in common: one for training, one for testing."""

from abc import abstractmethod
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.common.memory import require_memory
from lsh_dl.common.paths import expand_path
from lsh_dl.common.user_arrays import LARGEST_LABEL, as_classes, require_alike, require_two_classes
from lsh_dl.data.base import Arrays, DataSet, DataSettings, Kind, Sources

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class OwnFiles(DataSet):
    """Two files of samples and labels; classes are those that the training file names."""

    kind = "real"
    classes = 0
    preprocessing = "auto"
    preview = MappingProxyType({})

    class Settings(DataSettings):
        """Where the files are and what to call them."""

        train_file: str = Field(min_length=1, description="the training part, a path")
        test_file: str = Field(min_length=1, description="the test part, a path")
        title: str | None = Field(None, description="name in figures; default: the file's name")
        kind: Kind = Field("real", description="real, generated or stand-in, as figures say")

    def __init__(self, settings: "OwnFiles.Settings"):
        super().__init__(settings)
        self._paths = expand_path(settings.train_file), expand_path(settings.test_file)
        self.title = settings.title or self._paths[0].name.split(".")[0]
        self.kind = settings.kind

    def paths(self) -> tuple[Path, Path]:
        """The two files."""
        return self._paths

    @abstractmethod
    def read(self, path: Path, training: bool) -> "tuple[np.ndarray | csr_array, np.ndarray]":
        """Samples (n, d) float32 and labels (n,), whole numbers or text, of one of the files.

        In that of training, features that vary must do so in float32 too.
        """

    def build(self, sources: Sources) -> Arrays:
        """Read both files."""
        train, test = self._paths
        x_train, y_train = self.read(train, training=True)
        x_test, y_test = self.read(test, training=False)
        if isinstance(x_train, np.ndarray):
            require_alike(x_train, x_test, f"{test}, beside {train}")
        require_two_classes(y_train, str(train))
        names = _class_names(y_train, train)
        require_memory(16 * len(names), f"{train}: a network of {len(names)} classes")
        numbered = [
            as_classes(y, names, len(y), str(path)).astype(np.int32)
            for y, path in ((y_train, train), (y_test, test))
        ]
        listed = ", ".join(map(str, names[:20])) + (", ..." if len(names) > 20 else "")
        return Arrays(
            x_train,
            numbered[0],
            x_test,
            numbered[1],
            classes=len(names),
            class_names=None
            if np.array_equal(names, np.arange(len(names)))
            else tuple(names.tolist()),
            provenance=f"{train.name} and {test.name}; classes {listed}",
        )


def _class_names(y: np.ndarray, path: Path) -> np.ndarray:
    """What each class is called: 0, 1, ... where labels are those, else labels in rising order."""
    names = np.unique(y)
    if names.dtype.kind == "U" and not all(map(str.isprintable, names.tolist())):
        raise UserError(f"{path}: a label with characters that cannot be printed; rename it")
    if names.dtype.kind != "i" or names[0] < 0:
        return names
    if names[-1] > LARGEST_LABEL:
        raise UserError(f"{path}: label {names[-1]} is outside 0 ... {LARGEST_LABEL}")
    # A class of few samples may be in the test part alone.
    return np.arange(names[-1] + 1) if names[-1] < 2 * len(names) and names[0] == 0 else names
