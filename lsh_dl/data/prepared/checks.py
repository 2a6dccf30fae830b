"""What a prepared folder holds is checked before anything is computed with it.

Kernels read memory by these numbers: a label or a column out of range would be read or written
where there is nothing. Each check raises a ValueError that names the file or the key.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.common.kinds import Kind
from lsh_dl.common.npy import all_finite, map_array
from lsh_dl.common.user_arrays import NumberRange
from lsh_dl.common.validation import Model, validate
from lsh_dl.data.base import Preprocessing

if TYPE_CHECKING:  # a tenth of a second to import
    from scipy.sparse import csr_array

FORMAT = 2
"""Changes when the folder's layout does."""

CSR = ("shape", "indptr", "indices", "data")
"""What is stored of a sparse matrix."""

LONGEST_META = 1 << 24
"""Bytes of a meta.json at most."""

BLOCK = 1 << 20
"""Numbers or bytes looked at at a time."""

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
Size = Annotated[int, Field(ge=1, lt=2**31)]


class Counts(Model):
    """Samples of each part."""

    train: Size
    validation: int = Field(ge=0, lt=2**31)
    test: Size


class Meta(Model):
    """What is in meta.json."""

    format: int
    label: str = Field(description="the data set's key in a config")
    name: str = Field(description="the data set's name")
    title: str
    kind: Kind
    classes: Size
    image_shape: tuple[Size, ...] | None
    provenance: str
    preprocessing: Preprocessing | Literal["none"]
    settings: dict[str, Any] = Field(description="the data set's")
    counts: Counts
    propensity: tuple[float, float] = Field(
        (0.55, 1.5), description="A and B of the propensities of labels"
    )
    streams: dict[Literal["train", "test"], list[Word]] = Field(
        description="parts that are made when they are asked for, and the arrays they are made of"
    )
    files: dict[str, str] = Field(description="the user's own files that were read, with SHA-256")
    class_names: list[int | str] | None = Field(
        None, description="what the classes are called; null: 0 ... classes - 1"
    )
    headings: list[str] | None = Field(None, description="what the features are called")
    numbers: NumberRange | None = Field(
        None, description="the least and the largest of training, and whether all are whole"
    )
    arrays: dict[str, int] = Field(description="files of arrays, with the CRC-32 of their bytes")


def read_meta(folder: Path) -> dict[str, Any]:
    """What meta.json says, checked as `Meta`."""
    path = folder / "meta.json"
    try:
        if path.exists() and not path.is_file():
            raise ValueError("not a regular file")
        with path.open("rb") as file:
            text = file.read(LONGEST_META + 1)
        if len(text) > LONGEST_META:
            raise ValueError(f"longer than {LONGEST_META} bytes")
        meta = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error) if str(error).startswith(("not a", "longer")) else f"not JSON ({error})"
        raise ValueError(f"meta.json: {reason}") from None
    if not isinstance(meta, dict):
        raise ValueError("meta.json: no mapping of keys")
    if meta.get("format") != FORMAT:
        raise ValueError(f"format {str(meta.get('format'))[:20]}, not {FORMAT}")
    try:
        validate(Meta, meta, "meta.json")
    except UserError as error:
        raise ValueError(str(error)) from None
    return meta


class ArrayFolder:
    """The arrays of a prepared folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._opened: list[Path] = []

    def open(
        self, name: str, dtypes: list[type] | None = None, dimensions: int | None = None
    ) -> np.ndarray:
        """The finite numbers in `name`.npy, memory-mapped; see `lsh_dl.common.npy.map_array`."""
        path = self.folder / f"{name}.npy"
        array = map_array(path, dtypes, dimensions)
        if not all_finite(array):
            raise ValueError(f"{path.name}: some values are not finite")
        self._opened.append(path)
        return array

    def verify(self, checksums: Mapping[str, int]) -> None:
        """Compare the CRC-32 of the files that were opened."""
        for path in self._opened:
            if checksum(path) != checksums.get(path.name):
                raise ValueError(f"{path.name}: changed since it was written")

    def open_sparse(self, name: str, dtypes: list[type] | None = None) -> "csr_array":
        """A CSR matrix: columns in range, in rising order in each row, none twice."""
        from scipy.sparse import csr_array

        whole = [np.int32, np.int64]
        shape = tuple(self.open(f"{name}_shape", [np.int64], 1).tolist())
        ends, columns = (self.open(f"{name}_{field}", whole, 1) for field in ("indptr", "indices"))
        entries = self.open(f"{name}_data", dtypes, 1)
        if len(shape) != 2 or not all(0 < size < 2**31 for size in shape):
            raise ValueError(f"{name}_shape.npy: {shape}, not two sizes")
        if len(ends) != shape[0] + 1 or ends[0] != 0 or (np.diff(ends) < 0).any():
            raise ValueError(f"{name}_indptr.npy: not {shape[0]} rows one after the other")
        if not len(columns) == len(entries) == ends[-1]:
            raise ValueError(f"{name}: {ends[-1]} entries, but {len(columns)} and {len(entries)}")
        require_range(columns, shape[1], f"{name}_indices.npy: column")
        falls = np.flatnonzero(columns[1:] <= columns[:-1]) + 1
        if not np.isin(falls, ends).all():
            raise ValueError(f"{name}_indices.npy: columns are not in rising order")
        return csr_array((entries, columns, ends), shape)


def checksum(path: Path) -> int:
    """CRC-32 of a file's bytes."""
    found = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found = zlib.crc32(block, found)
    return found


def require_range(numbers: np.ndarray, stop: int, what: str) -> None:
    """Numbers must be in 0 ... stop - 1."""
    for start in range(0, len(numbers), BLOCK):
        block = numbers[start : start + BLOCK]
        if block.min() < 0 or block.max() >= stop:
            wrong = block.min() if block.min() < 0 else block.max()
            raise ValueError(f"{what} {wrong} is outside 0 ... {stop - 1}")


def require_split(train: np.ndarray, validation: np.ndarray, total: int) -> None:
    """Rows of two parts must be all rows 0 ... total - 1, each once."""
    rows = np.concatenate([train, validation])
    require_range(rows, total, "rows_train.npy, rows_validation.npy: row")
    if len(rows) != total or not (np.bincount(rows, minlength=total) == 1).all():
        raise ValueError(f"rows_train.npy, rows_validation.npy: not {total} rows, each once")
