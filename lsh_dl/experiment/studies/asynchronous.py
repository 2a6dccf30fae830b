"""Training with several threads on one network, without locks: accuracy and time over threads."""

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import pandas as pd
from pydantic import AfterValidator, Field

from lsh_dl.experiment.entries import Distinct
from lsh_dl.experiment.studies.base import RuleStudy, Table
from lsh_dl.runs.spec import Run, Threads
from lsh_dl.runs.summary import (
    POINT,
    Rows,
    last_epochs,
    number_curves,
    summarise_epochs,
    summarise_rows,
)

if TYPE_CHECKING:
    from lsh_dl.data.prepared.store import Prepared
    from lsh_dl.experiment.comparison import Comparison


def _require_one(threads: list[int]) -> list[int]:
    if 1 not in threads:
        raise ValueError("1 is missing, which speed-up compares with; add it")
    return threads


def _keep_most_threads(study: "Asynchronous", rows: Rows) -> pd.DataFrame:
    return summarise_epochs(rows.runs)[lambda table: table["threads"] == table["threads"].max()]


def _compare_speed(study: "Asynchronous", rows: Rows) -> pd.DataFrame:
    """What was measured and, below it, what was simulated; `simulated` tells."""
    table = measure_speed(rows.runs)
    if rows.measured is None:
        return table
    simulated = describe_simulations(rows.measured, rows.runs)
    return pd.concat([table.assign(simulated=False), simulated], ignore_index=True)


class Asynchronous(RuleStudy):
    """Accuracy by epoch, and time, over the number of threads that train at the same time.

    Its runs are timed: one at a time, with nothing beside it. From each run of one thread and the
    first seed, more threads than there are cores are simulated.
    """

    name = "asynchronous"
    timed = True
    tables = MappingProxyType(
        {
            "asgd_convergence": Table(
                lambda study, rows: summarise_epochs(rows.runs), lambda rule: rule != "standard"
            ),
            "asgd_lsh_vs_standard": Table(_keep_most_threads),
            "asgd_speedup": Table(_compare_speed),
        }
    )

    threads: Annotated[
        list[Threads],
        Field(min_length=1),
        Distinct,
        AfterValidator(_require_one),
    ] = Field(
        [1, 2, 4], description="numbers of threads, 1 among them; more than cores are allowed"
    )

    def expand_runs(self, comparison: "Comparison") -> list[Run]:
        """All runs: data sets x entries x networks x threads x seeds."""
        return comparison.cross_runs(**self.axes(comparison), threads=self.threads)

    def pick_measured(self, runs: list[Run]) -> list[Run]:
        """One for each data set, network and entry."""
        return [run for run in runs if run.threads == 1 and run.seed == runs[0].seed]

    @staticmethod
    def measure(run: Run, data: "Prepared") -> pd.DataFrame:
        """Simulate more threads: a row a number of threads."""
        from lsh_dl.measurements.simulation import simulate_run

        return simulate_run(run, data)


def measure_speed(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a point: seconds of an epoch's training, and speed-up over one thread.

    A run counts with the median of its epochs, against that of the same seed with one thread.
    `cores` are those of the machine that gathers the table.
    """
    paired = ["dataset", "hidden", "label", "target_active_fraction", "seed"]
    seconds = runs.groupby("run_id")["train_seconds"].median()
    timed = last_epochs(runs)
    timed = timed.assign(seconds=timed["run_id"].map(seconds))
    alone = timed[timed["threads"] == 1].set_index(paired)["seconds"]
    timed = timed.join(alone.rename("alone"), on=paired)
    timed = timed.assign(speedup=timed["alone"] / timed["seconds"]).sort_index()
    return summarise_rows(timed, POINT, ("seconds", "speedup")).assign(cores=os.cpu_count())


def describe_simulations(simulated: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """The rows of simulations, with what is true of the run that each started from."""
    runs = number_curves(runs)
    points = runs.drop_duplicates("run_id")[["run_id", *POINT]].drop(columns="threads")
    table = simulated.merge(points, on="run_id")
    return table.rename(columns={"speedup": "speedup_median"}).assign(n=1, simulated=True)
