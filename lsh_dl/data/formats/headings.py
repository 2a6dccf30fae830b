"""Whether the first line of a table is headings or a sample."""

from collections import Counter
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lsh_dl.common.errors import UserError
from lsh_dl.common.user_arrays import parse_number

LABEL = "label"
"""Heading of the column of labels."""
MODEL_HAS = "the model's data have"
"""Who expects the headings of a file to predict, as `require_headings` says it."""
ENOUGH = 20
"""Lines whose ranges tell column by column what else could stand there."""


class Row(NamedTuple):
    """A line's number, from 1 on, and its fields."""

    line: int
    fields: list[str]


def find_headings(
    first: Row, others: Sequence[Row], path: Path, expected: Sequence[str] | None = None
) -> list[str] | None:
    """The first line's fields if they are headings, None if they are a sample.

    Parameters
    ----------
    others: some of the lines that follow.
    expected: headings but for that of the labels, where they are known.

    Raises
    ------
    UserError
        They may be either, or are no headings that could be used.
    """
    line, fields = first
    names = [field for field in fields if field.lower() != LABEL]
    if len(names) == len(fields) and (not expected or set(names) != set(expected)):
        if any(parse_number(field) is not None for field in fields):
            if _look_like_headings(fields, [row.fields for row in others]):
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


def require_headings(
    found: Sequence[str] | None, expected: Sequence[str] | None, place: str, whose: str
) -> None:
    """Raise a UserError at `place` where columns are called otherwise than expected.

    Parameters
    ----------
    found, expected: headings without that of the labels; None where there are none.
    whose: who expects them, with a verb: "train.csv has".
    """
    for one, other in zip(expected or (), found or (), strict=False):
        if one != other:
            raise UserError(
                f"{place}: column {other!r} stands where {whose} {one!r}; give the same columns in "
                "the same order"
            )


def _look_like_headings(fields: list[str], others: list[list[str]]) -> bool:
    """Whether a line with numbers is what columns, years or wavelengths are called.

    Long counts from 0 or 1 on are; other numbers that go one way are where what follows has no
    such numbers. A last field that is no number is a label if it is one in other lines too.
    """
    numbers = [parse_number(field) for field in fields]
    others = [row for row in others if len(row) == len(fields)]
    heads_labels = numbers[-1] is None
    if heads_labels:
        labels = [row[-1] for row in others]
        are_text = None in map(parse_number, labels)
        if fields[-1] in labels or (are_text and len(set(labels)) == len(labels)):
            return False
        numbers = numbers[:-1]
    if len(numbers) < 2 or not all(map(_is_finite, numbers)):
        return False
    steps = np.diff(numbers)
    if not (steps > 0).all() and not (steps < 0).all():
        return False
    is_even = bool((steps == steps[0]).all())
    rows = [[parse_number(field) for field in row[: len(numbers)]] for row in others]
    known = np.array([row for row in rows if all(map(_is_finite, row))], np.float64)
    if not len(known):
        return False
    # Samples may count too.
    if is_even and (np.diff(known) == steps[0]).all(axis=1).mean() > 0.5:
        return False
    counts = is_even and steps[0] == 1 and numbers[0] in (0, 1)
    if counts and len(numbers) > 3:
        return True
    if not counts and not heads_labels and (len(numbers) < 3 or not is_even):
        return False
    return _are_elsewhere(np.array(numbers), known)


def _is_finite(number: float | None) -> bool:
    return number is not None and isfinite(number)


def _are_elsewhere(numbers: np.ndarray, known: np.ndarray) -> bool:
    """Whether all numbers are outside what is known: at all, or each of its own column."""
    below, above = numbers < known.min(), numbers > known.max()
    if (below | above).all():
        return True
    by_column = (numbers < known.min(axis=0)) | (numbers > known.max(axis=0))
    return len(known) >= ENOUGH and bool(by_column.all())
