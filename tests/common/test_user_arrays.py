import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csc_array, csr_array

from lsh_dl.common.errors import UserError
from lsh_dl.common.user_arrays import (
    as_classes,
    as_labels,
    as_samples,
    as_sparse,
    read_input,
    require_alike,
)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([0, 2, 1], np.uint64), [0, 2, 1]),
        (np.array([0.0, 2.0, 1.0]), [0, 2, 1]),
        (np.array(["0", "2", "1"]), [0, 2, 1]),
        (np.array([b"0", b"2.0", b"1"]), [0, 2, 1]),
        (np.array([False, True, True]), [0, 1, 1]),
        (np.array([0, 2**31 - 2, 1]), [0, 2**31 - 2, 1]),
        (np.array([0, 60000, 1], np.float16), [0, 60000, 1]),
    ],
)
def test_labels_of_any_kind_are_read(labels, expected):
    read = as_labels(labels, 3, "f")
    assert read.dtype == np.int64
    assert read.tolist() == expected


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 2**32, 1]),
        np.array([0, 2**31 - 1, 1]),
        np.array([0, 2**64 - 1, 1], np.uint64),
        np.array([0.0, 2.0**32, 1]),
        np.array([0.0, 1e300, 1]),
        np.array([0, -1, 1]),
        np.array([0.0, -1.0, 1]),
        np.array([0.0, np.nan, 1]),
        np.array([0.0, np.inf, 1]),
        np.array([0.0, 0.5, 1]),
        np.array(["0", "cat", "1"]),
        np.array(["0", "nan", "1"]),
        np.array(["0", "1_0", "1"]),
        np.array([b"0", b"\xff", b"1"]),
        np.array([0, 1, 1j]),
        np.array([0, None, 1]),
        np.array(["2020-01-01"] * 3, "M8[D]"),
        np.array([1, 2, 3], "m8[s]"),
        np.array([0, 1]),
        np.array([[0], [1], [1]]),
        np.array(1),
    ],
    ids=str,
)
def test_other_labels_are_one_line(labels):
    with pytest.raises(UserError) as caught:
        as_labels(labels, 3, "f.npz")
    assert str(caught.value).startswith("f.npz: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "samples",
    [
        np.array([[1, 1e300]]),
        np.array([[1, np.nan]]),
        np.array([[1, 1j]]),
        np.array([["1", "2"]]),
        np.array([[1, None]]),
        np.array([["2020-01-01"]], "M8[D]"),
        np.zeros((0, 3)),
        np.zeros((3, 0)),
        np.zeros(3),
        np.zeros(2, [("a", "f4")]),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("error")
def test_other_samples_are_one_line(samples):
    with pytest.raises(UserError, match=r"^f\.npz: "):
        as_samples(samples, "f.npz")


def test_samples_keep_bytes_and_become_float32_else():
    assert as_samples(np.array([[0, 255]], np.uint8), "f").dtype == np.uint8
    for kind in (bool, np.int16, np.float64, np.float16, ">f8"):
        read = as_samples(np.ones((3, 2), kind, order="F"), "f")
        assert read.dtype == np.float32
        assert read.flags.c_contiguous


BYTES = np.array([[0, 255], [200, 3]], np.uint8)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (BYTES, BYTES / 255),
        (BYTES / 255, BYTES),
        (BYTES, (BYTES / 255).astype(np.float32)),
        (BYTES, BYTES.astype(np.float32)),
        (BYTES.astype(np.float32), BYTES / 255),
        (BYTES > 99, BYTES),
        (BYTES // 200, BYTES),
        (BYTES * np.uint16(257), BYTES),
        (BYTES / 255, BYTES / 2.55),
        (BYTES / 128 - 1, BYTES.astype(np.float32)),
        (BYTES, BYTES[:, :1]),
    ],
)
def test_parts_of_other_kinds_or_units_are_refused(train, test):
    with pytest.raises(UserError, match="both"):
        require_alike(train, test, "f")


@pytest.mark.parametrize(
    ("labels", "names", "places"),
    [
        (np.array([3, 1]), (1, 2, 3), [2, 0]),
        (np.array([-1.0, 1.0]), (1, -1), [1, 0]),
        (np.array(["3", "1"]), (1, 2, 3), [2, 0]),
        (np.array(["dog", "cat"]), ("cat", "dog"), [1, 0]),
        (np.array([b"dog", b"cat"]), ("cat", "dog"), [1, 0]),
        (np.array([2**40, 7]), (7, 2**40), [1, 0]),
    ],
)
def test_labels_are_found_among_the_names_of_classes(labels, names, places):
    assert as_classes(labels, names, 2, "f").tolist() == places


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array([0, 4]), (1, 2, 3)),
        (np.array(["cat", "eel"]), ("cat", "dog")),
        (np.array([0, 1]), ("cat", "dog")),
        (np.array(["cat", "dog"]), (0, 1)),
        (np.array([0.5, 1]), (0, 1)),
        (np.array([0, 2**64 - 1], np.uint64), (0, -1)),
        (np.array([[0], [1]]), (0, 1)),
    ],
)
def test_labels_that_are_no_class_are_one_line(labels, names):
    with pytest.raises(UserError, match=r"^f: .*label"):
        as_classes(labels, names, 2, "f")


def test_parts_alike_pass():
    for kind in (np.uint8, np.int64, np.float32):
        require_alike(BYTES.astype(kind), BYTES.astype(kind), "f")
    require_alike(BYTES, BYTES.astype(np.int32), "f")
    require_alike(BYTES / 255, np.round(BYTES / 255), "f")  # only zeros and ones by chance
    outlier = np.where(BYTES == 255, 1e6, BYTES / 255)
    require_alike(outlier, BYTES / 255, "f")
    require_alike(np.zeros((3, 2)), BYTES / 255, "f")
    require_alike(BYTES[:1] / 255, BYTES / 255, "f")


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, object])
def test_sparse_samples_come_in_order_and_the_callers_stay(dtype):
    x = csr_array((np.array([200, 100, 1], dtype), [2, 2, 0], [0, 3]), (1, 4))
    read = as_sparse(x, "f")
    assert (read.indices.tolist(), read.dtype, x.nnz) == ([0, 2], np.float32, 3)
    assert read.toarray().tolist() == [[1, 0, 2 if dtype is bool else 300, 0]]


@pytest.mark.parametrize("kind", [csr_array, csc_array])
@pytest.mark.parametrize(
    "break_it",
    [
        lambda x: x.indices.__setitem__(0, 100_000_000),
        lambda x: x.indices.__setitem__(0, -1),
        lambda x: x.indptr.__setitem__(1, 1000),
        lambda x: x.indptr.__setitem__(0, 1),
        lambda x: x.indptr.__setitem__(-1, 10**9),
        lambda x: x.indptr.__setitem__(1, -5),
    ],
)
def test_broken_sparse_matrices_are_refused(kind, break_it):
    x = kind(np.eye(4, 5) + 1)
    read_input(x, "samples")
    break_it(x)
    with pytest.raises(ValueError, match=r"^samples: the sparse matrix is broken"):
        read_input(x, "samples")


def test_broken_coordinates_are_refused():
    x = coo_array(np.eye(4, 5))
    read_input(x, "samples")
    x.coords[1][0] = 77
    with pytest.raises(ValueError, match="broken"):
        read_input(x, "samples")


@pytest.mark.parametrize(
    "samples",
    [
        np.array([["1", "2"]]),
        np.array([["2020-01-01"]], "M8[D]"),
        pd.DataFrame({"a": [1.0], "b": pd.to_datetime(["2020-01-01"])}),
    ],
    ids=["text", "dates", "a column of dates"],
)
def test_text_and_dates_are_no_samples(samples):
    with pytest.raises(ValueError, match="real numbers are needed"):
        read_input(samples, "samples")
