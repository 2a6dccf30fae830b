"""Where compiled kernels are kept: found by every copy of the sources, by none of other sources."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lsh_dl.engine.compiled import PACKAGE

#: Runs a kernel that calls another, and one of a file outside of the package.
SCRIPT = """
import numpy as np
from lsh_dl.engine import keys
from own import twice
print(keys.uniform(np.uint64(1), 2), twice(2))
for kernel in (keys.uniform, twice):
    print("loaded" if kernel.stats.cache_hits else "compiled")
"""
OWN = """
from lsh_dl.engine.compiled import compiled

@compiled
def twice(number):
    return 2 * number
"""


@pytest.fixture
def run(tmp_path):
    """Run SCRIPT in a folder with a copy of the package, by default a new one."""

    def call(folder: Path, **variables: str) -> list[str]:
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
            check=True,
        )
        return done.stdout.splitlines()

    return call


def test_another_copy_of_the_same_sources_loads_what_one_has_compiled(run, tmp_path):
    numbers, *places = run(tmp_path / "one")
    assert places == ["compiled", "compiled"]
    assert run(tmp_path / "one") == [numbers, "loaded", "loaded"]
    other, *places = run(tmp_path / "other")
    assert other == numbers
    assert places == ["loaded", "compiled"]  # own.py is found by its path, as Numba does


@pytest.mark.parametrize("variables", [{}, {"NUMBA_CACHE_DIR": "chosen"}])
def test_a_change_in_what_a_kernel_calls_compiles_it_again(run, tmp_path, variables):
    numbers, *_ = run(tmp_path / "one", **variables)
    keys = tmp_path / "one" / "lsh_dl" / "engine" / "keys.py"
    keys.write_text(keys.read_text() + "\n# Changed.\n")
    assert run(tmp_path / "one", **variables) == [numbers, "compiled", "compiled"]


def test_a_rule_in_plain_numpy_compiles_nothing_again(run, tmp_path):
    numbers, *_ = run(tmp_path / "one")
    (tmp_path / "one" / "lsh_dl" / "rules" / "plain.py").write_text("import numpy as np\n")
    assert run(tmp_path / "one") == [numbers, "loaded", "loaded"]
