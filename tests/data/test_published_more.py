"""Fashion-MNIST, KMNIST, EMNIST Letters and CIFAR-10, from a mirror with small files."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest
from published import idx_bytes, without_checksums

from lsh_dl.common.errors import UserError
from lsh_dl.data import cifar10, emnist_letters
from lsh_dl.data.fashion_mnist import FashionMnist
from lsh_dl.data.kmnist import Kmnist
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared

RNG = np.random.default_rng(0)


def prepared(name, mirror, tmp_path, **entry):
    entry = {"source": name, "validation": 0, "train": 8, "test": 4} | entry
    folder = prepare("set", entry, tmp_path / "prepared", mirror, tmp_path / "cache")
    return open_prepared(folder)


@pytest.mark.parametrize("cls", [FashionMnist, Kmnist])
def test_sets_in_mnists_form(tmp_path, monkeypatch, cls):
    without_checksums(monkeypatch, cls, "train_files", "test_files")
    name = cls.name
    mirror = tmp_path / "mirror"
    (mirror / name).mkdir(parents=True)
    kept = {}
    for part, count in (("train", 10), ("t10k", 5)):
        x = RNG.integers(256, size=(count, 28, 28), dtype=np.uint8)
        y = np.arange(count, dtype=np.uint8) % 10
        kept[part] = x, y
        for kind, array in (("images-idx3", x), ("labels-idx1", y)):
            path = mirror / name / f"{part}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(idx_bytes(array)))
    data = prepared(name, mirror, tmp_path)
    for part, samples, count in (("train", data.train, 8), ("t10k", data.test, 4)):
        x, y = samples.take(np.arange(count))
        np.testing.assert_array_equal(x, kept[part][0][:count].reshape(count, 784))
        np.testing.assert_array_equal(y, kept[part][1][:count])
    assert (data.kind, data.classes, data.image_shape) == ("real", 10, (28, 28))


def write_emnist(path, first=1):
    """EMNIST's zip with images whose first row is white, as they are published: transposed."""
    path.parent.mkdir(parents=True)
    upright = np.zeros((26, 28, 28), np.uint8)
    upright[:, 0] = 255
    labels = np.arange(first, first + 26, dtype=np.uint8)
    with zipfile.ZipFile(path, "w") as archive:
        for part in ("train", "test"):
            stem = f"gzip/emnist-letters-{part}"
            images = gzip.compress(idx_bytes(upright.swapaxes(1, 2)))
            archive.writestr(f"{stem}-images-idx3-ubyte.gz", images)
            archive.writestr(f"{stem}-labels-idx1-ubyte.gz", gzip.compress(idx_bytes(labels)))


def test_emnist_letters_stand_upright_and_count_from_0(tmp_path, monkeypatch):
    without_checksums(monkeypatch, emnist_letters, "FILE")
    mirror = tmp_path / "mirror"
    write_emnist(mirror / "emnist_letters" / "gzip.zip")
    data = prepared("emnist_letters", mirror, tmp_path, train=26)
    x, y = data.train.take(np.arange(26))
    assert y.tolist() == list(range(26))
    assert (x.reshape(26, 28, 28)[:, 0] == 255).all()
    assert not x.reshape(26, 28, 28)[:, 1:].any()
    assert len(data.test) == 4


def test_emnist_with_other_labels_is_refused(tmp_path, monkeypatch):
    without_checksums(monkeypatch, emnist_letters, "FILE")
    write_emnist(tmp_path / "mirror" / "emnist_letters" / "gzip.zip", first=0)
    with pytest.raises(UserError, match=r"label 0, those here are 1 \.\.\. 26"):
        prepared("emnist_letters", tmp_path / "mirror", tmp_path)


def write_cifar(path, rows, names):
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, part in zip(names, rows, strict=True):
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = part.nbytes
            archive.addfile(info, io.BytesIO(part.tobytes()))


@pytest.fixture
def rows():
    """Rows of the six files, two images each."""
    made = RNG.integers(256, size=(6, 2, 3073), dtype=np.uint8)
    made[:, :, 0] = np.arange(12).reshape(6, 2) % 10
    return made


NAMES = ["test_batch.bin", *(f"data_batch_{n}.bin" for n in range(1, 6))]  # in any order


def test_cifar10(tmp_path, monkeypatch, rows):
    without_checksums(monkeypatch, cifar10, "FILE")
    mirror = tmp_path / "mirror"
    write_cifar(mirror / "cifar10" / "cifar-10-binary.tar.gz", rows, NAMES)
    data = prepared("cifar10", mirror, tmp_path, test=2)
    x, y = data.train.take(np.arange(8))
    np.testing.assert_array_equal(x, rows[1:].reshape(10, 3073)[:8, 1:])
    np.testing.assert_array_equal(y, rows[1:].reshape(10, 3073)[:8, 0])
    np.testing.assert_array_equal(data.test.take(np.arange(2))[0], rows[0][:, 1:])
    assert data.image_shape == (3, 32, 32)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda rows: rows.__setitem__((3, 1, 0), 10), "label 10"),
        (lambda rows: None, "no data_batch_5.bin in the tar"),
    ],
)
def test_cifar10_damaged(tmp_path, monkeypatch, rows, damage, reason):
    without_checksums(monkeypatch, cifar10, "FILE")
    damage(rows)
    names = [*NAMES[:5], "other.bin"] if reason.startswith("no ") else NAMES
    path = tmp_path / "mirror" / "cifar10" / "cifar-10-binary.tar.gz"
    write_cifar(path, rows, names)
    with pytest.raises(UserError, match=reason):
        prepared("cifar10", tmp_path / "mirror", tmp_path)
    path.write_bytes(path.read_bytes()[:-3000])
    (tmp_path / "cache" / "checksums.json").unlink()
    with pytest.raises(UserError, match="damaged"):
        prepared("cifar10", tmp_path / "mirror", tmp_path)
