"""Trials of settings: what the studies that choose them have in common."""

from collections.abc import Iterable, Mapping
from itertools import product
from math import ceil, prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
from pydantic import Field

from lsh_dl.common.errors import UserError, suggest
from lsh_dl.common.validation import validate
from lsh_dl.experiment.entries import Distinct, Entries, RuleEntry, Seeds, SystemEntry, TitledRule
from lsh_dl.experiment.studies.base import Study, Table
from lsh_dl.runs.picks import summarise_trials
from lsh_dl.runs.spec import MOST_EPOCHS, Name, Run, name_settings

if TYPE_CHECKING:
    from lsh_dl.data.prepared.store import Prepared
    from lsh_dl.experiment.comparison import Comparison

Grid = Annotated[dict[Name, Annotated[list[Any], Field(min_length=1), Distinct]], Field()]

ABOUT_TRIALS = (
    "Every trial: a setting with the median validation accuracy of its seeds, each in its best "
    "epoch, and its work in training and on the validation part, in per cent of the textbook "
    "network's. The test part is not read."
)


class TrialStudy(Study):
    """A study that tries settings on validation data."""

    reads_test = False

    seeds: Seeds = Field(description="of the trials; none of them a seed of the experiment")
    epochs: int | None = Field(
        None, ge=1, le=MOST_EPOCHS, description="of a trial; default: those of the data set"
    )
    share_of_epochs: float = Field(
        1.0, gt=0, le=1, description="of the data set's epochs, rounded up, that a trial has"
    )
    grids: Entries[Grid] = Field(
        min_length=1,
        description="by label of `rules` (or, in `tuning`, of `systems`): values to try of "
        "`learning_rate` and of its own settings, each with each; the same number of trials for "
        "every label",
    )

    @staticmethod
    def measure(run: Run, data: "Prepared") -> pd.DataFrame:
        """Train a trial: an epoch a row."""
        from lsh_dl.measurements.tuning import measure_trial

        return pd.DataFrame(measure_trial(run, data))

    def check_grids(
        self,
        comparison: "Comparison",
        place: str,
        wanted: Iterable[str],
        allowed: Mapping[str, TitledRule],
    ) -> None:
        """Raise a UserError at `place` where seeds or grids do not fit the experiment.

        Parameters
        ----------
        wanted: labels that need a grid.
        allowed: entries whose labels may have one.
        """
        if self.epochs is not None and self.share_of_epochs < 1:
            raise UserError(f"{place}: epochs and share_of_epochs both say how long a trial is")
        both = sorted({*self.seeds} & comparison.all_seeds)
        if both:
            raise UserError(
                f"{place}.seeds: {both[0]} is a seed of the experiment too; settings are chosen "
                "with other seeds than they are judged with"
            )
        for label in self.grids:
            if label not in allowed:
                known = suggest(label, allowed)
                raise UserError(f"{place}.grids: no entry {label!r} in the config; {known}")
        for label in wanted:
            if label not in self.grids:
                raise UserError(f"{place}.grids: no grid for {label}; every entry is tried alike")
        counts = {label: prod(map(len, grid.values())) for label, grid in self.grids.items()}
        if len({*counts.values()}) > 1:
            told = ", ".join(f"{label} has {count}" for label, count in counts.items())
            raise UserError(f"{place}.grids: {told}; give every label the same number of trials")
        for label, dataset in comparison.datasets.items():
            if dataset.settings.get("validation") == 0:
                raise UserError(
                    f"{place}: data set {label} has no validation part (validation: 0), on which "
                    "settings are chosen"
                )
        for label in self.grids:
            self._check_settings(label, comparison, f"{place}.grids")

    def _check_settings(self, label: str, comparison: "Comparison", place: str) -> None:
        """Check each setting as the entry of the label would be that had it."""
        if label in comparison.systems:
            entry = comparison.systems[label]
            for settings in self.settings_of(label):
                known = {"source": entry.source or label, **entry.settings, **settings}
                tried = validate(SystemEntry, known, f"{place}.{label}")
                comparison.check_systems({label: tried}, place)
            return
        entry = comparison.rules[label]
        for settings in self.settings_of(label):
            known = {"source": entry.source or label, **entry.settings, **settings}
            level = known.pop("active_fraction", None)
            levels = {} if level is None else {"active_fractions": [level]}
            tried = validate(RuleEntry, known | levels, f"{place}.{label}")
            comparison.check_rules({label: tried}, place)

    def settings_of(self, label: str) -> list[dict[str, Any]]:
        """The settings to try of a label: each value of its grid with each other."""
        grid = self.grids[label]
        return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]

    def make_trials(self, runs: Iterable[Run]) -> list[Run]:
        """The trials of the groups that `runs` are of: settings x seeds.

        Parameters
        ----------
        runs
            Of those of a group the first is what trials are made of.
        """
        groups: dict[str, Run] = {}
        for run in runs:
            groups.setdefault(run.group, run)
        return [
            self._make_trial(run, settings, seed)
            for run in groups.values()
            for settings in self.settings_of(run.label)
            for seed in self.seeds
        ]

    def _make_trial(self, run: Run, settings: Mapping[str, Any], seed: int) -> Run:
        own = dict(settings)
        training = {"epochs": self.epochs or ceil(self.share_of_epochs * run.training.epochs)}
        if "learning_rate" in own:
            training["learning_rate"] = own.pop("learning_rate")
        level = own.pop("active_fraction", run.active_fraction)
        return Run.model_validate(
            run.model_dump()
            | {
                "training": run.training.model_dump() | training,
                "active_fraction": level,
                "settings": run.settings | own,
                "seed": seed,
                "threads": 1,
                "tuned": None,
                "variant": name_settings(settings) or None,
            }
        )


def trials_table(name: str) -> Mapping[str, Table]:
    """The one table of trials, for a study's `tables`."""
    table = Table(lambda study, rows: summarise_trials(rows.measured), None, False, ABOUT_TRIALS)
    return MappingProxyType({name: table})
