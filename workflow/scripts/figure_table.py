"""Adapter: Snakemake's inputs and outputs to `lsh_dl.tables`."""

import sys
from pathlib import Path

from lsh_dl.config import check_config
from lsh_dl.tables import write_figure_table

with open(snakemake.log[0], "w") as log:  # noqa: F821 (Snakemake defines it)
    sys.stdout = sys.stderr = log
    write_figure_table(
        snakemake.wildcards.figure,  # noqa: F821
        check_config(snakemake.config),  # noqa: F821
        snakemake.input.runs,  # noqa: F821
        Path(snakemake.output[0]),  # noqa: F821
        snakemake.input.simulations,  # noqa: F821
    )
