"""Broken and hostile files: the answer is right data or one line, in bounded memory and time."""

import bz2
import gzip
import io
import lzma
import os
import struct
import zipfile

import numpy as np
import pytest
from damages import damages, peak_memory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published import amat_text, idx_bytes, libsvm_text, matrix_bytes

from lsh_dl.common.errors import UserError
from lsh_dl.data.formats.amat import read_amat
from lsh_dl.data.formats.cifar import read_cifar
from lsh_dl.data.formats.idx import read_idx
from lsh_dl.data.formats.libsvm import read_libsvm
from lsh_dl.data.formats.libsvm_floats import read_libsvm_floats
from lsh_dl.data.formats.norb_matrix import read_matrix
from lsh_dl.data.formats.npz_arrays import read_npz
from lsh_dl.data.formats.text_table import read_text_table
from lsh_dl.data.formats.xc_text import read_xc

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(256, size=(5, 4, 3), dtype=np.uint8)
ROWS = RNG.integers(256, size=(6, 5), dtype=np.uint8)
LABELS = np.arange(6) % 3
MOST_MEMORY = 200 << 20


def zipped(text: str, method=zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("train.amat", text)
    return out.getvalue()


def npz(**arrays) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def read_zipped_amat(path):
    return read_amat(path, ["train.amat"], len(ROWS), ROWS.shape[1], 3)


CSV = "a,b,c,d,e,label\n" + "".join(
    ",".join(map(str, [*row, label])) + "\n" for row, label in zip(ROWS, LABELS, strict=True)
)
XC = b"3 5 4\n0,2 0:1.5 3:-2e-3\n 4:1\n1 2:7\n"
FORMATS = {
    "idx": ("a", idx_bytes(IMAGES), lambda path: read_idx(path, 3)),
    "norb": ("a", matrix_bytes(np.arange(12, dtype=np.int32).reshape(3, 4)), read_matrix),
    "amat": ("a.zip", zipped(amat_text(ROWS, LABELS)), read_zipped_amat),
    "own amat": ("a.amat", amat_text(ROWS, LABELS).encode(), read_text_table),
    "csv": ("a.csv", CSV.encode(), read_text_table),
    "libsvm": (
        "a",
        libsvm_text(ROWS, LABELS),
        lambda path: read_libsvm(path, path.with_name("x.npy"), 6, 5, 3),
    ),
    "own libsvm": ("a", libsvm_text(ROWS, LABELS), read_libsvm_floats),
    "xc": ("a", XC, read_xc),
    "npz": (
        "a.npz",
        npz(x=ROWS, y=LABELS),
        lambda path: [array.sum() for array in read_npz(path, ["x", "y"]).values()],
    ),
}
PACKERS = {"no": bytes, "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


def answer(read, path) -> bool:
    """Whether a file is read; what else than one line comes out is an error."""
    try:
        read(path)
    except UserError as error:
        message = str(error)
    else:
        return True
    assert "\n" not in message
    assert str(path) in message
    return False


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.filterwarnings("error")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), packer=st.sampled_from(sorted(PACKERS)), first=st.booleans())
def test_broken_files_are_read_or_one_line(tmp_path, name, data, packer, first):
    file, content, read = FORMATS[name]
    pack = PACKERS[packer]
    path = tmp_path / file
    if name in ("amat", "npz"):
        pack = bytes
    path.write_bytes(pack(content))
    assert answer(read, path)
    broken = data.draw(damages(content if first else pack(content)))
    path.write_bytes(pack(broken) if first else broken)
    answer(read, path)


def bounded(read, path):
    before = peak_memory()
    assert not answer(read, path)
    assert peak_memory() - before < MOST_MEMORY


READERS = {name: (file, read) for name, (file, _, read) in FORMATS.items() if "npz" not in name}


@pytest.fixture(scope="module")
def bombs():
    """A few kilobytes that unpack to 128 megabytes without a line's end."""
    block = bytes(16 << 20)
    made = {}
    for kind, packer in (("bz2", bz2.BZ2Compressor()), ("xz", lzma.LZMACompressor(preset=0))):
        parts = [packer.compress(block) for _ in range(8)]
        made[kind] = b"".join([*parts, packer.flush()])
    return made


@pytest.mark.parametrize("name", [name for name in READERS if name != "amat"])
@pytest.mark.parametrize("kind", ["bz2", "xz"])
def test_bombs_are_bounded(tmp_path, bombs, name, kind):
    file, read = READERS[name]
    path = tmp_path / file
    path.write_bytes(bombs[kind])
    bounded(read, path)


@pytest.mark.parametrize("name", ["own libsvm", "xc"])
def test_a_bomb_of_short_lines_is_bounded(tmp_path, name):
    file, read = READERS[name]
    path = tmp_path / file
    path.write_bytes(lzma.compress(b"1\n" * (5 << 20), preset=0))
    bounded(read, path)


@pytest.mark.parametrize("shape", [(2**31, 2**31, 2**31), (2**32 - 1,) * 3, (60_000, 28, 2**20)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_header_of_more_than_there_is(tmp_path, shape, pack):
    path = tmp_path / "a"
    path.write_bytes(pack(bytes([0, 0, 8, 3]) + struct.pack(">3I", *shape) + bytes(100)))
    bounded(lambda p: read_idx(p, 3), path)
    sizes = [min(size, 2**31 - 1) for size in shape]
    path.write_bytes(pack(struct.pack("<II3i", 0x1E3D4C53, 3, *sizes) + bytes(100)))
    bounded(read_matrix, path)


def test_more_than_a_small_header_says_is_not_read(tmp_path):
    path = tmp_path / "a"
    small = bytes([0, 0, 8, 3]) + struct.pack(">3I", 1, 28, 28)
    path.write_bytes(gzip.compress(small + bytes(100 << 20)))
    bounded(lambda p: read_idx(p, 3), path)


def test_an_amat_of_one_line(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped("1 " * (30 << 20)))
    bounded(read_zipped_amat, path)


def test_an_npz_of_zeros_without_end(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (10**15, 10)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(1000))
    bounded(lambda p: read_npz(p, ["x"]), path)


def change_zip(content: bytes, method: int | None = None, flags: int = 0) -> bytes:
    """A zip whose entries say that they are packed or locked in another way."""
    changed = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = 0
        while (at := changed.find(signature, at)) >= 0:
            changed[at + offset] |= flags
            if method is not None:
                changed[at + offset + 2] = method
            at += 4
    return bytes(changed)


@pytest.mark.parametrize(
    "change",
    [
        lambda b: change_zip(b, method=9),  # deflate64
        lambda b: change_zip(b, method=99),
        lambda b: change_zip(b, flags=1),  # a password
        lambda b: change_zip(b, method=14),  # LZMA that is none
        lambda b: change_zip(b, method=12),  # bz2 that is none
        lambda b: b[:60] + bytes(30) + b[90:],
        lambda b: b[: len(b) // 2],
        lambda b: b"",
        lambda b: b"PK\x05\x06" + bytes(18),
    ],
)
@pytest.mark.parametrize("name", ["amat", "npz"])
def test_zips_that_cannot_be_read_are_named(tmp_path, change, name):
    file, content, read = FORMATS[name]
    path = tmp_path / file
    path.write_bytes(change(content))
    if name == "npz" and path.read_bytes() == b"PK\x05\x06" + bytes(18):
        assert read(path) == []  # an empty zip has no arrays
    else:
        assert not answer(read, path)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_damage_in_other_packings_of_a_zip(tmp_path, method):
    content = zipped(amat_text(ROWS, LABELS), method)
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert answer(read_zipped_amat, path)
    path.write_bytes(content[:70] + bytes(40) + content[110:])
    assert not answer(read_zipped_amat, path)


def test_a_tar_that_is_none(tmp_path):
    path = tmp_path / "a.tar.gz"
    for content in (b"", b"x" * 2000, gzip.compress(b"x" * 2000), gzip.compress(bytes(2000))[:-9]):
        path.write_bytes(content)
        assert not answer(lambda p: read_cifar(p, ["a.bin"]), path)


def test_folders_and_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name in ("pipe.csv", "folder.csv", "none.csv"):
        for read in (read_text_table, read_libsvm_floats, lambda p: read_npz(p, ["x"])):
            assert not answer(read, tmp_path / name)
