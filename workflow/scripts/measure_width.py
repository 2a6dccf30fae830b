"""Adapter: Snakemake's inputs and outputs to `lsh_dl.scaling`."""

import sys
from pathlib import Path

from lsh_dl.runs import Run
from lsh_dl.scaling import measure_run

with open(snakemake.log[0], "w") as log:  # noqa: F821 (Snakemake defines it)
    sys.stdout = sys.stderr = log
    measure_run(
        Run.model_validate_json(snakemake.params.spec),  # noqa: F821
        Path(snakemake.params.data),  # noqa: F821
        Path(snakemake.output[0]),  # noqa: F821
    )
