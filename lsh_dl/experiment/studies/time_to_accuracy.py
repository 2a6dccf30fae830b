"""Test accuracy over seconds of training, of rules and of other systems."""

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from lsh_dl.common.discovery import find
from lsh_dl.common.errors import UserError, suggest
from lsh_dl.data.base import DataSet
from lsh_dl.experiment.entries import Distinct
from lsh_dl.experiment.studies.base import POINTS, RuleStudy, Table
from lsh_dl.runs.spec import Name, Run
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


class TimeToAccuracy(RuleStudy):
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

    systems: Annotated[list[Name], Distinct] | None = Field(
        None, description="labels of `systems`; default: all"
    )
    evaluations: int = Field(
        4, ge=1, le=1000, description="how often accuracy is looked at in each epoch"
    )

    def check(self, comparison: "Comparison", place: str) -> None:
        """Raise a UserError at `place` where an entry, a system or a data set does not fit."""
        super().check(comparison, place)
        for label in self.systems or ():
            if label not in comparison.systems:
                known = suggest(label, comparison.systems)
                raise UserError(f"{place}.systems: no system {label!r} in `systems`; {known}")
        for label in self.entries.keys() & comparison.systems.keys():
            raise UserError(f"{place}.entries.{label}: a label of `systems`; it belongs there")
        for label in self.datasets or comparison.datasets if self._systems(comparison) else ():
            source = find("lsh_dl.data", DataSet, comparison.datasets[label].source or label)
            if source.several_labels:
                raise UserError(
                    f"{place}: samples of {label} have several labels, which other systems are not "
                    "given; name other `datasets`, or `systems: []`"
                )

    def _systems(self, comparison: "Comparison") -> list[str]:
        return list(comparison.systems) if self.systems is None else self.systems

    def expand_runs(self, comparison: "Comparison") -> list[Run]:
        """Data sets x entries and systems x networks x seeds."""
        axes = self.axes(comparison)
        here = comparison.systems_here()
        chosen = {label: here[label] for label in self._systems(comparison) if label in here}
        runs = comparison.cross_runs(**axes)
        runs += comparison.cross_runs(**axes | {"entries": chosen}, systems=True)
        return [self._evaluate_often(run) for run in runs]

    def _evaluate_often(self, run: Run) -> Run:
        if self.evaluations == 1:
            return run
        words = [*([run.variant] if run.variant else []), f"{self.evaluations}evaluations"]
        return run.model_copy(update={"evaluations": self.evaluations, "variant": "_".join(words)})

    def skipped(self, comparison: "Comparison") -> dict[str, str]:
        """The systems that cannot run here, by title, with the reason."""
        reasons = comparison.skipped_systems()
        return {
            comparison.title_of_system(label): reasons[label]
            for label in self._systems(comparison)
            if label in reasons
        }
