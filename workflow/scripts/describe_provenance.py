"""Adapter: Snakemake's inputs and outputs to `lsh_dl.results.provenance`."""

import json
from pathlib import Path

from lsh_dl.common.pipeline import job
from lsh_dl.results.provenance import write_provenance

with job(snakemake.log[0]):  # noqa: F821 (Snakemake defines it)
    write_provenance(
        json.loads(snakemake.params.experiment),  # noqa: F821
        snakemake.input.runs,  # noqa: F821
        *map(Path, snakemake.output),  # noqa: F821
    )
