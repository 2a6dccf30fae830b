"""Files that appear whole or not at all."""

import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from filelock import FileLock, Timeout

from lsh_dl.common.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to, beside `path` and with its suffix; it takes `path`'s place at the end.

    When the block ends with an error, it is removed and `path` stays as it was. What a process
    that was killed left of the same file is removed too.

    Raises
    ------
    UserError
        It cannot be written: disk full, not permitted, a folder of that name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.new{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.filename not in (None, str(temporary)):
            raise
        reason = error.strerror or error
        raise UserError(f"{path}: {reason}; make room or choose another place") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def written_whole(path: Path) -> Iterator[IO[str]]:
    """A text file that appears at `path` only when the block ends without an error."""
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        yield file


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table without its index, the same bytes on every system; errors as `whole_file`."""
    with written_whole(path) as file:
        table.to_csv(file, index=False, lineterminator="\n")


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
    """Remove what processes that were killed left beside `path` while they wrote it."""
    if os.name != "posix":  # elsewhere, asking for a process may end it
        return
    before, after = f".{path.stem}.", f".new{path.suffix}"
    for leftover in path.parent.glob(f"{glob.escape(before)}*{glob.escape(after)}"):
        process = leftover.name[len(before) : -len(after)]
        if process.isdecimal() and not _is_running(int(process)):
            leftover.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
