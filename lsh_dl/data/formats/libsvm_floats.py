"""LIBSVM's text format in general: labels and values of any kind, comments, as a sparse matrix.

scikit-learn reads it; here it is bounded, checked, and a wrong line is named.
"""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from lsh_dl.common.errors import UserError
from lsh_dl.common.user_arrays import as_whole_numbers, require_apart_in_float32
from lsh_dl.data.formats.packed import LONGEST_LINE, bounded_lines, open_packed

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def read_libsvm_floats(
    path: Path, first_index: int = 1, training: bool = False
) -> tuple["csr_array", np.ndarray]:
    """The samples of a file, packed or not, and their labels.

    Parameters
    ----------
    first_index
        Where indices of features count from: 1 (usual) or 0.
    training
        Whether to see that features which vary do so in float32 too.

    Returns
    -------
    x: CSR float32 (n, largest index), finite, column ids sorted and none twice; y: int64 (n,).

    Raises
    ------
    UserError
        The file cannot be read, or a line of it is no such sample.
    """
    from scipy.sparse import csr_array
    from sklearn.datasets import load_svmlight_file

    try:
        with open_packed(path) as stream, np.errstate(over="ignore"):
            lines = _Lines(_plain_lines(stream, path))
            x, y = load_svmlight_file(lines, dtype=np.float64, zero_based=first_index == 0)
    except (ValueError, OverflowError, IndexError) as error:
        reason = _find_wrong_line(path, first_index) or (str(error).splitlines() or [""])[0]
        raise UserError(f"{path}: {reason}; mend the line") from None
    if not x.shape[0] or not x.nnz:
        raise UserError(f"{path}: no samples with features; `label index:value ...` is needed")
    ranges = _find_ranges(x) if training else ()
    with np.errstate(over="ignore"):
        x = csr_array(x, dtype=np.float32)
    if not np.isfinite(x.data).all():
        row = np.searchsorted(x.indptr, np.argmin(np.isfinite(x.data)), "right")
        raise UserError(f"{path}: sample {row} has a value that is not finite; remove it")
    if ranges:
        low, high, features = ranges
        require_apart_in_float32(low, high, str(path), features)
    return x, as_whole_numbers(y, str(path)).astype(np.int64)


def _find_ranges(x: "csr_array") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The least and the largest number of each feature that is ever stored, and which these are."""
    order = np.argsort(x.indices, kind="stable")
    columns, values = x.indices[order], x.data[order]
    starts = np.flatnonzero(np.diff(columns, prepend=-1))
    low, high = (extreme.reduceat(values, starts) for extreme in (np.minimum, np.maximum))
    has_zeros = np.diff(starts, append=len(columns)) < x.shape[0]
    low, high = np.where(has_zeros, low.clip(max=0), low), np.where(has_zeros, high.clip(0), high)
    return low, high, columns[starts]


class _Lines:
    """Lines as an object that scikit-learn takes for an open file."""

    def __init__(self, lines):
        self._lines = lines

    def read(self) -> bytes:
        """All that is left."""
        return b"".join(self._lines)

    def __iter__(self):
        return self._lines


def _plain_lines(stream: IO[bytes], path: Path, refuse: bool = True) -> Iterator[bytes]:
    """Lines without the mark of UTF-8 that the first may begin with.

    With `refuse`, a ValueError at a number with `_` in it, which Python would read.
    """
    for number, line in enumerate(bounded_lines(stream, path, LONGEST_LINE), 1):
        line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if refuse and b"_" in line.partition(b"#")[0]:
            raise ValueError(f"line {number}: `_` in a number")
        yield line


def _find_wrong_line(path: Path, first_index: int) -> str | None:
    """What is wrong with the first line that is no sample."""
    with open_packed(path) as stream:
        for number, line in enumerate(_plain_lines(stream, path, refuse=False), 1):
            words = line.partition(b"#")[0].split()
            last = first_index - 1
            try:
                if words:
                    float(words[0])
                for word in words[1:]:
                    index, colon, value = word.partition(b":")
                    if not colon:
                        return f"line {number}: {_show(word)} is no `index:value`"
                    if not last < int(index) < 2**31 - 1:
                        return (
                            f"line {number}: the index of {_show(word)} does not rise, or is out "
                            f"of range; indices count from {first_index}"
                        )
                    last = int(index)
                    if b"_" in word:  # Python's own: 1_000
                        return f"line {number}: {_show(word)} is no number"
                    float(value)
            except ValueError as error:
                return f"line {number}: {(str(error).splitlines() or [''])[0][:80]}"
    return None


def _show(word: bytes) -> str:
    return repr(word[:30].decode(errors="replace"))
