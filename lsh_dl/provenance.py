"""What results were made with: the experiment as it was checked, and the machines that ran it."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml

from lsh_dl.config import Experiment
from lsh_dl.files import written_whole

#: Keys of a config that say where files are, which is no part of the results.
PLACES = ("results", "mirror", "cache")


def describe_experiment(experiment: Experiment) -> str:
    """The experiment as YAML, defaults filled in, without the places of files."""
    described = experiment.model_dump(mode="json", exclude=set(PLACES), exclude_none=True)
    return yaml.safe_dump(described, sort_keys=False, allow_unicode=True)


def write_text(text: str, path: Path) -> None:
    """Write a text file."""
    with written_whole(path) as file:
        file.write(text)


def write_machines(record_files: Sequence[Path | str], path: Path) -> None:
    """Write what the runs' JSONs say of machine, versions and commit: a row for each difference.

    Column `runs` counts the runs that are alike.
    """
    machines = pd.DataFrame(
        [json.loads(Path(file).read_text())["machine"] for file in record_files]
    )
    columns = list(machines.columns)
    table = machines.groupby(columns, sort=False, dropna=False).size().reset_index(name="runs")
    with written_whole(path) as file:
        table.to_csv(file, index=False, lineterminator="\n")
