"""The IDX format of MNIST: a magic number, the shape, then bytes; gzipped or not.

Format: two zero bytes, a type code (8: unsigned byte), the number of dimensions, each dimension
as a big-endian 32-bit integer, then the data in C order (Y. LeCun's MNIST page).
"""

import math
from pathlib import Path
from typing import IO

import numpy as np

from lsh_dl.data.formats.packed import corrupt, open_packed, read_declared


def read_idx(path: str | Path, dimensions: int) -> np.ndarray:
    """The unsigned bytes of an IDX file, packed or not, with that many dimensions.

    Raises
    ------
    UserError
        Not an IDX file of unsigned bytes, another number of dimensions, more or fewer bytes than
        its header states, or more than there is memory for.
    """
    with open_packed(path) as stream:
        return read_idx_stream(stream, dimensions, path)


def read_idx_stream(stream: IO[bytes], dimensions: int, place: str | Path) -> np.ndarray:
    """As `read_idx`, of an open file that `place` names in errors."""
    head = stream.read(4 + 4 * dimensions)
    if len(head) < 4 + 4 * dimensions:
        raise corrupt(place, f"only {len(head)} bytes, too short for an IDX header")
    magic = head[:4]
    if magic != bytes([0, 0, 8, dimensions]):
        raise corrupt(
            place,
            f"magic number 0x{magic.hex()}, not 0x000008{dimensions:02x} (IDX of unsigned bytes "
            f"with {dimensions} dimensions)",
        )
    shape = tuple(int(size) for size in np.frombuffer(head, ">u4", dimensions, 4))
    content = read_declared(stream, math.prod(shape), place)
    return np.frombuffer(content, np.uint8).reshape(shape)
