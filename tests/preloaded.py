"""`snakemake` in a process whose libraries are imported already: a plan takes half the time.

A server imports them once and forks a process for each call. The project's own package is not
among them, so that each call imports the copy that it is about.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["snakemake.cli", "snakemake.workflow", "numba", "jsonschema"])


def call_snakemake(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess:
    """Call it in `folder`, with the package that is there; what it prints is `stdout`, as text.

    For plans and for mistakes that end before any work; pipelines are run as users run them.
    """
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as printed:
        process = SERVER.Process(
            target=_become_snakemake,
            args=([*arguments], str(folder), dict(environment), printed.name),
        )
        process.start()
        process.join()
        return subprocess.CompletedProcess(arguments, process.exitcode, printed.read())


def _become_snakemake(
    arguments: list[str], folder: str, environment: dict[str, str], printed: str
) -> None:
    with open(printed, "w", encoding="utf-8") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = ["snakemake", *arguments]
    from snakemake.cli import main

    main(arguments)
