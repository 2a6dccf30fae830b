"""NumPy's array files, looked at before they are read.

A file says how large its array is and of what kind. That is compared here with the bytes there
are, and by the caller with what is needed, before anything is allocated. Nothing is unpickled.
"""

import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy


class Declaration(NamedTuple):
    """What an array file says about its array."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype
    start: int  # where the array's bytes begin


def read_declaration(file: IO[bytes], size: int) -> Declaration:
    """Read the head of an open array file of `size` bytes; a ValueError if it does not fit."""
    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, is_fortran, dtype = read(file)
    except OSError:
        raise
    except Exception as error:  # the head is Python text, and may fail in any way
        reason = (str(error).splitlines() or [""])[0][:80]
        raise ValueError(f"not a NumPy array ({reason or type(error).__name__})") from None
    if dtype.hasobject:
        raise ValueError("Python objects, which are not read")
    start = file.tell()
    if min(shape, default=0) < 0 or start + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"{dtype} {shape} is declared, but there are {size - start} bytes")
    return Declaration(shape, is_fortran, dtype, start)


def map_array(
    path: Path, dtypes: Sequence[type] | None = None, dimensions: int | None = None
) -> np.ndarray:
    """The array in a `.npy` file, memory-mapped and read-only.

    Parameters
    ----------
    dtypes: those that it may have; default: any of numbers.
    dimensions: how many it must have; default: any. It must be in C order.

    Raises
    ------
    ValueError
        It is something else; the message names the file.
    OSError
        It cannot be read.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ValueError(f"{path.name}: not a regular file")
    try:
        with path.open("rb") as file:
            found = read_declaration(file, path.stat().st_size)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    is_wanted = found.dtype in dtypes if dtypes else found.dtype.kind in "biuf"
    if not is_wanted or dimensions not in (None, len(found.shape)):
        wanted = " or ".join(np.dtype(dtype).name for dtype in dtypes or ()) or "numbers"
        count = "" if dimensions is None else f" of {dimensions} dimension(s)"
        raise ValueError(f"{path.name}: {found.dtype} {found.shape}, not {wanted}{count}")
    if found.is_fortran and len(found.shape) > 1:
        raise ValueError(f"{path.name}: in Fortran order, not in C order")
    if 0 in found.shape:
        return np.empty(found.shape, found.dtype)
    return np.memmap(path, found.dtype, "r", found.start, found.shape)


class Member:
    """An array of a `.npz` file: known by its shape and dtype, read where NumPy needs its numbers.

    Attributes
    ----------
    name, shape, dtype: as declared; the file holds as many bytes as that takes.
    checksum: CRC-32 of its bytes with their head.
    """

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int):
        self.name, self.checksum = info.filename.removesuffix(".npy"), info.CRC
        self._archive, self._info = archive, info
        try:
            if info.compress_type != zipfile.ZIP_STORED:
                raise ValueError("packed, which arrays of models are not")
            if info.file_size > size:
                raise ValueError(f"{info.file_size} bytes in a file of {size}")
            with archive.open(info) as file:
                found = read_declaration(file, info.file_size)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        self.shape, self.dtype = found.shape, found.dtype

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """All its numbers, verified by the checksum of the archive."""
        with self._archive.open(self._info) as file:
            array = npy.read_array(file, allow_pickle=False)
            file.read(1)  # at its end the archive's checksum is compared
        return array if dtype is None else array.astype(dtype, copy=False)


class ArrayArchive(Mapping[str, Member]):
    """The arrays of an open `.npz` file of so many bytes by name, none of them packed.

    So the file bounds what they can take of memory.

    Raises
    ------
    ValueError
        A member is no array, or not as large as it says.
    """

    def __init__(self, archive: zipfile.ZipFile, size: int):
        members = (Member(archive, info, size) for info in archive.infolist())
        self._members = {member.name: member for member in members}

    def __getitem__(self, name: str) -> Member:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def all_finite(array: np.ndarray) -> bool:
    """Whether all numbers are finite; without an array of as many answers."""
    if array.dtype.kind not in "fc" or not array.size:
        return True
    return bool(np.isfinite(array.min()) and np.isfinite(array.max()))  # NaN passes through both
