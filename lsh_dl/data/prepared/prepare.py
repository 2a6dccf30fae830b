"""From an entry of a config's `datasets` to a prepared folder."""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lsh_dl.common.code import source_files
from lsh_dl.common.discovery import find, is_outside, refer_to
from lsh_dl.common.errors import UserError
from lsh_dl.common.memory import require_memory
from lsh_dl.common.user_arrays import as_sparse
from lsh_dl.common.validation import validate
from lsh_dl.data.base import Arrays, DataSet, Stream
from lsh_dl.data.prepared.checks import FORMAT, ArrayFolder, checksum
from lsh_dl.data.prepared.fetch import CachedSources, file_hash
from lsh_dl.data.prepared.preprocessing import identity_transform
from lsh_dl.data.prepared.scaling import choose_preprocessing, fit_preprocessing, measure
from lsh_dl.data.prepared.store import (
    SparseSamples,
    fresh_folder,
    open_part,
    pick,
    write_part,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK = 4_096
"""Samples handled at a time, so that memory stays bounded."""


def sources_of_data(reference: str) -> list[Path]:
    """The files of code that make the arrays of a data set; one of its own among them."""
    return source_files(__name__, find("lsh_dl.data", DataSet, reference).__module__)


def resolve(label: str, entry: Mapping[str, Any]) -> DataSet:
    """The data set that an entry of a config's `datasets` describes.

    Parameters
    ----------
    label: the entry's key; the data set's name too, unless the entry has a `source`.
    entry: `source` (optional: a name, a file or `module:Class`) and the data set's settings.

    Raises
    ------
    UserError
        Unknown data set or setting, or a value out of range.
    """
    settings = {key: value for key, value in entry.items() if key != "source"}
    source = find("lsh_dl.data", DataSet, entry.get("source") or label)
    dataset = source(validate(source.Settings, settings, f"datasets.{label}"))
    try:
        dataset.files()
    except UserError as error:
        raise UserError(f"datasets.{label}: {error}") from None
    return dataset


def prepare(
    label: str,
    entry: Mapping[str, Any],
    folder: str | Path,
    mirror: str | Path | None = None,
    cache: str | Path | None = None,
) -> Path:
    """Fetch or generate a data set and write it to `folder`, which appears only when whole.

    Parameters
    ----------
    label, entry: as for `resolve`.
    folder: where the prepared arrays go (see `lsh_dl.data.prepared.store`); replaced if it exists.
    mirror: folder or URL with `<dataset>/<file>`, taken before the public URLs.
    cache: folder that keeps downloads; default: see `lsh_dl.data.prepared.fetch.cache_folder`.

    Returns
    -------
    `folder` as a path.

    Raises
    ------
    UserError
        Bad entry, missing or corrupt file, no network.
    """
    dataset = resolve(label, entry)
    try:
        with fresh_folder(folder) as workspace:
            sources = CachedSources(mirror, cache, workspace, alternative=dataset.alternative)
            _require_room(dataset, label)
            arrays = dataset.build(sources)
            _refuse_stream(dataset, arrays, label)
            _write(workspace, dataset, sources, arrays, label)
    except MemoryError:
        raise UserError(
            f"data set {label}: it takes more memory than there is; ask for fewer samples"
        ) from None
    except OSError as error:  # disk full, folder read-only
        place = error.filename or folder
        raise UserError(
            f"{place}: {error.strerror or error}; free space or choose another folder"
        ) from error
    return Path(folder)


def _require_room(dataset: DataSet, label: str) -> None:
    """Raise a UserError where samples that are generated would not fit into memory."""
    samples = sum(getattr(dataset.settings, part, 0) for part in ("train", "test"))
    if dataset.bytes_of_sample:
        needed = samples * dataset.bytes_of_sample
        require_memory(needed, f"data set {label}: {samples:,} generated samples")


def _refuse_stream(dataset: DataSet, arrays: Arrays, label: str) -> None:
    """What opens a stream is found by its data set's name, never by what a folder says."""
    streams = isinstance(arrays.x_train, Stream) or isinstance(arrays.x_test, Stream)
    if streams and is_outside(refer_to(type(dataset), "lsh_dl.data")):
        raise UserError(
            f"data set {label}: a Stream needs its file in lsh_dl/data; elsewhere, write an array "
            "to `sources.workspace`"
        )


def own_files(dataset: DataSet, sources: CachedSources) -> list[Path]:
    """The user's own files that a data set is made of, as far as they are there.

    Their contents decide whether prepared arrays are current; published files never change.
    """
    placed = (sources.find(file) for file in dataset.files() if file.is_own)
    return [path for path in (*dataset.paths(), *placed) if path and path.is_file()]


def describe_own_files(
    dataset: DataSet, mirror: str | Path | None = None, cache: str | Path | None = None
) -> dict[str, str]:
    """SHA-256 of the contents of each of `own_files`, by path."""
    sources = CachedSources(mirror, cache)
    return {str(path): file_hash(path) for path in own_files(dataset, sources)}


def _write(
    folder: Path, dataset: DataSet, sources: CachedSources, arrays: Arrays, label: str
) -> None:
    settings = dataset.settings
    classes = dataset.classes if arrays.classes is None else arrays.classes
    shape = dataset.image_shape if arrays.image_shape is None else arrays.image_shape
    for part, x, y in (
        ("train", arrays.x_train, arrays.y_train),
        ("test", arrays.x_test, arrays.y_test),
    ):
        place = f"data set {label}, {part} part"
        if isinstance(x, np.ndarray):
            check_samples(x, y, classes, place)
        elif not isinstance(x, Stream):
            _check_sparse(x, y, classes, place)
    streams = {
        "train": write_part(folder, "train", arrays.x_train, arrays.y_train),
        "test": write_part(folder, "test", arrays.x_test, arrays.y_test),
    }
    written = ArrayFolder(folder)
    train, test = (open_part(written, part, names, dataset) for part, names in streams.items())
    if train.features != test.features:
        raise UserError(
            f"data set {label}: {train.features} features in training but {test.features} in "
            "testing; both parts need the same"
        )
    total = len(train)
    kept = split_validation(total, settings.validation, settings.validation_seed, arrays.groups)
    if len(kept):
        rest = np.setdiff1d(np.arange(total), kept, assume_unique=True)
        np.save(folder / "rows_validation.npy", kept)
        np.save(folder / "rows_train.npy", rest)
        train = pick(train, rest)
    preprocessing = settings.preprocessing or dataset.preprocessing
    numbers = None
    if isinstance(train, SparseSamples):
        if settings.preprocessing:
            raise UserError(
                f"data set {label}: preprocessing: sparse samples are taken as they are; "
                "leave the key out"
            )
        preprocessing, offset, scale = "none", *identity_transform(train.features)[:2]
    else:
        found = measure(train, sizes_only=preprocessing == "scale")
        if preprocessing == "auto":
            preprocessing, reason = choose_preprocessing(found)
            print(
                f"data set {label}: preprocessing: {preprocessing} ({reason}); the key "
                "`preprocessing` takes another",
                file=sys.stderr,
            )
        offset, scale = fit_preprocessing(found, preprocessing)
        numbers = found.numbers
    np.save(folder / "offset.npy", offset)
    np.save(folder / "scale.npy", scale)
    meta = {
        "format": FORMAT,
        "label": label,
        "name": dataset.name,
        "title": dataset.title,
        "kind": dataset.kind,
        "classes": classes,
        "class_names": None if arrays.class_names == tuple(range(classes)) else arrays.class_names,
        "image_shape": shape,
        "headings": _check_headings(arrays.headings, train.features, label),
        "numbers": numbers,
        "provenance": arrays.provenance,
        "preprocessing": preprocessing,
        "settings": settings.model_dump(mode="json"),
        "counts": {"train": len(train), "validation": len(kept), "test": len(test)},
        "propensity": dataset.propensity,
        "streams": {part: names for part, names in streams.items() if names},
        "files": {path.name: file_hash(path) for path in own_files(dataset, sources)},
        "arrays": {path.name: checksum(path) for path in sorted(folder.glob("*.npy"))},
    }
    (folder / "meta.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")


def _check_headings(headings: Iterable[str] | None, features: int, label: str) -> list[str] | None:
    if headings is None:
        return None
    names = [headings] if isinstance(headings, str) else list(map(str, headings))
    if len(names) != features or len(set(names)) != features:
        raise UserError(
            f"data set {label}: headings: {len(set(names))} names for {features} features; give "
            "each its own, or None"
        )
    return names


def check_samples(x: np.ndarray, y: np.ndarray, classes: int, place: str) -> None:
    """Raise a UserError at `place` unless x (n, d) and y (n,) can be trained on.

    Asked for: n and d at least 1, x uint8 or finite float32, y integers in [0, classes).
    """
    if x.ndim != 2 or 0 in x.shape:
        raise UserError(f"{place}: the samples have shape {x.shape}; (n, d) is needed")
    if y.shape != (len(x),):
        raise UserError(f"{place}: {len(x)} samples but labels of shape {y.shape}; one each needed")
    if not np.issubdtype(y.dtype, np.integer):
        raise UserError(f"{place}: the labels are {y.dtype}; integers are needed")
    if y.min() < 0 or y.max() >= classes:
        wrong = y.min() if y.min() < 0 else y.max()
        raise UserError(f"{place}: label {wrong} is outside 0 ... {classes - 1}")
    if x.dtype not in (np.uint8, np.float32):
        raise UserError(f"{place}: the samples are {x.dtype}; uint8 or float32 is needed")
    if x.dtype == np.float32 and not all(
        np.isfinite(x[start : start + BLOCK]).all() for start in range(0, len(x), BLOCK)
    ):
        raise UserError(f"{place}: some values are not finite; remove or replace them")


def _check_sparse(x: "csr_array", y: "csr_array", classes: int, place: str) -> None:
    try:
        in_order = all(np.array_equal(m.indices, as_sparse(m, place).indices) for m in (x, y))
    except ValueError as error:
        raise UserError(str(error)) from None
    if x.dtype != np.float32 or not in_order:
        raise UserError(f"{place}: float32 samples, with column ids sorted and none twice, needed")
    if y.shape != (x.shape[0], classes) or 0 in x.shape:
        raise UserError(f"{place}: samples of shape {x.shape} but labels of shape {y.shape}")
    if not np.isfinite(x.data).all():
        raise UserError(f"{place}: some values are not finite; remove or replace them")


def split_validation(
    total: int, share: float, seed: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """Rows to keep out of training, sorted, (v,) int64.

    Parameters
    ----------
    total: rows of the training part.
    share: the wanted share of rows, in [0, 1).
    seed: of the draw.
    groups: (total,) integers; rows of one group stay together, so the share is met only as nearly
        as whole groups allow: whole groups are drawn until it is reached, and one is always left.
    """
    if share == 0:
        return np.empty(0, np.int64)
    rng = np.random.default_rng([seed, 0x7A11])
    if groups is None:
        return np.sort(rng.permutation(total)[: round(share * total)]).astype(np.int64)
    names, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(len(names))
    before = np.cumsum(sizes[order]) - sizes[order]
    drawn = order[:-1][before[:-1] < share * total]
    return np.flatnonzero(np.isin(member, drawn)).astype(np.int64)
