"""The checked experiment, its runs, and what the rules ask about them."""

import os
import sys
from pathlib import Path

from lsh_dl.config import check_config
from lsh_dl.errors import UserError
from lsh_dl.runs import expand_runs
from lsh_dl.sources import source_files, sources_of_data, sources_of_rule


def load_experiment():
    """The experiment and its runs by id; a mistake in the config ends Snakemake with one line."""
    files = map(Path, workflow.config_settings.configfiles or ["configs/default.yaml"])
    here = Path.cwd()
    place = " + ".join(
        str(file.relative_to(here) if file.is_relative_to(here) else file)
        for file in files
    )
    try:
        experiment = check_config(config, place)
        return experiment, {run.id: run for run in expand_runs(experiment)}
    except UserError as error:
        sys.exit(f"error: {error}")


def entry_of(dataset):
    """What decides the prepared arrays: the data set's source and its own settings."""
    entry = EXPERIMENT.datasets[dataset]
    return {"source": entry.source or dataset} | entry.settings


EXPERIMENT, RUNS = load_experiment()
RESULTS = Path(EXPERIMENT.results)

# Where files come from is no part of the result: as parameters, these would rerun everything.
os.environ.update(
    {
        f"LSH_DL_{key.upper()}": value
        for key in ("mirror", "cache")
        if (value := getattr(EXPERIMENT, key))
    }
)


wildcard_constraints:
    dataset=r"[^/]+",
    run=r"[^/]+",
