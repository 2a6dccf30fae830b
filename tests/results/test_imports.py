"""Tables and claims are made of rows: they start without a kernel."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["tables", "claims.table", "compare", "explore"])
def test_no_kernel_is_loaded(module):
    code = f"import sys, lsh_dl.results.{module}; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "pandas" in loaded
    assert not loaded & {"numba", "llvmlite", "sklearn"}
