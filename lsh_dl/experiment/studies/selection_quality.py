"""Which nodes the rules select: measured by jobs of their own, before and after training."""

from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from lsh_dl.experiment.studies.base import RuleStudy, Table
from lsh_dl.runs.spec import Run
from lsh_dl.runs.summary import POINT, summarise_rows

if TYPE_CHECKING:
    from lsh_dl.data.prepared.store import Prepared

#: What is true of all measurements that are one point, and what is summed up of them.
SELECTED = (*POINT, "when", "layer", "width", "budget", "samples", "lowest_rank", "highest_rank")
SELECTION = ("chance", "theory", "recall_of_top", "unused_share")


class SelectionQuality(RuleStudy):
    """Chance of selection over the rank of a node's true activation, before and after training.

    Each run is trained in a job of its own, as long as the main comparison's unless `epochs` says
    otherwise. A rule that is tested with all nodes selects all of them: draw them (`inference`).
    """

    name = "selection_quality"
    trained = False
    tables = MappingProxyType(
        {
            "selection_quality": Table(
                lambda study, rows: summarise_rows(rows.measured, SELECTED, SELECTION)
            )
        }
    )

    @staticmethod
    def measure(run: Run, data: "Prepared") -> pd.DataFrame:
        """Train a run; what its rule selects, before and after: a row a bin of ranks."""
        from lsh_dl.measurements.selection_quality import measure_selection

        return pd.DataFrame(measure_selection(run, data))
