"""Accuracy and work over the number of hidden layers of one width."""

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from lsh_dl.common.errors import UserError
from lsh_dl.experiment.entries import Distinct, Entries, TitledRule, Widths
from lsh_dl.experiment.studies.base import RuleStudy, Table
from lsh_dl.runs.spec import Fraction, Run, describe_widths
from lsh_dl.runs.summary import summarise

if TYPE_CHECKING:
    from lsh_dl.experiment.comparison import Comparison

#: Hidden layers and nodes of each, where the section has no `networks`.
DEPTHS, WIDTH = range(1, 8), 1000


class DepthEntry(TitledRule):
    """One curve over depth: a rule at a level of its own."""

    active_fraction: Fraction | None = Field(
        None, description="level of this entry only, instead of the section's"
    )


class AccuracyVsDepth(RuleStudy):
    """Test accuracy, and multiplications beside it, over the number of hidden layers of one width.

    An entry may have a level of its own, so that one rule is shown at several operating points.
    """

    name = "accuracy_vs_depth"
    tables = MappingProxyType(
        {"accuracy_vs_depth": Table(lambda study, rows: summarise(rows.runs))}
    )

    networks: Annotated[list[Widths], Field(min_length=1), Distinct] = Field(
        [[WIDTH] * depth for depth in DEPTHS],
        description="widths of the hidden layers, all the same",
    )
    entries: Entries[DepthEntry] = Field(
        min_length=1,
        description="rules by label, with their settings; a label of `rules` alone is that entry",
    )

    def check(self, comparison: "Comparison", place: str) -> None:
        """Raise a UserError at `place` where networks differ in more than their depth."""
        super().check(comparison, place)
        if len({width for widths in self.networks for width in widths}) > 1:
            shown = ", ".join(describe_widths(tuple(widths)) for widths in self.networks)
            raise UserError(
                f"{place}.networks: {shown}: only the number of layers may differ here; give all "
                "of them one width"
            )

    def expand_runs(self, comparison: "Comparison") -> list[Run]:
        """Data sets x entries x depths x seeds, each entry at its own level if it has one."""
        axes = self.axes(comparison)
        return [
            run
            for dataset in axes["datasets"]
            for label, entry in axes["entries"].items()
            for run in comparison.cross_runs(
                **axes
                | {
                    "datasets": [dataset],
                    "entries": {label: entry},
                    "active_fractions": [
                        self.entries[label].active_fraction or self.active_fraction
                    ],
                }
            )
        ]
