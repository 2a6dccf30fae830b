"""Adapter: Snakemake's inputs and outputs to `lsh_dl.tables`."""

import sys
from pathlib import Path

from lsh_dl.tables import write_runs

with open(snakemake.log[0], "w") as log:  # noqa: F821 (Snakemake defines it)
    sys.stdout = sys.stderr = log
    write_runs(snakemake.input.runs, Path(snakemake.output[0]))  # noqa: F821
