"""The comparison of rules that the top level of a config describes, and its runs.

It is what a study knows of the experiment that it is part of.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from lsh_dl.common.discovery import find, is_outside
from lsh_dl.common.errors import UserError
from lsh_dl.common.paths import expand_path
from lsh_dl.common.validation import Model, validate
from lsh_dl.experiment.entries import (
    ByLevel,
    DatasetEntry,
    Distinct,
    Entries,
    RuleEntry,
    Seeds,
    SystemEntry,
    TitledRule,
    TrainedEntry,
    Widths,
)
from lsh_dl.experiment.studies.base import Study, Table
from lsh_dl.rules.base import Rule
from lsh_dl.runs.frontier import TRIALS, gather_settings
from lsh_dl.runs.spec import Fraction, Run, Training
from lsh_dl.runs.summary import summarise
from lsh_dl.systems.base import System

ABOUT_SETTINGS = (
    "All settings that the experiment tried on one thread: a row a setting of any study's runs and "
    "of the trials of ``tuning`` and ``budget``, with accuracy on the validation part and costs. "
    "``on_...`` says whether none is as accurate at less of that cost, ``default`` which is LSH "
    "as the comparison has it, at the level nearest to 5 %. Only runs of timed studies had the "
    "machine to themselves; microseconds of the others are rough."
)
LONGEST_PATH = 2000
"""Bytes of the folder of outputs: systems allow 4,096 for a path with all below it."""


def _check_folder(path: str) -> str:
    """Let a path pass below which every output can have its name; `~` becomes the home folder."""
    # Snakemake takes braces of a path for wildcards.
    if not path.isprintable() or set("{}") & set(path):
        raise ValueError("braces and control characters cannot stand in the path")
    parts = Path(path).parts
    if len(os.fsencode(path)) > LONGEST_PATH or any(len(os.fsencode(p)) > 255 for p in parts):
        raise ValueError(f"a path has at most {LONGEST_PATH:,} bytes, each part of it 255")
    try:
        return str(expand_path(path))
    except UserError as error:
        raise ValueError(str(error)) from None


class Comparison(Model):
    """Rules beside each other: data sets x rules x networks x active fractions x seeds."""

    results: Annotated[str, AfterValidator(_check_folder)] = Field(
        "results", min_length=1, description="folder of all outputs; `~` is the home folder"
    )
    mirror: str | None = Field(
        None, description="folder or URL with `<data set>/<file>`, tried before the public URLs"
    )
    cache: str | None = Field(
        None, description="folder that keeps downloads; default: the system's cache folder"
    )
    only: str | None = Field(
        None,
        description="run a part: `key=value,value ...` of dataset, rule, network (`2x400`), level, "
        "seed",
    )
    seeds: Seeds = Field(
        description="one run each; figures show the median and the range over them"
    )
    seeds_by_level: ByLevel[Seeds] = Field(
        {}, description="in place of `seeds` at single levels of the comparison, `{0.9: [1]}`"
    )
    networks: Annotated[list[Widths], Distinct] = Field(
        min_length=1, description="widths of the hidden layers, one list a network"
    )
    active_fractions: Annotated[list[Fraction], Distinct] = Field(
        min_length=1, description="levels: wanted shares of active nodes in every hidden layer"
    )
    datasets: Entries[DatasetEntry] = Field(
        min_length=1, description="data sets by label: one column of panels each"
    )
    rules: Entries[RuleEntry] = Field(
        min_length=1, description="selection rules by label: one curve each"
    )
    systems: Entries[SystemEntry] = Field(
        {},
        description="other systems by label, for the studies that compare with them; one that "
        "cannot run here is left out, and why is said",
    )
    training: Training = Field(
        Training(), description="optimiser and schedule, the same for every rule"
    )
    reported_epoch: Literal["best", "last"] = Field(
        "best",
        description="the epoch of each run that figures and claims show: best on the validation "
        "part, or the last; the same for every rule",
    )

    @property
    def all_seeds(self) -> set[int]:
        """The seeds of the comparison's runs, whatever their level."""
        return {*self.seeds}.union(*self.seeds_by_level.values())

    def check_levels(self, place: str) -> None:
        """Raise a UserError where `seeds_by_level` names a level that no rule is run at."""
        levels = {1.0, *self.active_fractions}.union(
            *(entry.active_fractions or () for entry in self.rules.values())
        )
        for level in self.seeds_by_level:
            if level not in levels:
                known = ", ".join(f"{known:g}" for known in sorted(levels))
                raise UserError(f"{place}.{level:g}: no rule is run at that level; known: {known}")

    def training_for(self, dataset: str, fraction: float | None = None) -> Training:
        """The training settings of one data set: the common ones with its own laid over.

        With a `fraction` that level's learning rate, where the data set has one.
        """
        entry = self.datasets[dataset]
        rate = entry.learning_rates.get(fraction)
        by_level = {} if rate is None else {"learning_rate": rate}
        return Training(**self.training.model_dump() | entry.training | by_level)

    def check_rules(
        self,
        entries: Mapping[str, TitledRule],
        place: str,
        trainings: Iterable[Training] | None = None,
    ) -> None:
        """Raise a UserError at `place` where an entry's rule, a setting or the optimiser is wrong.

        Parameters
        ----------
        trainings: what the rules are trained by; default: the settings of all data sets.
        """
        if trainings is None:
            trainings = [self.training_for(dataset) for dataset in self.datasets]
        for label, entry in entries.items():
            key = f"{place}.{label}"
            rule = find_at("lsh_dl.rules", Rule, entry.source or label, key)
            settings = validate(rule.Settings, entry.settings, key)
            try:
                for training in trainings:
                    rule(settings, 1.0, 0).check_optimiser(training)
            except UserError as error:
                raise UserError(f"{key}: {error}") from None

    def check_systems(self, entries: Mapping[str, SystemEntry], place: str) -> None:
        """Raise a UserError at `place` where a system, a setting or the optimiser is wrong."""
        trainings = [self.training_for(dataset) for dataset in self.datasets]
        for label, entry in entries.items():
            key = f"{place}.{label}"
            if label in self.rules:
                raise UserError(f"{key}: `rules` has this label too; give one of them another")
            system = find_at("lsh_dl.systems", System, entry.source or label, key)
            settings = validate(system.Settings, entry.settings, key)
            try:
                for training in trainings:
                    system(settings, training).check_training()
            except UserError as error:
                raise UserError(f"{key}: {error}") from None

    def skipped_systems(self) -> dict[str, str]:
        """The labels of systems that cannot run here, with the reason."""
        reasons = {}
        for label, entry in self.systems.items():
            system = find("lsh_dl.systems", System, entry.source or label)
            reasons[label] = system.skip_reason(system.Settings(**entry.settings))
        return {label: reason for label, reason in reasons.items() if reason}

    def title_of_system(self, label: str) -> str:
        """The name in legends of an entry of `systems`."""
        entry = self.systems[label]
        found = find("lsh_dl.systems", System, entry.source or label)
        return entry.title or default_title(found, label)

    def systems_here(self) -> dict[str, SystemEntry]:
        """The systems that can run here."""
        skipped = self.skipped_systems()
        return {label: entry for label, entry in self.systems.items() if label not in skipped}

    def cross_runs(
        self,
        *,
        datasets: Iterable[str],
        networks: Sequence[Sequence[int]],
        entries: Mapping[str, TrainedEntry],
        active_fractions: Sequence[float],
        seeds: Sequence[int],
        epochs: int | None = None,
        threads: Sequence[int] = (1,),
        systems: bool = False,
        seeds_by_level: Mapping[float, Sequence[int]] = MappingProxyType({}),
    ) -> list[Run]:
        """The product of all axes. A rule without levels, or a system, has the one level 1.0.

        Parameters
        ----------
        epochs: in place of those that the experiment has for a data set; the runs' ids then say so.
        systems: the entries are other systems, not rules.
        seeds_by_level: in place of `seeds` at single levels.
        """
        runs = []
        for dataset in datasets:
            usual = self.training_for(dataset).epochs
            changed = {"epochs": epochs or usual}
            for label, entry in entries.items():
                package, base = ("systems", System) if systems else ("rules", Rule)
                found = find(f"lsh_dl.{package}", base, entry.source or label)
                levels = active_fractions
                if systems or not found.uses_active_fraction:
                    levels = [1.0]
                runs += [
                    Run(
                        dataset=dataset,
                        rule=found.name,
                        system=systems,
                        source=entry.source if is_outside(entry.source or "") else None,
                        label=label,
                        title=entry.title or default_title(found, label),
                        settings=entry.settings,
                        hidden=tuple(hidden),
                        active_fraction=fraction,
                        seed=seed,
                        threads=count,
                        training=entry.adapt(
                            self.training_for(dataset, fraction).model_copy(update=changed)
                        ),
                        variant=None if epochs in (None, usual) else f"{epochs}epochs",
                    )
                    for hidden in networks
                    for fraction in levels
                    for count in threads
                    for seed in seeds_by_level.get(fraction, seeds)
                ]
        return runs


def default_title(found: type[Rule] | type[System], label: str) -> str:
    """The class's own title; a second entry of the same one is told from it by its label."""
    return found.title if label == found.name else f"{found.title} ({label})"


def find_at(package: str, base: type, name: str, place: str) -> type:
    """`find`, with `place` in front of what is wrong."""
    try:
        return find(package, base, name)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


class MainStudy(Study):
    """The comparison itself, as one study among the others; it has no section of its own."""

    name = "comparison"
    #: A rule that is new to the comparison comes to all of its figures by itself.
    tables = MappingProxyType(
        {
            "accuracy_lsh_vs_dropout": Table(
                lambda study, rows: summarise(rows.runs),
                lambda rule: rule not in ("adaptive", "wta"),
            ),
            "accuracy_lsh_vs_adaptive": Table(
                lambda study, rows: summarise(rows.runs), lambda rule: rule != "dropout"
            ),
            "accuracy_vs_multiplications": Table(lambda study, rows: summarise(rows.runs)),
            "frontier": Table(
                lambda study, rows: gather_settings(rows.tables),
                about=ABOUT_SETTINGS,
                reads=("runs", *TRIALS),
            ),
        }
    )

    def expand_runs(self, comparison: Comparison) -> list[Run]:
        """Data sets x rules x networks x active fractions x seeds."""
        return [
            run
            for dataset in comparison.datasets
            for label, entry in comparison.rules.items()
            for run in comparison.cross_runs(
                datasets=[dataset],
                networks=comparison.networks,
                entries={label: entry},
                active_fractions=entry.active_fractions or comparison.active_fractions,
                seeds=comparison.seeds,
                seeds_by_level=comparison.seeds_by_level,
            )
        ]
