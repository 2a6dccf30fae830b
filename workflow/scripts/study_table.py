"""Adapter: Snakemake's inputs and outputs to `lsh_dl.results.tables`."""

from functools import partial
from pathlib import Path

from lsh_dl.common.pipeline import job
from lsh_dl.experiment.config import check_config, known_tables
from lsh_dl.results.tables import write_table

with job(snakemake.log[0]):  # noqa: F821 (Snakemake defines it)
    table = snakemake.wildcards.table  # noqa: F821
    experiment = check_config(snakemake.config)  # noqa: F821
    write_table(
        partial(experiment.studies[known_tables()[table].name].tabulate, table),
        snakemake.input.runs,  # noqa: F821
        snakemake.input.measured,  # noqa: F821
        Path(snakemake.output[0]),  # noqa: F821
        experiment.reported_epoch,
        snakemake.params.skipped,  # noqa: F821
        snakemake.input.tables,  # noqa: F821
    )
