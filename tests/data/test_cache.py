"""Prepared sets in the cache folder: contents decide, and a cache may be another user's."""

import os

import numpy as np
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.data.formats.xc_text import write_xc
from lsh_dl.data.prepared import cache
from lsh_dl.data.prepared.cache import prepare_once
from lsh_dl.data.prepared.store import open_prepared
from lsh_dl.data.synthetic.wide import draw_wide


def write_own(path, value):
    x = np.full((20, 4), value, np.uint8)
    y = np.arange(20) % 2
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)


def refuse(*_, **__):
    raise PermissionError(13, "Permission denied", "lock")


def test_contents_decide_whatever_the_time_and_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    entry, folders = {"source": "npz", "path": "~/own.npz"}, []
    for value in (1, 2, 1):
        write_own(tmp_path / "own.npz", value)
        os.utime(tmp_path / "own.npz", (10**9, 10**9))
        folders.append(prepare_once("own", entry, cache=tmp_path / "cache"))
        assert (open_prepared(folders[-1]).test.x == value).all()
    assert folders[0] == folders[2] != folders[1]


@pytest.mark.parametrize("place", ["mirror", "cache"])
def test_edited_text_of_ones_own_is_read_again(place, tmp_path):
    (tmp_path / place / "own").mkdir(parents=True)
    (tmp_path / "mirror").mkdir(exist_ok=True)
    places = {"mirror": tmp_path / "mirror", "cache": tmp_path / "cache"}
    folders = []
    for seed in (0, 1):
        for part, name in enumerate(("train.txt", "test.txt")):
            x, y = draw_wide(30, 9, 40, seed, part)
            write_xc(tmp_path / place / "own" / name, x, y)
        folders.append(prepare_once("own", {"source": "xc", "folder": "own"}, **places))
    assert folders[0] != folders[1]
    first, second = (open_prepared(folder).test.x.toarray() for folder in folders)
    assert not np.array_equal(first, second)


def test_another_mirror_has_other_files(tmp_path):
    folders = []
    for mirror in ("one", "two"):
        (tmp_path / mirror / "own").mkdir(parents=True)
        for part, name in enumerate(("train.txt", "test.txt")):
            x, y = draw_wide(30, 9, 40, len(folders), part)
            write_xc(tmp_path / mirror / "own" / name, x, y)
        places = {"mirror": tmp_path / mirror, "cache": tmp_path / "cache"}
        folders.append(prepare_once("own", {"source": "xc", "folder": "own"}, **places))
    assert folders[0] != folders[1]


def test_folder_of_a_set_that_leaves_the_cache_is_refused(tmp_path):
    entry = {"source": "xc", "folder": "../..", "train_file": "a", "test_file": "b"}
    with pytest.raises(UserError, match="would leave the cache folder"):
        prepare_once("own", entry, cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_may_only_be_read_is_used_or_the_remedy_named(tmp_path, monkeypatch):
    write_own(tmp_path / "own.npz", 1)
    entry = {"source": "npz", "path": str(tmp_path / "own.npz")}
    folder = prepare_once("own", entry, cache=tmp_path / "cache")
    monkeypatch.setattr(cache, "FileLock", refuse)
    assert prepare_once("own", entry, cache=tmp_path / "cache") == folder
    with pytest.raises(UserError, match="LSH_DL_CACHE") as error:
        prepare_once("own", entry, cache=tmp_path / "empty")
    assert "\n" not in str(error.value)


def test_a_cache_below_a_file_is_one_line(tmp_path):
    write_own(tmp_path / "own.npz", 1)
    entry = {"source": "npz", "path": str(tmp_path / "own.npz")}
    with pytest.raises(UserError, match="LSH_DL_CACHE"):
        prepare_once("own", entry, cache=tmp_path / "own.npz" / "cache")
