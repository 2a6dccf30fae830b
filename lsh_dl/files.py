"""Files that appear whole or not at all."""

import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lsh_dl.errors import UserError


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
    _remove_leftovers(path)
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
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        yield file


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


def _remove_leftovers(path: Path) -> None:
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
