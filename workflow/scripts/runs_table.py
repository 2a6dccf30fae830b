"""Adapter: Snakemake's inputs and outputs to `lsh_dl.results.tables`."""

import sys
from pathlib import Path

from lsh_dl.results.tables import write_runs

# Open until the end: an error is told after the last line. Snakemake defines `snakemake`.
sys.stdout = sys.stderr = open(snakemake.log[0], "w", encoding="utf-8")  # noqa: F821, SIM115
write_runs(snakemake.input.runs, Path(snakemake.output[0]))  # noqa: F821
