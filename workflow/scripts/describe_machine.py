"""Adapter: Snakemake's inputs and outputs to `lsh_dl.provenance`."""

import sys
from pathlib import Path

from lsh_dl.provenance import write_machines

with open(snakemake.log[0], "w") as log:  # noqa: F821 (Snakemake defines it)
    sys.stdout = sys.stderr = log
    write_machines(snakemake.input.runs, Path(snakemake.output[0]))  # noqa: F821
