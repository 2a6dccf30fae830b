"""The experiment's configuration: read, checked in full before any work, one line per mistake."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from lsh_dl.common.discovery import discover, find
from lsh_dl.common.errors import UserError
from lsh_dl.common.validation import Model, shorten, validate
from lsh_dl.common.yaml_files import read_yaml
from lsh_dl.data.base import DataSet
from lsh_dl.experiment.entries import (
    DatasetEntry,
    Distinct,
    Entries,
    RuleEntry,
    Seeds,
    TitledRule,
    Widths,
)
from lsh_dl.experiment.studies.ablation import Ablation
from lsh_dl.experiment.studies.asynchronous import Asynchronous
from lsh_dl.experiment.studies.base import Study
from lsh_dl.experiment.studies.scaling import Scaling
from lsh_dl.experiment.studies.selection_quality import SelectionQuality
from lsh_dl.experiment.studies.stage_times import StageTimes
from lsh_dl.rules.base import Rule
from lsh_dl.runs.spec import Fraction, Training

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
        return str(Path(path).expanduser())
    except RuntimeError:
        raise ValueError(f"no home folder for {parts[0]!r}") from None


class Experiment(Model):
    """Everything that a pipeline run computes."""

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
        description="run a part: `key=value,value ...` of dataset, rule, network (`2x400`), seed",
    )
    seeds: Seeds = Field(
        description="one run each; figures show the median and the range over them"
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
    training: Training = Field(
        Training(), description="optimiser and schedule, the same for every rule"
    )
    ablation: Ablation | None = Field(None, description="the study of LSH's ingredients; optional")
    asynchronous: Asynchronous | None = Field(
        None, description="the study of several threads; optional"
    )
    selection_quality: SelectionQuality | None = Field(
        None, description="the study of which nodes are selected; optional"
    )
    stage_times: StageTimes | None = Field(
        None, description="the study of where a sample's time goes; optional"
    )
    scaling: Scaling | None = Field(
        None, description="costs over the width of one hidden layer; optional"
    )

    @property
    def studies(self) -> dict[str, Study]:
        """The sections of studies that are given, by name."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: study for name, study in sections.items() if isinstance(study, Study)}

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
    return check_config(read_yaml(path), str(path))


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
    if experiment.only == "":
        raise UserError(f"{place}: only: empty; leave it out, or give a part such as rule=lsh,wta")
    _check_mirror(experiment.mirror, f"{place}: mirror")
    for label, entry in experiment.datasets.items():
        key = f"{place}: datasets.{label}"
        validate(Training, experiment.training.model_dump() | entry.training, f"{key}.training")
        source = _find("lsh_dl.data", DataSet, entry.source or label, key)
        validate(source.Settings, entry.settings, key)
        if source.several_labels:
            raise UserError(
                f"{key}: samples with several labels have no place in an experiment; train on them "
                f"by `lsh-dl train --dataset {source.name}` (docs/wide_outputs.md)"
            )
    trainings = [experiment.training_for(dataset) for dataset in experiment.datasets]
    _check_rules(experiment.rules, trainings, f"{place}: rules")
    for name, study in experiment.studies.items():
        key = f"{place}: {name}"
        try:
            study.check(experiment)
        except UserError as error:
            raise UserError(f"{key}.{error}") from None
        _check_rules(study.entries, trainings, f"{key}.entries")
    if experiment.scaling:
        _check_scaling(experiment, f"{place}: scaling")
    return experiment


def _check_mirror(mirror: str | None, place: str) -> None:
    if not mirror or mirror.lower().startswith(("http://", "https://")):
        return
    try:
        found = "://" not in mirror and Path(mirror).expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):  # too long, no such home folder, a NUL
        found = False
    if not found:
        given = shorten(mirror)
        raise UserError(f"{place}: no folder {given}; give a folder or an http(s) URL")


def _check_scaling(experiment: Experiment, key: str) -> None:
    try:
        experiment.scaling.check(experiment)
    except UserError as error:
        raise UserError(f"{key}.{error}") from None
    for run in experiment.scaling.expand_runs(experiment):
        entries = {"settings": TitledRule(source=run.rule, **run.settings)}
        _check_rules(entries, [run.training], key)


def _check_rules(
    entries: Mapping[str, TitledRule], trainings: Iterable[Training], place: str
) -> None:
    for label, entry in entries.items():
        key = f"{place}.{label}"
        source = _find("lsh_dl.rules", Rule, entry.source or label, key)
        settings = validate(source.Settings, entry.settings, key)
        try:
            for training in trainings:
                source(settings, 1.0, 0).check_optimiser(training)
        except UserError as error:
            raise UserError(f"{key}: {error}") from None


def _find(package: str, base: type, name: str, key: str) -> type:
    discover(package, base)  # a broken file names its own place, not the config's
    try:
        return find(package, base, name)
    except UserError as error:
        raise UserError(f"{key}: {error}") from None
