"""The binary form of CIFAR-10: a packed tar of files of rows, a label and 3,072 levels each."""

import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from lsh_dl.common.memory import require_memory
from lsh_dl.data.formats.packed import corrupt, open_packed

ROW = 1 + 3 * 32 * 32


def read_cifar(path: Path, names: Sequence[str]) -> Mapping[str, np.ndarray]:
    """The files `names` of the tar, in any folder of it: uint8 (n, 3073), label 0 ... 9 first.

    Raises
    ------
    UserError
        No tar, damaged, a file is missing or is none of such rows.
    """
    found: dict[str, np.ndarray] = {}
    with open_packed(path) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    name = PurePosixPath(member.name).name
                    if member.isfile() and name in names:
                        require_memory(2 * member.size, f"{path}: {name}")
                        found[name] = _rows(archive.extractfile(member).read(), f"{path}: {name}")
                    if len(found) == len(names):
                        break
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise corrupt(path, f"damaged tar: {error}") from error
    if missing := [name for name in names if name not in found]:
        raise corrupt(path, f"no {', '.join(missing)} in the tar")
    return found


def _rows(content: bytes, place: str) -> np.ndarray:
    if not content or len(content) % ROW:
        raise corrupt(place, f"{len(content)} bytes, not a multiple of {ROW}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, ROW)
    if rows[:, 0].max() > 9:
        raise corrupt(place, f"label {rows[:, 0].max()}, those here are 0 ... 9")
    return rows
