"""Files that say the same thing twice agree."""

import re
import tomllib
from pathlib import Path

import yaml

import lsh_dl

ROOT = Path(__file__).parents[1]

#: Packages that conda has under another name: the one without what this project does not use.
CONDA_NAMES = {"matplotlib": "matplotlib-base", "snakemake": "snakemake-minimal"}


def split(requirement: str) -> tuple[str, str]:
    name, bounds = re.fullmatch(r"([A-Za-z0-9_-]+)\s*(.*)", requirement).groups()
    return name, bounds.replace(" ", "")


def test_environment_has_the_ranges_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = dict(
        split(line) for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    )
    wanted = {CONDA_NAMES.get(name, name): bounds for name, bounds in wanted.items()}
    wanted["python"] = project["requires-python"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert dict(split(line) for line in environment["dependencies"]) == wanted


def test_every_requirement_has_both_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for lines in [project["dependencies"], *project["optional-dependencies"].values()]:
        for line in lines:
            assert re.search(r">=[\d.]+,<\d+$", line), line


def test_citation_has_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == lsh_dl.__version__


def test_every_figure_has_script_and_caption():
    from lsh_dl.experiment.config import known_tables

    for name, study in known_tables().items():
        if not study.tables[name].drawn:
            continue
        assert (ROOT / "figures" / f"{name}.py").is_file()
        assert (ROOT / "workflow/report" / f"{name}.rst").is_file()
