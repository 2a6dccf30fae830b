"""Samples as text, a line a sample: `.csv` (parted by commas) and `.amat` (parted by blanks)."""

import csv
from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from lsh_dl.common.errors import UserError
from lsh_dl.common.memory import require_memory
from lsh_dl.common.user_arrays import (
    as_whole_numbers,
    parse_number,
    require_apart_in_float32,
)
from lsh_dl.data.formats.packed import bounded_lines, open_packed

LABEL = "label"
"""Heading of the column of labels."""
LONGEST_LINE = 16 << 20
"""Bytes of a line: about two million numbers."""
BLOCK = 1_000
"""Samples converted at a time."""
MISSING = ("", "NA", "N/A", "n/a", "<NA>", "None", "NULL", "null")
"""How R, pandas and databases write a label that is not there; `nan` is a number that is none."""


class _Row(NamedTuple):
    line: int
    fields: list[str]


def read_text_table(
    path: Path, features: int | None = None, training: bool = False
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
        second = next(rows, None)
        headings = _headings(first, second, path)
        rows = chain([second] if second else [], rows)
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
        headings = first and _headings(first, next(rows, None), path)
    return headings and [name for name in headings if name.lower() != LABEL]


def _parts(stream: IO[bytes], path: Path) -> Iterator[_Row]:
    """The fields of each line that is not blank, without the blanks around them."""
    lines = _decoded(stream, path)
    if is_csv(path):
        reader = csv.reader(lines, skipinitialspace=True, strict=True)
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise UserError(f"{path}: line {reader.line_num}: {error}") from None
            if fields is None:
                return
            fields = [field.strip() for field in fields]
            if fields and fields != [""]:
                yield _Row(reader.line_num, fields)
    else:
        for number, line in enumerate(lines, 1):
            if fields := line.split():
                yield _Row(number, fields)


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


def _headings(first: _Row, second: _Row | None, path: Path) -> list[str] | None:
    """The first line's fields if they are headings, None if they are a sample."""
    line, fields = first
    if LABEL not in [field.lower() for field in fields]:
        if any(parse_number(field) is not None for field in fields):
            if second and _counts(fields, second.fields):
                raise UserError(
                    f"{path}: line {line} counts {fields[0]}, {fields[1]}, ...: are these "
                    "headings? If so, remove the line or name the columns "
                    f"(`{LABEL}` that of the labels); if it is a sample, put headings above it"
                )
            return None
        if not any(fields):
            return None  # refused as a sample, with line and column
        for name, separator in ((";", "semicolons"), ("\t", "tabulators")):
            if len(fields) == 1 and name in fields[0]:
                raise UserError(
                    f"{path}: line {line}: parted by {separator}; part numbers by commas"
                )
    if "" in fields:
        raise UserError(
            f"{path}: line {line}: column {fields.index('') + 1} has no heading; name it, or leave "
            "out a column that counts the rows (pandas: to_csv(..., index=False))"
        )
    name, count = Counter(fields).most_common(1)[0]
    if count > 1:
        raise UserError(f"{path}: line {line}: two columns are called `{name}`; rename one")
    return fields


def _counts(fields: list[str], second: list[str]) -> bool:
    """Whether a first line counts, as columns, years or wavelengths are called, the second not so.

    Few numbers must begin as counts do, or be large: a sample may well be 3, 4, 5. A last field
    that is no number may be what labels are called, unless it is a label in the second line.
    """
    numbers, fewest = [parse_number(field) for field in fields], 2
    if numbers[-1] is None and fields[-1] != second[-1]:
        numbers, fewest = numbers[:-1], 3
    step = _find_step(numbers)
    if step is None or len(numbers) < fewest:
        return False
    if _find_step([parse_number(field) for field in second[: len(numbers)]]) == step:
        return False
    begins = numbers[0] in (0, 1) and step == 1
    return len(numbers) > 3 or begins or (len(numbers) == 3 and numbers[0] >= 100)


def _find_step(numbers: list[float | None]) -> float | None:
    """The one step in which whole numbers rise; None if they do not."""
    if len(numbers) < 2 or any(number is None or number % 1 != 0 for number in numbers):
        return None
    steps = {after - before for before, after in pairwise(numbers)}
    return steps.pop() if len(steps) == 1 and min(steps) > 0 else None


def _convert(
    rows: Iterator[_Row], path: Path, width: int, label: int | None, headings: list[str] | None
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


def _narrow(numbers: np.ndarray, rows: list[_Row], label, path, headings) -> np.ndarray:
    """A block of numbers as float32, all finite."""
    with np.errstate(over="ignore"):
        x = numbers.astype(np.float32)
    wrong = ~np.isfinite(x)
    if wrong.any():
        raise _wrong_field(rows[int(np.argmax(wrong.any(axis=1)))], label, path, headings)
    return x


def _label(row: _Row, label: int, path: Path, headings: list[str] | None) -> str:
    text = row.fields[label]
    number = parse_number(text)
    if text in MISSING or (number is not None and not np.isfinite(number)):
        raise UserError(f"{_place(row, label, path, headings)}: {text or 'no'} label; {REMEDY}")
    return text


REMEDY = "remove the line or put a value there"


def _wrong_field(row: _Row, label: int | None, path: Path, headings) -> UserError:
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


def _place(row: _Row, column: int, path: Path, headings: list[str] | None) -> str:
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
