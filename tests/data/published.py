"""Writers of the public formats, byte for byte."""

import bz2
import gzip
import struct
import zipfile
from dataclasses import replace

import numpy as np


def idx_bytes(array: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    ) + array.astype(np.uint8).tobytes()


def matrix_bytes(array: np.ndarray) -> bytes:
    magic = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}[array.dtype.name]
    sizes = list(array.shape) + [1] * (3 - array.ndim)
    return struct.pack(f"<II{len(sizes)}i", magic, array.ndim, *sizes) + array.tobytes()


def amat_text(x: np.ndarray, y: np.ndarray) -> str:
    """As in Larochelle's files: blanks in front, floats, the label last and a float too."""
    return "".join(
        "   " + "  ".join(f"{v:.7e}" for v in row) + f"  {label:.7e}\n"
        for row, label in zip(x, y, strict=True)
    )


def libsvm_text(x: np.ndarray, y: np.ndarray) -> bytes:
    return b"".join(
        f"{label} {' '.join(f'{i + 1}:{row[i]}' for i in np.flatnonzero(row))}".rstrip().encode()
        + b"\n"
        for row, label in zip(x, y, strict=True)
    )


def write_zip(path, members: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)


def write_gz(path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content))


def write_bz2(path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bz2.compress(content))


def without_checksums(monkeypatch, holder, *names: str) -> None:
    """Let small files of the tests pass for those that a module or class has under these names."""
    for name in names:
        files = getattr(holder, name)
        many = files if isinstance(files, tuple) else (files,)
        cut = tuple(replace(file, checksums=()) for file in many)
        monkeypatch.setattr(holder, name, cut if isinstance(files, tuple) else cut[0])
