"""Sets of 28 x 28 images in MNIST's four IDX files, and their checks."""

from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from lsh_dl.data.base import Arrays, DataSet, DataSettings, RemoteFile, Sources
from lsh_dl.data.formats.idx import read_idx
from lsh_dl.data.formats.packed import corrupt

SIDE = 28


def check_pair(
    x: np.ndarray,
    y: np.ndarray,
    places: tuple[str | Path, str | Path],
    labels: range,
    wanted: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The first `wanted` images (n, 784) and labels (n,), uint8, of one half of a set, or all.

    Raises
    ------
    UserError
        The two do not belong together, or a label is none of `labels`; `places` names the files.
    """
    if x.shape[1:] != (SIDE, SIDE):
        raise corrupt(places[0], f"images of {x.shape[1]} x {x.shape[2]}, not {SIDE} x {SIDE}")
    if len(x) != len(y):
        raise corrupt(places[1], f"{len(y)} labels for {len(x)} images")
    if wanted is not None and len(x) < wanted:
        raise corrupt(places[0], f"{len(x)} images, {wanted} are wanted")
    if wrong := [label for label in np.unique(y).tolist() if label not in labels]:
        raise corrupt(places[1], f"label {wrong[0]}, those here are {labels[0]} ... {labels[-1]}")
    return x.reshape(len(x), SIDE * SIDE)[:wanted], y[:wanted]


def read_pair(
    sources: Sources, files: tuple[RemoteFile, RemoteFile], labels: range, wanted: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """As `check_pair`, of two files: images and labels.

    Raises
    ------
    UserError
        A file cannot be got or is damaged too.
    """
    images, classes = map(sources.fetch, files)
    return check_pair(read_idx(images, 3), read_idx(classes, 1), (images, classes), labels, wanted)


class IdxSet(DataSet):
    """Ten classes, 28 x 28 grey levels, 60,000 training and 10,000 test images in four IDX files.

    Attributes
    ----------
    train_files, test_files
        Images and labels of each part.
    """

    kind = "real"
    classes = 10
    image_shape = (SIDE, SIDE)
    alternative = "digits"

    train_files: ClassVar[tuple[RemoteFile, RemoteFile]]
    test_files: ClassVar[tuple[RemoteFile, RemoteFile]]

    class Settings(DataSettings):
        """How much of it to use."""

        train: int = Field(
            60_000, ge=1, le=60_000, description="training images, validation included; the first"
        )
        test: int = Field(10_000, ge=1, le=10_000, description="test images; the first")

    def files(self):
        """Images and labels of both parts."""
        return (*self.train_files, *self.test_files)

    def build(self, sources: Sources) -> Arrays:
        """Read and check the four files."""
        train, test = self.settings.train, self.settings.test
        labels = range(self.classes)
        return Arrays(
            *read_pair(sources, self.train_files, labels, train),
            *read_pair(sources, self.test_files, labels, test),
            provenance=f"{self.title}, the first {train:,} training and {test:,} test images",
        )
