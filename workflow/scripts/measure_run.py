"""Adapter: Snakemake's inputs and outputs to the module of `lsh_dl` that measures a study."""

import importlib
import sys
from pathlib import Path

from lsh_dl.runs import Run

with open(snakemake.log[0], "w") as log:  # noqa: F821 (Snakemake defines it)
    sys.stdout = sys.stderr = log
    importlib.import_module(f"lsh_dl.{snakemake.wildcards.study}").measure_run(  # noqa: F821
        Run.model_validate_json(snakemake.params.spec),  # noqa: F821
        Path(snakemake.params.data),  # noqa: F821
        Path(snakemake.output[0]),  # noqa: F821
    )
