"""Adapter: Snakemake's inputs and outputs to `lsh_dl.results.scaling`."""

import sys
from pathlib import Path

from lsh_dl.results.scaling import write_tables

# Open until the end: an error is told after the last line. Snakemake defines `snakemake`.
sys.stdout = sys.stderr = open(snakemake.log[0], "w", encoding="utf-8")  # noqa: F821, SIM115
write_tables(snakemake.input.rows, *map(Path, snakemake.output))  # noqa: F821
