"""Seconds and multiplications of training until an accuracy is reached.

Plain tables in, plain tables out; the study and the claim share what stands here.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lsh_dl.runs.summary import POINT, number_curves, summarise_rows, tell_skipped

SHARES = (0.9, 0.95, 0.97, 0.98)
"""Of the best accuracy on a data set and network."""
CELL = ["dataset", "hidden"]


def accumulate(runs: pd.DataFrame) -> pd.DataFrame:
    """Rows of runs with `seconds` and `multiplications`: of training, from its start to the row."""
    work = runs["training_multiplications"] * runs["samples"]
    of_run = runs["run_id"]
    return runs.assign(
        seconds=runs["train_seconds"].groupby(of_run).cumsum(),
        multiplications=work.groupby(of_run).cumsum(),
    )


def summarise_progress(runs: pd.DataFrame, skipped: Mapping[str, str]) -> pd.DataFrame:
    """A row a point of training: medians over the seeds, lowest, highest.

    Parameters
    ----------
    skipped: reasons by the titles of entries that were not run; each has a row without numbers.
    """
    measures = ("seconds", "multiplications", "test_accuracy")
    keys = (*POINT, "counting", "epoch")
    return tell_skipped(summarise_rows(accumulate(runs), keys, measures), skipped)


def find_reached(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a run and share of the best accuracy: when it was first reached.

    The best accuracy on a data set and network is the highest that an entry's median over its seeds
    came to. Columns are the run's, `percent_of_best`, `wanted_accuracy`; `seconds` and
    `multiplications`, infinite where the run never came there; `all_seconds`, of all its training.
    """
    rows = accumulate(runs)
    of_seeds = rows.groupby([*CELL, "label", "epoch"])["test_accuracy"].median()
    best = of_seeds.groupby(CELL).max().rename("best_accuracy")
    rows = rows.join(best, on=CELL)
    ends = rows.groupby("run_id", sort=False).tail(1).rename(columns={"seconds": "all_seconds"})
    parts = []
    for share in SHARES:
        there = rows[rows["test_accuracy"] >= share * rows["best_accuracy"]]
        first = there.groupby("run_id")[["seconds", "multiplications"]].first()
        part = ends.drop(columns="multiplications").join(first, on="run_id")
        part[["seconds", "multiplications"]] = part[["seconds", "multiplications"]].fillna(np.inf)
        parts.append(
            part.assign(
                percent_of_best=round(100 * share),
                wanted_accuracy=share * part["best_accuracy"],
            )
        )
    return pd.concat(parts, ignore_index=True)


def summarise_reached(runs: pd.DataFrame, skipped: Mapping[str, str]) -> pd.DataFrame:
    """A row an entry and share of the best accuracy; `outcome` says whether its seeds came there.

    An empty number is one that was never reached, the median where half of the seeds did not.
    """
    reached = number_curves(find_reached(runs))
    rows = []
    keys = [*POINT, "counting", "percent_of_best", "wanted_accuracy"]
    for values, group in reached.groupby(keys, sort=False):
        row = dict(zip(keys, values, strict=True))
        there = int(np.isfinite(group["seconds"]).sum())
        row |= {"n": len(group), "reached": there, "outcome": _describe(there, len(group))}
        for measure in ("seconds", "multiplications"):
            for end, of in (("median", np.median), ("low", np.min), ("high", np.max)):
                row[f"{measure}_{end}"] = of(group[measure])
        rows.append(row)
    table = pd.DataFrame(rows).replace(np.inf, np.nan)
    return tell_skipped(table.sort_values(CELL, kind="stable"), skipped)


def _describe(reached: int, runs: int) -> str:
    if reached == runs:
        return "reached"
    return f"reached by {reached} of {runs} seeds" if reached else "never reached"
