"""Where compiled kernels are kept: found by every copy of the code, verified, and ours only."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lsh_dl.common.code import PACKAGE

#: Runs a kernel of the package, one of a file outside of it, and a function cached by Numba.
SCRIPT = """
import numba
before = dict(vars(numba.config))
import numpy as np
from lsh_dl.engine import prng
from lsh_dl.engine.kernel_cache import compile_together
from own import foreign, twice
with compile_together():
    print(prng.uniform(np.uint64(1), 2), twice(2), foreign(2))
for kernel in (prng.uniform, twice):
    print("loaded" if kernel.stats.cache_hits else "compiled")
print(foreign.stats.cache_path)
assert dict(vars(numba.config)) == before
"""
OWN = """
import numba
from lsh_dl.engine.compiled import compiled

@compiled
def twice(number):
    return 2 * number if hash("linked with Python's secret") else 0

@numba.njit(cache=True)
def foreign(number):
    return 2 * number
"""


@pytest.fixture
def run(tmp_path):
    """Run SCRIPT in a folder with a copy of the package, by default a new one."""

    def call(folder: Path, fails: bool = False, **variables: str) -> tuple[list[str], str]:
        if not folder.exists():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PACKAGE, folder / "lsh_dl", ignore=ignored)
            (folder / "own.py").write_text(OWN)
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), **variables}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
        )
        assert bool(done.returncode) == fails, done.stderr
        return done.stdout.splitlines(), done.stderr

    return call


@pytest.fixture
def kernels(tmp_path):
    return tmp_path / "cache" / "lsh-dl" / "kernels"


def test_another_copy_of_the_same_code_loads_what_one_has_compiled(run, tmp_path, kernels):
    (numbers, *places, foreign), told = run(tmp_path / "one")
    assert places == ["compiled", "compiled"]
    assert Path(foreign).parent == tmp_path / "one"  # where Numba keeps it without us
    assert "compiling kernels" in told
    assert "kernels compiled: " in told
    assert kernels.stat().st_mode & 0o777 == 0o700
    assert run(tmp_path / "one") == ([numbers, "loaded", "loaded", foreign], "")
    (other, *places, _), _ = run(tmp_path / "other")
    assert (other, places) == (numbers, ["loaded", "loaded"])


@pytest.mark.parametrize("variables", [{}, {"NUMBA_CACHE_DIR": "chosen"}])
def test_only_what_changed_is_compiled_again(run, tmp_path, variables):
    first, _ = run(tmp_path / "one", **variables)
    prng = tmp_path / "one" / "lsh_dl" / "engine" / "prng.py"
    source = prng.read_text()
    prng.write_text(source + "\n# A comment.\n")
    (tmp_path / "one" / "lsh_dl" / "engine" / "topk.py").write_text("changed = True\n")
    assert run(tmp_path / "one", **variables)[0][1:3] == ["loaded", "loaded"]
    prng.write_text(source + "\nCHANGED = 1\n")
    again, _ = run(tmp_path / "one", **variables)
    assert again[:3] == [first[0], "compiled", "loaded"]


DAMAGES = {
    "empty": lambda contents: b"",
    "cut": lambda contents: contents[: len(contents) // 2],
    "random": lambda contents: os.urandom(500),
    "flipped": lambda contents: contents[:-200] + bytes([contents[-200] ^ 1]) + contents[-199:],
}


def test_damaged_files_are_compiled_again_and_replaced(run, tmp_path, kernels):
    first, _ = run(tmp_path / "one")
    for name, damage in DAMAGES.items():
        files = list(kernels.glob("*.kernel"))
        assert len(files) >= 2
        for file in files:
            file.write_bytes(damage(file.read_bytes()))
        again, told = run(tmp_path / "one")
        assert again[:3] == [first[0], "compiled", "compiled"], name
        assert "damaged; it is compiled again and replaced" in told, name
        assert run(tmp_path / "one") == ([first[0], "loaded", "loaded", first[3]], ""), name


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_can_write_is_refused(run, tmp_path, kernels, mode):
    kernels.mkdir(parents=True)
    kernels.chmod(mode)
    _, told = run(tmp_path / "one", fails=True)
    assert f"UserError: {kernels}: others can write here" in told
    assert "NUMBA_CACHE_DIR" in told


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives folders away")
def test_another_users_folder_is_refused(run, tmp_path, kernels):
    kernels.mkdir(parents=True)
    os.chown(kernels, 12345, -1)
    _, told = run(tmp_path / "one", fails=True)
    assert f"UserError: {kernels}: another user's folder" in told


def test_where_nothing_can_be_written_kernels_are_compiled_in_memory(run, tmp_path):
    (tmp_path / "cache").write_text("a file")
    (_, *places, _), told = run(tmp_path / "one")
    assert places == ["compiled", "compiled"]
    assert told.count("set NUMBA_CACHE_DIR to a folder that can be written") == 1
