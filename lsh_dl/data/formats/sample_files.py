"""Samples in a file of a user's, to be predicted: `.npz`, `.csv`, `.amat` or LIBSVM's text."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lsh_dl.common.errors import UserError
from lsh_dl.common.memory import require_memory
from lsh_dl.common.user_arrays import as_classes, as_samples, require_numbers, require_range_alike
from lsh_dl.data.formats.libsvm_floats import read_libsvm_floats
from lsh_dl.data.formats.npz_arrays import read_npz
from lsh_dl.data.formats.sample_form import SampleForm, require_shape
from lsh_dl.data.formats.text_table import read_text_table

PACKED = (".gz", ".bz2", ".xz")


def read_sample_file(
    path: Path, part: str, form: SampleForm, classes: Sequence[int | str]
) -> tuple[np.ndarray, np.ndarray | None]:
    """The samples in a file, and their labels where it has them.

    Parameters
    ----------
    path
        `.npz`: arrays x_<part> and y_<part>, or x and y; y may be absent. `.csv`, `.amat`: see
        `read_text_table`. `.svm`, `.libsvm`, `.svmlight`: LIBSVM's text. Text may be packed:
        `.csv.gz`.
    part
        "train" or "test": which arrays of an `.npz`.
    form
        How samples look.
    classes
        What labels may be, none twice.

    Returns
    -------
    x (n, features) uint8 or float32, finite; y (n,) int64, places in `classes`, or None.

    Raises
    ------
    UserError
        Missing, unreadable, or not such samples: other columns, images of another shape, other
        units.
    """
    suffixes = [suffix for suffix in map(str.lower, path.suffixes) if suffix not in PACKED]
    reader = READERS.get(suffixes[-1] if suffixes else "")
    if reader is None:
        raise UserError(
            f"{path}: neither a prepared data set (a folder with meta.json) nor a file that ends "
            f"in {', '.join(READERS)}"
        )
    x, y = reader(path, part, form)
    features = form.features
    require_numbers(x, str(path))
    if x.ndim < 2 or not len(x) or x[0].size != features:
        raise UserError(
            f"{path}: samples of shape {x.shape}; the model needs {features} numbers a sample"
        )
    if x.dtype == bool and form.numbers and form.numbers.high > 1:
        raise UserError(
            f"{path}: truth values, the model was trained on numbers up to {form.numbers.high:g}; "
            "give them in the same units"
        )
    require_shape(x.shape[1:] if x.ndim > 2 else None, form, str(path))
    x = as_samples(x.reshape(len(x), features), str(path))
    if form.numbers:
        require_range_alike(x, form.numbers, str(path))
    return x, None if y is None else as_classes(y, classes, len(x), str(path))


def _read_npz(path: Path, part: str, form: SampleForm) -> tuple[np.ndarray, np.ndarray | None]:
    arrays = read_npz(path, (f"x_{part}", f"y_{part}", "x", "y"))
    for x, y in ((f"x_{part}", f"y_{part}"), ("x", "y")):
        if x in arrays:
            return arrays[x], arrays.get(y)
    raise UserError(f"{path}: no x_{part} or x in it")


def _read_text(path: Path, part: str, form: SampleForm) -> tuple[np.ndarray, np.ndarray | None]:
    return read_text_table(path, form.features, expected=form.headings)


def _read_libsvm(path: Path, part: str, form: SampleForm) -> tuple[np.ndarray, np.ndarray | None]:
    x, y = read_libsvm_floats(path, form.first_index)
    features = form.features
    if x.shape[1] > features:
        raise UserError(f"{path}: {x.shape[1]} features; the model needs {features}")
    require_memory(4 * x.shape[0] * features, f"{path}: {x.shape[0]} samples of {features} numbers")
    dense = np.zeros((x.shape[0], features), np.float32)
    dense[:, : x.shape[1]] = x.toarray()
    return dense, y


_Reader = Callable[[Path, str, SampleForm], tuple[np.ndarray, np.ndarray | None]]
READERS: dict[str, _Reader] = {
    ".npz": _read_npz,
    ".csv": _read_text,
    ".amat": _read_text,
    ".svm": _read_libsvm,
    ".libsvm": _read_libsvm,
    ".svmlight": _read_libsvm,
}
"""How a file is read, by its suffix."""
