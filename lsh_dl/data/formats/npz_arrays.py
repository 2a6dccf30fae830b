"""Arrays of a user's `.npz`: nothing is unpickled, sizes are known before they are read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from lsh_dl.common.errors import UserError
from lsh_dl.common.memory import require_memory
from lsh_dl.common.npy import read_declaration
from lsh_dl.data.formats.packed import open_member, open_zip


def read_npz(path: Path, names: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Those of the arrays `names` that the file holds.

    Raises
    ------
    UserError
        Missing, no `.npz`, damaged, with a password or a compression that there is not; objects;
        or more than there is memory for.
    """
    with open_zip(path) as archive:
        members = archive.infolist()
        sizes = {info.filename: info.file_size for info in members}
        if len(sizes) < len(members):
            raise UserError(f"{path}: an array is in it twice; write the file again")
        found = [name for name in names if f"{name}.npy" in sizes]
        needed = sum(sizes[f"{name}.npy"] for name in found)
        require_memory(2 * needed, f"{path}: to read {', '.join(found)}")
        return {name: _read(archive, path, name, sizes[f"{name}.npy"]) for name in found}


def _read(archive, path: Path, name: str, size: int) -> np.ndarray:
    member = f"{name}.npy"
    try:
        with open_member(archive, member, str(path)) as stream:
            read_declaration(stream, size)
        with open_member(archive, member, str(path)) as stream:
            array = npy.read_array(stream, allow_pickle=False)
            stream.read(1)  # at its end the checksum of the zip is compared
            return array
    except (ValueError, EOFError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise UserError(f"{path}: {name}: {reason}; write the file again, by numpy.savez") from None
