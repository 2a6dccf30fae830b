"""The decorator of every kernel, and where compiled code is kept."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numba
import platformdirs
from filelock import FileLock

from lsh_dl.errors import UserError

PACKAGE = Path(__file__).parents[1]


@cache
def kernel_cache() -> Path:
    """The folder that compiled kernels are shared through, one per state of the sources.

    Numba notices a change in the file of a function, not in what that function calls; so the
    folder's name is a digest of all sources that hold kernels.
    """
    digest = hashlib.sha256()
    for folder in ("engine", "hashing", "rules"):
        for path in sorted((PACKAGE / folder).glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return Path(platformdirs.user_cache_dir("lsh-dl")) / "kernels" / digest.hexdigest()[:16]


if not numba.config.CACHE_DIR:  # set by the user as NUMBA_CACHE_DIR
    numba.config.CACHE_DIR = str(kernel_cache())

#: Compile to machine code: no bounds checks, no interpreter lock, cached on disk.
compiled = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")


def compile_once(name: str, warm_up: Callable[[], None]) -> None:
    """Run `warm_up`; where many processes start on an empty cache, one compiles, the rest wait.

    Raises
    ------
    UserError
        The folder of compiled kernels cannot be written.
    """
    folder = Path(numba.config.CACHE_DIR)
    done = folder / f"{name}.compiled"
    if done.exists():
        warm_up()
        return
    lock = FileLock(folder / "compiling.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise UserError(
            f"{folder}: {error.strerror}; compiled kernels are kept there: set NUMBA_CACHE_DIR to "
            "a folder that can be written"
        ) from None
    try:
        warm_up()
        done.touch()
    finally:
        lock.release()
