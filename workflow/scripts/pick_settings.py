"""Adapter: Snakemake's inputs and outputs to `lsh_dl.runs.picks`."""

from pathlib import Path

from lsh_dl.common.pipeline import job
from lsh_dl.runs.picks import write_pick

with job(snakemake.log[0]):  # noqa: F821 (Snakemake defines it)
    write_pick(
        snakemake.input.trials,  # noqa: F821
        Path(snakemake.output[0]),  # noqa: F821
        **snakemake.params.budget,  # noqa: F821
    )
