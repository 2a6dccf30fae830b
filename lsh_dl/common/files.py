"""The one way to write: files and folders that appear whole or not at all.

What is written goes to a new file of a name that nobody can foresee, beside the old one, and then
takes its place. What is no regular file (a device, a pipe) is written into. Of a link, the file or
folder that it leads to is replaced. Text is UTF-8.
"""

import errno
import os
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from filelock import FileLock, Timeout

from lsh_dl.common.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_UMASK = os.umask(0o077)
os.umask(_UMASK)  # it can only be read by setting it

#: Letters of a name that the name of its temporary file begins with: systems allow 255 in all.
_KEPT = 60
#: Attempts at a place that other processes take at the same time.
_ATTEMPTS = 100


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to, with the suffix of `path`; it takes `path`'s place at the end.

    When the block ends with an error, it is removed and `path` stays as it was. What a process
    that was killed left of the same file is removed too. Where `path` is a device, a pipe or one
    of the process's open files (`/dev/fd/N`), the contents are written into that at the end.

    Raises
    ------
    UserError
        It cannot be written: disk full, not permitted, a folder or a socket of that name.
    """
    with _explained(path):
        stream = _is_stream(path)
        target = Path(os.path.realpath(path))
        if stream:
            folder = Path(tempfile.gettempdir())
        else:
            folder = target.parent
            folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(target)
        handle, name = tempfile.mkstemp(f".new{path.suffix}", _begin(target.stem), folder)
        os.close(handle)
        temporary = Path(name)
    try:
        yield temporary
        with _explained(path):
            if stream:
                _pour(temporary, path)
            else:
                temporary.chmod(_mode(target, 0o666))
                temporary.replace(target)
    except OSError as error:
        if error.filename not in (None, name):
            raise
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def written_whole(path: Path) -> Iterator[IO[str]]:
    """A text file in UTF-8 that appears at `path` only when the block ends without an error."""
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        yield file


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table without its index, the same bytes on every system; errors as `whole_file`."""
    with written_whole(path) as file:
        table.to_csv(file, index=False, lineterminator="\n")


@contextmanager
def whole_folder(path: Path, is_ours: Callable[[Path], bool], what: str) -> Iterator[Path]:
    """A new folder that takes the place of `path` when the block ends without an error.

    It lies beside that place, so that the last step is a rename: readers see all of it or nothing.
    Of several processes that write one folder at once, the last one's stays. What killed ones left
    is removed.

    Parameters
    ----------
    path
        The folder; of a link, the folder that it leads to is replaced.
    is_ours
        Whether a folder that is there, and not empty, may be replaced with all that is in it.
    what
        What `is_ours` takes a folder for, for the message: "prepared data set".

    Raises
    ------
    UserError
        `path` is no folder, the working folder or one above it, or holds what is not ours.
    OSError
        It cannot be written.
    """
    target = Path(os.path.realpath(path))
    _require_ours(path, target, is_ours, what)
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target)
    new = Path(tempfile.mkdtemp(f".new{target.suffix}", _begin(target.stem), target.parent))
    try:
        new.chmod(_mode(target, 0o777))
        yield new
        for _ in range(_ATTEMPTS):
            if _exchange(new, target, lambda: _require_ours(path, target, is_ours, what)):
                return
        raise UserError(f"{path}: other processes keep writing it; wait for their end")
    finally:
        shutil.rmtree(new, ignore_errors=True)


def require_place(folder: Path) -> None:
    """Raise a UserError where a folder cannot be: a file in its place or above, not permitted."""
    for part in (folder, *folder.parents):
        try:
            is_other = part.exists() and not part.is_dir()
        except OSError as error:
            raise UserError(f"{part}: {error.strerror or error}; name another folder") from None
        if is_other:
            raise UserError(f"{part} is a file; name a folder")


def is_readable(path: Path) -> bool:
    """Whether it is a file that this process may read; False too where that cannot be seen."""
    return os.path.isfile(path) and os.access(path, os.R_OK)


def require_writable(folder: Path) -> None:
    """Make the folder and write to it, before work whose results are to go there.

    Raises
    ------
    UserError
        It cannot be made, or nothing can be written in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"?")
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{folder}: {reason}; results cannot be written there") from None


def require_writable_file(path: Path) -> None:
    """See that `whole_file(path)` will find its place, before work whose result is to go there.

    Raises
    ------
    UserError
        It is a folder or a socket, or nothing can be written there.
    """
    try:
        if _is_stream(path):
            if not os.access(path, os.W_OK):
                raise UserError(f"{path}: not permitted to write to it; choose another place")
            return
        target = Path(os.path.realpath(path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; choose another place") from None
    require_writable(target.parent if path.is_symlink() else path.parent)


def require_apart(outputs: Sequence[Path], inputs: Sequence[Path] = ()) -> None:
    """See that no output would replace an input or another output, by whatever path each is named.

    Raises
    ------
    UserError
        One would.
    """
    places = [os.path.realpath(path) for path in (*inputs, *outputs)]
    for number, path in enumerate(outputs, len(inputs)):
        if places[number] in places[:number]:
            other = (*inputs, *outputs)[places.index(places[number])]
            raise UserError(f"{path}: would replace {other}, which the same call uses; rename it")


def require_replaceable(path: Path, is_ours: Callable[[Path], bool], what: str) -> None:
    """See that `path` can be written without replacing a file of another kind: data, say.

    Parameters
    ----------
    is_ours: whether it is a file that may be replaced; may raise an OSError.
    what: what is wrong with any other, for the message: "is no model".

    Raises
    ------
    UserError
        There is a file, not empty, that is not ours.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return
    try:
        is_other = not is_ours(path)
    except OSError:
        is_other = True
    if is_other:
        raise UserError(f"{path}: is there and {what}; name another file, or remove it first")


def claim_folder(folder: Path, lock: Path) -> FileLock:
    """Keep other processes from working in `folder` until the result is released.

    The system releases it when the process ends, however it ends: nothing has to be unlocked.

    Parameters
    ----------
    lock
        The file that they agree on.

    Raises
    ------
    UserError
        Another process holds it.
    """
    require_writable(lock.parent)
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"{folder}: another pipeline is at work here ({lock} is locked); wait for its end, or "
            "give another folder: --config results=FOLDER"
        ) from None
    return held


def remove_leftovers(path: Path) -> None:
    """Remove what processes of this machine that were killed left while they wrote `path`."""
    if os.name != "posix":  # elsewhere, asking for a process may end it
        return
    path = Path(os.path.realpath(path))
    begin = re.escape(_begin(path.stem).rpartition(f"{os.getpid()}.")[0])
    pattern = re.compile(rf"{begin}(\d+)\.\w+\.(new{re.escape(path.suffix)}|old)")
    for entry in os.scandir(path.parent):
        match = pattern.fullmatch(entry.name)
        if match and not _is_running(int(match[1])):
            _remove(Path(entry.path))


def _begin(stem: str) -> str:
    """How the names of the temporary files and folders of this process begin."""
    host = re.sub(r"\W", "-", socket.gethostname())[:20]
    # Cut by bytes: a name of Chinese characters has three times as many.
    kept = os.fsencode(stem)[:_KEPT].decode(errors="ignore")
    return f".{kept}.{host}.{os.getpid()}."


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: {error.strerror or error}; make room or choose another place")


def _is_stream(path: Path) -> bool:
    """Whether what is written goes into `path`: a device, a pipe, an open file of the process.

    Raises
    ------
    OSError
        A folder or a socket.
    """
    followed = Path(os.path.abspath(path))
    for _ in range(40):
        # A new file in the place of the standard output's would get what is printed no more.
        if re.match(r"/dev/(fd/|std(in|out|err)$)|/proc/", str(followed)):
            return True
        if not followed.is_symlink():
            break
        followed = Path(os.path.abspath(followed.parent / os.readlink(followed)))
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISSOCK(mode):
        raise OSError(errno.ENXIO, "a socket, not a file", str(path))
    return not stat.S_ISREG(mode)


def _pour(source: Path, stream: Path) -> None:
    """Write a file's bytes into what is there; nothing is made, cut or replaced."""
    handle = os.open(stream, os.O_WRONLY | os.O_APPEND)
    with source.open("rb") as contents, open(handle, "wb") as opened:
        shutil.copyfileobj(contents, opened)


def _mode(target: Path, usual: int) -> int:
    """Permissions of what takes the place of `target`: the same, or those of new files."""
    try:
        return stat.S_IMODE(target.stat().st_mode) & 0o777
    except OSError:
        return usual & ~_UMASK


def _require_ours(path: Path, target: Path, is_ours: Callable[[Path], bool], what: str) -> None:
    """A UserError unless the folder `target`, given as `path`, may be replaced."""
    try:
        is_others = _is_others(target, is_ours)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise UserError(f"{path}: no folder; choose another folder") from None
    here = Path(os.path.realpath("."))
    if here == target or target in here.parents:
        raise UserError(f"{path}: the working folder, or one above it; name a folder in it")
    if is_others:
        raise UserError(
            f"{path}: not empty, and no {what}; nothing of it is replaced: name another folder"
        )


def _is_others(target: Path, is_ours: Callable[[Path], bool]) -> bool:
    """Whether `target` holds what is not ours; it stays in its place while that is looked at."""
    while True:
        before = target.stat().st_ino
        is_others = bool(os.listdir(target)) and not is_ours(target)
        if not is_others or target.stat().st_ino == before:
            return is_others


def _exchange(new: Path, target: Path, check: Callable[[], None]) -> bool:
    """Let `new` take the place of `target`; False if another process was faster."""
    old = Path(f"{str(new).removesuffix(f'.new{target.suffix}')}.old")
    check()
    with suppress(FileNotFoundError):
        target.rename(old)
    try:
        new.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            if old.exists():
                old.rename(target)
            raise
        return False
    finally:
        shutil.rmtree(old, ignore_errors=True)
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another user's; no number of a process
        return True
    return True
