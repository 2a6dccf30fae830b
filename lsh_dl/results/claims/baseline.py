"""The standard network behind a claim: how accurate it is, and whether it had stopped improving."""

import pandas as pd

from lsh_dl.results.claims.base import Cell, Tables, cells_of
from lsh_dl.runs.summary import last_epochs, reported_epochs

RISING = 0.5
"""Points of accuracy over the last third of the epochs: half of what counts as close."""
FEWEST_EPOCHS = 3
"""Fewer have no last third."""


def describe_baseline(tables: Tables) -> tuple[list[Cell], str]:
    """NN's test accuracy and what it still gained, with a word of doubt where that is much.

    Returns
    -------
    cells
        For each data set and network of the comparison: test accuracy of the reported epoch, in per
        cent, and by how many points of accuracy (on validation data where there are some, else on
        the test data) the best epoch is above the best of the first two thirds.
    doubt
        Why a difference to NN may say little; empty where nothing speaks against it.
    """
    runs = tables.get("comparison")
    if runs is None or runs.empty:
        return [], ""
    runs = runs[(runs["rule"] == "standard") & (runs["label"] == "standard")]
    if runs.empty:
        return [], ""
    last, shown = last_epochs(runs), reported_epochs(runs)
    values = shown.assign(measure="NN, accuracy", value=100 * shown["test_accuracy"])
    reached = _in_unit("%", values)
    gains = _gains(runs, last)
    if gains.empty:
        return reached, f"NN was trained for fewer than {FEWEST_EPOCHS} epochs"
    rising = _in_unit("points", gains)
    still = sum(cell.median > RISING for cell in rising)
    doubt = f"NN was still improving in {still} of {len(rising)} cells" if still else ""
    return [*reached, *rising], doubt


def _gains(runs: pd.DataFrame, last: pd.DataFrame) -> pd.DataFrame:
    """Points by which the best epoch is above the best of the first two thirds, a row a run.

    Single epochs would be compared with the noise of both.
    """
    long = last[last["epoch"] >= FEWEST_EPOCHS].set_index("run_id", drop=False)
    epochs = runs[runs["run_id"].isin(long["run_id"])]
    accuracy = epochs["validation_accuracy"].fillna(epochs["test_accuracy"])
    early = epochs["epoch"] <= -(-2 * epochs["run_id"].map(long["epoch"]) // 3)
    best, before = (a.groupby(epochs["run_id"]).max() for a in (accuracy, accuracy.where(early)))
    gained = 100 * (best - before)[long.index]
    return long.assign(measure="NN, gained in the last third of its epochs", value=gained)


def _in_unit(unit: str, values: pd.DataFrame) -> list[Cell]:
    return [cell._replace(unit=unit, judged=False) for cell in cells_of(values)]
