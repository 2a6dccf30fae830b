"""Adapter: Snakemake's inputs and outputs to `lsh_dl.experiment.measuring`."""

import sys
from pathlib import Path

from lsh_dl.common.pipeline import end_with_pipeline
from lsh_dl.experiment.measuring import measure_to_file
from lsh_dl.runs.spec import Run

end_with_pipeline()
# Open until the end: an error is told after the last line. Snakemake defines `snakemake`.
sys.stdout = sys.stderr = open(snakemake.log[0], "w", encoding="utf-8")  # noqa: F821, SIM115
measure_to_file(
    snakemake.wildcards.study,  # noqa: F821
    Run.model_validate_json(snakemake.params.spec),  # noqa: F821
    Path(snakemake.params.data),  # noqa: F821
    Path(snakemake.output[0]),  # noqa: F821
)
