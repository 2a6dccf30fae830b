"""Sets of the Extreme Classification Repository: zips in a mirror, slices, bounded memory."""

import json
import tracemalloc
import zipfile

import numpy as np
import pytest

from lsh_dl.common.discovery import discover
from lsh_dl.common.errors import UserError
from lsh_dl.data.base import DataSet
from lsh_dl.data.formats.xc_sets import PublishedXc
from lsh_dl.data.formats.xc_text import write_xc
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.data.synthetic.wide import draw_wide

SETS = {
    name: cls
    for name, cls in discover("lsh_dl.data", DataSet).items()
    if issubclass(cls, PublishedXc)
}


def write_texts(folder, parts, header=None):
    """Two texts, of which the first line may be another."""
    texts = []
    for number, (x, y) in enumerate(parts):
        write_xc(folder / f"{number}.txt", x, y)
        text = (folder / f"{number}.txt").read_text()
        texts.append(text if header is None else text.replace(text.split("\n")[0], header, 1))
    return texts


@pytest.fixture(scope="module")
def parts():
    return [draw_wide(count, 30, 80, seed=1, part=part) for part, count in enumerate((300, 100))]


def mirror_of(tmp_path, cls, texts, folder="Some/"):
    file, members = cls.file, [names[0] for names in cls.members]
    place = tmp_path / "mirror" / file.dataset
    place.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place / file.name, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in zip(members, texts, strict=True):
            archive.writestr(folder + name, text)
        archive.writestr(folder + "readme.txt", "as published")
    return {"mirror": tmp_path / "mirror", "cache": tmp_path / "cache"}


def test_the_four_sets_are_there():
    assert set(SETS) == {"eurlex4k", "delicious200k", "wikilshtc325k", "amazon670k"}
    # The repository's own A and B of propensities.
    assert SETS["amazon670k"].propensity == (0.6, 2.6)
    assert SETS["wikilshtc325k"].propensity == (0.5, 0.4)
    assert SETS["delicious200k"].propensity == SETS["eurlex4k"].propensity == (0.55, 1.5)


@pytest.mark.parametrize("name", sorted(SETS))
def test_a_zip_is_read_from_the_mirror_and_its_checksum_recorded(tmp_path, parts, name):
    places = mirror_of(tmp_path, SETS[name], write_texts(tmp_path, parts))
    entry = {"source": name, "validation": 0}
    data = open_prepared(prepare("set", entry, tmp_path / "data", **places))
    assert (data.kind, data.classes, data.propensity) == ("real", 30, SETS[name].propensity)
    for part, (x, y) in zip((data.train, data.test), parts, strict=True):
        np.testing.assert_allclose(part.x.toarray(), x.toarray(), rtol=1e-5)
        np.testing.assert_array_equal(part.y.toarray(), y.toarray())
    record = json.loads((tmp_path / "cache" / "checksums.json").read_text())
    assert list(record) == [f"{SETS[name].file.dataset}/{SETS[name].file.name}"]
    # Held to it from then on.
    mirror_of(tmp_path, SETS[name], write_texts(tmp_path, parts[::-1]))
    with pytest.raises(UserError, match="remove it, or its entry in"):
        prepare("set", entry, tmp_path / "data", **places)


def test_a_zip_without_its_texts_is_refused(tmp_path, parts):
    cls = SETS["eurlex4k"]
    places = mirror_of(tmp_path, cls, write_texts(tmp_path, parts), "")
    with zipfile.ZipFile(tmp_path / "mirror/eurlex4k/Eurlex.zip", "w") as archive:
        archive.writestr("test.txt", "1 1 1\n0 0:1\n")
    with pytest.raises(UserError, match=r"0 files called eurlex_train\.txt or train\.txt"):
        prepare("set", {"source": "eurlex4k"}, tmp_path / "data", **places)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("300 80 30\n", "", "line 1 is not `samples features labels`"),
        ("300 80 30\n", "301 80 30\n", "300 lines of samples, its first line says 301"),
        ("300 80 30\n", "300 80 1\n", r"line \d+ has a label that is no whole number, or out of"),
        ("300 80 30\n", "300 9 30\n", r"line \d+ has a feature out of range"),
        ("300 80 30\n", "300 81 30\n", "80 features and 30 labels, but 81 and 30 in"),
    ],
)
def test_a_wrong_text_is_named_with_its_line(tmp_path, parts, old, new, reason):
    train, test = write_texts(tmp_path, parts)
    places = mirror_of(tmp_path, SETS["eurlex4k"], (train.replace(old, new, 1), test))
    with pytest.raises(UserError, match=reason) as error:
        prepare("set", {"source": "eurlex4k"}, tmp_path / "data", **places)
    assert "Eurlex.zip: Some/eurlex_t" in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "data").exists()


def test_labels_are_counted_where_the_texts_do_not_say_how_many(tmp_path, parts):
    train, test = write_texts(tmp_path, parts)
    texts = train.replace("300 80 30", "300 80", 1), test.replace("100 80 30", "100 80", 1)
    places = mirror_of(tmp_path, SETS["eurlex4k"], texts)
    data = open_prepared(prepare("set", {"source": "eurlex4k"}, tmp_path / "data", **places))
    assert data.classes == 1 + max(y.indices.max() for _, y in parts)


def test_a_slice_has_samples_evenly_spaced_and_what_they_have(tmp_path, parts):
    places = mirror_of(tmp_path, SETS["eurlex4k"], write_texts(tmp_path, parts))
    entry = {"source": "eurlex4k", "validation": 0, "share": 0.1}
    data = open_prepared(prepare("set", entry, tmp_path / "data", **places))
    (x, y), (x_test, y_test) = parts
    features, labels = np.unique(x[::10].indices), np.unique(y[::10].indices)
    assert (len(data.train), len(data.test)) == (30, 10)
    assert data.classes == len(labels) < 30
    np.testing.assert_allclose(data.train.x.toarray(), x[::10][:, features].toarray(), rtol=1e-5)
    np.testing.assert_array_equal(data.train.y.toarray(), y[::10][:, labels].toarray())
    np.testing.assert_array_equal(data.test.y.toarray(), y_test[::10][:, labels].toarray())
    np.testing.assert_allclose(
        data.test.x.toarray(), x_test[::10][:, features].toarray(), rtol=1e-5
    )
    assert data.provenance.endswith("10 % of the samples")


def test_memory_does_not_grow_with_the_text(tmp_path, monkeypatch):
    # Pieces of text are smaller too, so that few samples are many pieces.
    monkeypatch.setattr("lsh_dl.data.formats.packed.CHUNK", 1 << 18)
    line = ("1,2,3 " + " ".join(f"{7 * i}:1.5" for i in range(60)) + "\n").encode()
    peaks = []
    for samples in (10, 20_000, 60_000):  # the first time kernels are loaded
        folder = tmp_path / f"mirror{samples}" / "mine"
        folder.mkdir(parents=True)
        for name in ("train.txt", "test.txt"):
            (folder / name).write_bytes(b"%d 500 10\n" % samples + line * samples)
        tracemalloc.start()
        entry = {"source": "xc", "folder": "mine", "validation": 0}
        prepare("mine", entry, tmp_path / f"data{samples}", folder.parent, tmp_path / "cache")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    stored = 2 * 40_000 * 60 * 8  # bytes of features that the longer texts have more
    assert peaks[2] - peaks[1] < stored / 4
