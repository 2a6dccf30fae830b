"""The published sets, from small files in their exact formats."""

import numpy as np
import pytest
from published import (
    amat_text,
    idx_bytes,
    libsvm_text,
    matrix_bytes,
    without_checksums,
    write_bz2,
    write_gz,
    write_zip,
)

from lsh_dl.common.discovery import discover
from lsh_dl.common.errors import UserError
from lsh_dl.data import mnist8m, mnist8m_generated
from lsh_dl.data.base import DataSet
from lsh_dl.data.mnist import Mnist
from lsh_dl.data.prepared.prepare import prepare, resolve
from lsh_dl.data.prepared.store import open_prepared

RNG = np.random.default_rng(0)
SETS = discover("lsh_dl.data", DataSet)
#: Sets of a user's own files, which have to be named.
OWN = {"amat", "csv", "libsvm", "npz", "xc"}


def every(samples):
    return samples.take(np.arange(len(samples)))


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror with 30 training and 12 test digits that may pass for MNIST."""
    parts = {}
    for stem, count in (("train", 30), ("t10k", 12)):
        x = RNG.integers(256, size=(count, 28, 28), dtype=np.uint8) * (RNG.random((28, 28)) < 0.3)
        y = np.arange(count) % 10
        parts[stem] = x.astype(np.uint8).reshape(count, 784), y
        folder = tmp_path / "mirror" / "mnist"
        write_gz(folder / f"{stem}-images-idx3-ubyte.gz", idx_bytes(x))
        write_gz(folder / f"{stem}-labels-idx1-ubyte.gz", idx_bytes(y))
    without_checksums(monkeypatch, Mnist, "train_files", "test_files")
    without_checksums(monkeypatch, mnist8m, "TEST")
    without_checksums(monkeypatch, mnist8m_generated, "TRAIN", "TEST")
    return tmp_path / "mirror", parts


def prepared(tmp_path, mirror, label, **settings):
    entry = {"validation": 0, **settings}
    return open_prepared(
        prepare(label, entry, tmp_path / label, mirror=mirror, cache=tmp_path / "cache")
    )


def fails(tmp_path, mirror, label, *reasons, **settings):
    with pytest.raises(UserError) as error:
        prepared(tmp_path, mirror, label, **settings)
    message = str(error.value)
    assert "\n" not in message
    for reason in reasons:
        assert reason in message
    assert not (tmp_path / label).exists()


def test_mnist(tmp_path, mirror):
    folder, parts = mirror
    got = prepared(tmp_path, folder, "mnist", train=30, test=10)
    np.testing.assert_array_equal(every(got.train)[0], parts["train"][0])
    np.testing.assert_array_equal(every(got.test)[0], parts["t10k"][0][:10])
    np.testing.assert_array_equal(got.test.labels, parts["t10k"][1][:10])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("train-images-idx3-ubyte.gz", np.zeros((30, 27, 28)), "27 x 28"),
        ("train-labels-idx1-ubyte.gz", np.zeros(29), "29 labels for 30 images"),
        ("train-labels-idx1-ubyte.gz", np.full(30, 10), "label 10"),
        ("t10k-labels-idx1-ubyte.gz", np.zeros((12, 1)), "magic number"),
    ],
)
def test_mnist_damaged(tmp_path, mirror, name, content, reason):
    write_gz(mirror[0] / "mnist" / name, idx_bytes(content))
    fails(tmp_path, mirror[0], "mnist", name, reason, train=30)


def test_mnist_of_too_few_images(tmp_path, mirror):
    fails(tmp_path, mirror[0], "mnist", "30 images, 31 are wanted", train=31, test=10)


def test_real_mnist_is_told_from_other_bytes(tmp_path):
    write_gz(tmp_path / "mirror" / "mnist" / "train-images-idx3-ubyte.gz", b"something else")
    fails(tmp_path, tmp_path / "mirror", "mnist", "wrong length", "train-images-idx3-ubyte.gz")


def test_mnist8m(tmp_path, mirror):
    folder, parts = mirror
    x = RNG.integers(256, size=(50, 784), dtype=np.uint8) * (RNG.random((50, 784)) < 0.2)
    x = x.astype(np.uint8)
    y = np.arange(50) % 10
    write_bz2(folder / "mnist8m" / "mnist8m.bz2", libsvm_text(x, y))
    got = prepared(tmp_path, folder, "mnist8m", train=45, test=12)
    np.testing.assert_array_equal(every(got.train)[0], x[:45])
    np.testing.assert_array_equal(got.train.labels, y[:45])
    np.testing.assert_array_equal(every(got.test)[0], parts["t10k"][0])


def test_mnist8m_truncated(tmp_path, mirror):
    write_bz2(mirror[0] / "mnist8m" / "mnist8m.bz2", b"5 1:3\n")
    fails(
        tmp_path, mirror[0], "mnist8m", "mnist8m.bz2", "1 samples, 2 are wanted", train=2, test=12
    )


def norb_files(folder, count=12, side=96, label=None, instances=(4, 6, 7, 8, 9)):
    pairs = RNG.integers(256, size=(count, 2, side, side), dtype=np.uint8)
    kinds = np.arange(count, dtype=np.int32) % 5 if label is None else np.full(count, label, "i4")
    facts = np.zeros((count, 4), np.int32)
    facts[:, 0] = np.resize(instances, count)
    for stem in ("5x46789x9x18x6x2x2-training", "5x01235x9x18x6x2x2-testing"):
        for part, matrix in (("dat", pairs), ("cat", kinds), ("info", facts)):
            write_gz(folder / "norb" / f"smallnorb-{stem}-{part}.mat.gz", matrix_bytes(matrix))
    return pairs, kinds, facts


def test_norb(tmp_path):
    pairs, kinds, _ = norb_files(tmp_path / "mirror")
    got = prepared(tmp_path, tmp_path / "mirror", "norb", train=12, test=5)
    assert (got.features, got.classes, len(got.train), len(got.test)) == (2048, 5, 12, 5)
    means = pairs.reshape(12, 2, 32, 3, 32, 3).mean(axis=(3, 5)).reshape(12, 2048)
    for x, y in zip(*every(got.train), strict=True):
        match = np.abs(means - x).max(axis=1) <= 0.5001
        assert list(kinds[match]) == [y]


def test_norb_validation_keeps_whole_toys_out(tmp_path):
    norb_files(tmp_path / "mirror", count=40)
    got = prepared(tmp_path, tmp_path / "mirror", "norb", train=40, test=5, validation=0.1)
    assert len(got.validation) == 8  # one of five toys


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"side": 108}, "(n, 2, 96, 96)"),
        ({"label": 5}, "kinds are 0 ... 4"),
        ({"count": 8}, "8 pairs, 12 are wanted"),
    ],
)
def test_norb_damaged(tmp_path, change, reason):
    norb_files(tmp_path / "mirror", **change)
    fails(tmp_path, tmp_path / "mirror", "norb", "smallnorb", reason, train=12, test=5)


@pytest.mark.parametrize(
    ("label", "file", "train", "test"),
    [
        ("convex_real", "convex/convex.zip", "convex_train.amat", "50k/convex_test.amat"),
        ("convex_real", "convex/convex.zip", "convex_train.amat", "50k_test.amat"),
        (
            "rectangles_real",
            "rectangles/rectangles_images.zip",
            "rectangles_im_train.amat",
            "rectangles_im_test.amat",
        ),
    ],
)
def test_larochelle(tmp_path, label, file, train, test):
    x = np.round(RNG.random((7, 784)), 4).astype(np.float32)
    y = np.arange(7) % 2
    write_zip(tmp_path / "mirror" / file, {train: amat_text(x, y), test: amat_text(x[:5], y[:5])})
    got = prepared(tmp_path, tmp_path / "mirror", label, train=7, test=5)
    np.testing.assert_allclose(every(got.train)[0], x, rtol=1e-6)
    np.testing.assert_array_equal(got.train.labels, y)
    assert len(got.test) == 5


@pytest.mark.parametrize("name", sorted(SETS))
def test_every_set_says_what_it_is(name):
    cls = SETS[name]
    assert cls.__doc__
    assert cls.kind in ("real", "generated", "stand-in")
    assert cls.title
    if name not in OWN:
        assert cls.classes >= 2
        generated = cls.kind != "real"
        assert generated == any(
            word in cls.title for word in ("generated", "stand-in", "rendered")
        ), "figures must show what is not real"
        resolve(name, {})
    for key, field in cls.Settings.model_fields.items():
        assert field.description, f"{name}.{key} needs a description"
    if cls.alternative:
        assert SETS[cls.alternative].kind != "real"


@pytest.mark.parametrize("name", sorted(set(SETS) - OWN))
def test_files_are_those_that_build_asks_for(name, tmp_path):
    files = resolve(name, {}).files()
    assert len({(file.dataset, file.name) for file in files}) == len(files)
    for file in files:
        assert file.urls
        # Drives name files by ids.
        assert all(url.endswith(file.name) or "?id=" in url for url in file.urls)
    if not files:
        return
    asked = []

    class Refusing:
        workspace = tmp_path

        def fetch(self, file):
            asked.append(file)
            raise UserError("not now")

    with pytest.raises(UserError):
        resolve(name, {}).build(Refusing())
    assert set(asked) <= set(files)
