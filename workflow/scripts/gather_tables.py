"""Adapter: Snakemake's inputs and outputs to `lsh_dl.tables`."""

import sys
from pathlib import Path

from lsh_dl.tables import write_tables

with open(snakemake.log[0], "w") as log:  # noqa: F821 (Snakemake defines it)
    sys.stdout = sys.stderr = log
    write_tables(snakemake.input.runs, Path(snakemake.output.runs).parent)  # noqa: F821
