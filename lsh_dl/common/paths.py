"""The one way to read a path that a user gave: `~` is the home folder."""

import os
from pathlib import Path

from lsh_dl.common.errors import UserError

LONGEST = 4095
"""Bytes of a path that systems take."""


def expand_path(path: str | Path) -> Path:
    """A path from an option, a config or the environment, with `~` and `~name` expanded.

    Raises
    ------
    UserError
        There is no such home folder, or no file system takes such a path.
    """
    text = str(path)
    if "\0" in text or len(os.fsencode(text)) > LONGEST:
        raise UserError(f"{text[:40]!r}...: no path: too long, or with a NUL in it")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UserError(f"{text}: no home folder for {Path(text).parts[0]!r}") from None
