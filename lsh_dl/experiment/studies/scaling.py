"""Work and time of a sample over the width of one hidden layer."""

from math import log2
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from lsh_dl.common.errors import UserError, suggest
from lsh_dl.common.validation import Model
from lsh_dl.experiment.entries import Distinct
from lsh_dl.runs.spec import Name, Run, Seed, Training

if TYPE_CHECKING:
    from lsh_dl.experiment.config import Experiment

#: Most bits of a hash that `lsh` has, and bits fewer than would give every node its own bucket.
MOST_BITS, FEWER_BITS = 16, 2


class Scaling(Model):
    """One hidden layer of growing width, of which LSH activates the same number of nodes always.

    Each width is a timed job of its own, which trains some thousand samples; no network is trained
    to its end.
    """

    dataset: Name | None = Field(None, description="label of `datasets`; default: the first")
    widths: Annotated[
        list[Annotated[int, Field(ge=100, lt=2**31)]], Field(min_length=3), Distinct
    ] = Field([1000, 4000, 16000], description="nodes of the hidden layer; a fit needs three")
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

    def check(self, experiment: "Experiment") -> None:
        """Raise a UserError where the section does not fit the experiment that it is part of."""
        if self.dataset not in (None, *experiment.datasets):
            known = suggest(self.dataset, experiment.datasets)
            raise UserError(f"dataset: no data set {self.dataset!r} in the config; {known}")
        if self.standard_up_to < min(self.widths):
            raise UserError(
                "standard_up_to: below all `widths`, so that there is nothing to compute from; "
                f"give at least {min(self.widths)}"
            )

    def expand_runs(self, experiment: "Experiment") -> list[Run]:
        """LSH at every width and the standard network as far as it is run, narrow ones first."""
        dataset = self.dataset or next(iter(experiment.datasets))
        runs = []
        for width in sorted(self.widths):
            settings = self.settings | {"K": bits_for(width)}
            runs.append(self._describe(dataset, "lsh", width, self.active_nodes / width, settings))
            if width <= self.standard_up_to:
                runs.append(self._describe(dataset, "standard", width, 1.0, {}))
        return runs

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
