"""The one reader of a user's arrays: kinds, ranges and shapes are checked before any cast.

A cast never fails: 2**32 becomes the class 0, a date becomes a number, 1e300 becomes infinite.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsh_dl.common.errors import UserError

if TYPE_CHECKING:  # a tenth of a second to import
    from scipy.sparse import csr_array

LARGEST_LABEL = 2**31 - 2
"""Labels are 32-bit numbers, and so is the number of classes."""
BLOCK = 4096
"""Samples checked at a time: no second array as large as the first."""
OTHER_UNITS = 50
"""Two parts of one set whose numbers differ by such a factor, in most features, are not alike."""
BEYOND = 3
"""Samples typically so many times as large as the largest of training are in other units."""
MANY_NEGATIVE = 0.2
"""Share of negative numbers that is no accident where training had none."""

_FAMILIES = {"b": "truth values", "u": "whole numbers", "i": "whole numbers", "f": "fractions"}


def require_numbers(x: np.ndarray, place: str) -> None:
    """Raise a UserError at `place` unless an array holds real numbers."""
    if x.dtype.kind not in "buif":
        raise UserError(f"{place}: {_describe_kind(x.dtype)}; real numbers are needed")


def as_samples(x: np.ndarray, place: str) -> np.ndarray:
    """Samples (n, d), n and d at least 1, as uint8 (if they are) or finite float32, in C order.

    Raises
    ------
    UserError
        Another shape or kind, or a value is missing, infinite or too large for float32.
    """
    require_numbers(x, place)
    if x.ndim != 2 or 0 in x.shape:
        raise UserError(f"{place}: samples of shape {x.shape}; (n, d) is needed")
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x)
    with np.errstate(over="ignore"):  # infinite then, and refused as such
        x = np.ascontiguousarray(x, np.float32)
    for start in range(0, len(x), BLOCK):
        wrong = ~np.isfinite(x[start : start + BLOCK])
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise UserError(
                f"{place}: some values are missing or not finite, the first in sample "
                f"{start + row}, feature {column} (from 0 on); remove or replace them"
            )
    return x


def as_labels(y: np.ndarray, samples: int, place: str) -> np.ndarray:
    """Labels (n,) as int64, each in [0, 2**31 - 2]; whole floats and text of digits are numbers.

    Raises
    ------
    UserError
        Another shape or kind, or a label is missing, no whole number or out of range.
    """
    _require_one_each(y, samples, place)
    y = as_whole_numbers(y, place)
    if y.size and (y.min() < 0 or y.max() > LARGEST_LABEL):
        wrong = y.min() if y.min() < 0 else y.max()
        raise UserError(f"{place}: label {wrong} is outside 0 ... {LARGEST_LABEL}")
    return y.astype(np.int64)


def require_two_classes(y: np.ndarray, place: str) -> None:
    """Raise a UserError where all labels (n,) of a training part are the same: nothing to learn."""
    if y.size and (y == y.flat[0]).all():
        raise UserError(
            f"{place}: every label is {y.flat[0]}; training takes two classes at least: is "
            "another column, or array, the label?"
        )


def as_classes(y: np.ndarray, names: Sequence[int | str], samples: int, place: str) -> np.ndarray:
    """Labels (n,) as the places of their names among `names`, int64.

    Parameters
    ----------
    names: what the classes are called, none twice: whole numbers, or text.

    Raises
    ------
    UserError
        Another shape, or a label is none of the names.
    """
    _require_one_each(y, samples, place)
    known = np.asarray(names)
    if known.dtype.kind in "biu":
        y = as_whole_numbers(y, place)
    elif y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    order = np.argsort(known)
    places, wrong = np.zeros(samples, np.int64), np.ones(samples, bool)
    if (y.dtype.kind == "U") == (known.dtype.kind == "U"):
        places = np.minimum(np.searchsorted(known, y, sorter=order), len(known) - 1)
        wrong = known[order[places]] != y
    if wrong.any():
        listed = ", ".join(map(str, known[:10])) + (", ..." if len(known) > 10 else "")
        raise UserError(f"{place}: label {str(y[wrong][0])[:30]!r} is none of the classes {listed}")
    return order[places]


def _require_one_each(y: np.ndarray, samples: int, place: str) -> None:
    if y.shape != (samples,):
        raise UserError(
            f"{place}: labels of shape {y.shape}; {samples} are needed, one a sample: "
            f"shape ({samples},)"
        )


def as_whole_numbers(y: np.ndarray, place: str) -> np.ndarray:
    """Labels of whole numbers as an array of integers, whatever they are written as.

    Raises
    ------
    UserError
        A label is text other than a whole number, missing, or no whole number.
    """
    if y.dtype.kind in "US":
        texts = [t.decode("utf-8", "replace") if isinstance(t, bytes) else t for t in y.flat]
        numbers = [parse_number(text) for text in texts]
        if None in numbers:
            raise UserError(
                f"{place}: labels of text; whole numbers are needed, 0 for the first class"
            )
        y = np.array(numbers).reshape(y.shape)
    if y.dtype.kind not in "buif":
        raise UserError(f"{place}: labels of {_describe_kind(y.dtype)}; whole numbers are needed")
    if y.dtype.kind == "f":
        y = y.astype(np.float64)
        wrong = ~np.isfinite(y) | (y != np.floor(y)) | (np.abs(y) >= 2.0**53)
        if wrong.any():
            raise UserError(f"{place}: label {y[wrong].flat[0]:g}; whole numbers are needed")
        y = y.astype(np.int64)
    return y.astype(np.int64) if y.dtype.kind == "b" else y


def parse_number(text: str) -> float | None:
    """The number that a text is; None if it is none. `1_000`, which Python reads, is none."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def require_alike(train: np.ndarray, test: np.ndarray, place: str) -> None:
    """Raise a UserError unless two parts (n, d) have as many features, in the same units.

    A part of bytes is divided by 255 and both parts are treated alike: fractions beside bytes
    would all but vanish.
    """
    if train.shape[1:] != test.shape[1:]:
        raise UserError(
            f"{place}: samples of shape {train.shape[1:]} in training but {test.shape[1:]} in "
            "testing; both need the same"
        )
    described = [_describe_units(part) for part in (train, test)]
    if described[0] != described[1] and None not in described:
        raise UserError(
            f"{place}: training samples are {described[0]}, test samples {described[1]}; give both "
            "in the same units and type"
        )
    ratio = _compare_magnitudes(train, test)
    if not 1 / OTHER_UNITS < ratio < OTHER_UNITS:
        raise UserError(
            f"{place}: numbers of training samples are typically {ratio:.3g} times those of test "
            "samples; give both in the same units and type"
        )
    if _FAMILIES[train.dtype.kind] != _FAMILIES[test.dtype.kind]:
        raise UserError(
            f"{place}: training samples are {train.dtype}, test samples {test.dtype}; give both in "
            "the same units and type"
        )


def read_input(x: Any, place: str) -> Any:
    """Samples of any kind as they may be handed to scikit-learn's own checks, or a ValueError.

    Those would turn dates and text into numbers, and trust the arrays of a sparse matrix; here it
    becomes one of `as_sparse`.
    """
    require_kinds(x, place)
    is_sparse = hasattr(x, "format") and hasattr(x, "nnz") and x.dtype.kind in "buifO"
    return as_sparse(x, place) if is_sparse else x


def check_sparse(x: Any, place: str) -> None:
    """Raise a ValueError unless the arrays of a sparse matrix are one.

    Conversions and kernels trust them: an index out of range would read or write elsewhere.
    """
    if x.format in ("csr", "csc", "bsr"):
        try:
            x.check_format(full_check=True)
        except (ValueError, TypeError, IndexError) as error:
            raise ValueError(f"{place}: the sparse matrix is broken: {error}") from None
    elif x.format == "coo":
        for ids, size in zip((x.row, x.col), x.shape, strict=True):
            if len(ids) != len(x.data) or (len(ids) and (ids.min() < 0 or ids.max() >= size)):
                raise ValueError(f"{place}: the sparse matrix is broken: an index is out of range")
    if x.shape[1] >= 2**31 - 1:
        raise ValueError(f"{place}: {x.shape[1]} features; fewer than {2**31 - 1} are needed")


def as_sparse(x: Any, place: str) -> "csr_array":
    """A sparse matrix as CSR of float32, its column ids sorted, each once a row; entries add up.

    The caller's stays as it is. Raises a ValueError where its arrays are no sparse matrix.
    """
    from scipy.sparse import csr_array

    check_sparse(x, place)
    with np.errstate(over="ignore"):  # infinite then; whoever needs finite ones looks for them
        # Numbers first: repeated entries, which some forms add up, overflow in few bits.
        x = csr_array(x.astype(np.float32, copy=False))
    check_sparse(x, place)  # of forms that are not checked as they come, too
    # Made anew: what a matrix says of its own order may no longer be so.
    x = csr_array((x.data, x.indices, x.indptr), x.shape)
    if not x.has_canonical_format:
        x = x.copy()
        x.sum_duplicates()
    return x


def require_kinds(x: Any, place: str) -> None:
    """Raise a ValueError where dates, text or raw bytes stand for numbers, which a cast would take.

    Parameters
    ----------
    x: an array, a data frame, a sparse matrix; anything else passes.
    """
    dtypes = getattr(x, "dtypes", None)
    if dtypes is None:
        dtypes = getattr(x, "dtype", None)
    for dtype in dtypes if np.iterable(dtypes) else [dtypes]:
        if getattr(dtype, "kind", "f") in "mMUSV":
            raise ValueError(f"{place}: {_describe_kind(dtype)}; real numbers are needed")


def _describe_kind(dtype: Any) -> str:
    words = {"U": "text", "S": "text", "O": "objects", "c": "complex numbers", "V": "records"}
    words |= {"M": "dates", "m": "time spans"}
    return f"{words.get(dtype.kind, 'values')} ({dtype})" if dtype.kind in words else str(dtype)


def _compare_magnitudes(train: np.ndarray, test: np.ndarray) -> float:
    """How many times larger a feature of `train` typically is; 1 where that cannot be told.

    Of each feature the median magnitudes are compared; nine tenths of them must agree.
    """
    middle = []
    for part in (train, test):
        rows = np.linspace(0, len(part) - 1, min(len(part), 500)).astype(np.int64)
        x = part[rows].reshape(len(rows), -1)[:, :: max(1, part[0].size // 1000)]
        middle.append(np.median(np.abs(x.astype(np.float64)), axis=0))
    told = (middle[0] > 0) & (middle[1] > 0)
    if not told.any():
        return 1.0
    ratios = middle[0][told] / middle[1][told]
    low = np.quantile(ratios, 0.1, method="lower")
    return float(low if low > 1 else min(np.quantile(ratios, 0.9, method="higher"), 1.0))


class NumberRange(NamedTuple):
    """What the numbers of samples are: the least, the largest, and whether all are whole."""

    low: float
    high: float
    whole: bool


def require_range_alike(x: np.ndarray, trained: NumberRange, place: str) -> None:
    """Raise a UserError at `place` where samples x (n, d) are in other units than a model's.

    That is: fractions for whole numbers, negative numbers where there were none, or numbers that
    are typically far beyond the largest.
    """
    magnitudes = np.abs(x[x != 0].astype(np.float64))
    if not len(magnitudes):
        return
    largest = max(abs(trained.low), abs(trained.high))
    are_fractions = magnitudes.max() <= 1 and bool(np.any(magnitudes % 1))
    are_beyond = np.median(magnitudes) > BEYOND * largest
    are_negative = trained.low >= 0 and np.mean(x < 0) > MANY_NEGATIVE
    if (trained.whole and largest > 1 and are_fractions) or are_beyond or are_negative:
        kind = "whole numbers" if trained.whole else "numbers"
        raise UserError(
            f"{place}: numbers of {x.min():g} ... {x.max():g}, the model was trained on {kind} of "
            f"{trained.low:g} ... {trained.high:g}; give them in the same units"
        )


def require_apart_in_float32(
    low: np.ndarray, high: np.ndarray, place: str, features: np.ndarray | None = None
) -> None:
    """Raise a UserError where features vary, but so little that float32 makes one number of them.

    Parameters
    ----------
    low, high: the least and the largest number of each feature (d,), as they were given.
    features: their numbers; default: 0 ... d - 1.
    """
    size = np.maximum(np.abs(low.astype(np.float64)), np.abs(high.astype(np.float64)))
    varies = high > low
    if low.dtype.kind == "f":  # what differs by rounding alone is constant
        varies &= high - low > 2.0**-46 * size
    lost = np.flatnonzero(varies & (low.astype(np.float32) == high.astype(np.float32)))
    if len(lost):
        at = lost[0]
        remedy = "multiply it" if size[at] < 1e-30 else "subtract its mean first"
        feature = at if features is None else features[at]
        raise UserError(
            f"{place}: feature {feature} (from 0 on) goes from {_write(low[at])} to "
            f"{_write(high[at])}, which is one number in float32; {remedy}, or leave it out"
        )


def _write(number: Any) -> str:
    return f"{number:.12g}" if isinstance(number, np.floating) else str(number)


def _describe_units(x: np.ndarray) -> str | None:
    """What the range of values says of their units, where it says something."""
    low, high, head = x.min(), x.max(), x[:BLOCK]
    if x.dtype.kind == "b":
        return None
    whole = x.dtype.kind != "f" or bool(np.all(head == np.floor(head)))
    if not whole and low >= 0 and high <= 1:
        return "fractions of 0 ... 1"
    if whole and low >= 0 and 100 < high <= 255:
        return "levels of 0 ... 255"
    return None
