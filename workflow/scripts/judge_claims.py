"""Adapter: Snakemake's inputs and outputs to `lsh_dl.results.claims`."""

import sys
from pathlib import Path

from lsh_dl.results.claims.table import write_claims

# Open until the end: an error is told after the last line. Snakemake defines `snakemake`.
sys.stdout = sys.stderr = open(snakemake.log[0], "w", encoding="utf-8")  # noqa: F821, SIM115
given = snakemake.input  # noqa: F821
write_claims(
    given.runs,
    snakemake.params.studies,  # noqa: F821
    {name: given[name] for name in ("machine", "scaling_width", "energy") if given[name]},
    *map(Path, snakemake.output),  # noqa: F821
)
