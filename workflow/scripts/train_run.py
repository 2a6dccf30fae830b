"""Adapter: Snakemake's inputs and outputs to `lsh_dl.training.job`."""

from pathlib import Path

from lsh_dl.common.pipeline import job
from lsh_dl.runs.spec import Run
from lsh_dl.training.checkpoints import interval_of_jobs
from lsh_dl.training.job import run_to_files

with job(snakemake.log[0]):  # noqa: F821 (Snakemake defines it)
    run_to_files(
        Run.model_validate_json(snakemake.params.spec),  # noqa: F821
        Path(snakemake.params.data),  # noqa: F821
        Path(snakemake.output.csv),  # noqa: F821
        Path(snakemake.output.json),  # noqa: F821
        interval=interval_of_jobs(),
    )
