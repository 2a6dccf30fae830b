"""Adapter: Snakemake's inputs and outputs to `lsh_dl.results.provenance`."""

import json
import sys
from pathlib import Path

from lsh_dl.results.provenance import write_provenance

# Open until the end: an error is told after the last line. Snakemake defines `snakemake`.
sys.stdout = sys.stderr = open(snakemake.log[0], "w", encoding="utf-8")  # noqa: F821, SIM115
write_provenance(
    json.loads(snakemake.params.experiment),  # noqa: F821
    snakemake.input.runs,  # noqa: F821
    *map(Path, snakemake.output),  # noqa: F821
)
