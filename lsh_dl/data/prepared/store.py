"""Prepared data: a folder of memory-mappable arrays, written once and read by every run.

======================  ==============================================================
x_train.npy             (n, d) uint8 or float32, C order (absent for a stream)
y_train.npy             (n,) int32
x_test.npy, y_test.npy  the same for the test part
rows_train.npy          (m,) int64, rows left for training; absent without validation
rows_validation.npy     (n - m,) int64, rows of the training part kept for validation
offset.npy, scale.npy   (d,) float32; a network's input is (x - offset) * scale
stream_*.npy            what a stream draws from
[xy]_train_*.npy        sparse samples and their labels, instead of x_train.npy and y_train.npy:
                        the arrays of a CSR matrix each; the same for the test part
meta.json               name, kind, classes, settings, ... and checksums (`checks.Meta`)
======================  ==============================================================

This module starts fast: training imports it in every job.
"""

import json
import math
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lsh_dl.common.discovery import find
from lsh_dl.common.errors import UserError
from lsh_dl.common.files import whole_folder
from lsh_dl.common.validation import validate
from lsh_dl.data.base import DataSet, Stream
from lsh_dl.data.prepared.checks import (
    CSR,
    ArrayFolder,
    read_meta,
    require_range,
    require_split,
)
from lsh_dl.data.prepared.preprocessing import InputTransform, order_features

if TYPE_CHECKING:  # a tenth of a second to import
    from scipy.sparse import csr_array

#: Names of the arrays in a prepared folder.
_STORED = re.compile(r"((x|y|rows)_(train|validation|test)|stream_).*\.npy|(offset|scale)\.npy")


class Samples(Protocol):
    """Labelled samples that can be taken in any order, by several threads at once."""

    features: int

    def __len__(self) -> int:
        """Number of samples."""
        ...

    @property
    def labels(self) -> np.ndarray:
        """(n,) int32, every sample's class."""
        ...

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The samples at `indices` (m,): x (m, d) uint8 or float32 in C order, y (m,) int32."""
        ...


class ArraySamples:
    """Samples in two arrays, in memory or memory-mapped.

    Parameters
    ----------
    x: (n, d) uint8 or float32.
    y: (n,) int32.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray):
        self.x = x
        self.labels = y
        self.features = x.shape[1]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Samples.take`."""
        return np.take(self.x, indices, axis=0), np.take(self.labels, indices)


class Subset:
    """Some rows of other samples, in the given order."""

    def __init__(self, samples: Samples, rows: np.ndarray):
        self.samples = samples
        self.rows = rows
        self.features = samples.features

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def labels(self) -> np.ndarray:
        """(n,) int32."""
        return np.take(self.samples.labels, self.rows)

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Samples.take`."""
        return self.samples.take(np.take(self.rows, indices))


class SparseSamples:
    """Sparse samples, each with any number of labels; they are never made dense.

    Parameters
    ----------
    x: CSR (n, d) float32; column ids sorted and none twice.
    y: CSR (n, classes), of which what is stored is a label.
    """

    def __init__(self, x: "csr_array", y: "csr_array"):
        self.x, self.y = x, y
        self.features = x.shape[1]

    def __len__(self) -> int:
        return self.x.shape[0]


def pick(samples: Samples | SparseSamples, rows: np.ndarray) -> Subset | SparseSamples:
    """Some rows of other samples, in the given order; sparse ones are copied."""
    if isinstance(samples, SparseSamples):
        return SparseSamples(samples.x[rows], samples.y[rows])
    return Subset(samples, rows)


@dataclass(frozen=True)
class Prepared:
    """A prepared data set.

    Attributes
    ----------
    train, validation, test: `Samples`; `validation` is None where the config keeps none, and is
        never part of `train`; `test` is None where it is not to be read.
    offset, scale: (d,) float32, computed from `train`; a network's input is (x - offset) * scale,
        in the order of `transform`.
    features: d.
    classes: number of classes.
    propensity: A and B of the propensities of labels.
    name, title, kind, image_shape, provenance: see `lsh_dl.data.base.DataSet` and `Arrays`.
    meta: everything in meta.json.
    """

    train: Samples | SparseSamples
    validation: Samples | SparseSamples | None
    test: Samples | SparseSamples | None
    offset: np.ndarray
    scale: np.ndarray
    features: int
    classes: int
    name: str
    title: str
    kind: str
    image_shape: tuple[int, ...] | None
    provenance: str
    meta: Mapping[str, Any]
    propensity: tuple[float, float] = DataSet.propensity

    @property
    def class_names(self) -> tuple[int | str, ...]:
        """What the classes are called, none twice."""
        return tuple(self.meta.get("class_names") or range(self.classes))

    @property
    def transform(self) -> InputTransform:
        """From a sample's features to a network's inputs."""
        return InputTransform(
            self.offset, self.scale, order_features(self.features, self.image_shape)
        )


def open_prepared(folder: str | Path, test: bool = True) -> Prepared:
    """Open a prepared folder, and check all that is read; arrays are memory-mapped.

    Parameters
    ----------
    test
        False: the test part is not even read, and None.

    Raises
    ------
    UserError
        The folder is missing, incomplete, damaged, or of another version.
    """
    folder = Path(folder)
    try:
        meta = read_meta(folder)
        dataset = _find_data_set(meta) if meta["streams"] else None
        return _open(ArrayFolder(folder), meta, dataset, test)
    except (FileNotFoundError, NotADirectoryError) as error:
        if Path(error.filename or "").name == "meta.json":
            reason = "no prepared data set here (meta.json is missing)"
            raise UserError(f"{folder}: {reason}; `lsh-dl data prepare` makes one") from None
        reason = f"{Path(error.filename or folder).name} is missing"
    except OSError as error:
        reason = f"{Path(error.filename or folder).name}: {error.strerror or error}"
    except (ValueError, UserError, MemoryError) as error:
        reason = str(error) or "it takes more memory than there is"
    raise UserError(f"{folder}: {reason}; remove the folder and prepare the data set again")


def _find_data_set(meta: Mapping[str, Any]) -> DataSet:
    found = find("lsh_dl.data", DataSet, meta["name"])
    return found(validate(found.Settings, meta["settings"], "meta.json: settings"))


def _open(
    arrays: ArrayFolder, meta: Mapping[str, Any], dataset: DataSet | None, test: bool
) -> Prepared:
    counts, classes = meta["counts"], meta["classes"]
    if (names := meta.get("class_names")) and not len(names) == len(set(names)) == classes:
        raise ValueError(f"meta.json: {len(set(names))} names of {classes} classes")
    offset, scale = (arrays.open(name, [np.float32], 1) for name in ("offset", "scale"))
    shape = meta["image_shape"]
    features = len(offset) if shape is None else math.prod(shape)
    if not len(offset) == len(scale) == features or (shape is not None and len(shape) < 2):
        raise ValueError(f"{len(offset)} offsets and {len(scale)} scales, images of shape {shape}")
    whole = {"test": None}
    stated = {"train": counts["train"] + counts["validation"]}
    stated |= {"test": counts["test"]} if test else {}
    for part, count in stated.items():
        samples = whole[part] = open_part(arrays, part, meta["streams"].get(part), dataset)
        if len(samples) != count:
            raise ValueError(f"{part} holds {len(samples)} samples, meta.json says {count}")
        if samples.features != features:
            raise ValueError(f"{part} has {samples.features} features, not {features}")
        if not isinstance(samples, SparseSamples):
            require_range(samples.labels, classes, f"{part}: label")
        elif samples.y.shape != (count, classes):
            raise ValueError(f"{part}: labels of shape {samples.y.shape}, not {(count, classes)}")
    train, validation = whole["train"], None
    if counts["validation"]:
        rows = [arrays.open(f"rows_{part}", [np.int64], 1) for part in ("train", "validation")]
        require_split(*rows, len(train))
        train, validation = (pick(whole["train"], kept) for kept in rows)
        if len(train) != counts["train"]:
            raise ValueError(f"{len(train)} rows for training, meta.json says {counts['train']}")
    arrays.verify(meta["arrays"])
    return Prepared(
        train=train,
        validation=validation,
        test=whole["test"],
        offset=np.array(offset),
        scale=np.array(scale),
        features=features,
        classes=classes,
        name=meta["name"],
        title=meta["title"],
        kind=meta["kind"],
        image_shape=None if shape is None else tuple(shape),
        provenance=meta["provenance"],
        meta=meta,
        propensity=tuple(meta.get("propensity", DataSet.propensity)),
    )


def write_part(
    folder: Path,
    part: str,
    x: "np.ndarray | Stream | csr_array",
    y: "np.ndarray | csr_array | None",
) -> list[str] | None:
    """Write the samples of `part` ("train" or "test"); of a stream, return its arrays' names.

    An array that is already memory-mapped at its place in `folder` is flushed, not copied.
    """
    if isinstance(x, Stream):
        for name, array in x.arrays.items():
            np.save(folder / f"stream_{part}_{name}.npy", np.ascontiguousarray(array))
        return sorted(x.arrays)
    if not isinstance(x, np.ndarray):
        for name, matrix in ((f"x_{part}", x), (f"y_{part}", y)):
            for field in CSR:
                np.save(folder / f"{name}_{field}.npy", getattr(matrix, field))
        return None
    target = folder / f"x_{part}.npy"
    if isinstance(x, np.memmap) and x.filename is not None and Path(x.filename) == target.resolve():
        x.flush()
    else:
        np.save(target, np.ascontiguousarray(x))
    np.save(folder / f"y_{part}.npy", np.ascontiguousarray(y, np.int32))
    return None


def open_part(
    arrays: ArrayFolder, part: str, stream: list[str] | None, dataset: DataSet | None
) -> Samples | SparseSamples:
    """The whole `part` ("train" or "test") of a prepared folder.

    Parameters
    ----------
    stream: names of the arrays that it is made of where it is a stream, which `dataset` opens.
    """
    if stream is not None:
        named = {name: arrays.open(f"stream_{part}_{name}") for name in stream}
        return dataset.open_stream(part, named)
    if (arrays.folder / f"x_{part}_shape.npy").exists():
        x = arrays.open_sparse(f"x_{part}", [np.float32])
        return SparseSamples(x, arrays.open_sparse(f"y_{part}"))
    x = arrays.open(f"x_{part}", [np.uint8, np.float32], 2)
    y = np.array(arrays.open(f"y_{part}", [np.int32], 1))
    if len(x) != len(y) or 0 in x.shape:
        raise ValueError(f"{part}: samples of shape {x.shape} and {len(y)} labels")
    return ArraySamples(x, y)


def fresh_folder(folder: str | Path) -> AbstractContextManager[Path]:
    """A new folder that takes the place of the prepared `folder`; see `whole_folder`."""
    return whole_folder(Path(folder), _is_prepared, "prepared data set")


def _is_prepared(folder: Path) -> bool:
    """Whether the folder is a prepared one, and nothing else is in it.

    Without meta.json too: Snakemake removes it, the output that it knows, before it prepares anew.
    """
    names = {path.name for path in folder.iterdir()}
    is_begun = {"offset.npy", "scale.npy"} <= names
    with suppress(OSError, ValueError, RecursionError):
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        is_begun |= isinstance(meta, dict) and {"format", "label", "counts"} <= meta.keys()
    return is_begun and all(map(_STORED.fullmatch, names - {"meta.json"}))
