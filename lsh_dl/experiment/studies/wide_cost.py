"""What a sample costs over the number of labels, and which of the best labels tables find."""

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
from pydantic import Field

from lsh_dl.experiment.entries import Distinct
from lsh_dl.experiment.studies.base import RuleStudy, Table
from lsh_dl.runs.scaling import FEWEST_WIDTHS, fit_power_law
from lsh_dl.runs.spec import Run
from lsh_dl.runs.summary import number_curves

if TYPE_CHECKING:
    from lsh_dl.data.prepared.store import Prepared
    from lsh_dl.experiment.comparison import Comparison

#: What is drawn over the number of labels; a power law is fitted to costs.
COSTS = (
    "training_multiplications",
    "inference_multiplications",
    "training_seconds",
    "inference_seconds",
)
ABOUT = (
    "The table that the figure of this name is drawn from: a row an entry and number of labels, "
    "with costs of a sample, bytes, the share of the best labels that was retrieved, and the "
    "exponents (with 95 % intervals) of power laws fitted to the costs."
)


class WideCost(RuleStudy):
    """Multiplications and seconds of a sample over the number of labels; recall of the best labels.

    Samples are generated for each number of labels (`wide_generated`'s rule), whatever the config's
    data sets. Each is a timed job of its own, which trains some thousand samples; no network is
    trained to its end.
    """

    name = "wide_cost"
    trained = False
    timed = True
    whole = True
    minutes = 30
    tables = MappingProxyType(
        {"wide_cost": Table(lambda study, rows: tabulate(rows.measured), about=ABOUT)}
    )

    labels: Annotated[
        list[Annotated[int, Field(ge=100, le=2**24)]], Field(min_length=1), Distinct
    ] = Field(
        [1_000, 3_000, 10_000, 30_000, 100_000],
        description=f"numbers of labels; a fit needs {FEWEST_WIDTHS} of them",
    )
    features: int = Field(10_000, ge=16, le=2**24, description="inputs of the generated samples")
    standard_up_to: int = Field(
        100_000, ge=100, description="most labels of which `standard` computes all"
    )

    def expand_runs(self, comparison: "Comparison") -> list[Run]:
        """Entries x numbers of labels, of the first data set, network and seed."""
        axes = self.axes(comparison)
        axes |= {name: list(axes[name])[:1] for name in ("datasets", "networks", "seeds")}
        runs = comparison.cross_runs(**axes | {"active_fractions": [1.0]})
        return [
            run.model_copy(update={"conditions": {"labels": labels, "features": self.features}})
            for labels in sorted(self.labels)
            for run in runs
            if run.rule != "standard" or labels <= self.standard_up_to
        ]

    @staticmethod
    def measure(run: Run, data: "Prepared") -> pd.DataFrame:
        """Measure one number of labels: a row."""
        from lsh_dl.measurements.wide_cost import measure_labels

        return pd.DataFrame([measure_labels(run)])


def tabulate(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as measured, with the exponents of each entry's costs over the number of labels."""
    return pd.concat(
        [
            group.assign(**_fit(group))
            for _, group in number_curves(rows).groupby("label", sort=False)
        ],
        ignore_index=True,
    )


def _fit(group: pd.DataFrame) -> dict[str, Any]:
    found = {}
    for cost in COSTS:
        fit = fit_power_law(group["labels"], group[cost])
        ends = (fit.exponent, fit.low, fit.high) if fit else (float("nan"),) * 3
        found |= dict(
            zip([f"{cost}_exponent{end}" for end in ("", "_low", "_high")], ends, strict=True)
        )
    return found
