"""Adapter: Snakemake's inputs and outputs to `lsh_dl.results.tables`."""

import sys
from pathlib import Path

from lsh_dl.experiment.config import check_config
from lsh_dl.results.tables import write_figure_table

# Open until the end: an error is told after the last line. Snakemake defines `snakemake`.
sys.stdout = sys.stderr = open(snakemake.log[0], "w", encoding="utf-8")  # noqa: F821, SIM115
write_figure_table(
    snakemake.wildcards.figure,  # noqa: F821
    check_config(snakemake.config),  # noqa: F821
    snakemake.input.runs,  # noqa: F821
    Path(snakemake.output[0]),  # noqa: F821
    snakemake.input.simulations,  # noqa: F821
)
