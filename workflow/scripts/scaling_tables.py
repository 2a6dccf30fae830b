"""Adapter: Snakemake's inputs and outputs to `lsh_dl.scaling_table`."""

import sys
from pathlib import Path

from lsh_dl.scaling_table import write_tables

with open(snakemake.log[0], "w") as log:  # noqa: F821 (Snakemake defines it)
    sys.stdout = sys.stderr = log
    write_tables(snakemake.input.rows, *map(Path, snakemake.output))  # noqa: F821
