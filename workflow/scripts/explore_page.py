"""Adapter: Snakemake's inputs and outputs to `lsh_dl.results.explore`."""

from pathlib import Path

from lsh_dl.common.pipeline import job
from lsh_dl.results.explore import write_page

with job(snakemake.log[0]):  # noqa: F821 (Snakemake defines it)
    write_page(
        Path(snakemake.input.table),  # noqa: F821
        snakemake.input.records,  # noqa: F821
        Path(snakemake.output[0]),  # noqa: F821
    )
