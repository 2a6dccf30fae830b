"""Adapter: Snakemake's inputs and outputs to `lsh_dl.experiment.measuring`."""

from pathlib import Path

from lsh_dl.common.pipeline import job
from lsh_dl.experiment.measuring import measure_to_file
from lsh_dl.runs.spec import Run

with job(snakemake.log[0]):  # noqa: F821 (Snakemake defines it)
    measure_to_file(
        snakemake.wildcards.study,  # noqa: F821
        Run.model_validate_json(snakemake.params.spec),  # noqa: F821
        Path(snakemake.params.data),  # noqa: F821
        Path(snakemake.output[0]),  # noqa: F821
    )
