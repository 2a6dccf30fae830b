"""What is read of a prepared folder is checked: kinds, shapes, ranges, order, and who opens it."""

import json

import numpy as np
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.data.prepared.checks import checksum
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.data.synthetic.deform import DeformedDigits


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """A prepared folder of 30 training, 10 validation and 9 test samples of 12 pixels."""
    folder, rng = tmp_path_factory.mktemp("dense"), np.random.default_rng(0)
    x = {f"x_{part}": rng.random((n, 3, 4)) for part, n in (("train", 40), ("test", 9))}
    np.savez(folder / "own.npz", **x, y_train=np.arange(40) % 3, y_test=np.arange(9) % 3)
    entry = {"source": "npz", "path": str(folder / "own.npz"), "validation": 0.25}
    return prepare("own", entry, folder / "prepared")


@pytest.fixture(scope="module")
def sparse(tmp_path_factory):
    """A prepared folder of sparse samples with several labels."""
    entry = {"train": 30, "test": 9, "labels": 20, "features": 50}
    return prepare("wide_generated", entry, tmp_path_factory.mktemp("sparse") / "prepared")


def rewrite(folder, target, **changes):
    """A copy whose meta.json and arrays are changed, with checksums that fit."""
    target.mkdir()
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    meta = json.loads((target / "meta.json").read_text())
    for name, change in changes.items():
        if name in meta:
            meta[name] = change
            continue
        path = target / f"{name}.npy"
        np.save(path, change(np.load(path)) if callable(change) else change)
        meta["arrays"][path.name] = checksum(path)
    (target / "meta.json").write_text(json.dumps(meta))
    return target


def put(place, value):
    """A change of one number of an array."""

    def change(array):
        array[place] = value
        return array

    return change


def check_refusal(folder, *parts):
    """Opening ends with one line that names the folder and says what is wrong, and the remedy."""
    with pytest.raises(UserError) as caught:
        open_prepared(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder}: ")
    assert "\n" not in message
    assert len(message) < 500
    for part in (*parts, "prepare the data set again"):
        assert part in message


DENSE = {
    "label too large": ({"y_train": put(3, 10**9)}, "train: label 1000000000 is outside 0 ... 2"),
    "negative label": ({"y_test": put(0, -(2**31))}, "test: label -2147483648"),
    "labels of 64 bits": ({"y_test": np.zeros(9, np.int64)}, "y_test.npy: int64 (9,), not int32"),
    "one label too few": ({"y_train": np.zeros(39, np.int32)}, "39 labels"),
    "row too large": ({"rows_train": put(0, 10**12)}, "row 1000000000000 is outside 0 ... 39"),
    "negative row": ({"rows_validation": put(0, -1)}, "row -1"),
    "row of both parts": ({"rows_train": np.arange(30)}, "not 40 rows, each once"),
    "row twice": ({"rows_train": lambda rows: rows[[*range(29), 0]]}, "each once"),
    "rows of floats": ({"rows_train": np.arange(30.0)}, "not int64"),
    "infinite scale": ({"scale": put(0, np.inf)}, "scale.npy: some values are not finite"),
    "offset of no number": ({"offset": put(5, np.nan)}, "offset.npy: some values"),
    "offsets too few": ({"offset": np.zeros(11, np.float32)}, "11 offsets and 12 scales"),
    "no finite sample": ({"x_train": put((3, 3), np.nan)}, "x_train.npy: some values"),
    "doubles": ({"x_test": np.zeros((9, 12))}, "x_test.npy: float64 (9, 12)"),
    "other byte order": ({"x_test": np.zeros((9, 12), ">f4")}, "x_test.npy: >f4"),
    "Fortran order": ({"x_test": np.zeros((9, 12), np.float32, "F")}, "Fortran"),
    "images": ({"x_test": np.zeros((9, 3, 4), np.float32)}, "of 2 dimension(s)"),
    "features too few": ({"x_test": np.zeros((9, 11), np.float32)}, "test has 11 features"),
    "pickle": ({"y_test": np.array([None] * 9, object)}, "y_test.npy: Python objects"),
    "other counts": ({"counts": {"train": 31, "validation": 10, "test": 9}}, "train holds 40"),
    "huge counts": ({"counts": {"train": 10**30, "validation": 0, "test": 9}}, "counts.train"),
    "no class": ({"classes": 0}, "meta.json: classes"),
    "a name too few": ({"class_names": ["a", "b"]}, "2 names of 3 classes"),
    "a name twice": ({"class_names": ["a", "b", "a"]}, "2 names of 3 classes"),
    "a name of lists": ({"class_names": [[1], 2, 3]}, "meta.json: class_names"),
    "images of another shape": ({"image_shape": [4, 4]}, "images of shape [4, 4]"),
    "images of 1e15": ({"image_shape": [10**15, 1]}, "image_shape"),
    "a stream that is none": ({"streams": {"train": ["a"]}}, "stream_train_a.npy is missing"),
    "a stream out of the folder": ({"streams": {"train": ["../x"]}}, "streams.train"),
    "an opener": ({"streams": {"train": {"opener": "os:system"}}}, "streams.train"),
    "a module as name": ({"name": "os", "streams": {"train": ["a"]}}, "unknown name 'os'"),
    "a list as name": ({"name": ["npz"]}, "meta.json: name"),
}


@pytest.mark.parametrize(("changes", "reason"), DENSE.values(), ids=DENSE)
def test_damaged_dense_folder_is_one_line(changes, reason, dense, tmp_path):
    check_refusal(rewrite(dense, tmp_path / "bad", **changes), reason)


SPARSE = {
    "column too large": ({"x_train_indices": put(3, 10**8)}, "column 100000000 is outside"),
    "negative column": ({"x_test_indices": put(0, -5)}, "column -5"),
    "columns that fall": ({"x_train_indices": lambda ids: ids[::-1].copy()}, "rising order"),
    "label too large": ({"y_train_indices": put(0, 20)}, "column 20 is outside 0 ... 19"),
    "rows beyond the end": ({"x_train_indptr": put(-1, 10**9)}, "1000000000 entries"),
    "rows that fall": ({"x_train_indptr": put(4, 0)}, "rows one after the other"),
    "rows that do not start": ({"x_train_indptr": put(0, 1)}, "rows one after the other"),
    "one row too few": ({"x_train_indptr": lambda ends: ends[:-1]}, "not 30 rows"),
    "a huge shape": ({"x_train_shape": np.array([30, 10**15])}, "not two sizes"),
    "other labels": ({"y_test_shape": np.array([9, 21])}, "labels of shape (9, 21)"),
    "infinite entry": ({"x_train_data": put(0, np.inf)}, "x_train_data.npy: some values"),
}


@pytest.mark.parametrize(("changes", "reason"), SPARSE.values(), ids=SPARSE)
def test_damaged_sparse_folder_is_one_line(changes, reason, sparse, tmp_path):
    check_refusal(rewrite(sparse, tmp_path / "bad", **changes), reason)


def test_a_copy_is_right(dense, sparse, tmp_path):
    """So the tests above change no more than they say."""
    assert len(open_prepared(rewrite(dense, tmp_path / "dense")).validation) == 10
    assert len(open_prepared(rewrite(sparse, tmp_path / "sparse")).test) == 9


def test_arrays_that_change_places_are_found(dense, tmp_path):
    folder = rewrite(dense, tmp_path / "swapped")
    (folder / "offset.npy").rename(folder / "spare")
    (folder / "scale.npy").rename(folder / "offset.npy")
    (folder / "spare").rename(folder / "scale.npy")
    check_refusal(folder, "offset.npy: changed since it was written")


def test_a_head_that_promises_too_much_is_not_believed(dense, tmp_path):
    folder = rewrite(dense, tmp_path / "huge")
    raw = (folder / "y_test.npy").read_bytes()
    (folder / "y_test.npy").write_bytes(raw.replace(b"(9,), }      ", b"(10**15,), } "))
    check_refusal(folder, "y_test.npy: not a NumPy array")
    (folder / "y_test.npy").write_bytes(raw.replace(b"(9,), }           ", b"(999999999999,), }"))
    check_refusal(folder, "y_test.npy: int32 (999999999999,) is declared")


def test_no_code_of_the_folder_runs(dense, tmp_path):
    """Version 1 let meta.json name a function to call."""
    folder = rewrite(dense, tmp_path / "old")
    meta = json.loads((folder / "meta.json").read_text())
    opener = {"opener": "os:system", "arrays": [], "settings": {"command": f"touch {tmp_path}/x"}}
    for version in (1, 2):
        (folder / "meta.json").write_text(
            json.dumps(meta | {"format": version, "streams": {"train": opener}})
        )
        check_refusal(folder)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"images": np.zeros((5, 783), np.uint8)},
        {"images": np.zeros((5, 784), np.float32)},
        {"images": np.zeros((0, 784), np.uint8), "labels": np.zeros(0, np.uint8)},
        {"labels": np.full(5, 10, np.uint8)},
        {"labels": np.zeros(4, np.uint8)},
        {"fields": np.zeros((0, 28, 28), np.float32)},
        {"fields": np.zeros((3, 28, 27), np.float32)},
    ],
)
def test_streams_check_what_they_are_made_of(change):
    arrays = {
        "images": np.zeros((5, 784), np.uint8),
        "labels": np.zeros(5, np.uint8),
        "fields": np.zeros((3, 28, 28), np.float32),
    }
    assert len(DeformedDigits(**arrays, count=9, strength=1, seed=0)) == 9
    with pytest.raises(ValueError, match=f"^{next(iter(change))}|labels"):
        DeformedDigits(**(arrays | change), count=9, strength=1, seed=0)
