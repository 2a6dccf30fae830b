"""The experiment's configuration: read, checked in full before any work, one line per mistake."""

import inspect
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, create_model

from lsh_dl.common.discovery import discover, locate_source
from lsh_dl.common.errors import UserError
from lsh_dl.common.paths import expand_path
from lsh_dl.common.validation import shorten, validate
from lsh_dl.common.yaml_files import read_yaml
from lsh_dl.data.base import DataSet
from lsh_dl.experiment.comparison import Comparison, MainStudy, find_at
from lsh_dl.experiment.studies.base import Study
from lsh_dl.runs.spec import Training

FOLDERS = ("data", "figures", "logs", "runs", "tables")
"""What stands in a folder of results beside that of each study that measures."""


class Experiment(Comparison):
    """Everything that a pipeline run computes: the comparison, and sections of studies."""

    @property
    def studies(self) -> dict[str, Study]:
        """The studies by name: the comparison itself, then the sections that are given."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        given = {name: study for name, study in sections.items() if isinstance(study, Study)}
        return {MainStudy.name: MainStudy()} | given


@cache
def known_studies() -> dict[str, type[Study]]:
    """All studies by name, the comparison first; a file in lsh_dl/experiment/studies is one.

    Raises
    ------
    UserError
        A file cannot be imported, or a study lacks something or takes a name that is taken.
    """
    studies = {MainStudy.name: MainStudy} | discover("lsh_dl.experiment.studies", Study)
    tables = {"runs": "every experiment"}
    for name, study in studies.items():
        place = inspect.getfile(study)
        taken = name in Comparison.model_fields or name in FOLDERS
        if taken or (study is not MainStudy and name == MainStudy.name):
            raise UserError(f"{place}: the name {name!r} is taken; choose another for the study")
        if not study.trained and study.measure is Study.measure:
            raise UserError(f"{place}: `trained` is False, and there is no `measure`")
        for table in study.tables:
            if table in tables:
                raise UserError(f"{place}: {tables[table]} has a table {table!r} too")
            tables[table] = place
        for word in (name, *study.tables):
            if not re.fullmatch(r"[a-z][a-z0-9_]*", word):
                raise UserError(f"{place}: {word!r}: a name has small letters, digits and _ only")
    return studies


def known_tables() -> dict[str, type[Study]]:
    """The study that each table is of, by the table's name."""
    return {table: study for study in known_studies().values() for table in study.tables}


def _head(cls: type) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join(inspect.getdoc(cls).partition("\n\n")[0].split())


@cache
def experiment_model() -> type[Experiment]:
    """`Experiment` with a section for each study that there is."""
    sections = {
        name: (study | None, Field(None, description=f"a study, optional: {_head(study)}"))
        for name, study in known_studies().items()
        if study is not MainStudy
    }
    return create_model("Experiment", __base__=Experiment, **sections)


def read_config(path: Path | str) -> Experiment:
    """Read and check a YAML file.

    Raises
    ------
    UserError
        The file is missing, is not YAML, or does not describe an experiment.
    """
    return check_config(read_yaml(path), str(path), [Path(path).parent])


def check_config(
    raw: Any, place: str = "config", folders: Sequence[Path] = (Path(),)
) -> Experiment:
    """Check a configuration in full: keys, types, ranges, rules, data sets and their settings.

    Parameters
    ----------
    folders
        From where a `source: path/to/file.py` is seen; the first that has the file counts.

    Raises
    ------
    UserError
        One line that names `place`, the key, what is wrong and what is allowed.
    """
    if not isinstance(raw, Mapping):
        raise UserError(f"{place}: a mapping of keys is needed; see configs/README.md")
    broken = discover("lsh_dl.experiment.studies", Study).broken
    for key in broken.keys() & raw.keys():
        raise UserError(f"{place}: {key}: {broken[key]}")
    experiment = validate(experiment_model(), locate_sources(raw, folders), place)
    if experiment.only == "":
        raise UserError(f"{place}: only: empty; leave it out, or give a part such as rule=lsh,wta")
    _check_mirror(experiment.mirror, f"{place}: mirror")
    for label, entry in experiment.datasets.items():
        key = f"{place}: datasets.{label}"
        validate(Training, experiment.training.model_dump() | entry.training, f"{key}.training")
        source = find_at("lsh_dl.data", DataSet, entry.source or label, key)
        validate(source.Settings, entry.settings, key)
    experiment.check_levels(f"{place}: seeds_by_level")
    experiment.check_rules(experiment.rules, f"{place}: rules")
    experiment.check_systems(experiment.systems, f"{place}: systems")
    for name, study in experiment.studies.items():
        study.check(experiment, f"{place}: {name}")
    return experiment


def locate_sources(raw: Any, folders: Sequence[Path], depth: int = 4) -> Any:
    """A config whose entries' `source: FILE.py` are paths as seen from the working folder.

    Parameters
    ----------
    raw
        As read from YAML.
    folders
        From where the paths are seen; the first that has the file counts.
    """
    if not isinstance(raw, Mapping) or not depth:
        return raw
    return {
        key: locate_source(value, folders)
        if key == "source" and isinstance(value, str)
        else locate_sources(value, folders, depth - 1)
        for key, value in raw.items()
    }


def _check_mirror(mirror: str | None, place: str) -> None:
    if not mirror or mirror.lower().startswith(("http://", "https://")):
        return
    try:
        found = "://" not in mirror and expand_path(mirror).is_dir()
    except (OSError, UserError):  # too long, no such home folder, a NUL
        found = False
    if not found:
        given = shorten(mirror)
        raise UserError(f"{place}: no folder {given}; give a folder or an http(s) URL")
