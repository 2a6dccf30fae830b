"""What the parsers of downloaded files share."""

import gzip
import zlib
from pathlib import Path

from lsh_dl.common.errors import UserError

GZIP_MAGIC = b"\x1f\x8b"


def read_maybe_gzipped(path: str | Path) -> bytes:
    """All bytes of a file, unpacked if it is gzipped.

    Raises
    ------
    UserError
        It cannot be read, or the packed data are truncated or damaged.
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == GZIP_MAGIC
        with gzip.open(path) if packed else open(path, "rb") as file:
            return file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise corrupt(path, f"damaged gzip data: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; is the path right?") from error


def corrupt(path: str | Path, reason: str) -> UserError:
    """The error for a file that is not what it should be, to be raised by any parser."""
    return UserError(f"{path}: {reason}; remove the file and fetch it again")
