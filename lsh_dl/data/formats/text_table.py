"""Samples as text, a line a sample: `.csv` (parted by commas) and `.amat` (parted by blanks)."""

import csv
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np

from lsh_dl.common.errors import UserError
from lsh_dl.common.memory import require_memory
from lsh_dl.common.user_arrays import (
    as_whole_numbers,
    parse_number,
    require_apart_in_float32,
)
from lsh_dl.data.formats.headings import (
    LABEL,
    MODEL_HAS,
    Row,
    find_headings,
    require_headings,
)
from lsh_dl.data.formats.packed import bounded_lines, open_packed

LONGEST_LINE = 16 << 20
"""Bytes of a line: about two million numbers."""
BLOCK = 1_000
"""Samples converted at a time."""
MISSING = ("", "?", "NA", "N/A", "n/a", "<NA>", "None", "NULL", "null")
"""How R, pandas and databases write a label that is not there; `nan` is a number that is none."""


def read_text_table(
    path: Path,
    features: int | None = None,
    training: bool = False,
    expected: Sequence[str] | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The samples of a file, packed or not, and their labels where it has them.

    Parameters
    ----------
    path
        `.csv`: parted by commas, numbers quoted or not, perhaps with a line of headings, of which
        that of the labels is `label`. Otherwise parted by blanks. Blank lines are left out.
        Without headings, the labels stand last.
    features
        Numbers of a sample: one more in a line without headings is a label, as many are none.
        None: a file has labels.
    training
        Whether to see that features which vary do so in float32 too.
    expected
        What a model calls the features, where that is known; headings are to be these.

    Returns
    -------
    x (n, d) float32, finite; y (n,) int64, or text where a label is no number, or None.

    Raises
    ------
    UserError
        The file cannot be read, or the line and column where it is no such table.
    """
    with open_packed(path) as stream:
        rows = _parts(stream, path)
        first = next(rows, None)
        if first is None:
            raise UserError(f"{path}: empty; a line a sample is needed")
        following = _take_some(rows)
        headings = find_headings(first, following, path, expected)
        require_headings(_without_label(headings), expected, str(path), MODEL_HAS)
        rows = chain(following, rows)
        width = len(first.fields)
        if headings:
            at = [place for place, name in enumerate(headings) if name.lower() == LABEL]
            if len(at) > 1:
                raise UserError(f"{path}: line {first.line}: two columns are called `{LABEL}`")
            if not at and features is None:
                raise UserError(
                    f"{path}: line {first.line}: no column is called `{LABEL}`; call that of the "
                    "labels so"
                )
            label = at[0] if at else None
        else:
            label = width - 1 if features is None or width == features + 1 else None
            rows = chain([first], rows)
        x, y, low, high = _convert(rows, path, width, label, headings)
    if training:
        require_apart_in_float32(low, high, str(path))
    return x, y


def read_headings(path: Path) -> list[str] | None:
    """The headings of a file that has them, but for that of the labels."""
    with open_packed(path) as stream:
        rows = _parts(stream, path)
        first = next(rows, None)
        return _without_label(first and find_headings(first, _take_some(rows), path))


def _without_label(headings: list[str] | None) -> list[str] | None:
    return headings and [name for name in headings if name.lower() != LABEL]


def _take_some(rows: Iterator[Row]) -> list[Row]:
    """Lines by which headings are told from a sample."""
    taken, fields = [], 0
    for row in rows:
        taken.append(row)
        fields += len(row.fields)
        if len(taken) == BLOCK or fields > 200_000:
            break
    return taken


def _parts(stream: IO[bytes], path: Path) -> Iterator[Row]:
    """The fields of each line that is not blank, without the blanks around them."""
    lines = _decoded(stream, path)
    if is_csv(path):
        reader = csv.reader(lines, skipinitialspace=True, strict=True)
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                reason = str(error)
                if reason.startswith("new-line character seen"):  # of an old Mac
                    reason = "lines end in CR alone; save the file with line feeds (LF)"
                raise UserError(f"{path}: line {reader.line_num}: {reason}") from None
            if fields is None:
                return
            fields = [field.strip() for field in fields]
            if fields and fields != [""]:
                yield Row(reader.line_num, fields)
    else:
        for number, line in enumerate(lines, 1):
            if fields := line.split():
                yield Row(number, fields)


def is_csv(path: Path) -> bool:
    """Whether a file's name ends in .csv, or did before it was packed."""
    return ".csv" in map(str.lower, path.suffixes)


def _decoded(stream: IO[bytes], path: Path) -> Iterator[str]:
    for number, line in enumerate(bounded_lines(stream, path, LONGEST_LINE), 1):
        try:
            if b"\0" in line:  # UTF-16 without its mark
                raise UnicodeDecodeError("utf-8", line, 0, 1, "NUL")
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise UserError(f"{path}: line {number}: not UTF-8; save the file as UTF-8") from None


def _convert(
    rows: Iterator[Row], path: Path, width: int, label: int | None, headings: list[str] | None
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray, np.ndarray]:
    """Samples, labels, and the least and the largest number of each feature, float64."""
    blocks, labels, lows, highs = [], [], [], []
    block, lines = array("d"), []

    def close() -> None:
        numbers = np.frombuffer(block, np.float64).reshape(len(lines), -1)
        blocks.append(_narrow(numbers, lines, label, path, headings))
        lows.append(numbers.min(axis=0))
        highs.append(numbers.max(axis=0))

    for row in rows:
        if len(row.fields) != width:
            raise UserError(
                f"{path}: line {row.line} has {len(row.fields)} fields, the first line {width}"
                + ("; a comma at its end is one too many" if row.fields[-1] == "" else "")
            )
        if label is not None:
            labels.append(_label(row, label, path, headings))
        numbers = row.fields if label is None else [*row.fields[:label], *row.fields[label + 1 :]]
        try:
            if "_" in "".join(numbers):  # Python's own: 1_000
                raise ValueError
            block.extend(map(float, numbers))
        except ValueError:
            raise _wrong_field(row, label, path, headings) from None
        lines.append(row)
        if len(lines) == BLOCK:
            close()
            require_memory(3 * sum(b.nbytes for b in blocks), f"{path}: to read it")
            block, lines = array("d"), []
    if lines:
        close()
    if not blocks:
        raise UserError(f"{path}: headings only; a line a sample is needed")
    x = np.concatenate(blocks)
    if x.shape[1] == 0:
        raise UserError(f"{path}: labels only; numbers of samples are needed too")
    y = None if label is None else _as_labels(labels, path)
    return x, y, np.min(lows, axis=0), np.max(highs, axis=0)


def _narrow(numbers: np.ndarray, rows: list[Row], label, path, headings) -> np.ndarray:
    """A block of numbers as float32, all finite."""
    with np.errstate(over="ignore"):
        x = numbers.astype(np.float32)
    wrong = ~np.isfinite(x)
    if wrong.any():
        raise _wrong_field(rows[int(np.argmax(wrong.any(axis=1)))], label, path, headings)
    return x


def _label(row: Row, label: int, path: Path, headings: list[str] | None) -> str:
    text = row.fields[label]
    number = parse_number(text)
    if text in MISSING or (number is not None and not np.isfinite(number)):
        raise UserError(f"{_place(row, label, path, headings)}: {text or 'no'} label; {REMEDY}")
    return text


REMEDY = "remove the line or put a value there"


def _wrong_field(row: Row, label: int | None, path: Path, headings) -> UserError:
    """The error for the first field of a row that is no finite number."""
    for place, field in enumerate(row.fields):
        number = parse_number(field)
        if place != label and (number is None or not abs(number) < 3.4028236e38):
            break
    at = _place(row, place, path, headings)
    if field == "":
        end = " (a comma at the line's end?)" if place == len(row.fields) - 1 else ""
        return UserError(f"{at}: missing{end}; {REMEDY}")
    if number is None:
        known = next((w for m, w in ((";", "semicolons"), ("\t", "tabulators")) if m in field), "")
        if known and len(row.fields) < 3:
            return UserError(f"{path}: line {row.line}: parted by {known}; part numbers by commas")
        return UserError(f"{at}: {field[:30]!r} is no number; numbers are needed")
    return UserError(f"{at}: {field[:30]} is missing or not finite; {REMEDY}")


def _place(row: Row, column: int, path: Path, headings: list[str] | None) -> str:
    name = f" ({headings[column][:30]!r})" if headings else ""
    return f"{path}: line {row.line}, column {column + 1}{name}"


def _as_labels(labels: list[str], path: Path) -> np.ndarray:
    """Labels as int64 where all are numbers, else as they are."""
    numbers = [parse_number(text) for text in labels]
    if all(number is None for number in numbers):
        return np.array(labels)
    if None in numbers:
        text = labels[numbers.index(None)]
        raise UserError(f"{path}: the label {text[:30]!r} beside labels that are numbers")
    return as_whole_numbers(np.array(numbers, np.float64), str(path)).astype(np.int64)
