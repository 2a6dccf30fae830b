"""From the CSVs of runs to the tables behind the figures."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from lsh_dl.common.files import write_csv
from lsh_dl.runs.record import read_runs
from lsh_dl.runs.row import TEXT

if TYPE_CHECKING:  # it knows the rules, which need compiled kernels
    from lsh_dl.experiment.config import Experiment

#: What is true of all runs that are one point of a curve; they differ in their seeds.
POINT = (
    "dataset",
    "dataset_title",
    "data_kind",
    "hidden_layers",
    "hidden",
    "rule",
    "label",
    "title",
    "curve",
    "threads",
    "target_active_fraction",
)

#: What is summed up over the seeds of a point.
MEASURES = (
    "active_fraction",
    "inference_active_fraction",
    "recall_of_top",
    "unused_share",
    "test_accuracy",
    "training_multiplications",
    "inference_multiplications",
    "training_percent",
    "inference_percent",
    "training_percent_of_standard",
    "inference_percent_of_standard",
)

#: What is true of all measurements of selection that are one point, and what is summed up of them.
SELECTED = (*POINT, "when", "layer", "width", "budget", "samples", "lowest_rank", "highest_rank")
SELECTION = ("chance", "theory", "recall_of_top", "unused_share")

#: The same of a training sample's costs by stage; a row is an epoch, a round of measuring.
TIMED = (*POINT, "processor", "cores")
COSTS = (
    *(f"{part}_seconds" for part in ("select", "forward", "backward", "maintain", "other")),
    "seconds",
    "unclocked_seconds",
    *(f"{part}_multiplications" for part in ("select", "forward", "backward", "maintain")),
    "optimiser_multiplications",
    "multiplications",
)

#: The rules with a colour of their own; `curve` numbers them first, other labels after them.
NAMED_CURVES = ("standard", "dropout", "adaptive", "wta", "lsh")


class FigureTable(NamedTuple):
    """What a figure is drawn from."""

    study: str  # the study whose runs it shows
    make: Callable[[pd.DataFrame, "Experiment"], pd.DataFrame]  # from runs' rows to the figure's
    shows: Callable[[str], bool] = lambda rule: True  # whether it has a place for a rule
    measured: bool = False  # its rows are those of a measured study, not the epochs of runs


def _of_rules(shows: Callable[[str], bool]) -> FigureTable:
    """The comparison's points of the rules that `shows` is true of."""
    return FigureTable(
        "comparison",
        lambda runs, experiment: summarise(runs)[lambda t: t["rule"].map(shows)],
        shows,
    )


def _group_entries(runs: pd.DataFrame, experiment: "Experiment") -> pd.DataFrame:
    """The ablation's points with the heading of each one's group."""
    points = summarise(runs)
    return points.assign(group=points["label"].map(experiment.ablation.groups))


#: The figures, each with its table. A rule that is new to the comparison comes to all of its
#: figures by itself.
FIGURES: dict[str, FigureTable] = {
    "accuracy_lsh_vs_dropout": _of_rules(lambda rule: rule not in ("adaptive", "wta")),
    "accuracy_lsh_vs_adaptive": _of_rules(lambda rule: rule != "dropout"),
    "accuracy_vs_multiplications": _of_rules(lambda rule: True),
    "ablation": FigureTable("ablation", _group_entries),
    "asgd_convergence": FigureTable(
        "asynchronous",
        lambda runs, experiment: summarise_epochs(runs)[lambda t: t["rule"] != "standard"],
        lambda rule: rule != "standard",
    ),
    "asgd_lsh_vs_standard": FigureTable(
        "asynchronous",
        lambda runs, experiment: summarise_epochs(runs)[
            lambda t: t["threads"] == t["threads"].max()
        ],
    ),
    "asgd_speedup": FigureTable("asynchronous", lambda runs, experiment: measure_speed(runs)),
    "selection_quality": FigureTable(
        "selection_quality",
        lambda rows, experiment: summarise_rows(rows, SELECTED, SELECTION),
        measured=True,
    ),
    "stage_times": FigureTable(
        "stage_times",
        lambda rows, experiment: summarise_rows(rows, TIMED, COSTS),
        measured=True,
    ),
}


def write_runs(run_files: Sequence[Path | str], path: Path) -> None:
    """Write every epoch of the runs to `path`, with their work compared with the standard's."""
    write_csv(compare_with_standard(read_runs(run_files)), path)


def write_figure_table(
    figure: str,
    experiment: "Experiment",
    run_files: Sequence[Path | str],
    path: Path,
    simulation_files: Sequence[Path | str] = (),
) -> None:
    """Write a figure's table to `path`, from the runs of its study in the config's order.

    What was simulated (lsh_dl.measurements.simulation) stands below what was measured;
    `simulated` tells.
    """
    measured = FIGURES[figure].measured
    runs = read_measured(run_files) if measured else compare_with_standard(read_runs(run_files))
    table = FIGURES[figure].make(runs, experiment)
    if simulation_files:
        simulated = describe_simulations(simulation_files, runs)
        table = pd.concat([table.assign(simulated=False), simulated], ignore_index=True)
    write_csv(table, path)


def read_measured(paths: Iterable[Path | str]) -> pd.DataFrame:
    """All rows of the CSVs of a measured study, in the given order."""
    dtypes = dict.fromkeys(TEXT, "str")
    return pd.concat([pd.read_csv(path, dtype=dtypes) for path in paths], ignore_index=True)


def compare_with_standard(runs: pd.DataFrame) -> pd.DataFrame:
    """Add each row's work in per cent of the standard network's as run here.

    That network skips inputs that are zero, so it does less than the textbook one. Compared are
    rows of the same data set, network, seed and epoch; without such a row the per cent are empty.
    """
    keys = ["dataset", "hidden", "seed", "epoch"]
    work = ["training_multiplications", "inference_multiplications"]
    standard = runs[runs["rule"] == "standard"].drop_duplicates(keys)[keys + work]
    joined = runs[keys].merge(standard, on=keys, how="left")
    return runs.assign(
        **{
            f"{part}_percent_of_standard": 100
            * (runs[f"{part}_multiplications"] / joined[f"{part}_multiplications"].to_numpy())
            for part in ("training", "inference")
        }
    )


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a point: median, lowest and highest of each measure over the seeds.

    Each run counts with its last epoch. A run that diverged is kept, with the epoch it came to;
    `diverged` says how many of the `n` runs did, `epoch` is the last epoch of those that did not
    (of all where every one did).

    Parameters
    ----------
    runs: what `compare_with_standard` returns.
    """
    last = runs.loc[runs.groupby("run_id", sort=False)["epoch"].idxmax()]
    return summarise_rows(last, POINT, MEASURES)


def summarise_epochs(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a point and epoch; `n` and `diverged` are of the runs that came to it."""
    return summarise_rows(runs, (*POINT, "epoch"), ("test_accuracy",))


def summarise_rows(
    runs: pd.DataFrame, keys: Sequence[str], measures: Sequence[str]
) -> pd.DataFrame:
    """One row for each combination of `keys`: median, lowest and highest of the measures."""
    runs = runs.assign(curve=runs["label"].map(_number_curves(runs["label"].unique())))
    rows = []
    for values, group in runs.groupby(list(keys), sort=False):
        diverged = group["status"] != "ok"
        row = dict(zip(keys, values, strict=True))
        row["epoch"] = group["epoch"].max()
        row["n"] = len(group)
        row["diverged"] = int(diverged.sum())
        for measure in measures:
            values = group[measure]
            row[f"{measure}_median"] = values.median()
            row[f"{measure}_low"] = values.min()
            row[f"{measure}_high"] = values.max()
        rows.append(row)
    return pd.DataFrame(rows)


def measure_speed(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a point: seconds of an epoch's training, and speed-up over one thread.

    A run counts with the median of its epochs, against that of the same seed with one thread.
    `cores` are those of the machine that gathers the table.
    """
    paired = ["dataset", "hidden", "label", "target_active_fraction", "seed"]
    timed = runs.sort_values("epoch").drop_duplicates("run_id", keep="last")
    seconds = runs.groupby("run_id")["train_seconds"].median()
    timed = timed.assign(seconds=timed["run_id"].map(seconds))
    alone = timed[timed["threads"] == 1].set_index(paired)["seconds"]
    timed = timed.join(alone.rename("alone"), on=paired)
    timed = timed.assign(speedup=timed["alone"] / timed["seconds"]).sort_index()
    return summarise_rows(timed, POINT, ("seconds", "speedup")).assign(cores=os.cpu_count())


def describe_simulations(files: Sequence[Path | str], runs: pd.DataFrame) -> pd.DataFrame:
    """The rows of simulations, with what is true of the run that each started from."""
    runs = runs.assign(curve=runs["label"].map(_number_curves(runs["label"].unique())))
    points = runs.drop_duplicates("run_id")[["run_id", *POINT]].drop(columns="threads")
    table = pd.concat([pd.read_csv(file) for file in files]).merge(points, on="run_id")
    return table.rename(columns={"speedup": "speedup_median"}).assign(n=1, simulated=True)


def _number_curves(labels: Iterable[str]) -> dict[str, int]:
    """A number for each label, the same in all tables of an experiment: it decides the colour."""
    named = {label: number for number, label in enumerate(NAMED_CURVES)}
    others = [label for label in labels if label not in named]
    return named | {label: len(named) + number for number, label in enumerate(others)}
