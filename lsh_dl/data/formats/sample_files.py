"""Samples in a file of a user's: `.npz`, `.csv` or `.amat`."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from lsh_dl.common.errors import UserError

#: Heading of the column of labels in a `.csv` with headings.
LABEL = "label"


def read_sample_file(path: Path, part: str, features: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The samples in a file, and their labels where it has them.

    Parameters
    ----------
    path
        `.npz`: arrays x_<part> and y_<part>, or x and y; y may be absent. `.csv`: a line a sample;
        with headings, that of the labels is `label`. `.amat`: the same, parted by blanks, without
        headings. Without headings one more number than `features` is the label, and stands last.
    part
        "train" or "test": which arrays of an `.npz`.
    features
        Numbers a sample has.

    Returns
    -------
    x (n, features) uint8 or float32, y (n,) int64 or None.

    Raises
    ------
    UserError
        Missing, unreadable, or not such samples.
    """
    readers = {".npz": _read_npz, ".csv": _read_text, ".amat": _read_text}
    if path.suffix not in readers:
        raise UserError(
            f"{path}: neither a prepared data set (a folder with meta.json) nor a file that ends "
            f"in {', '.join(readers)}"
        )
    try:
        x, y = readers[path.suffix](path, part, features)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; mend the path") from None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{path}: not readable as {path.suffix}: {' '.join(str(error).split())}"
        ) from None
    if x.dtype.kind not in "buif":
        raise UserError(f"{path}: the samples are {x.dtype}; numbers are needed")
    if x.ndim < 2 or not len(x) or x[0].size != features:
        raise UserError(
            f"{path}: samples of shape {x.shape}; the model needs {features} numbers a sample"
        )
    x = x.reshape(len(x), features)
    with np.errstate(over="ignore"):  # too large for float32: infinite, and refused as such
        x = np.ascontiguousarray(x, np.uint8 if x.dtype == np.uint8 else np.float32)
    if not np.isfinite(x).all():
        raise UserError(f"{path}: some values are missing or not finite; remove or replace them")
    if y is None:
        return x, None
    if y.shape != (len(x),) or y.dtype.kind not in "buif" or np.any(y != np.floor(y)):
        raise UserError(
            f"{path}: labels of shape {y.shape} and type {y.dtype}; "
            f"{len(x)} whole numbers are needed"
        )
    return x, y.astype(np.int64)


def _read_npz(path: Path, part: str, features: int) -> tuple[np.ndarray, np.ndarray | None]:
    with np.load(path, allow_pickle=False) as file:
        for x, y in ((f"x_{part}", f"y_{part}"), ("x", "y")):
            if x in file:
                return file[x], file.get(y)
    raise UserError(f"{path}: no x_{part} or x in it")


def _read_text(path: Path, part: str, features: int) -> tuple[np.ndarray, np.ndarray | None]:
    separator = "," if path.suffix == ".csv" else r"\s+"
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline()
    headings = path.suffix == ".csv" and not _are_numbers(first.split(","))
    table = pd.read_csv(path, sep=separator, header=0 if headings else None, skipinitialspace=True)
    labels = None
    if headings and LABEL in table:
        labels = table.pop(LABEL).to_numpy()
    elif not headings and table.shape[1] == features + 1:
        labels = table.pop(table.columns[-1]).to_numpy()
    return table.to_numpy(), labels


def _are_numbers(words: list[str]) -> bool:
    try:
        return bool([float(word) for word in words])
    except ValueError:
        return False
