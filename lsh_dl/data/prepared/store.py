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
meta.json               name, title, kind, classes, image_shape, provenance, settings, ...
======================  ==============================================================

This module starts fast: training imports it in every job.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lsh_dl.common.errors import UserError
from lsh_dl.data.base import Stream
from lsh_dl.data.prepared.preprocessing import InputTransform, order_features

if TYPE_CHECKING:  # a tenth of a second to import
    from scipy.sparse import csr_array

FORMAT = 1
"""Changes when the folder's layout does."""

CSR = ("shape", "indptr", "indices", "data")
"""What is stored of a sparse matrix."""


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
        never part of `train`.
    offset, scale: (d,) float32, computed from `train`; a network's input is (x - offset) * scale,
        in the order of `reading`.
    features: d.
    classes: number of classes.
    name, title, kind, image_shape, provenance: see `lsh_dl.data.base.DataSet` and `Arrays`.
    meta: everything in meta.json.
    """

    train: Samples | SparseSamples
    validation: Samples | SparseSamples | None
    test: Samples | SparseSamples
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

    @property
    def reading(self) -> InputTransform:
        """From a sample's features to a network's inputs."""
        return InputTransform(
            self.offset, self.scale, order_features(self.features, self.image_shape)
        )


def open_prepared(folder: str | Path) -> Prepared:
    """Open a prepared folder; arrays are memory-mapped, so this costs milliseconds.

    Raises
    ------
    UserError
        The folder is missing, incomplete, or of another version.
    """
    folder = Path(folder)
    remedy = "remove the folder and prepare the data set again"
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder}: no prepared data set here (meta.json is missing)") from None
    except ValueError as error:
        raise UserError(f"{folder / 'meta.json'}: not JSON ({error}); {remedy}") from None
    if meta.get("format") != FORMAT:
        raise UserError(f"{folder}: format {meta.get('format')}, not {FORMAT}; {remedy}")
    try:
        train = _open_part(folder, "train", meta)
        test = _open_part(folder, "test", meta)
        validation = None
        if meta["counts"]["validation"]:
            validation = pick(train, _load(folder / "rows_validation.npy"))
            train = pick(train, _load(folder / "rows_train.npy"))
        offset, scale = np.load(folder / "offset.npy"), np.load(folder / "scale.npy")
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: {error}; {remedy}") from None
    shape = meta["image_shape"]
    return Prepared(
        train=train,
        validation=validation,
        test=test,
        offset=offset,
        scale=scale,
        features=len(offset),
        classes=meta["classes"],
        name=meta["name"],
        title=meta["title"],
        kind=meta["kind"],
        image_shape=None if shape is None else tuple(shape),
        provenance=meta["provenance"],
        meta=meta,
    )


def write_part(
    folder: Path,
    part: str,
    x: "np.ndarray | Stream | csr_array",
    y: "np.ndarray | csr_array | None",
) -> dict:
    """Write the samples of `part` ("train" or "test") and return meta.json's entry about them.

    An array that is already memory-mapped at its place in `folder` is flushed, not copied.
    """
    if isinstance(x, Stream):
        for name, array in x.arrays.items():
            np.save(folder / f"stream_{part}_{name}.npy", array)
        return {
            "opener": x.opener,
            "arrays": sorted(x.arrays),
            "settings": dict(x.settings),
        }
    if not isinstance(x, np.ndarray):
        for name, matrix in ((f"x_{part}", x), (f"y_{part}", y)):
            for field in CSR:
                np.save(folder / f"{name}_{field}.npy", getattr(matrix, field))
        return {}
    target = folder / f"x_{part}.npy"
    if isinstance(x, np.memmap) and x.filename is not None and Path(x.filename) == target.resolve():
        x.flush()
    else:
        np.save(target, np.ascontiguousarray(x))
    np.save(folder / f"y_{part}.npy", np.ascontiguousarray(y, np.int32))
    return {}


def open_part(folder: Path, part: str, streams: Mapping[str, Any]) -> Samples | SparseSamples:
    """The whole `part` ("train" or "test") of a prepared folder; `streams` is meta.json's entry."""
    if (folder / f"x_{part}_shape.npy").exists():
        return SparseSamples(*(_load_sparse(folder, f"{name}_{part}") for name in ("x", "y")))
    stream = streams.get(part)
    if not stream:
        return ArraySamples(_load(folder / f"x_{part}.npy"), np.load(folder / f"y_{part}.npy"))
    arrays = {name: _load(folder / f"stream_{part}_{name}.npy") for name in stream["arrays"]}
    module, _, function = stream["opener"].partition(":")
    return getattr(import_module(module), function)(**arrays, **stream["settings"])


def _load_sparse(folder: Path, name: str) -> "csr_array":
    from scipy.sparse import csr_array

    shape, ends, ids, values = (_load(folder / f"{name}_{field}.npy") for field in CSR)
    return csr_array((values, ids, ends), tuple(shape.tolist()))


def _open_part(folder: Path, part: str, meta: Mapping[str, Any]) -> Samples | SparseSamples:
    samples = open_part(folder, part, meta["streams"])
    stated = meta["counts"][part] + (meta["counts"]["validation"] if part == "train" else 0)
    if len(samples) != stated:
        raise ValueError(f"{part} holds {len(samples)} samples, meta.json says {stated}")
    return samples


def _load(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r")


@contextmanager
def fresh_folder(folder: str | Path) -> Iterator[Path]:
    """A new folder that takes the place of `folder` when the block ends without an error.

    It lies beside `folder`, so that the last step is a rename: readers see all of it or nothing.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        yield new
        if folder.exists():
            old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
            folder.rename(old)
            new.rename(folder)
            shutil.rmtree(old)
        else:
            new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
