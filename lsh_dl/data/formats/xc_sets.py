"""What the sets of the Extreme Classification Repository have in common, and how they are read.

Samples go to disk as they are read, so memory stays bounded however large the texts are.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.data.base import Arrays, DataSet, DataSettings, RemoteFile, Sources
from lsh_dl.data.formats.packed import corrupt, open_member, open_packed, open_zip, split_lines

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from lsh_dl.data.formats.xc_text import XcText

#: Opens a text.
Opener = Callable[[], AbstractContextManager["XcText"]]


class XcSettings(DataSettings):
    """How such texts are read."""

    share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the samples, evenly spaced: 0.01 is one in a hundred, for a quick "
        "look; below 1, labels and features of none of its training samples are left out",
    )
    normalised: bool = Field(True, description="scale each sample to length 1")


class PublishedXc(DataSet):
    """A zip of two texts."""

    kind = "real"
    several_labels = True
    alternative = "wide_generated"
    preview: ClassVar = {"share": 0.01}

    #: The zip, and what its two texts may be called.
    file: ClassVar[RemoteFile]
    members: ClassVar[tuple[tuple[str, ...], tuple[str, ...]]]

    Settings = XcSettings

    def files(self):
        """One zip."""
        return (self.file,)

    def build(self, sources: Sources) -> Arrays:
        """Read both texts from the zip."""
        path = sources.fetch(self.file)
        openers = [lambda names=names: _open_member(path, names) for names in self.members]
        return build_parts(openers, self.settings, sources.workspace, self.title)


def published_file(dataset: str, name: str, drive: str) -> RemoteFile:
    """A zip on Google Drive by its id there; no checksums are known beforehand."""
    url = f"https://drive.usercontent.google.com/download?id={drive}&export=download&confirm=t"
    return RemoteFile(dataset, name, (url,))


@contextmanager
def open_text(path: Path) -> Iterator["XcText"]:
    """A text in a file of its own, packed or not."""
    from lsh_dl.data.formats.xc_text import XcText

    with open_packed(path) as stream:
        yield XcText(split_lines(stream, path), path)


@contextmanager
def _open_member(path: Path, names: Sequence[str]) -> Iterator["XcText"]:
    """The text in a zip whose name, whatever its folder, is one of `names`."""
    from lsh_dl.data.formats.xc_text import XcText

    with open_zip(path) as archive:
        name = _find_member(archive, names, path)
        place = f"{path}: {name}"
        with open_member(archive, name, place) as stream:
            yield XcText(split_lines(stream, place), place)


def _find_member(archive: zipfile.ZipFile, names: Sequence[str], path: Path) -> str:
    found = [name for name in archive.namelist() if PurePosixPath(name).name in names]
    if len(found) != 1:
        raise corrupt(path, f"{len(found)} files called {' or '.join(names)} in it, 1 is needed")
    return found[0]


def build_parts(
    openers: Sequence[Opener], settings: XcSettings, folder: Path, provenance: str
) -> Arrays:
    """Read the training and the test text; `folder` is for files without a name, while it lasts.

    Raises
    ------
    UserError
        A text is not right, or the two have other numbers of features or labels.
    """
    from lsh_dl.data.formats.xc_text import fit_labels

    read, sizes, places = [], [], []
    for opener in openers:
        with opener() as text:
            read.append(_store(text, settings, folder))
            sizes.append((text.features, text.labels))
            places.append(text.place)
    (x_train, y_train), (x_test, y_test) = read
    if None in (sizes[0][1], sizes[1][1]):  # counted: the most of both
        labels = max(
            stated or int(y.indices.max(initial=0)) + 1
            for (_, stated), (_, y) in zip(sizes, read, strict=True)
        )
        sizes = [(features, labels) for features, _ in sizes]
        y_train, y_test = fit_labels(y_train, labels), fit_labels(y_test, labels)
    if sizes[0] != sizes[1]:
        raise UserError(
            f"{places[1]}: {sizes[1][0]} features and {sizes[1][1]} labels, but {sizes[0][0]} and "
            f"{sizes[0][1]} in {Path(str(places[0])).name}; both need the same"
        )
    if settings.share < 1:
        x_train, x_test = _keep_columns(x_train, x_test, places[0], "features")
        y_train, y_test = _keep_columns(y_train, y_test, places[0], "labels")
        provenance += f", {100 * settings.share:g} % of the samples"
    return Arrays(x_train, y_train, x_test, y_test, classes=y_train.shape[1], provenance=provenance)


def _store(text: "XcText", settings: XcSettings, folder: Path) -> tuple["csr_array", "csr_array"]:
    """The samples that are wanted, on disk in files that vanish with the arrays."""
    from scipy.sparse import csr_array

    step, seen = round(1 / settings.share), 0
    kept = {
        name: (_Growing(folder, np.int32), _Growing(folder, dtype), [np.zeros(1, np.int64)])
        for name, dtype in (("x", np.float32), ("y", np.int8))
    }
    columns = {}
    for piece in text.read():
        wanted = np.arange(-seen % step, piece[0].shape[0], step)
        seen += piece[0].shape[0]
        for (ids, values, counts), whole in zip(kept.values(), piece, strict=True):
            matrix = whole if step == 1 else whole[wanted]
            if matrix.dtype == np.float32 and settings.normalised:
                _normalise(matrix)
            ids.append(matrix.indices)
            values.append(matrix.data)
            counts.append(np.diff(matrix.indptr))
        columns = {name: whole.shape[1] for name, whole in zip(kept, piece, strict=True)}
    made = []
    for name, (ids, values, counts) in kept.items():
        ends = np.cumsum(np.concatenate(counts))
        if ends[-1] < 2**31:  # of one type with the ids, which are copied otherwise
            ends = ends.astype(np.int32)
        arrays = values.array(), ids.array(), ends
        made.append(csr_array(arrays, (len(ends) - 1, columns[name])))
    return made[0], made[1]


def _normalise(x: "csr_array") -> None:
    """Scale each row to length 1, in place."""
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    lengths = np.sqrt(np.bincount(rows, x.data.astype(np.float64) ** 2, x.shape[0]))
    x.data /= np.maximum(lengths, 1e-30)[rows].astype(np.float32)


def _keep_columns(
    train: "csr_array", test: "csr_array", place: str | Path, what: str
) -> tuple["csr_array", "csr_array"]:
    """Both without the columns that no training sample has."""
    kept = np.unique(train.indices)
    if not len(kept):
        raise UserError(f"{place}: no {what} in this share of the samples; raise `share`")
    return train[:, kept], test[:, kept]


class _Growing:
    """An array that grows on disk, in a file without a name."""

    def __init__(self, folder: Path, dtype: type):
        self._dtype = np.dtype(dtype)
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 (open while it is mapped)

    def append(self, numbers: np.ndarray) -> None:
        """Write numbers behind those that are there."""
        self._file.write(np.ascontiguousarray(numbers, self._dtype))

    def array(self) -> np.ndarray:
        """All of it, memory-mapped."""
        self._file.flush()
        if not self._file.tell():
            return np.zeros(0, self._dtype)
        return np.memmap(self._file, self._dtype, "r+")
