"""The one reader of a user's arrays: kinds, ranges and shapes are checked before any cast.

A cast never fails: 2**32 becomes the class 0, a date becomes a number, 1e300 becomes infinite.
"""

from typing import Any

import numpy as np

from lsh_dl.common.errors import UserError

LARGEST_LABEL = 2**31 - 2
"""Labels are 32-bit numbers, and so is the number of classes."""
BLOCK = 4096
"""Samples checked at a time: no second array as large as the first."""

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
    if y.shape != (samples,):
        raise UserError(
            f"{place}: labels of shape {y.shape}; {samples} are needed, one a sample: "
            f"shape ({samples},)"
        )
    y = as_whole_numbers(y, place)
    if y.size and (y.min() < 0 or y.max() > LARGEST_LABEL):
        wrong = y.min() if y.min() < 0 else y.max()
        raise UserError(f"{place}: label {wrong} is outside 0 ... {LARGEST_LABEL}")
    return y.astype(np.int64)


def as_whole_numbers(y: np.ndarray, place: str) -> np.ndarray:
    """Labels of whole numbers as an array of integers, whatever they are written as.

    Raises
    ------
    UserError
        A label is text other than a whole number, missing, or no whole number.
    """
    if y.dtype.kind in "US":
        try:
            y = np.array([float(text) for text in y.ravel().tolist()]).reshape(y.shape)
        except (ValueError, UnicodeDecodeError):
            raise UserError(
                f"{place}: labels of text; whole numbers are needed, 0 for the first class"
            ) from None
    if y.dtype.kind not in "buif":
        raise UserError(f"{place}: labels of {_describe_kind(y.dtype)}; whole numbers are needed")
    if y.dtype.kind == "f":
        wrong = ~np.isfinite(y) | (y != np.floor(y)) | (np.abs(y) > 2.0**53)
        if wrong.any():
            raise UserError(f"{place}: label {y[wrong].flat[0]:g}; whole numbers are needed")
        y = y.astype(np.int64)
    return y.astype(np.int64) if y.dtype.kind == "b" else y


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
    if _FAMILIES[train.dtype.kind] != _FAMILIES[test.dtype.kind]:
        raise UserError(
            f"{place}: training samples are {train.dtype}, test samples {test.dtype}; give both in "
            "the same units and type"
        )


def check_input(x: Any, place: str) -> None:
    """Raise a ValueError unless samples of any kind may be handed to scikit-learn's own checks.

    Those would turn dates and text into numbers, and convert a sparse matrix as it is.
    """
    require_kinds(x, place)
    if hasattr(x, "format") and hasattr(x, "nnz"):
        check_sparse(x, place)


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
