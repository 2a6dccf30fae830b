"""The binary matrix format of small NORB, and its images in the size that is trained on.

Format, little-endian: a magic number that tells the type, the number of dimensions, the sizes as
32-bit integers (at least three of them are stored, whatever their number), the data in C order
(description on the data set's page, New York University).
"""

import math
from pathlib import Path

import numpy as np

from lsh_dl.data.formats.packed import corrupt, open_packed, read_declared

TYPES = {
    0x1E3D4C51: np.dtype("<f4"),
    0x1E3D4C53: np.dtype("<f8"),
    0x1E3D4C54: np.dtype("<i4"),
    0x1E3D4C55: np.dtype("u1"),
    0x1E3D4C56: np.dtype("<i2"),
}
STORED_SIZES = 3
MOST_DIMENSIONS = 8
BLOCK = 1_024


def read_matrix(path: str | Path) -> np.ndarray:
    """The matrix in a file, gzipped or not.

    Raises
    ------
    UserError
        Not in this format, or more or fewer bytes than its header states.
    """
    with open_packed(path) as stream:
        head = stream.read(8)
        if len(head) < 8:
            raise corrupt(path, f"only {len(head)} bytes, too short for a matrix header")
        magic, dimensions = (int(word) for word in np.frombuffer(head, "<u4", 2))
        if magic not in TYPES:
            raise corrupt(path, f"magic number 0x{magic:08x} is none of NORB's matrix format")
        stored = 4 * max(min(dimensions, MOST_DIMENSIONS), STORED_SIZES)
        head = stream.read(stored)
        if not 1 <= dimensions <= MOST_DIMENSIONS or len(head) < stored:
            raise corrupt(path, f"a header of {dimensions} dimensions that is not there in full")
        sizes = np.frombuffer(head, "<i4")[:dimensions].tolist()
        if min(sizes) < 0:
            raise corrupt(path, f"a negative size in {sizes}")
        content = read_declared(stream, math.prod(sizes) * TYPES[magic].itemsize, path)
        return np.frombuffer(content, TYPES[magic]).reshape(sizes)


def shrink_pairs(pairs: np.ndarray, side: int) -> np.ndarray:
    """Stereo pairs (n, 2, s, s) uint8 as rows (n, 2 * side * side), s a multiple of `side`.

    Each pixel is the rounded mean of the block it covers; the left image comes first.
    """
    count, images, full, _ = pairs.shape
    factor = full // side
    rows = np.empty((count, images * side * side), np.uint8)
    for start in range(0, count, BLOCK):
        block = pairs[start : start + BLOCK]
        tiles = block.reshape(len(block), images, side, factor, side, factor)
        means = tiles.mean(axis=(3, 5), dtype=np.float32)
        rows[start : start + BLOCK] = np.rint(means).reshape(len(block), -1)
    return rows
