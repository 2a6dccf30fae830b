"""Adapter: Snakemake's inputs and outputs to `lsh_dl.provenance`."""

import sys
from pathlib import Path

from lsh_dl.provenance import write_provenance

with open(snakemake.log[0], "w") as log:  # noqa: F821 (Snakemake defines it)
    sys.stdout = sys.stderr = log
    write_provenance(
        snakemake.params.experiment,  # noqa: F821
        snakemake.input.runs,  # noqa: F821
        *map(Path, snakemake.output),  # noqa: F821
    )
