"""Adapter: Snakemake's inputs and outputs to `lsh_dl.results.tables`."""

from pathlib import Path

from lsh_dl.common.pipeline import job
from lsh_dl.results.tables import write_runs

with job(snakemake.log[0]):  # noqa: F821 (Snakemake defines it)
    write_runs(
        snakemake.input.runs,  # noqa: F821
        Path(snakemake.output[0]),  # noqa: F821
        snakemake.params.epoch,  # noqa: F821
    )
