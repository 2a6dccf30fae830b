"""The experiment's configuration: read, checked in full before any work, one line per mistake."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from lsh_dl.discovery import discover, find
from lsh_dl.errors import UserError
from lsh_dl.validation import Model, validate

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Fraction = Annotated[float, Field(gt=0, le=1)]
Width = Annotated[int, Field(ge=1)]


def _refuse_repeats(values: list) -> list:
    """Let a list pass whose values all differ: each stands for runs of its own."""
    for number, value in enumerate(values):
        if value in values[:number]:
            raise ValueError(f"{value} is given twice; each value belongs here once")
    return values


Distinct = AfterValidator(_refuse_repeats)


class Training(Model):
    """Optimiser and schedule, the same for every selection rule."""

    epochs: int = Field(3, ge=1, description="passes over the training part")
    learning_rate: float = Field(
        0.01, gt=0, allow_inf_nan=False, description="step size of SGD or Adagrad"
    )
    adagrad: bool = Field(True, description="scale every weight's step by its gradient history")
    momentum: float = Field(0.0, ge=0, lt=1, description="decay of the velocity; 0 switches it off")


class _Entry(BaseModel):
    """A named entry: known keys here, all others belong to the class that `source` names."""

    model_config = ConfigDict(extra="allow", frozen=True)

    source: Name | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The keys that belong to the rule or data set itself."""
        return dict(self.model_extra or {})


class RuleEntry(_Entry):
    """One curve of the figures: a selection rule with its settings."""

    source: Name | None = Field(None, description="rule in lsh_dl/rules; default: the entry's name")
    title: str | None = Field(None, description="name in legends; default: the rule's own")
    active_fractions: Annotated[list[Fraction], Field(min_length=1), Distinct] | None = Field(
        None, description="levels of this rule only, instead of the common ones"
    )


class DatasetEntry(_Entry):
    """One panel of the figures: a data set with its settings."""

    source: Name | None = Field(None, description="set in lsh_dl/data; default: the entry's name")
    training: dict[str, Any] = Field(
        default_factory=dict, description="training keys that differ on this data set"
    )


class Experiment(Model):
    """Everything that a pipeline run computes."""

    results: str = Field("results", min_length=1, description="folder of all outputs")
    mirror: str | None = Field(
        None, description="folder or URL with `<data set>/<file>`, tried before the public URLs"
    )
    cache: str | None = Field(
        None, description="folder that keeps downloads; default: the system's cache folder"
    )
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Distinct] = Field(
        min_length=1, description="one run each; figures show the median and the range over them"
    )
    networks: Annotated[list[Annotated[list[Width], Field(min_length=1)]], Distinct] = Field(
        min_length=1, description="widths of the hidden layers, one list a network"
    )
    active_fractions: Annotated[list[Fraction], Distinct] = Field(
        min_length=1, description="levels: wanted shares of active nodes in every hidden layer"
    )
    datasets: dict[Name, DatasetEntry] = Field(
        min_length=1, description="data sets by label: one column of panels each"
    )
    rules: dict[Name, RuleEntry] = Field(
        min_length=1, description="selection rules by label: one curve each"
    )
    training: Training = Field(
        Training(), description="optimiser and schedule, the same for every rule"
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_entries(cls, raw: Any) -> Any:
        """Read `mnist:` without a value (empty text on a command line) as default settings."""
        if not isinstance(raw, dict):
            return raw
        filled = {
            key: {name: {} if entry in (None, "") else entry for name, entry in raw[key].items()}
            for key in ("datasets", "rules")
            if isinstance(raw.get(key), dict)
        }
        return raw | filled

    def training_for(self, dataset: str) -> Training:
        """The training settings of one data set: the common ones with its own laid over."""
        return Training(**self.training.model_dump() | self.datasets[dataset].training)


def read_config(path: Path | str) -> Experiment:
    """Read and check a YAML file.

    Raises
    ------
    UserError
        The file is missing, is not YAML, or does not describe an experiment.
    """
    try:
        raw = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give the path of a config file") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    return check_config(raw, str(path))


def check_config(raw: Any, place: str = "config") -> Experiment:
    """Check a configuration in full: keys, types, ranges, rules, data sets and their settings.

    Raises
    ------
    UserError
        One line that names `place`, the key, what is wrong and what is allowed.
    """
    if not isinstance(raw, Mapping):
        raise UserError(f"{place}: a mapping of keys is needed; see configs/README.md")
    experiment = validate(Experiment, raw, place)
    mirror = experiment.mirror
    if mirror and "://" not in mirror and not Path(mirror).expanduser().is_dir():
        raise UserError(f"{place}: mirror: no folder {mirror!r}; give a folder or an http(s) URL")
    # Imported here: the rules' base imports numba, which reading a run's record does without.
    from lsh_dl.data.base import DataSet
    from lsh_dl.rules.base import Rule

    for label, entry in experiment.datasets.items():
        key = f"{place}: datasets.{label}"
        validate(Training, experiment.training.model_dump() | entry.training, f"{key}.training")
        source = _find("lsh_dl.data", DataSet, entry.source or label, key)
        validate(source.Settings, entry.settings, key)
    for label, entry in experiment.rules.items():
        key = f"{place}: rules.{label}"
        source = _find("lsh_dl.rules", Rule, entry.source or label, key)
        validate(source.Settings, entry.settings, key)
    return experiment


def _find(package: str, base: type, name: str, key: str) -> type:
    discover(package, base)  # a broken file names its own place, not the config's
    try:
        return find(package, base, name)
    except UserError as error:
        raise UserError(f"{key}: {error}") from None
