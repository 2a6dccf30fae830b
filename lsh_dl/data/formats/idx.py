"""The IDX format of MNIST: a magic number, the shape, then bytes; gzipped or not.

Format: two zero bytes, a type code (8: unsigned byte), the number of dimensions, each dimension
as a big-endian 32-bit integer, then the data in C order (Y. LeCun's MNIST page).
"""

from pathlib import Path

import numpy as np

from lsh_dl.data.formats.gzipped import corrupt, read_maybe_gzipped


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
