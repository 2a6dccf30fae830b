"""The decorator of every kernel, and where compiled code is kept."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numba
import platformdirs
from filelock import FileLock
from numba.core.caching import UserProvidedCacheLocator

from lsh_dl.common.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]


class BySources(UserProvidedCacheLocator):
    """Where Numba keeps a kernel: by what the package's files hold, not by where they lie.

    So every copy of the same sources, a fresh clone or an installed package, loads what another
    has compiled. Functions of other files stay where Numba keeps them.
    """

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        """The folder below Numba's for the kernels of one file."""
        path = Path(py_file).resolve()
        if path.is_relative_to(PACKAGE):
            return path.relative_to(PACKAGE).parent.as_posix()
        return super().get_suitable_cache_subpath(py_file)

    def get_source_stamp(self) -> str:
        """A digest of the file; older versions of Numba take the time of its last change."""
        return hashlib.sha256(Path(self._py_file).read_bytes()).hexdigest()


def digest_sources() -> str:
    """A digest of all sources that hold kernels; a rule in plain NumPy has none.

    Numba notices a change in the file of a function, not in what that function calls; so each
    state of the sources gets a folder of its own.
    """
    digest = hashlib.sha256()
    for folder in ("engine", "hashing", "rules"):
        for path in sorted((PACKAGE / folder).glob("*.py")):
            source = path.read_bytes()
            if folder != "rules" or b"compiled" in source:
                digest.update(path.name.encode() + source)
    return digest.hexdigest()[:16]


_CHOSEN = numba.config.CACHE_DIR  # by the user, as NUMBA_CACHE_DIR
_FOLDER = Path(_CHOSEN) if _CHOSEN else Path(platformdirs.user_cache_dir("lsh-dl")) / "kernels"
numba.config.CACHE_DIR = str(_FOLDER / digest_sources())
# Numba's own come after ours: for a function typed into IPython, say.
numba.config.CACHE_LOCATOR_CLASSES = (
    f"{__name__}.{BySources.__name__},InTreeCacheLocator,UserWideCacheLocator,"
    "IPythonCacheLocator,ZipCacheLocator"
)

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
