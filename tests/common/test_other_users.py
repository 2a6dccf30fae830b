"""Two users of one machine: what one owns the other may read, or is refused in one line.

A child of this process becomes the other user; modules are loaded before, since the interpreter
itself may lie where that user cannot read.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from lsh_dl.common.errors import UserError
from lsh_dl.common.files import is_readable, require_place, require_writable_file, whole_file
from lsh_dl.data.prepared.cache import prepare_once
from lsh_dl.data.prepared.prepare import prepare
from lsh_dl.data.prepared.store import open_prepared

OTHER = 65534  # "nobody" on every system; its files are removed at the end

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork") or os.geteuid() != 0, reason="only root can become another user"
)


def as_other(work) -> str:
    """What `work` returned, or the message of its UserError, in a process of another user."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(OTHER)
            os.setuid(OTHER)
            said = str(work())
        except UserError as error:
            said = f"refused: {error}"
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode()[:4000])
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


@pytest.fixture
def place():
    """A folder that all may enter and that root alone may write; pytest's own is root's."""
    folder = Path(tempfile.mkdtemp(dir="/tmp" if sys.platform != "win32" else None))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def entry(place):
    """Arrays of one's own, as an entry of a config."""
    x, y = np.arange(60.0).reshape(20, 3), np.arange(20) % 2
    np.savez(place / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    return {"source": "npz", "path": str(place / "own.npz")}


def test_a_cache_of_another_user_is_read_without_its_lock(place, entry):
    cache = place / "cache"
    folder = prepare_once("own", entry, cache=cache)
    for path in (*cache.rglob("*.lock"), *cache.rglob("*.npy"), cache):
        path.chmod(0o644 if path.is_file() else 0o755)

    def use():
        return len(open_prepared(prepare_once("own", entry, cache=cache)).train)

    assert as_other(use) == str(len(open_prepared(folder).train))
    refused = as_other(lambda: prepare_once("own", entry | {"title": "x"}, cache=cache))
    assert refused.startswith(f"refused: {cache}")
    assert "LSH_DL_CACHE" in refused


def test_what_another_user_closed_is_one_line(place, entry):
    prepared = prepare("own", entry, place / "prepared")
    (place / "closed" / "in").mkdir(parents=True)
    (place / "closed" / "in" / "own.npz").touch()
    (place / "closed").chmod(0o700)
    (prepared / "x_train.npy").chmod(0o600)
    inside = place / "closed" / "in"
    for work in (
        lambda: require_place(inside),
        lambda: require_writable_file(inside / "x.csv"),
        lambda: whole_file(inside / "x.csv").__enter__(),
        lambda: whole_file(place / "x.csv").__enter__(),
        lambda: prepare("own", entry, inside / "prepared"),
        lambda: prepare("own", entry, prepared),
        lambda: prepare("own", entry | {"path": str(inside / "own.npz")}, place / "p"),
        lambda: open_prepared(prepared),
        lambda: open_prepared(inside),
    ):
        said = as_other(work)
        assert said.startswith("refused: "), said
        assert "\n" not in said
        assert "ermi" in said  # "Permission denied", "not permitted"
    assert as_other(lambda: is_readable(inside / "own.npz")) == "False"
    assert as_other(lambda: is_readable(place / "own.npz")) == "True"
