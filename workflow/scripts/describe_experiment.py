"""Adapter: Snakemake's parameters and outputs to `lsh_dl.provenance`."""

import sys
from pathlib import Path

from lsh_dl.provenance import write_text

with open(snakemake.log[0], "w") as log:  # noqa: F821 (Snakemake defines it)
    sys.stdout = sys.stderr = log
    write_text(snakemake.params.text, Path(snakemake.output[0]))  # noqa: F821
