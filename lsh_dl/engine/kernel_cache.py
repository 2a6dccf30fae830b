"""Compiled kernels on disk: of this package's functions only, verified before they are loaded.

Numba's own cache is left as it is for all other functions. It differs from this one in that it
- unpickles what it finds, so that a damaged file ends the process, or worse,
- notices a change in a kernel's own file only, not in the files of what the kernel calls,
- finds kernels by where their sources lie: a fresh clone compiles all of them again.

Here a kernel is one file. Its name holds a digest of all that decides its machine code: the code
that it is made of (`lsh_dl.common.code`), the types of its arguments, Numba, Python and the
processor. Its contents begin with their own SHA-256.
"""

import hashlib
import os
import pickle
import platform
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
import platformdirs
from filelock import FileLock
from numba import types
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.runtime import rtsys
from numba.core.serialize import dumps
from numba.core.sigutils import normalize_signature

from lsh_dl.common.code import digest_code
from lsh_dl.common.errors import UserError
from lsh_dl.engine.dispatch import functions_of

_REMEDY = "set NUMBA_CACHE_DIR to a folder of your own"
_DIGEST_BYTES = hashlib.sha256().digest_size
_said: set[str] = set()


def cache_folder() -> Path:
    """Where kernels are kept: NUMBA_CACHE_DIR if that is set, else in the user's cache folder."""
    chosen = numba.config.CACHE_DIR
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("lsh-dl")) / "kernels"


def require_private(folder: Path) -> None:
    """Refuse a folder in which others can write: kernels are loaded as pickles, and run.

    Raises
    ------
    UserError
        It belongs to another user (but for the system's), or is writable by group or others.
    """
    if os.name != "posix":
        return
    try:
        status = folder.stat()
    except OSError:  # not there, or not to be read: then nothing is loaded from it
        return
    if status.st_uid not in (os.geteuid(), 0):
        raise UserError(f"{folder}: another user's folder; compiled kernels run as you: {_REMEDY}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UserError(
            f"{folder}: others can write here, and compiled kernels run as you: "
            f"`chmod go-w {folder}`, or {_REMEDY}"
        )


class KernelCache(NullCache):
    """What Numba asks for compiled code of one function, and gives compiled code to keep."""

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    @property
    def cache_path(self) -> str:
        """The folder, for Numba's own statistics."""
        return str(cache_folder())

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        """The function compiled for arguments of these types; None where it is not kept."""
        # What compiled code needs. Numba's `refresh` brings what compiling needs too, and takes
        # longer than loading; compiling itself refreshes.
        rtsys.initialize(target_context)
        path = self._path(sig, target_context.codegen())
        if path is None:
            return _note_miss()
        require_private(path.parent)
        found = _load(path, target_context)
        if found is None and _wait_for_others(path):
            found = _load(path, target_context)  # another process may have compiled it meanwhile
        return _note_miss() if found is None else found

    def save_overload(self, sig: Any, cres: CompileResult) -> None:
        """Keep compiled code; where that can't be done, say so once and go on."""
        path = self._path(sig, cres.codegen)
        _note_compiled()
        if path is None or cres.lifted or cres.library.has_dynamic_globals:
            return
        contents = dumps(cres._reduce())
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                try:
                    file.write(hashlib.sha256(contents).digest() + contents)
                    file.close()
                    os.replace(file.name, path)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
        except OSError as error:
            _say_once(
                f"{path.parent}: {error.strerror or error}; kernels are compiled anew in every "
                "process: set NUMBA_CACHE_DIR to a folder that can be written"
            )

    def _path(self, sig: Any, codegen: Any) -> Path | None:
        """The kernel's file; None for what can't be found again: typed in, or a closure."""
        function, modules = self._function, set()
        if function.__closure__:
            return None
        described = [_describe(kind, modules) for kind in normalize_signature(sig)[0]]
        place = function.__code__.co_firstlineno if "<locals>" in function.__qualname__ else 0
        try:
            code = _digest_once(tuple(sorted({function.__module__, *modules})))
        except (ModuleNotFoundError, OSError, SyntaxError, ValueError):
            return None
        decides = (code, place, described, codegen.magic_tuple(), *_versions())
        digest = hashlib.sha256(repr(decides).encode()).hexdigest()[:32]
        name = f"{function.__module__}.{function.__qualname__}".replace("<locals>", "locals")
        return cache_folder() / f"{name[-150:]}-{digest}.kernel"


@cache
def _digest_once(modules: tuple[str, ...]) -> str:
    return digest_code(*modules)


def _versions() -> tuple[Any, ...]:
    """What else decides machine code."""
    config = numba.config
    return (
        numba.__version__,
        llvmlite.__version__,
        platform.python_version(),
        (config.BOUNDSCHECK, str(config.OPT), config.DEBUGINFO_DEFAULT),
    )


def _describe(kind: types.Type, modules: set[str]) -> str:
    """An argument's type in full; adds the modules of the classes and the rule that it brings."""
    if not isinstance(kind, types.BaseTuple):
        return f"{type(kind).__name__} {kind}"
    members = ", ".join(_describe(member, modules) for member in kind)
    made_as = getattr(kind, "instance_class", None)
    if made_as is None:
        return f"({members})"
    modules.add(made_as.__module__)
    names = [made_as, *functions_of(made_as)]
    modules.update(function.__module__ for function in names)
    title = "+".join(f"{function.__module__}.{function.__qualname__}" for function in names)
    return f"{title}({members})"


def _load(path: Path, target_context: Any) -> CompileResult | None:
    """What a file holds; None where there is none, or a damaged one, with a line on that."""
    try:
        contents = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        _say_once(f"{path.parent}: {error.strerror}; kernels are compiled anew: {_REMEDY}")
        return None
    digest, contents = contents[:_DIGEST_BYTES], contents[_DIGEST_BYTES:]
    reason = "damaged"
    if hashlib.sha256(contents).digest() == digest:
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(contents))
        except Exception as error:  # whole, but of another make
            reason = f"not usable here ({type(error).__name__})"
    _say_once(f"{path}: {reason}; it is compiled again and replaced")
    return None


class _Compiling(threading.local):
    """What this thread has compiled within `compile_together`, and the lock that it holds."""

    depth = 0
    kernels = 0
    started: float | None = None
    lock: FileLock | None = None


_here = _Compiling()


@contextmanager
def compile_together() -> Iterator[None]:
    """Within, the first kernel that isn't kept is announced, and the time that all took told.

    Where many processes start on an empty cache, one compiles and the others wait for it.
    """
    _here.depth += 1
    try:
        yield
    finally:
        _here.depth -= 1
        if _here.depth == 0 and _here.started is not None:
            passed = time.perf_counter() - _here.started
            _say(f"kernels compiled: {_here.kernels}, in {passed:.0f} s")
            _here.started, _here.kernels = None, 0
        if _here.depth == 0 and _here.lock is not None:
            _here.lock.release()
            _here.lock = None


def _wait_for_others(path: Path) -> bool:
    """Take the lock of those who begin with this kernel; True if it was taken now."""
    if not _here.depth or _here.lock is not None:
        return False
    lock = FileLock(path.with_suffix(".lock"), mode=0o600)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
    except OSError:  # nothing can be written: `save_overload` says so
        return False
    _here.lock = lock
    return True


def _note_miss() -> None:
    if _here.depth and _here.started is None:
        _here.started = time.perf_counter()
        _say("compiling kernels, once for these sources and this processor: up to a minute or two")


def _note_compiled() -> None:
    if _here.depth:
        _here.kernels += 1


def _say_once(line: str) -> None:
    if line not in _said:
        _said.add(line)
        _say(line)


def _say(line: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # stderr may be closed
        print(f"lsh-dl: {line}", file=sys.stderr, flush=True)
