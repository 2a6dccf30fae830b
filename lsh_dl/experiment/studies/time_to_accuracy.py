"""Test accuracy over seconds of training, of rules and of other systems."""

from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import Field

from lsh_dl.experiment.studies.base import POINTS, SystemStudy, Table
from lsh_dl.runs.spec import Run
from lsh_dl.runs.time_to_accuracy import SHARES, summarise_progress, summarise_reached

if TYPE_CHECKING:
    from lsh_dl.experiment.comparison import Comparison

ABOUT_REACHED = (
    "Seconds and multiplications of training until a share of the best accuracy is reached: of "
    f"{', '.join(f'{100 * share:g}' for share in SHARES)} per cent of the highest test accuracy "
    "that an entry's median over its seeds came to on the data set and network. Seen when a run is "
    "evaluated, not between. A number is empty where it was never reached; ``outcome`` says so. "
    "Multiplications of other systems are those of the textbook dense network (``counting``)."
)


class TimeToAccuracy(SystemStudy):
    """Test accuracy over seconds of training, of rules and of other systems.

    Its runs are timed: one at a time, with nothing beside it, in one thread. Only training counts,
    reading samples included, evaluating and compiling not.
    """

    name = "time_to_accuracy"
    timed = True
    tables = MappingProxyType(
        {
            "time_to_accuracy": Table(
                lambda study, rows: summarise_progress(rows.runs, rows.skipped),
                about=f"{POINTS} Column ``skipped`` says why an entry was not run.",
            ),
            "seconds_to_accuracy": Table(
                lambda study, rows: summarise_reached(rows.runs, rows.skipped),
                drawn=False,
                about=ABOUT_REACHED,
            ),
        }
    )

    evaluations: int = Field(
        4, ge=1, le=1000, description="how often accuracy is looked at in each epoch"
    )

    def expand_runs(self, comparison: "Comparison") -> list[Run]:
        """Data sets x entries and systems x networks x seeds."""
        return [self._evaluate_often(run) for run in self.cross_runs(comparison)]

    def _evaluate_often(self, run: Run) -> Run:
        if self.evaluations == 1:
            return run
        words = [*([run.variant] if run.variant else []), f"{self.evaluations}evaluations"]
        return run.model_copy(update={"evaluations": self.evaluations, "variant": "_".join(words)})
