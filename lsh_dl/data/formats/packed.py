"""Files that may be packed (gzip, bz2, xz), read in bounded memory and time.

A few hundred bytes can unpack to gigabytes. So files are read as streams, a header is compared with
what follows before anything is allocated, lines have a greatest length, and what unpacks to much
more than real data do is refused.
"""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lsh_dl.common.errors import UserError
from lsh_dl.common.memory import require_memory

OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
"""How to unpack what begins with these bytes."""
NAMES = {gzip.open: "gzip", bz2.open: "bz2", lzma.open: "xz"}
FREE, RATIO = 8 << 20, 1_100
"""Unpacked bytes that are always read; beyond, at most so many for each packed byte."""
CHUNK = 8 << 20
"""Bytes of text handled at a time."""
LONGEST_LINE = 64 << 20
"""Bytes of a line: some 10 million numbers."""
DAMAGE = (
    EOFError,
    NotImplementedError,  # a compression that there is not, such as deflate64
    RuntimeError,  # a password is asked for
    ValueError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the unpackers of Python's library raise on files that are damaged or not for them."""


def corrupt(path: str | Path, reason: str) -> UserError:
    """The error for a file that is not what it should be, to be raised by any parser."""
    return UserError(f"{path}: {reason}; replace the file, or remove it and fetch it again")


@contextmanager
def open_packed(path: str | Path) -> Iterator[IO[bytes]]:
    """The bytes of a file as a stream, unpacked if it is packed.

    Raises
    ------
    UserError
        It cannot be read, or is no regular file; while reading: the packed data are truncated or
        damaged, or unpack to far more than data do.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise UserError(f"{path}: not a regular file; give the path of a file")
        with path.open("rb") as file, unpack(file, path, path.stat().st_size) as stream:
            yield stream
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; is the path right?") from error


@contextmanager
def unpack(file: io.BufferedReader, place: str | Path, size: int) -> Iterator[IO[bytes]]:
    """An open file of `size` packed bytes as a stream, unpacked if it is packed.

    `place` names it in errors, which are those of `open_packed`.
    """
    head = file.peek(6)
    opener = next((found for magic, found in OPENERS.items() if head.startswith(magic)), None)
    if opener is None:
        raw = _Checked(file, place, "", FREE + RATIO * size)
    else:
        raw = _Checked(opener(file), place, f"{NAMES[opener]} data", FREE + RATIO * size)
    with io.BufferedReader(raw, 1 << 20) as stream:
        yield stream


@contextmanager
def open_member(archive: zipfile.ZipFile, name: str, place: str) -> Iterator[IO[bytes]]:
    """A file of an open zip as a stream; errors as `open_packed`."""
    try:
        info = archive.getinfo(name)
        member = archive.open(info)
    except (*DAMAGE, OSError) as error:
        raise corrupt(place, f"damaged zip: {_first_line(error)}") from error
    raw = _Checked(member, place, "zip", FREE + RATIO * info.compress_size)
    with io.BufferedReader(raw, 1 << 20) as stream:
        yield stream


@contextmanager
def open_zip(path: str | Path) -> Iterator[zipfile.ZipFile]:
    """A zip file, opened.

    Raises
    ------
    UserError
        It cannot be read, or is none.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise UserError(f"{path}: not a regular file; give the path of a file")
        archive = zipfile.ZipFile(path)
    except DAMAGE as error:
        raise corrupt(path, f"damaged zip: {_first_line(error)}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; is the path right?") from error
    with archive:
        yield archive


def read_declared(stream: IO[bytes], wanted: int, place: str | Path) -> bytearray:
    """All that is left of a stream, which a header says to be `wanted` bytes.

    Raises
    ------
    UserError
        It is more or less, or more than there is memory for.
    """
    content = bytearray()
    while len(content) < wanted and (piece := stream.read(min(CHUNK, wanted - len(content)))):
        if len(content) % (8 * CHUNK) == 0 and wanted > CHUNK:
            require_memory(len(piece), f"{place}: an array of {wanted} bytes")
        content += piece
    if len(content) < wanted:
        raise corrupt(place, f"{len(content)} bytes of data, its header says {wanted}")
    if stream.read(1):
        raise corrupt(place, f"more than the {wanted} bytes of data that its header says")
    return content


def whole_lines(path: str | Path) -> Iterator[bytes]:
    """The text of a file, packed or not, in pieces that end with a line's end.

    Raises
    ------
    UserError
        As `open_packed`, or a line is longer than any of data.
    """
    with open_packed(path) as file:
        yield from split_lines(file, path)


def split_lines(stream: IO[bytes], place: str | Path) -> Iterator[bytes]:
    """The text of a stream in pieces that end with a line's end; errors as `whole_lines`."""
    rest: list[bytes] = []
    length = 0
    while piece := stream.read(CHUNK):
        head, newline, tail = piece.rpartition(b"\n")
        if newline:
            yield b"".join((*rest, head, newline))
            rest, length = [], 0
        rest.append(tail)
        length += len(tail)
        if length > LONGEST_LINE:
            raise corrupt(place, f"a line of more than {LONGEST_LINE:,} bytes")
    if length:
        yield b"".join((*rest, b"\n"))


def bounded_lines(stream: IO[bytes], place: str | Path, longest: int) -> Iterator[bytes]:
    """The lines of a stream; a UserError at one of more than `longest` bytes."""
    number = 0
    while line := stream.readline(longest + 1):
        number += 1
        if len(line) > longest:
            raise corrupt(place, f"line {number} has more than {longest:,} bytes")
        yield line


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:120] or type(error).__name__


class _Checked(io.RawIOBase):
    """A stream whose damage is a UserError, and which ends with one beyond `most` bytes."""

    def __init__(self, stream: IO[bytes], place: str | Path, kind: str, most: int):
        self._stream, self._place, self._kind = stream, place, kind
        self._read, self._most = 0, most

    def readable(self) -> bool:
        """It is read from, and nothing else."""
        return True

    def readinto(self, buffer: memoryview) -> int:
        """See `io.RawIOBase`."""
        try:
            piece = self._stream.read(len(buffer))
        except (*DAMAGE, OSError) as error:
            if getattr(error, "strerror", None):
                raise
            reason = f"damaged {self._kind}: {_first_line(error)}"
            raise corrupt(self._place, reason) from error
        self._read += len(piece)
        if self._read > self._most:
            raise corrupt(self._place, f"unpacks to more than {self._most:,} bytes, as no data do")
        buffer[: len(piece)] = piece
        return len(piece)

    def tell(self) -> int:
        """Unpacked bytes so far."""
        return self._read

    def close(self) -> None:
        """Close what is read from too."""
        if not self.closed:
            self._stream.close()
        super().close()
