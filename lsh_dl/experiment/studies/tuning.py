"""Settings of every rule, chosen on validation data with the same number of trials."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from lsh_dl.experiment.entries import Distinct
from lsh_dl.experiment.studies._trials import TrialStudy, trials_table
from lsh_dl.runs.spec import Fraction, Run

if TYPE_CHECKING:
    from lsh_dl.experiment.comparison import Comparison


class Tuning(TrialStudy):
    """Trials of every rule's and system's settings; the best of each take their place in its runs.

    Trials are run for each data set, network and level, with seeds of their own, and judged by the
    median of the validation accuracies of their best epochs. Runs at other levels take what was
    chosen at the nearest one.
    """

    name = "tuning"
    trained = False
    tables = trials_table("tuning")

    active_fractions: Annotated[list[Fraction], Field(min_length=1), Distinct] = Field(
        [0.05], description="levels at which settings are chosen"
    )

    def check(self, comparison: "Comparison", place: str) -> None:
        """Raise a UserError at `place` where seeds or grids do not fit the experiment."""
        entries = comparison.rules | comparison.systems
        self.check_grids(comparison, place, entries, entries)

    def expand_runs(
        self, comparison: "Comparison", networks: Iterable[tuple[int, ...]] = ()
    ) -> list[Run]:
        """The trials: data sets x rules and systems x networks x levels x settings x seeds.

        Parameters
        ----------
        networks: those of all studies' runs, which take settings from trials; twice is as once.
        """
        axes = {
            "datasets": comparison.datasets,
            "networks": [*dict.fromkeys(networks)],
            "active_fractions": self.active_fractions,
            "seeds": comparison.seeds[:1],
        }
        runs = comparison.cross_runs(entries=comparison.rules, **axes)
        runs += comparison.cross_runs(entries=comparison.systems_here(), systems=True, **axes)
        return self.make_trials(runs)

    def assign(self, run: Run) -> Run:
        """A run of the experiment, with the trials that its settings are picked from."""
        if run.label not in self.grids or run.tuned:
            return run
        level = min(self.active_fractions, key=lambda level: abs(level - run.active_fraction))
        # A rule without levels has the one level 1.
        at = run if run.active_fraction == 1 else run.model_copy(update={"active_fraction": level})
        return run.model_copy(update={"tuned": at.group})
