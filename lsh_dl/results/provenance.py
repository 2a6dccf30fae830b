"""What results were made with: the experiment as it was checked, and the machines that ran it."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import yaml

from lsh_dl.common.discovery import find
from lsh_dl.common.files import write_csv, written_whole
from lsh_dl.data.base import DataSet
from lsh_dl.experiment.config import Experiment
from lsh_dl.results.html import describe_kind, draw_table, render_page

#: Keys of a config that say where files are, which is no part of the results.
PLACES = ("results", "mirror", "cache")


def describe_experiment(experiment: Experiment) -> str:
    """The experiment as YAML, defaults filled in, without the places of files."""
    described = experiment.model_dump(mode="json", exclude=set(PLACES), exclude_none=True)
    return yaml.safe_dump(described, sort_keys=False, allow_unicode=True)


def describe_data(experiment: Experiment, labels: Iterable[str]) -> str:
    """Titles of data sets with the kind of data: `MNIST (real), Convex (generated)`."""
    sources = (experiment.datasets[label].source or label for label in labels)
    sets = (find("lsh_dl.data", DataSet, source) for source in sources)
    return ", ".join(dict.fromkeys(describe_kind(data.title, data.kind) for data in sets))


def gather_machines(record_files: Sequence[Path | str]) -> pd.DataFrame:
    """What the runs' JSONs say of machine, versions and commit: a row for each difference.

    Column `runs` counts the runs that are alike.
    """
    machines = pd.DataFrame(
        [json.loads(Path(file).read_text(encoding="utf-8"))["machine"] for file in record_files]
    )
    columns = list(machines.columns)
    return machines.groupby(columns, sort=False, dropna=False).size().reset_index(name="runs")


def write_provenance(
    experiment: str, record_files: Sequence[Path | str], config: Path, machine: Path, page: Path
) -> None:
    """Write the experiment as YAML, the machines as CSV, and both as a page in HTML.

    Parameters
    ----------
    experiment: what `describe_experiment` returned.
    record_files: JSONs of the runs.
    """
    machines = gather_machines(record_files)
    with written_whole(config) as file:
        file.write(experiment)
    write_csv(machines, machine)
    # Sideways: there are many columns and, as a rule, one row.
    rows = [(name, *values) for name, values in zip(machines, machines.T.values, strict=True)]
    headings = ["", *(f"machine {number + 1}" for number in range(len(machines)))]
    lines = ["# Config and machine", "", "Machines and versions that the runs were made with:", ""]
    lines += draw_table(headings, rows)
    lines += ["", "The config, with the defaults of its sections filled in:", ""]
    lines += [f"    {line}" for line in experiment.splitlines()]  # which nothing in it can end
    with written_whole(page) as file:
        file.write(render_page("\n".join(lines) + "\n"))
