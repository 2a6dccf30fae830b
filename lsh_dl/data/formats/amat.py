"""Larochelle's `.amat` format: text, a row a sample, its pixels and then its label; in a zip."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np

from lsh_dl.data.formats.packed import bounded_lines, corrupt, open_member, open_zip

BLOCK = 1_000
"""Rows read at a time: the test part's text is 15 times larger than its array."""

LONGEST_NUMBER = 64
"""Bytes of a number with the blanks around it."""


def read_amat(
    path: str | Path, members: Sequence[str], rows: int, features: int, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """The first `rows` samples of the first of `members` that the zip holds, in any folder.

    Returns
    -------
    x (rows, features) float32, y (rows,) int32.

    Raises
    ------
    UserError
        Not a zip, no such member, damaged or truncated data, fewer rows, a row of another length,
        a value that is no number, or a label that is not one of 0 ... classes - 1.
    """
    with open_zip(path) as archive:
        by_name = {PurePosixPath(name).name: name for name in archive.namelist()}
        member = next((by_name[name] for name in members if name in by_name), None)
        if member is None:
            raise corrupt(path, f"no {' or '.join(members)} in the zip")
        place = f"{path}: {member}"
        with open_member(archive, member, place) as stream:
            lines = bounded_lines(stream, place, LONGEST_NUMBER * (features + 2))
            return _read_lines(lines, place, rows, features, classes)


def _read_lines(lines, place: str, rows: int, features: int, classes: int):
    x = np.empty((rows, features), np.float32)
    y = np.empty(rows, np.int32)
    done = 0
    while done < rows:
        block = list(islice(lines, min(BLOCK, rows - done)))
        if not block:
            raise corrupt(place, f"{done} samples, {rows} are wanted")
        for number, line in enumerate(block, done + 1):
            if len(line.split()) != features + 1:
                raise corrupt(
                    place, f"line {number} has {len(line.split())} numbers, not {features + 1}"
                )
        try:
            values = np.loadtxt(block, dtype=np.float64, ndmin=2, comments=None)
        except ValueError as error:
            reason = str(error).split(";")[0]
            raise corrupt(place, f"lines {done + 1} ff.: {reason}") from error
        labels = values[:, features]
        wrong = ~np.isin(labels, np.arange(classes))
        if wrong.any():
            line = done + 1 + int(np.argmax(wrong))
            raise corrupt(place, f"line {line} has the label {labels[wrong][0]:g}")
        if not np.isfinite(values).all():
            raise corrupt(place, f"lines {done + 1} ff. hold a value that is not finite")
        x[done : done + len(block)] = values[:, :features]
        y[done : done + len(block)] = labels
        done += len(block)
    return x, y
