"""Adapter: Snakemake's inputs and outputs to `lsh_dl.training.job`."""

from pathlib import Path

from lsh_dl.common.pipeline import job
from lsh_dl.runs.picks import apply_pick, read_pick
from lsh_dl.runs.spec import Run
from lsh_dl.training.checkpoints import interval_of_jobs
from lsh_dl.training.job import run_to_files

with job(snakemake.log[0]):  # noqa: F821 (Snakemake defines it)
    run, pick = Run.model_validate_json(snakemake.params.spec), None  # noqa: F821
    if run.tuned:
        pick = read_pick(Path(snakemake.input.pick))  # noqa: F821
        run = apply_pick(run, pick)
    run_to_files(
        run,
        Path(snakemake.params.data),  # noqa: F821
        Path(snakemake.output.csv),  # noqa: F821
        Path(snakemake.output.json),  # noqa: F821
        interval=interval_of_jobs(),
        pick=pick,
    )
