"""How long a config takes on this machine: `python -m benchmarks.budget configs/laptop.yaml`.

Every curve's every level is timed on a few hundred samples of its data set, past the first,
frequent refreshes of hash tables, and multiplied by samples, epochs and seeds; so are other
systems, those that run here. Runs of timed studies have the machine to themselves, all others
share it. What studies measure beside training is not in it. The estimate holds for a machine that
does nothing else; times are the processor's, but for several threads, so that other programs
disturb them less. A data set whose files are not at hand (mirror or cache) is timed on the set that
can take its place; nothing is downloaded.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._results import write_table
from lsh_dl.common.discovery import find
from lsh_dl.data.base import DataSet
from lsh_dl.data.prepared.fetch import CachedSources
from lsh_dl.data.prepared.prepare import prepare, resolve
from lsh_dl.data.prepared.store import Prepared, open_prepared
from lsh_dl.experiment.config import Experiment, read_config
from lsh_dl.experiment.expand import expand_runs, expand_studies, timed_runs
from lsh_dl.rules.base import Rule
from lsh_dl.runs.spec import Run, describe_widths
from lsh_dl.training.metrics import RANKS
from lsh_dl.training.run import create_model, inputs_of

CONFIG = "configs/laptop.yaml"
TIMED = 300
WARMED = 100
WARMED_TABLES = 1_500
"""Samples before timing, for rules that refresh something, more often at the start."""
START_SECONDS = 3.0
"""What a job takes beside its training."""
SAMPLE_SIZES = {"train": 2_000, "test": 300}


def main(config: str = CONFIG, cores: int = 2) -> None:
    """Measure, print hours by data set and rule, write results/benchmarks/budget.csv."""
    experiment = read_config(config)
    table = time_points(experiment)
    hours = table.pivot_table("hours", "label", "dataset", "sum", margins=True, margins_name="sum")
    print(f"{config}: hours of one core, {int(table['runs'].sum())} runs")
    print(hours.to_string(float_format="{:.2f}".format))
    alone = table.loc[table["alone"], "hours"].sum()
    shared = table["hours"].sum() - alone
    print(f"about {alone + shared / cores:.1f} hours on {cores} cores, {alone:.1f} of them timed")
    write_table(table, "budget")


def time_points(experiment: Experiment) -> pd.DataFrame:
    """A row for each data set, network, rule and level: microseconds per sample and hours."""
    rows, alone = [], timed_runs(experiment, expand_studies(experiment))
    for dataset, points in _points(experiment).items():
        with tempfile.TemporaryDirectory() as folder:
            data = _prepare_some(experiment, dataset, Path(folder) / "data")
            counts = _count_samples(experiment, dataset, data)
            for run, runs in points.values():
                training, prediction = time_run(run, data)
                evaluated = run.evaluations * counts["evaluated"]
                epoch = counts["train"] * training + evaluated * prediction
                seconds = runs * (START_SECONDS + run.training.epochs * epoch)
                rows.append(
                    {
                        "dataset": dataset,
                        "timed_on": data.name,
                        "label": run.label,
                        "hidden": describe_widths(run.hidden),
                        "active_fraction": run.active_fraction,
                        "training_microseconds": 1e6 * training,
                        "prediction_microseconds": 1e6 * prediction,
                        "epochs": run.training.epochs,
                        "runs": runs,
                        "alone": run.id in alone,
                        "hours": seconds / 3600,
                    }
                )
    return pd.DataFrame(rows)


def _points(experiment: Experiment) -> dict[str, dict[tuple, tuple[Run, int]]]:
    """By data set: one run of each point, and how many there are (seeds)."""
    points: dict[str, dict[tuple, tuple[Run, int]]] = {}
    for run in expand_runs(experiment):
        known = points.setdefault(run.dataset, {})
        key = run.label, run.hidden, run.active_fraction, run.threads, run.variant
        known[key] = (run, known[key][1] + 1 if key in known else 1)
    return points


def _count_samples(experiment: Experiment, dataset: str, data: Prepared) -> dict[str, int]:
    """Samples trained on and evaluated in an epoch; of sets without sizes, those of `data`."""
    settings = _resolve(experiment, dataset).settings
    if not SAMPLE_SIZES.keys() <= type(settings).model_fields.keys():
        counts = data.meta["counts"]
        return {"train": counts["train"], "evaluated": counts["validation"] + counts["test"]}
    held_out = round(settings.train * settings.validation)
    return {"train": settings.train - held_out, "evaluated": held_out + settings.test}


def _resolve(experiment: Experiment, dataset: str) -> DataSet:
    entry = experiment.datasets[dataset]
    return resolve(dataset, {"source": entry.source or dataset} | entry.settings)


def _prepare_some(experiment: Experiment, dataset: str, folder: Path) -> Prepared:
    """A small part of the data set, or of its substitute where its files are not at hand."""
    mirror = experiment.mirror or os.environ.get("LSH_DL_MIRROR")
    places = CachedSources(mirror, experiment.cache)
    source = _resolve(experiment, dataset)
    settings = source.settings.model_dump(exclude_unset=True)
    while not all(places.find(file) for file in source.files()):
        settings = {"preprocessing": settings.get("preprocessing") or source.preprocessing}
        source = resolve(source.alternative, settings)
    sizes = {key: n for key, n in SAMPLE_SIZES.items() if key in source.Settings.model_fields}
    prepare(dataset, {"source": source.name} | settings | sizes, folder, mirror, experiment.cache)
    return open_prepared(folder)


def time_run(run: Run, data: Prepared) -> tuple[float, float]:
    """Seconds per sample in training and in prediction."""
    clock = time.perf_counter if run.threads > 1 else time.process_time
    model = create_model(run, data.features, data.classes)
    inputs, warmed, timed = inputs_of(data, data.train, model), WARMED, TIMED
    if run.system:
        warmed = timed = -(-TIMED // model.batch_size) * model.batch_size
    elif find("lsh_dl.rules", Rule, run.reference).refresh is not Rule.refresh:
        warmed = WARMED_TABLES

    def train(count: int) -> None:
        model.train(inputs.batch(np.arange(count) % len(inputs)), np.uint64(count))

    def predict(count: int) -> None:
        model.rank(inputs.batch(np.arange(count) % len(inputs)), np.uint64(count), max(RANKS))

    train(warmed)
    predict(20)
    start = clock()
    train(timed)
    trained = clock()
    predict(timed)
    return (trained - start) / timed, (clock() - trained) / timed


if __name__ == "__main__":
    main(*sys.argv[1:2])
