"""LIBSVM's text format of whole numbers, packed or not, streamed into an array on disk.

A row is a label and then `index:value` pairs with indices from 1 on, rising; features that are
not named are 0.
"""

from pathlib import Path

import numpy as np
from numba import njit

from lsh_dl.data.formats.packed import corrupt, whole_lines

OK, BAD_NUMBER, BAD_INDEX, BAD_VALUE, BAD_LABEL, BAD_PAIR = range(6)
REASONS = {
    BAD_NUMBER: "something that is no whole number",
    BAD_INDEX: "an index that does not rise, or is out of range",
    BAD_VALUE: "a value outside 0 ... 255",
    BAD_LABEL: "a label out of range",
    BAD_PAIR: "a feature without a colon",
}


def read_libsvm(
    path: str | Path, target: str | Path, rows: int, features: int, classes: int
) -> tuple[np.memmap, np.ndarray]:
    """Stream the first `rows` samples of a file to `target`, a .npy of (rows, features) uint8.

    Memory stays below some 50 MB however large the file is.

    Returns
    -------
    x: the array in `target`, memory-mapped; y: (rows,) int32.

    Raises
    ------
    UserError
        Damaged or truncated data, a malformed row, a value outside 0 ... 255, a label outside
        0 ... classes - 1, or fewer rows.
    """
    y = np.empty(rows, np.int32)
    done = 0
    header = {"descr": "|u1", "fortran_order": False, "shape": (rows, features)}
    with open(target, "wb") as output:
        np.lib.format.write_array_header_1_0(output, header)
        for text in whole_lines(path):
            x = np.zeros((min(text.count(b"\n"), rows - done), features), np.uint8)
            buffer = np.frombuffer(text, np.uint8)
            parsed, problem = parse_lines(buffer, x, y[done : done + len(x)], classes)
            if problem != OK:
                raise corrupt(path, f"line {done + parsed + 1} has {REASONS[problem]}")
            x.tofile(output)
            done += len(x)
            if done == rows:
                break
    if done < rows:
        raise corrupt(path, f"{done} samples, {rows} are wanted")
    return np.load(target, mmap_mode="r+"), y


@njit(cache=True, nogil=True)
def parse_lines(text, x, y, classes):
    """Fill x (n, d) uint8, zero on entry, and y (n,) int32 from the first n lines of `text`.

    `text` is (bytes,) uint8 and holds at least n ends of lines. Returns how many rows are right
    and what is wrong with the next one (OK when all are right).
    """
    place = 0
    for row in range(len(x)):
        number, place = parse_number(text, place)
        if number < 0:
            return row, BAD_NUMBER
        if number >= classes:
            return row, BAD_LABEL
        y[row] = number
        last = 0
        while True:
            while text[place] == 32 or text[place] == 9 or text[place] == 13:
                place += 1
            if text[place] == 10:
                place += 1
                break
            index, place = parse_number(text, place)
            if index < 0:
                return row, BAD_NUMBER
            if text[place] != 58:
                return row, BAD_PAIR
            value, place = parse_number(text, place + 1)
            if value < 0:
                return row, BAD_NUMBER
            if index <= last or index > x.shape[1]:
                return row, BAD_INDEX
            if value > 255:
                return row, BAD_VALUE
            x[row, index - 1] = value
            last = index
    return len(x), OK


@njit(cache=True, nogil=True)
def parse_number(text, place):
    """The whole number at `place` and the place behind it; -1 where there is none.

    Numbers end at a blank, a colon or a line's end; ".0" and the like are not whole numbers here.
    """
    value = 0
    first = place
    while 48 <= text[place] <= 57:
        value = min(value * 10 + (text[place] - 48), 1 << 40)
        place += 1
    end = text[place]
    if place == first or not (end == 32 or end == 9 or end == 10 or end == 13 or end == 58):
        return -1, place
    return value, place
