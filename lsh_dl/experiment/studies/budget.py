"""Every rule within a budget of multiplications: the abstract's claim as it is worded."""

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from lsh_dl.experiment.entries import Distinct
from lsh_dl.experiment.studies._trials import TrialStudy, trials_table
from lsh_dl.experiment.studies.base import Table
from lsh_dl.runs.spec import Name, Run
from lsh_dl.runs.summary import summarise

if TYPE_CHECKING:
    from lsh_dl.experiment.comparison import Comparison

ABOUT = (
    "Runs with the settings that were best on validation data among those within the budget of "
    "multiplications, in training and in inference: a row a point, with median, lowest and "
    "highest seed of each measure."
)


class Budget(TrialStudy):
    """Each rule with its best setting within a budget of the textbook network's multiplications.

    Everything is counted: hashing, ranking, the upkeep of tables. Settings, the level among them,
    are chosen on validation data, with seeds of their own.
    """

    name = "budget"
    tables = MappingProxyType(
        {
            "budget": Table(
                lambda study, rows: summarise(rows.runs), None, drawn=False, about=ABOUT
            ),
            **trials_table("budget_trials"),
        }
    )

    percent: float = Field(
        5.0, gt=0, le=100, description="of the multiplications, in training and in inference"
    )
    nearest: Annotated[list[Name], Distinct] = Field(
        [],
        description="labels that are shown with the setting nearest to the budget where none "
        "keeps it; of another label that ends the pipeline",
    )

    def check(self, comparison: "Comparison", place: str) -> None:
        """Raise a UserError at `place` where seeds or grids do not fit the experiment."""
        self.check_grids(comparison, place, (), comparison.rules)

    def expand_runs(self, comparison: "Comparison") -> list[Run]:
        """Data sets x labels with a grid x networks x the experiment's seeds."""
        runs = comparison.cross_runs(
            datasets=comparison.datasets,
            networks=comparison.networks,
            entries={label: comparison.rules[label] for label in self.grids},
            # A stand-in until the pick is there; what jobs ask for is by the largest.
            active_fractions=[1.0],
            seeds=comparison.seeds,
        )
        within = [run.model_copy(update={"budget": self.percent}) for run in runs]
        return [run.model_copy(update={"tuned": run.group}) for run in within]

    def pick_measured(self, runs: list[Run]) -> list[Run]:
        """The trials of these runs."""
        return self.make_trials(runs)
