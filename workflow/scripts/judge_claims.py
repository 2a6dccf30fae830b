"""Adapter: Snakemake's inputs and outputs to `lsh_dl.claims`."""

import sys
from pathlib import Path

from lsh_dl.claims.table import write_claims

with open(snakemake.log[0], "w") as log:  # noqa: F821 (Snakemake defines it)
    sys.stdout = sys.stderr = log
    given = snakemake.input  # noqa: F821
    files = {Path(file).stem: file for file in given.runs}
    studies = snakemake.params.studies.items()  # noqa: F821
    write_claims(
        {study: [files[run] for run in runs] for study, runs in studies},
        {name: given[name] for name in ("machine", "scaling", "energy") if given[name]},
        *map(Path, snakemake.output),  # noqa: F821
    )
