"""What sections of the config for studies have in common, and how runs are expanded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from lsh_dl.common.discovery import find
from lsh_dl.common.errors import UserError, suggest
from lsh_dl.common.validation import Model
from lsh_dl.experiment.entries import Distinct, Entries, Seeds, TitledRule, Widths
from lsh_dl.rules.base import Rule
from lsh_dl.runs.spec import MOST_EPOCHS, Fraction, Name, Run

if TYPE_CHECKING:
    from lsh_dl.experiment.config import Experiment


class Study(Model):
    """A study: runs beside the main comparison, with figures of their own."""

    #: Whether seconds are what it is about: the workflow then runs nothing beside its runs.
    timed: ClassVar[bool] = False
    #: Whether its runs are measured, by `measure_run` of the module lsh_dl.<name of the study>,
    #: each to one CSV of what that module says, and not trained to the CSV and JSON of a run.
    measured: ClassVar[bool] = False

    datasets: Annotated[list[Name], Field(min_length=1), Distinct] | None = Field(
        None, description="labels of `datasets`; default: all"
    )
    networks: Annotated[list[Widths], Field(min_length=1), Distinct] | None = Field(
        None, description="widths of the hidden layers; default: the experiment's `networks`"
    )
    seeds: Seeds | None = Field(None, description="default: the experiment's `seeds`")
    epochs: int | None = Field(
        None,
        ge=1,
        le=MOST_EPOCHS,
        description="passes over the training part; default: those of the data set",
    )
    active_fraction: Fraction = Field(0.05, description="level: wanted share of active nodes")
    entries: Entries[TitledRule] = Field(
        min_length=1,
        description="rules by label, with their settings; a label of `rules` alone is that entry",
    )

    def check(self, experiment: Experiment) -> None:
        """Raise a UserError where the section does not fit the experiment that it is part of."""
        for label in self.datasets or ():
            if label not in experiment.datasets:
                known = suggest(label, experiment.datasets)
                raise UserError(f"datasets: no data set {label!r} in the config; {known}")
        for label, entry in self.entries.items():
            if label in experiment.rules and (entry.source or entry.title or entry.settings):
                raise UserError(
                    f"entries.{label}: `rules` has this label too; leave the entry empty to use "
                    "that one, or give it another label"
                )

    def resolve_entries(self, experiment: Experiment) -> dict[str, TitledRule]:
        """The entries; where one only names a label of `rules`, that one."""
        return {label: experiment.rules.get(label, entry) for label, entry in self.entries.items()}

    def expand_runs(self, experiment: Experiment) -> list[Run]:
        """All runs: data sets x entries x networks x seeds."""
        return cross_runs(experiment, **self.axes(experiment))

    def axes(self, experiment: Experiment) -> dict[str, Any]:
        """The axes that all studies have, as `cross_runs` takes them."""
        return {
            "datasets": self.datasets or experiment.datasets,
            "networks": self.networks or experiment.networks,
            "entries": self.resolve_entries(experiment),
            "active_fractions": [self.active_fraction],
            "seeds": self.seeds or experiment.seeds,
            "epochs": self.epochs,
        }


def cross_runs(
    experiment: Experiment,
    *,
    datasets: Iterable[str],
    networks: Sequence[Sequence[int]],
    entries: Mapping[str, TitledRule],
    active_fractions: Sequence[float],
    seeds: Sequence[int],
    epochs: int | None = None,
    threads: Sequence[int] = (1,),
) -> list[Run]:
    """The product of all axes. A rule without levels has the one level 1.0.

    Parameters
    ----------
    epochs: in place of those that the experiment has for a data set; the runs' ids then say so.
    """
    runs = []
    for dataset in datasets:
        common = experiment.training_for(dataset)
        training = common.model_copy(update={"epochs": epochs or common.epochs})
        for label, entry in entries.items():
            rule = find("lsh_dl.rules", Rule, entry.source or label)
            runs += [
                Run(
                    dataset=dataset,
                    rule=rule.name,
                    label=label,
                    title=entry.title or default_title(rule, label),
                    settings=entry.settings,
                    hidden=tuple(hidden),
                    active_fraction=fraction,
                    seed=seed,
                    threads=count,
                    training=entry.adapt(training),
                    variant=None if training == common else f"{epochs}epochs",
                )
                for hidden in networks
                for fraction in (active_fractions if rule.uses_active_fraction else [1.0])
                for count in threads
                for seed in seeds
            ]
    return runs


def default_title(rule: type[Rule], label: str) -> str:
    """The rule's own title; a second entry of the same rule is told from it by its label."""
    return rule.title if label == rule.name else f"{rule.title} ({label})"
