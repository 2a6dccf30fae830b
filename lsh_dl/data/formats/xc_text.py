"""The text format of the Extreme Classification Repository: sparse samples with several labels.

The first line holds the numbers of samples, features and labels; where it holds two numbers, labels
are counted. Then a line a sample: its labels,
parted by commas, and `feature:value` pairs, all parted by blanks; features and labels count from 0.
A line of a sample without labels begins with a blank. Reference: Bhatia, Dahiya, Jain, Kar,
Mittal, Prabhu, Varma, The Extreme Classification Repository, 2016.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import written_whole
from lsh_dl.data.formats.libsvm import (
    BAD_INDEX,
    BAD_LABEL,
    BAD_NUMBER,
    BAD_PAIR,
    BAD_VALUE,
    OK,
)
from lsh_dl.data.formats.libsvm import parse_number as parse_number_before_colon
from lsh_dl.data.formats.packed import whole_lines

if TYPE_CHECKING:
    from scipy.sparse import csr_array

REASONS = {
    BAD_NUMBER: "a feature that is no whole number",
    BAD_INDEX: "a feature out of range",
    BAD_VALUE: "a value that is no finite number",
    BAD_LABEL: "a label that is no whole number, or out of range",
    BAD_PAIR: "a feature without a colon",
}
#: Labels where the first line does not say how many: any that is a class's number.
MOST_LABELS = 2**31 - 2
#: Decimal exponents beyond which a value is no float32.
LARGEST_EXPONENT = 60


class XcText:
    """The samples of a text, piece by piece: memory stays below some 100 MB however long it is.

    Parameters
    ----------
    pieces
        The text in pieces that end with a line's end (`lsh_dl.data.formats.packed.whole_lines`).
    place
        Names it in errors.

    Attributes
    ----------
    place
        As given.
    samples, features, labels
        What the first line says; `labels` is None where it does not say that.

    Raises
    ------
    UserError
        There is no such first line.
    """

    def __init__(self, pieces: Iterator[bytes], place: str | Path):
        head, _, self._first = next(pieces, b"").partition(b"\n")
        self._pieces, self.place = pieces, place
        self.samples, self.features, self.labels = _read_header(place, head)

    def read(self) -> Iterator[tuple["csr_array", "csr_array"]]:
        """Some samples at a time: x and y as `read_xc` has them, column ids sorted.

        Where the first line does not say how many labels there are, y has `MOST_LABELS` columns.

        Raises
        ------
        UserError
            See `read_xc`.
        """
        labels = MOST_LABELS if self.labels is None else self.labels
        done = 0
        for text in chain([self._first], self._pieces):
            piece = _parse(self.place, text, self.samples - done, self.features, labels, done + 2)
            done += piece[0].shape[0]
            yield piece
        if done < self.samples:
            raise _mend(self.place, f"{done} lines of samples, its first line says {self.samples}")


def read_xc(path: str | Path) -> tuple["csr_array", "csr_array"]:
    """The samples of a file, packed or not.

    Returns
    -------
    x: float32 (samples, features); y: int8 (samples, labels), 1 for a label. Column ids sorted.

    Raises
    ------
    UserError
        The file cannot be read, its header is none, a line is malformed, names a feature or a label
        twice or one that is out of range, or there are other than the stated number of lines.
    """
    from scipy.sparse import vstack

    text = XcText(whole_lines(path), path)
    x, y = (vstack(pieces, format="csr") for pieces in zip(*text.read(), strict=True))
    return x, y if text.labels else fit_labels(y)


def fit_labels(y: "csr_array", labels: int | None = None) -> "csr_array":
    """`y` with so many columns; default: up to its last label."""
    from scipy.sparse import csr_array

    labels = int(y.indices.max(initial=0)) + 1 if labels is None else labels
    return csr_array((y.data, y.indices, y.indptr), (y.shape[0], labels))


def write_xc(path: Path, x: "csr_array", y: "csr_array") -> None:
    """Write samples, whole or not at all; `x` and `y` as `read_xc` returns them."""
    with written_whole(path) as file:
        file.write(f"{x.shape[0]} {x.shape[1]} {y.shape[1]}\n")
        for s in range(x.shape[0]):
            part = slice(x.indptr[s], x.indptr[s + 1])
            labels = ",".join(map(str, y.indices[y.indptr[s] : y.indptr[s + 1]]))
            # Nine digits are enough to tell any two float32 apart.
            pairs = [
                f"{feature}:{value:.9g}"
                for feature, value in zip(x.indices[part], x.data[part], strict=True)
            ]
            file.write(" ".join([labels, *pairs]) + "\n")


def _mend(path: str | Path, reason: str) -> UserError:
    return UserError(f"{path}: {reason}; mend the file or fetch it again")


def _read_header(path: str | Path, line: bytes) -> tuple[int, int, int | None]:
    words = line.removeprefix(b"\xef\xbb\xbf").split()
    if len(words) not in (2, 3) or not all(map(_is_count, words)):
        raise _mend(
            path,
            "line 1 is not `samples features labels` (or `samples features`), whole numbers from 1 "
            "on",
        )
    samples, features, *labels = map(int, words)
    return samples, features, labels[0] if labels else None


def _is_count(word: bytes) -> bool:
    return word.isdigit() and len(word) <= 10 and 0 < int(word) < 2**31


def _parse(path, text: bytes, most: int, features: int, labels: int, line: int):
    """The samples of a piece of text, at most so many; the first stands in line `line`."""
    from scipy.sparse import csr_array

    lines = text.count(b"\n")
    if lines > most:
        if text.split(b"\n", most)[most].strip():
            raise _mend(path, f"line {line + most} is one more than its first line says")
        lines = most
    counts = np.zeros((2, lines), np.int64)
    label_ids = np.empty(lines + text.count(b","), np.int32)
    ids = np.empty(text.count(b":"), np.int32)
    values = np.empty(len(ids), np.float32)
    buffer = np.frombuffer(text, np.uint8)
    sizes = (features, labels)
    row, problem = parse_samples(buffer, sizes, counts, label_ids, ids, values)
    if problem != OK:
        raise _mend(path, f"line {line + row} has {REASONS[problem]}")
    found = counts.sum(axis=1)
    x = csr_array((values[: found[1]], ids[: found[1]], _ends(counts[1])), (lines, features))
    ones = np.ones(found[0], np.int8)
    y = csr_array((ones, label_ids[: found[0]], _ends(counts[0])), (lines, labels))
    for matrix, what in ((x, "feature"), (y, "label")):
        matrix.sort_indices()
        _require_once(path, matrix, what, line)
    return x, y


def _ends(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)])


def _require_once(path: str | Path, matrix: "csr_array", what: str, line: int) -> None:
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    twice = (np.diff(matrix.indices) == 0) & (np.diff(rows) == 0)
    if twice.any():
        first = np.argmax(twice)
        raise _mend(path, f"line {line + rows[first]} has {what} {matrix.indices[first]} twice")


@njit(cache=True, nogil=True)
def parse_samples(text, sizes, counts, label_ids, ids, values):
    """Fill in the lines of `text` (bytes,) uint8, as many as `counts` int64 (2, lines) has.

    `sizes` are the numbers of features and labels. Returns how many lines are right and what is
    wrong with the next one (OK when all are right).
    """
    features, labels = sizes
    place = label_count = count = 0
    for row in range(counts.shape[1]):
        if not _is_blank(text[place]) and not _names_feature(text, place):
            while True:
                label, place = _parse_index(text, place)
                if label < 0 or label >= labels:
                    return row, BAD_LABEL
                label_ids[label_count] = label
                label_count += 1
                counts[0, row] += 1
                if text[place] != 44:
                    break
                place += 1
            if not _is_blank(text[place]):
                return row, BAD_LABEL
        while True:
            while text[place] == 32 or text[place] == 9 or text[place] == 13:
                place += 1
            if text[place] == 10:
                place += 1
                break
            index, place = parse_number_before_colon(text, place)
            if index < 0:
                return row, BAD_NUMBER
            if text[place] != 58:
                return row, BAD_PAIR
            if index >= features:
                return row, BAD_INDEX
            value, place, is_number = parse_decimal(text, place + 1)
            if not is_number:
                return row, BAD_VALUE
            ids[count] = index
            values[count] = value
            count += 1
            counts[1, row] += 1
    return counts.shape[1], OK


@njit(cache=True, nogil=True)
def _is_blank(byte):
    """A blank, a tabulator or a line's end."""
    return byte == 32 or byte == 9 or byte == 13 or byte == 10


@njit(cache=True, nogil=True)
def _names_feature(text, place):
    """True if the word at `place` is a feature: a line without labels that lost its blank."""
    while not _is_blank(text[place]):
        if text[place] == 58:
            return True
        place += 1
    return False


@njit(cache=True, nogil=True)
def _parse_index(text, place):
    """The digits at `place` as a number, and the place behind; -1 where there are none."""
    value, first = 0, place
    while 48 <= text[place] <= 57:
        value = min(value * 10 + (text[place] - 48), 1 << 40)
        place += 1
    return (value if place > first else -1), place


@njit(cache=True, nogil=True)
def parse_decimal(text, place):
    """The decimal number at `place`, the place behind it, and whether it is one within float32."""
    sign = -1.0 if text[place] == 45 else 1.0
    if text[place] == 45 or text[place] == 43:
        place += 1
    mantissa, exponent, digits = 0, 0, 0
    has_point = False
    while 48 <= text[place] <= 57 or (text[place] == 46 and not has_point):
        if text[place] == 46:
            has_point = True
        else:
            digits += 1
            if mantissa < 10**15:  # as many digits as a float64 holds
                mantissa = mantissa * 10 + (text[place] - 48)
                exponent -= has_point
            else:
                exponent += not has_point
        place += 1
    if digits == 0:
        return 0.0, place, False
    if text[place] == 101 or text[place] == 69:
        place += 1
        falls = text[place] == 45
        if text[place] == 45 or text[place] == 43:
            place += 1
        power, place = _parse_index(text, place)
        if power < 0:
            return 0.0, place, False
        exponent += -power if falls else power
    if not _is_blank(text[place]):
        return 0.0, place, False
    if mantissa == 0 or exponent < -LARGEST_EXPONENT - 20:
        return 0.0, place, True
    if exponent > LARGEST_EXPONENT:
        return 0.0, place, False
    # Division by a power of ten that a float64 holds is exact to its last bit.
    scaled = mantissa / 10.0**-exponent if exponent < 0 else mantissa * 10.0**exponent
    return sign * scaled, place, scaled < 3.4028235e38
