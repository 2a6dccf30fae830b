"""From rows of runs to points: what curves have in common, summed up over seeds.

Plain tables in, plain tables out; studies, claims and commands share what stands here.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

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

LEVEL = 0.05
"""Share of active nodes that the paper's claims are about."""

#: The rules with a colour of their own; `curve` numbers them first, other labels after them.
NAMED_CURVES = ("standard", "dropout", "adaptive", "wta", "lsh")


class Rows(NamedTuple):
    """What a study's runs left; None of what it does not do."""

    runs: pd.DataFrame | None  # an epoch a row, as `compare_with_standard` returns them
    measured: pd.DataFrame | None  # what the study's `measure` returned, run after run
    skipped: Mapping[str, str] = MappingProxyType({})  # entries by title, why they were not run
    tables: Mapping[str, pd.DataFrame] = MappingProxyType({})  # others that it reads, by name


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


def mark_reported(runs: pd.DataFrame, which: str = "best") -> pd.DataFrame:
    """`runs` with column `reported`: the one epoch of each run that tables and claims show.

    Parameters
    ----------
    which
        `best`: that with the highest validation accuracy, the earliest of several; the last of a
        run that diverged, or was trained without validation samples. `last`: the last.
    """
    chosen = last_epochs(runs)
    if which == "best":
        sound = chosen.loc[chosen["status"] == "ok", "run_id"]
        judged = runs[runs["run_id"].isin(sound) & runs["validation_accuracy"].notna()]
        # idxmax takes the first of several.
        best = judged.groupby("run_id", sort=False)["validation_accuracy"].idxmax()
        others = chosen.index[~chosen["run_id"].isin(best.index)]
        return runs.assign(reported=runs.index.isin([*best, *others]))
    return runs.assign(reported=runs.index.isin(chosen.index))


def reported_epochs(runs: pd.DataFrame) -> pd.DataFrame:
    """The row of every run that `mark_reported` chose; the last where none was chosen."""
    return runs[runs["reported"]] if "reported" in runs else last_epochs(runs)


def last_epochs(runs: pd.DataFrame) -> pd.DataFrame:
    """The last row of every run, in the order of the runs."""
    return runs.loc[runs.groupby("run_id", sort=False)["epoch"].idxmax()]


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a point: median, lowest and highest of each measure over the seeds.

    Each run counts with the epoch that is reported (`mark_reported`). A run that diverged is kept,
    with the epoch it came to; `diverged` says how many of the `n` runs did, `epoch` is the latest
    of those that are reported.

    Parameters
    ----------
    runs: what `compare_with_standard` returns.
    """
    return summarise_rows(reported_epochs(runs), POINT, MEASURES)


def summarise_epochs(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a point and epoch; `n` and `diverged` are of the runs that came to it."""
    return summarise_rows(runs, (*POINT, "epoch"), ("test_accuracy",))


def summarise_rows(
    runs: pd.DataFrame, keys: Sequence[str], measures: Sequence[str]
) -> pd.DataFrame:
    """One row for each combination of `keys`: median, lowest and highest of the measures.

    Parameters
    ----------
    runs: columns `label`, `epoch`, `status`, the measures and `keys` but for `curve`.
    """
    runs = number_curves(runs)
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


def tell_skipped(table: pd.DataFrame, skipped: Mapping[str, str]) -> pd.DataFrame:
    """With column `skipped`: a row for each entry that was not run, with the reason."""
    absent = pd.DataFrame(
        [{"title": title, "n": 0, "skipped": reason} for title, reason in skipped.items()]
    )
    return pd.concat([table.assign(skipped=""), absent], ignore_index=True)


def number_curves(runs: pd.DataFrame) -> pd.DataFrame:
    """`runs` with column `curve`: a number for each label, which decides its colour."""
    return runs.assign(curve=runs["label"].map(_numbers(runs["label"].unique())))


def _numbers(labels: Iterable[str]) -> dict[str, int]:
    """The same in all tables of an experiment."""
    named = {label: number for number, label in enumerate(NAMED_CURVES)}
    others = [label for label in labels if label not in named]
    return named | {label: len(named) + number for number, label in enumerate(others)}
