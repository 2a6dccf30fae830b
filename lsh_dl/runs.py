"""The run table: an experiment expands to independent runs, each a frozen record."""

from typing import Any

from pydantic import Field

from lsh_dl.config import Experiment, Fraction, Name, Training, Width
from lsh_dl.discovery import find
from lsh_dl.errors import UserError
from lsh_dl.rules.base import Rule
from lsh_dl.validation import Model


class Run(Model):
    """One training run: all that decides its numbers, but for the prepared data themselves."""

    dataset: Name = Field(description="label of the prepared data set")
    rule: Name = Field(description="name of the rule class in lsh_dl/rules")
    label: Name = Field(description="the config's name for the rule with these settings")
    title: str = Field(description="the label's name in legends")
    settings: dict[str, Any] = Field(default_factory=dict, description="the rule's settings")
    hidden: tuple[Width, ...] = Field(min_length=1, description="widths of the hidden layers")
    active_fraction: Fraction = Field(description="wanted share of active nodes")
    seed: int = Field(ge=0)
    threads: int = Field(1, ge=1)
    training: Training = Training()

    @property
    def id(self) -> str:
        """A readable name, unique within an experiment: `mnist_lsh_2x1000_5pct_seed1`."""
        parts = [
            self.dataset,
            self.label,
            describe_widths(self.hidden),
            f"{100 * self.active_fraction:g}pct",
            f"seed{self.seed}",
        ]
        return "_".join(parts if self.threads == 1 else [*parts, f"{self.threads}threads"])


def describe_widths(hidden: tuple[int, ...]) -> str:
    """`(1000, 1000)` as `2x1000`, unequal widths as `1000-500`."""
    if len(set(hidden)) == 1:
        return f"{len(hidden)}x{hidden[0]}"
    return "-".join(str(width) for width in hidden)


def default_title(rule: type[Rule], label: str) -> str:
    """The rule's own title; a second entry of the same rule is told from it by its label."""
    return rule.title if label == rule.name else f"{rule.title} ({label})"


def expand_runs(experiment: Experiment) -> list[Run]:
    """All runs of an experiment: data sets x networks x rules x active fractions x seeds.

    Raises
    ------
    UserError
        Two runs would share an id, and with it their files.
    """
    runs = []
    for dataset in experiment.datasets:
        training = experiment.training_for(dataset)
        for label, entry in experiment.rules.items():
            rule = find("lsh_dl.rules", Rule, entry.source or label)
            fractions = entry.active_fractions or experiment.active_fractions
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
                    training=training,
                )
                for hidden in experiment.networks
                for fraction in (fractions if rule.uses_active_fraction else [1.0])
                for seed in experiment.seeds
            ]
    known: dict[str, Run] = {}
    for run in runs:
        if run.id in known:
            other = known[run.id]
            raise UserError(
                f"two runs are called {run.id}: data set {other.dataset}, rule {other.label}, "
                f"level {other.active_fraction} and data set {run.dataset}, rule {run.label}, "
                f"level {run.active_fraction}; rename an entry or change a level"
            )
        known[run.id] = run
    return runs
