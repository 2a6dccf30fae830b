"""The IDX format of MNIST: a magic number, the shape, then bytes; gzipped or not.

Format: two zero bytes, a type code (8: unsigned byte), the number of dimensions, each dimension
as a big-endian 32-bit integer, then the data in C order (Y. LeCun's MNIST page).
"""

import gzip
import zlib
from pathlib import Path

import numpy as np

from lsh_dl.errors import UserError

GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: str | Path, dimensions: int) -> np.ndarray:
    """The unsigned bytes of an IDX file with that many dimensions.

    Raises
    ------
    UserError
        Not an IDX file of unsigned bytes, another number of dimensions, or more or fewer bytes
        than its header states.
    """
    content = read_maybe_gzipped(path)
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise corrupt(path, f"only {len(content)} bytes, too short for an IDX header")
    magic = content[:4]
    if magic != bytes([0, 0, 8, dimensions]):
        raise corrupt(
            path,
            f"magic number 0x{magic.hex()}, not 0x000008{dimensions:02x} (IDX of unsigned bytes "
            f"with {dimensions} dimensions)",
        )
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, 4))
    wanted = int(np.prod(shape, dtype=object))
    if len(content) - start != wanted:
        raise corrupt(path, f"{len(content) - start} bytes of data, its header says {wanted}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_maybe_gzipped(path: str | Path) -> bytes:
    """All bytes of a file, unpacked if it is gzipped.

    Raises
    ------
    UserError
        It cannot be read, or the packed data are truncated or damaged.
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == GZIP_MAGIC
        with gzip.open(path) if packed else open(path, "rb") as file:
            return file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise corrupt(path, f"damaged gzip data: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; is the path right?") from error


def corrupt(path: str | Path, reason: str) -> UserError:
    """The error for a file that is not what it should be, to be raised by any parser."""
    return UserError(f"{path}: {reason}; remove the file and fetch it again")
