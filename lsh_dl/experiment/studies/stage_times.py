"""Seconds and multiplications of a training sample by stage: measured by jobs of their own."""

from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from lsh_dl.experiment.studies.base import RuleStudy, Table
from lsh_dl.runs.spec import Run
from lsh_dl.runs.summary import POINT, summarise_rows

if TYPE_CHECKING:
    from lsh_dl.data.prepared.store import Prepared

#: What is true of all measurements that are one point, and what is summed up of them; a row is an
#: epoch, a round of measuring.
TIMED = (*POINT, "processor", "cores")
COSTS = (
    *(f"{part}_seconds" for part in ("select", "forward", "backward", "maintain", "other")),
    "seconds",
    "unclocked_seconds",
    *(f"{part}_multiplications" for part in ("select", "forward", "backward", "maintain")),
    "optimiser_multiplications",
    "multiplications",
)


class StageTimes(RuleStudy):
    """Seconds of a training sample by stage, beside its multiplications, for each rule.

    Each run has the machine to itself; its epochs are the rounds of which the figure shows the
    median.
    """

    name = "stage_times"
    trained = False
    timed = True
    tables = MappingProxyType(
        {"stage_times": Table(lambda study, rows: summarise_rows(rows.measured, TIMED, COSTS))}
    )

    @staticmethod
    def measure(run: Run, data: "Prepared") -> pd.DataFrame:
        """Train a run; its costs by stage, a row an epoch."""
        from lsh_dl.measurements.stage_times import measure_stages

        return pd.DataFrame(measure_stages(run, data))
