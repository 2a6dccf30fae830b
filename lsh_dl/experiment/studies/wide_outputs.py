"""Very many outputs: how well and how fast networks learn that compute few of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import pandas as pd
from pydantic import Field

from lsh_dl.common.discovery import find
from lsh_dl.common.errors import UserError
from lsh_dl.data.base import DataSet
from lsh_dl.experiment.entries import Distinct
from lsh_dl.experiment.studies.base import POINTS, SystemStudy, Table
from lsh_dl.runs.row import PRECISION_COLUMNS
from lsh_dl.runs.spec import Fraction, Run, Threads
from lsh_dl.runs.summary import POINT, summarise_rows, tell_skipped

if TYPE_CHECKING:
    from lsh_dl.experiment.comparison import Comparison

MEASURES = (
    "samples",
    "seconds",
    *PRECISION_COLUMNS,
    "training_multiplications",
    "inference_multiplications",
)


class WideOutputs(SystemStudy):
    """Precision over samples and over seconds of training, on sets with several labels a sample.

    Entries differ in how outputs are chosen: all, retrieved by hashing, or drawn at random; other
    systems compute all. Its runs are timed: one at a time, with nothing beside it.
    """

    name = "wide_outputs"
    timed = True
    tables = MappingProxyType(
        {
            "wide_outputs": Table(
                lambda study, rows: tabulate(rows.runs, rows.skipped),
                about=f"{POINTS} Column ``skipped`` says why an entry was not run.",
            )
        }
    )

    active_fraction: Fraction = Field(1.0, description="level of the hidden layers; 1: all nodes")
    threads: Annotated[list[Threads], Field(min_length=1), Distinct] = Field(
        [1, 2], description="numbers of threads"
    )
    evaluations: int = Field(4, ge=1, le=1000, description="tests an epoch, evenly spaced")

    def check(self, comparison: "Comparison", place: str) -> None:
        """Raise a UserError at `place` where a data set has one label a sample."""
        super().check(comparison, place)
        for label in self.datasets or comparison.datasets:
            source = comparison.datasets[label].source or label
            if not find("lsh_dl.data", DataSet, source).several_labels:
                raise UserError(
                    f"{place}.datasets: {label} has one label a sample; name sets with several, "
                    "such as wide_generated"
                )

    def expand_runs(self, comparison: "Comparison") -> list[Run]:
        """Data sets x entries and systems x networks x threads x seeds, tested within epochs."""
        return [
            run.model_copy(
                update={
                    "evaluations": self.evaluations,
                    "variant": f"{run.training.epochs}x{self.evaluations}parts",
                }
            )
            for run in self.cross_runs(comparison, threads=self.threads)
        ]


def tabulate(runs: pd.DataFrame, skipped: Mapping[str, str]) -> pd.DataFrame:
    """One row a point and test: precision, and samples and seconds of training until then.

    Parameters
    ----------
    skipped: reasons by the titles of entries that were not run; each has a row without numbers.
    """
    sums = runs.groupby("run_id", sort=False)[["samples", "train_seconds"]].cumsum()
    reached = runs.assign(samples=sums["samples"], seconds=sums["train_seconds"])
    return tell_skipped(summarise_rows(reached, (*POINT, "counting", "epoch"), MEASURES), skipped)
