"""Versions, processor and code state: what a run was made with."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

_LIBRARIES = ("numpy", "numba", "llvmlite", "scikit-learn", "pandas", "snakemake")


def describe_machine() -> dict[str, Any]:
    """Versions, processor and code state, for the run's JSON."""
    return {
        "lsh_dl": version("lsh-dl"),
        "python": sys.version.split()[0],
        **versions_of(_LIBRARIES),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "git_commit": _git_commit(),
    }


def versions_of(distributions: Iterable[str]) -> dict[str, str]:
    """The installed version of each."""
    return {name: version(name) for name in distributions}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _git_commit() -> str | None:
    """The commit of the package's checkout, with `+changes` where it has uncommitted ones."""
    folder = Path(__file__).parents[2]
    if not (folder / ".git").exists():
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty=+changes"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
