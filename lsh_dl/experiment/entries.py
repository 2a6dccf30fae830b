"""The parts that sections of a config are made of: named entries, and lists without repeats."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WrapValidator,
)

from lsh_dl.runs.spec import Fraction, Name, Rate, Reference, Seed, Title, Training, Width

E = TypeVar("E")
NOTHING = (None, "", "~", "null", "Null", "NULL")
"""YAML's spellings of no value, which Snakemake's `--config` leaves as they are."""


def _refuse_repeats(values: list) -> list:
    """Let a list pass whose values all differ: each stands for runs of its own."""
    for number, value in enumerate(values):
        if value in values[:number]:
            raise ValueError(f"{value} is given twice; each value belongs here once")
    return values


def _fill_empty(entries: Any) -> Any:
    """Read `mnist:` without a value (on a command line null is text) as default settings."""
    if not isinstance(entries, dict):
        return entries
    return {name: {} if entry in NOTHING else entry for name, entry in entries.items()}


def _refuse_equal_keys(given: Any, build: Callable[[Any], dict]) -> dict:
    """Let a mapping pass whose keys differ as numbers too: not 0.05 and "0.05"."""
    built = build(given)
    if len(built) < len(given):
        keys = ", ".join(map(repr, given))
        raise ValueError(f"a level is given twice ({keys}); each belongs here once")
    return built


Distinct = AfterValidator(_refuse_repeats)
Seeds = Annotated[list[Seed], Field(min_length=1), Distinct]
Widths = Annotated[list[Width], Field(min_length=1)]
Entries = Annotated[dict[Name, E], BeforeValidator(_fill_empty)]
ByLevel = Annotated[dict[Fraction, E], WrapValidator(_refuse_equal_keys)]


def _source(kind: str, folder: str) -> Any:
    """The field that names what an entry is of."""
    return Field(
        None,
        description=f"{kind} in lsh_dl/{folder} (default: the entry's name), or one of your own: "
        f"`path/to/{kind}.py`, seen from the config's folder, or `package.module:Class`",
    )


class _Entry(BaseModel):
    """A named entry: known keys here, all others belong to the class that `source` names."""

    model_config = ConfigDict(extra="allow", frozen=True)

    source: Reference | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The keys that belong to the rule, system or data set itself."""
        return dict(self.model_extra or {})


class TrainedEntry(_Entry):
    """A rule or a system: what trains a network, with its settings."""

    title: Title | None = Field(None, description="name in legends; default: its own")
    learning_rate: Rate | None = Field(
        None, description="in place of `training`'s; tune that of every entry alike"
    )

    def adapt(self, training: Training) -> Training:
        """The training settings with its own learning rate, if it has one."""
        if self.learning_rate is None:
            return training
        return training.model_copy(update={"learning_rate": self.learning_rate})


class TitledRule(TrainedEntry):
    """A selection rule with its settings."""

    source: Reference | None = _source("rule", "rules")


class SystemEntry(TrainedEntry):
    """Another system with its settings."""

    source: Reference | None = _source("system", "systems")


class RuleEntry(TitledRule):
    """One curve of the figures: a selection rule with its settings."""

    active_fractions: Annotated[list[Fraction], Field(min_length=1), Distinct] | None = Field(
        None, description="levels of this rule only, instead of the common ones"
    )


class DatasetEntry(_Entry):
    """One panel of the figures: a data set with its settings."""

    source: Reference | None = _source("set", "data")
    training: dict[str, Any] = Field(
        default_factory=dict, description="training keys that differ on this data set"
    )
    learning_rates: ByLevel[Rate] = Field(
        default_factory=dict,
        description="learning rate by level, `{0.05: 0.01, ...}`, the same for every rule; 1.0 is "
        "that of rules without levels; default: `training`'s",
    )
