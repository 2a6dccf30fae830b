"""Adapter: Snakemake's inputs and outputs to `lsh_dl.results.claims`."""

from pathlib import Path

from lsh_dl.common.pipeline import job
from lsh_dl.results.claims.table import write_claims

with job(snakemake.log[0]):  # noqa: F821 (Snakemake defines it)
    given = snakemake.input  # noqa: F821
    write_claims(
        given.runs,
        snakemake.params.studies,  # noqa: F821
        {name: given[name] for name in ("machine", "scaling_width", "energy") if given[name]},
        *map(Path, snakemake.output),  # noqa: F821
    )
