"""The contract of a data set: what an author of a new one reads.

A data set is one class in its own file: in this folder, or anywhere, named by its path. It says
what it is (`name`, `kind`, `classes`, ...), which settings it takes, which files it needs, and
builds arrays from them.
docs/add_a_data_set.md makes one.

Everything heavy (scikit-learn, numba kernels, pooch) is imported inside `build`: reading a
config imports every file of this folder.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lsh_dl.common.errors import UserError
from lsh_dl.common.kinds import Kind

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from lsh_dl.data.prepared.store import Samples

Preprocessing = Literal["scale", "center", "standardize", "standardize_each", "auto"]


class DataSettings(BaseModel):
    """Settings that every data set has; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preprocessing: Preprocessing | None = Field(
        None,
        description="scale: divide by the largest value, zeros stay zeros (fast); center: also "
        "subtract each feature's training mean; standardize: center, then divide by the one "
        "standard deviation of all features together; standardize_each: center, then divide each "
        "feature by its own, for different units; auto: one of these, by the training part's zeros "
        "and sizes; default: the data set's own choice",
    )
    validation: float = Field(
        0.1,
        ge=0,
        le=0.5,
        description="share of the training part held out for choosing settings and epochs",
    )
    validation_seed: int = Field(0, ge=0, lt=2**63, description="seed of the validation split")


MOST_GENERATED = 10_000_000
"""Samples of a part that is generated at once."""


class Seeded(DataSettings):
    """Settings of a data set that draws something at random."""

    seed: int = Field(0, ge=0, lt=2**63, description="seed of the drawn images")


@dataclass(frozen=True)
class Checksum:
    """What the bytes of a file must be: its length and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True)
class RemoteFile:
    """A public file.

    Attributes
    ----------
    dataset: the folder it has in a mirror and in the cache, e.g. "mnist".
    name: its file name.
    urls: where it is published, best first.
    checksums: the accepted contents, empty where none is known. There are several where a file
        circulates in several packings of the same data.
    """

    dataset: str
    name: str
    urls: tuple[str, ...]
    checksums: tuple[Checksum, ...] = ()

    def __post_init__(self) -> None:
        for key, path in (("folder", self.dataset), ("file", self.name)):
            parts = path.split("/") if key == "folder" else [path]
            if not path.isprintable() or any(
                part in ("", ".", "..") or set(part) & set("/\\") or len(os.fsencode(part)) > 200
                for part in parts
            ):
                raise UserError(
                    f"{key} {path[:60]!r} would leave the cache folder or cannot be a name; "
                    "give names of folders and files, parted by single slashes"
                )

    @property
    def is_own(self) -> bool:
        """Whether it is published nowhere: the user's own, who may edit it."""
        return not self.urls and not self.checksums


class Sources(Protocol):
    """What `DataSet.build` is given (see `lsh_dl.data.prepared.fetch`)."""

    workspace: Path
    """A folder that becomes the prepared folder: arrays too large for memory are made here."""

    def fetch(self, file: RemoteFile) -> Path:
        """A local, verified path of `file`: from the mirror, the cache or its public URLs."""
        ...


@dataclass(frozen=True)
class Stream:
    """Samples that are made when they are asked for, instead of being stored.

    Attributes
    ----------
    arrays: what they are made from, by names of letters, digits and underscores; stored in the
        prepared folder, and handed to `DataSet.open_stream` memory-mapped.
    """

    arrays: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Arrays:
    """What `DataSet.build` returns.

    Attributes
    ----------
    x_train, x_test : uint8 or float32 (n, d)
        Finite samples, a row each, d alike in both; or a `Stream`; or a CSR matrix of float32 whose
        column ids are sorted.
    y_train, y_test : integers (n,)
        Labels in [0, classes). None beside a `Stream`, which knows its labels; beside a CSR matrix
        another, (n, classes), of which what is stored is a label.
    provenance : str
        One sentence that says where the samples are from.
    groups : integers (n,), or None
        Training rows of one group are never parted by the validation split: deformations of one
        original, views of one object.
    classes, image_shape
        Override the class's own, for sets that know them only from the data.
    class_names : tuple of int or str, or None
        What the classes are called, (classes,); None: 0 ... classes - 1. Models answer by them.
    headings : tuple of str, or None
        What the features are called, (d,), where they are: those of a file to predict are compared.
    """

    x_train: "np.ndarray | Stream | csr_array"
    y_train: "np.ndarray | csr_array | None"
    x_test: "np.ndarray | Stream | csr_array"
    y_test: "np.ndarray | csr_array | None"
    provenance: str
    groups: np.ndarray | None = None
    classes: int | None = None
    image_shape: tuple[int, ...] | None = field(default=None)
    class_names: tuple[int | str, ...] | None = None
    headings: tuple[str, ...] | None = None


class DataSet(ABC):
    """A data set with its settings.

    A subclass gives `name`, `title`, `kind`, `classes` and `build`; all else has a default. Its
    docstring says what the samples are and cites where they are from.

    Parameters
    ----------
    settings
        An instance of the class's own `Settings`; default: its defaults.
    """

    name: ClassVar[str]
    """The config's word, unique among the data sets: letters, digits, `_` and `-`."""
    title: ClassVar[str]
    """For figures; says so when the set is generated or a stand-in."""
    kind: ClassVar[Kind]
    """real (as published), generated (by the published recipe) or stand-in (only resembles it)."""
    classes: ClassVar[int]
    """How many; labels are 0 ... classes - 1."""
    features: ClassVar[int | None] = None
    """Inputs, of samples that are no images, where that is known beforehand."""
    image_shape: ClassVar[tuple[int, ...] | None] = None
    """(height, width), (images, height, width), or None when the samples are not images."""
    several_labels: ClassVar[bool] = False
    """True if samples are sparse with any number of labels each."""
    propensity: tuple[float, float] = (0.55, 1.5)
    """A and B of the propensities of labels (`lsh_dl.training.metrics`)."""
    preprocessing: ClassVar[Preprocessing] = "scale"
    """What a config gets that chooses none: the one with which a dense network learns well."""
    alternative: ClassVar[str | None] = None
    """A set without downloads that can take this one's place; named when a download fails."""
    bytes_of_sample: ClassVar[int] = 0
    """Memory that `build` takes for each of the samples that `train` and `test` ask for; that of
    generated sets, which can be asked for any number. 0: it is bounded otherwise."""
    preview: ClassVar[Mapping[str, Any]] = MappingProxyType({"train": 400, "test": 400})
    """Settings that do for a look at the set; those that it does not have are left out."""

    Settings: ClassVar[type[DataSettings]] = DataSettings
    """The set's own: a subclass of `DataSettings` (or `Seeded`), each a pydantic `Field` with a
    default, bounds and a description."""

    def __init__(self, settings: DataSettings | None = None):
        self.settings = self.Settings() if settings is None else settings

    def files(self) -> Sequence[RemoteFile]:
        """The public files that `build` will fetch with these settings; none by default."""
        return ()

    def paths(self) -> Sequence[Path]:
        """Further files, the user's own, that `build` reads where they lie; none by default."""
        return ()

    @abstractmethod
    def build(self, sources: Sources) -> Arrays:
        """Make the arrays: the same for the same settings.

        Parameters
        ----------
        sources
            ``sources.fetch(file)`` gives the local path of one of `files`; ``sources.workspace`` is
            a folder for arrays too large for memory.

        Raises
        ------
        UserError
            A file is missing or not what it should be; the message names it and the remedy.
        """

    def open_stream(self, part: str, arrays: Mapping[str, np.ndarray]) -> "Samples":
        """The samples of a part ("train" or "test") for which `build` returned a `Stream`.

        Parameters
        ----------
        arrays: the stream's, memory-mapped and read-only.

        Raises
        ------
        ValueError
            `arrays`, which come from a file, are not what such a stream is made of.
        """
        raise ValueError(f"{self.name} has no stream of {part} samples")
