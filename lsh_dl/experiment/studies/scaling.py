"""Work and time of a sample over the width of one hidden layer."""

from math import log2
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
from pydantic import Field

from lsh_dl.common.errors import UserError, suggest
from lsh_dl.experiment.entries import Distinct, TitledRule
from lsh_dl.experiment.studies.base import Study, Table
from lsh_dl.runs.energy import estimate_energy
from lsh_dl.runs.scaling import FEWEST_WIDTHS, tabulate_points
from lsh_dl.runs.spec import Name, Run, Seed, Training

if TYPE_CHECKING:
    from lsh_dl.data.prepared.store import Prepared
    from lsh_dl.experiment.comparison import Comparison

#: Most bits of a hash that `lsh` has, and bits fewer than would give every node its own bucket.
MOST_BITS, FEWER_BITS = 16, 2

ABOUT_POINTS = (
    "The table that the figure of this name is drawn from: a row a measure, rule and width; "
    "``kind`` says whether it was measured, computed or projected."
)
ABOUT_WIDTHS = (
    "Each width as measured: work and seconds by part, what building and refreshing the tables "
    "took, bytes by what they are for, machine."
)
ABOUT_ENERGY = (
    "Energy of a training sample at each width: an estimate from counted operations and accesses "
    "to memory with energies published for 45 nm (Horowitz, ISSCC 2014), and what the processor's "
    "counters say, where it has them."
)


class Scaling(Study):
    """One hidden layer of growing width, of which LSH activates the same number of nodes always.

    Each width is a timed job of its own, which trains some thousand samples; no network is trained
    to its end.
    """

    name = "scaling"
    trained = False
    timed = True
    whole = True
    minutes = 30
    tables = MappingProxyType(
        {
            "scaling_width": Table(
                lambda study, rows: tabulate_points(rows.measured), about=ABOUT_POINTS
            ),
            "scaling": Table(lambda study, rows: rows.measured, drawn=False, about=ABOUT_WIDTHS),
            "energy": Table(
                lambda study, rows: estimate_energy(rows.measured), drawn=False, about=ABOUT_ENERGY
            ),
        }
    )

    dataset: Name | None = Field(None, description="label of `datasets`; default: the first")
    widths: Annotated[
        list[Annotated[int, Field(ge=100, lt=2**31)]], Field(min_length=3), Distinct
    ] = Field(
        [1000, 2000, 4000, 8000, 16000],
        description=f"nodes of the hidden layer; a fit needs {FEWEST_WIDTHS} of them",
    )
    active_nodes: int = Field(50, ge=1, le=100, description="LSH's at every width")
    standard_up_to: int = Field(
        20_000, description="widest layer of which the standard network is run; computed beyond"
    )
    seed: Seed = 1
    training: Training = Field(
        Training(adagrad=False),
        description="Adagrad doubles the memory of weights, momentum too; `epochs` is not used",
    )
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description="of `lsh`, but for K, which grows with the width: log2(width) - 2, at most 16",
    )

    def check(self, comparison: "Comparison", place: str) -> None:
        """Raise a UserError at `place` where the data set, the widths or a setting do not fit."""
        if self.dataset not in (None, *comparison.datasets):
            known = suggest(self.dataset, comparison.datasets)
            raise UserError(f"{place}.dataset: no data set {self.dataset!r} in the config; {known}")
        if self.standard_up_to < min(self.widths):
            raise UserError(
                f"{place}.standard_up_to: below all `widths`, so that there is nothing to compute "
                f"from; give at least {min(self.widths)}"
            )
        for run in self.expand_runs(comparison):
            entries = {"settings": TitledRule(source=run.reference, **run.settings)}
            comparison.check_rules(entries, place, [self.training])

    def expand_runs(self, comparison: "Comparison") -> list[Run]:
        """LSH at every width and the standard network as far as it is run, narrow ones first."""
        dataset = self.dataset or next(iter(comparison.datasets))
        runs = []
        for width in sorted(self.widths):
            settings = self.settings | {"K": bits_for(width)}
            runs.append(self._describe(dataset, "lsh", width, self.active_nodes / width, settings))
            if width <= self.standard_up_to:
                runs.append(self._describe(dataset, "standard", width, 1.0, {}))
        return runs

    @staticmethod
    def measure(run: Run, data: "Prepared") -> pd.DataFrame:
        """Measure one width: a row of costs a sample, seconds and bytes."""
        from lsh_dl.measurements.scaling import measure_width

        return pd.DataFrame([measure_width(run, data)])

    def _describe(
        self, dataset: str, rule: str, width: int, level: float, settings: dict[str, Any]
    ) -> Run:
        title = {"lsh": f"LSH, {self.active_nodes} active", "standard": "NN"}[rule]
        return Run(
            dataset=dataset,
            rule=rule,
            label=rule,
            title=title,
            settings=settings,
            hidden=(width,),
            active_fraction=level,
            seed=self.seed,
            training=self.training,
        )


def bits_for(width: int) -> int:
    """K for a layer: some four nodes a bucket, as long as K may grow."""
    return max(1, min(MOST_BITS, round(log2(width)) - FEWER_BITS))
