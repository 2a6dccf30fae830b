import bz2
import gzip
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from published import amat_text, idx_bytes, libsvm_text, matrix_bytes, write_zip

from lsh_dl.common.errors import UserError
from lsh_dl.data.formats.amat import read_amat
from lsh_dl.data.formats.idx import read_idx
from lsh_dl.data.formats.libsvm import read_libsvm
from lsh_dl.data.formats.norb_matrix import read_matrix, shrink_pairs

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(256, size=(5, 4, 3), dtype=np.uint8)


def refused(read, path, *reasons):
    """`read` must raise one line that names the file and says why and what to do."""
    with pytest.raises(UserError) as error:
        read(path)
    message = str(error.value)
    assert "\n" not in message
    for part in (path.name, "remove it and fetch it again", *reasons):
        assert part in message


# IDX ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_whole(tmp_path, pack):
    path = tmp_path / "images"
    path.write_bytes(pack(idx_bytes(IMAGES)))
    np.testing.assert_array_equal(read_idx(path, 3), IMAGES)


# Without the time: it would get into the tests' names, which must be alike in all processes.
PACKED = gzip.compress(idx_bytes(IMAGES), mtime=0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "too short"),
        (idx_bytes(IMAGES)[:15], "too short"),
        (idx_bytes(IMAGES)[:-1], "59 bytes of data, its header says 60"),
        (idx_bytes(IMAGES) + b"x", "more than the 60 bytes"),
        (b"\0\0\x09\x03" + idx_bytes(IMAGES)[4:], "magic number 0x00000903"),
        (idx_bytes(IMAGES.reshape(5, 12)) + bytes(9), "magic number 0x00000802"),
        (PACKED[:-9], "damaged gzip"),
        (PACKED[:-8] + bytes(8), "damaged gzip"),
        (b"<html>404</html> and more of it", "magic number 0x3c68746d"),
    ],
)
def test_idx_damaged(tmp_path, content, reason):
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    refused(lambda p: read_idx(p, 3), path, reason)


# NORB's matrices ------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(6,), (3, 4), (2, 2, 3, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_matrix_whole(tmp_path, shape, dtype):
    matrix = RNG.integers(100, size=shape).astype(dtype)
    path = tmp_path / "x.mat.gz"
    path.write_bytes(gzip.compress(matrix_bytes(matrix)))
    read = read_matrix(path)
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, matrix)


MATRIX = matrix_bytes(np.arange(12, dtype=np.int32).reshape(3, 4))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (MATRIX[:7], "too short"),
        (MATRIX[:12], "not there in full"),
        (MATRIX[:-4], "44 bytes of data, its header says 48"),
        (MATRIX + b"\0", "more than the 48 bytes"),
        (MATRIX[3::-1] + MATRIX[4:], "magic number 0x544c3d1e"),
        (MATRIX[:8] + b"\xff\xff\xff\xff" + MATRIX[12:], "negative size"),
        (MATRIX[:4] + b"\xff\xff\xff\x7f" + MATRIX[8:], "not there in full"),
    ],
)
def test_matrix_damaged(tmp_path, content, reason):
    path = tmp_path / "x.mat.gz"
    path.write_bytes(gzip.compress(content))
    refused(read_matrix, path, reason)


def test_shrinking_averages_blocks_and_joins_the_pair():
    pairs = RNG.integers(256, size=(3, 2, 96, 96), dtype=np.uint8)
    rows = shrink_pairs(pairs, 32)
    assert rows.shape == (3, 2048)
    assert rows.dtype == np.uint8
    block = pairs[2, 1, 3 * 7 : 3 * 8, 3 * 30 : 3 * 31]
    assert rows[2, 1024 + 7 * 32 + 30] == round(float(block.mean()))
    np.testing.assert_array_equal(shrink_pairs(np.full((1, 2, 96, 96), 9, np.uint8), 32), 9)


# .amat ----------------------------------------------------------------------------------------

AMAT_X = np.round(RNG.random((4, 6)), 3).astype(np.float32)
AMAT_Y = np.array([0, 1, 1, 0])


def read_small_amat(path):
    return read_amat(path, ["other.amat", "train.amat"], 4, 6, 2)


@pytest.mark.parametrize("name", ["train.amat", "folder/other.amat"])
def test_amat_whole(tmp_path, name):
    path = tmp_path / "set.zip"
    write_zip(path, {"readme.txt": "hello", name: amat_text(AMAT_X, AMAT_Y)})
    x, y = read_small_amat(path)
    assert (x.dtype, y.dtype) == (np.float32, np.int32)
    np.testing.assert_allclose(x, AMAT_X, rtol=1e-6)
    np.testing.assert_array_equal(y, AMAT_Y)


def test_amat_reads_only_what_is_wanted(tmp_path):
    path = tmp_path / "set.zip"
    write_zip(path, {"train.amat": amat_text(AMAT_X, AMAT_Y) + "and then nonsense\n"})
    assert len(read_small_amat(path)[1]) == 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (amat_text(AMAT_X[:3], AMAT_Y[:3]), "3 samples, 4 are wanted"),
        (amat_text(AMAT_X, [0, 1, 2, 0]), "line 3 has the label 2"),
        (amat_text(AMAT_X, [0, 1, 0.5, 0]), "line 3 has the label 0.5"),
        (amat_text(AMAT_X[:, :5], AMAT_Y), "line 1 has 6 numbers, not 7"),
        (amat_text(AMAT_X, AMAT_Y)[:-20], "line 4 has"),
        (amat_text(AMAT_X, AMAT_Y).replace("e-01", "e-x1", 1), "could not convert"),
        (amat_text(AMAT_X, AMAT_Y).replace(f"{AMAT_X[0, 0]:.7e}", "nan", 1), "not finite"),
        ("", "0 samples"),
    ],
)
def test_amat_damaged(tmp_path, text, reason):
    path = tmp_path / "set.zip"
    write_zip(path, {"train.amat": text})
    refused(read_small_amat, path, reason)


def test_amat_zip_damaged(tmp_path):
    path = tmp_path / "set.zip"
    write_zip(path, {"train.txt": "1 2"})
    refused(read_small_amat, path, "no other.amat or train.amat in the zip")
    path.write_bytes(path.read_bytes()[:-30])
    refused(read_small_amat, path, "damaged zip")
    write_zip(path, {"train.amat": amat_text(AMAT_X, AMAT_Y)})
    with zipfile.ZipFile(path) as archive:
        inside = archive.getinfo("train.amat").header_offset + 60
    content = bytearray(path.read_bytes())
    content[inside : inside + 8] = bytes(8)
    path.write_bytes(content)
    refused(read_small_amat, path, "damaged zip")


# LIBSVM ---------------------------------------------------------------------------------------


def read_small_libsvm(path, rows=3, features=5):
    return read_libsvm(path, path.with_suffix(".npy"), rows, features, 10)


@settings(deadline=None)  # the first example compiles
@given(
    x=arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 12))),
    packed=st.booleans(),
    ends_with_newline=st.booleans(),
)
def test_libsvm_round_trip(tmp_path_factory, x, packed, ends_with_newline):
    path = tmp_path_factory.mktemp("svm") / "x.txt"
    y = np.arange(len(x)) % 10
    text = libsvm_text(x, y)
    text = text if ends_with_newline else text.rstrip(b"\n")
    path.write_bytes(bz2.compress(text) if packed else text)
    got_x, got_y = read_small_libsvm(path, *x.shape)
    np.testing.assert_array_equal(got_x, x)
    np.testing.assert_array_equal(got_y, y)
    assert isinstance(got_x, np.memmap)


def test_libsvm_pieces_do_not_matter(tmp_path, monkeypatch):
    x = RNG.integers(256, size=(50, 30), dtype=np.uint8)
    path = tmp_path / "x.bz2"
    path.write_bytes(bz2.compress(libsvm_text(x, np.zeros(50, int))))
    monkeypatch.setattr("lsh_dl.data.formats.packed.CHUNK", 37)
    np.testing.assert_array_equal(read_small_libsvm(path, 50, 30)[0], x)
    np.testing.assert_array_equal(read_small_libsvm(path, 20, 30)[0], x[:20])


GOOD = b"5 1:3 4:255\n0\n9 5:1\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD[:-7], "2 samples, 3 are wanted"),
        (GOOD.replace(b"9 ", b"10 "), "line 3 has a label out of range"),
        (GOOD.replace(b"9 ", b"-1 "), "line 3 has something that is no whole number"),
        (GOOD.replace(b"255", b"256"), "line 1 has a value outside 0 ... 255"),
        (GOOD.replace(b"255", b"0.5"), "line 1 has something that is no whole number"),
        (GOOD.replace(b"5:1", b"6:1"), "line 3 has an index"),
        (GOOD.replace(b"4:255", b"1:255"), "line 1 has an index"),
        (GOOD.replace(b"5:1", b"0:1"), "line 3 has an index"),
        (GOOD.replace(b"5:1", b"5 1"), "line 3 has a feature without a colon"),
        (GOOD.replace(b"5:1", b"5:"), "line 3 has something that is no whole number"),
        (GOOD.replace(b"0\n", b"\n"), "line 2 has something that is no whole number"),
        (b"<html>" + GOOD, "line 1 has"),
    ],
)
def test_libsvm_malformed(tmp_path, text, reason):
    path = tmp_path / "x.bz2"
    path.write_bytes(bz2.compress(text))
    refused(read_small_libsvm, path, reason)


@pytest.mark.parametrize("damage", [lambda b: b[:-8], lambda b: b[:40] + b"\0\0\0\0" + b[44:]])
def test_libsvm_damaged(tmp_path, damage):
    path = tmp_path / "x.bz2"
    path.write_bytes(damage(bz2.compress(GOOD * 500)))
    refused(lambda p: read_small_libsvm(p, 1500), path, "damaged bz2")
